"""What each RPC does to the switch, and which failures are its own: for the documentation.

Kept beside the handlers. `docs/commands.md` is made of it, and making it fails where an RPC that is
served has no line here, or a verb of `calls.commands.verbs` no RPC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from callcontrol import errors
from callcontrol.calls.commands.verb import Verb
from callcontrol.errors import CallControlError

Kinds = tuple[type[CallControlError], ...]

ANY_RPC: Final[Kinds] = (
    errors.InvalidRequest,
    errors.NotImplementedYet,
    errors.ShuttingDown,
    errors.AnswerTooLarge,
)
"""May be told by every RPC, INTERNAL beside them."""
MUTATING: Final[Kinds] = (errors.RequestIdReused, errors.OutcomeUnknown)
"""By every RPC that changes something: the first where it takes a request id."""
SENDING: Final[Kinds] = (errors.NodeUnavailable, errors.CommandQueueFull, errors.SwitchRefused)
"""By every RPC that asks a switch."""
OF_A_CALL: Final[Kinds] = (errors.CallNotFound, errors.CallHasEnded, errors.CallStateConflict)
"""By every RPC that does something to a call."""
NEW_CALL: Final[Kinds] = (
    errors.NodeNotFound,
    errors.NodeDraining,
    errors.NodeFull,
    errors.NodePaused,
    errors.NodeRateLimited,
    errors.CallIdTaken,
    errors.CommandNotAllowed,
)
"""By every RPC that places a call."""
OF_A_CONFERENCE: Final[Kinds] = (errors.ConferenceNotFound,)
"""By every RPC on a conference."""

NOT_SERVED: Final[Mapping[str, str]] = {
    "CallControlService/Originate": "the destination `worker`",
    "CallControlService/Transfer": "the destination `worker`",
    "ConferenceService/PlayToConference": "`phrase`, `say`, engine and voice of `speech`",
}
"""What the API describes of an RPC and this version does not serve: NOT_IMPLEMENTED where it is
asked for."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One RPC. Where it has no verb, nothing is sent to a switch."""

    verbs: tuple[Verb, ...] = ()
    errors: Kinds = ()


def _on_a_call(*verbs: Verb, also: Kinds = ()) -> Effect:
    return Effect(verbs, (*OF_A_CALL, *SENDING, *also))


def _on_a_conference(*verbs: Verb, also: Kinds = ()) -> Effect:
    return Effect(verbs, (*OF_A_CONFERENCE, *SENDING, *also))


_NO_OPERATION: Final[Kinds] = (errors.OperationNotFound,)
_CONFERENCE_STATE: Final[Kinds] = (errors.ConferenceConflict,)
_NO_MEMBER: Final[Kinds] = (errors.MemberNotFound,)
_NOT_LISTED: Final[Kinds] = (errors.CommandNotAllowed,)
_DESTINATIONS: Final = (Verb.TRANSFER, Verb.PARK, Verb.JOIN, Verb.RUN_APPLICATIONS)

CALL_CONTROL: Final[Mapping[str, Effect]] = {
    "Originate": Effect((Verb.ORIGINATE,), (*NEW_CALL, *SENDING, errors.CallHasEnded)),
    "GetCall": Effect((), (errors.CallNotFound,)),
    "ListCalls": Effect((), (errors.NodeNotFound,)),
    "Answer": _on_a_call(Verb.ANSWER, Verb.PRE_ANSWER),
    "Hangup": Effect((Verb.HANGUP,), (errors.CallNotFound, *SENDING)),
    "HangupCalls": Effect((Verb.HANGUP,), (errors.NodeNotFound, errors.TooManyCalls, *SENDING)),
    "Transfer": _on_a_call(*_DESTINATIONS, also=_NOT_LISTED),
    "Deflect": _on_a_call(Verb.DEFLECT, Verb.REDIRECT),
    "AttendedTransfer": _on_a_call(Verb.ATTENDED_TRANSFER, also=_NOT_LISTED),
    "ScheduleHangup": _on_a_call(Verb.SCHEDULE_HANGUP),
    "CancelScheduledHangup": _on_a_call(Verb.CANCEL_SCHEDULED_HANGUP, also=_NO_OPERATION),
    "Ring": _on_a_call(Verb.RING),
    "SendMessage": _on_a_call(Verb.SEND_INFO, Verb.SEND_MESSAGE),
    "Bridge": _on_a_call(Verb.BRIDGE),
    "DialAndBridge": _on_a_call(Verb.DIAL_AND_BRIDGE, also=_NOT_LISTED),
    "Hold": _on_a_call(Verb.HOLD),
    "Unhold": _on_a_call(Verb.UNHOLD),
    "Mute": _on_a_call(Verb.MUTE),
    "Unmute": _on_a_call(Verb.UNMUTE),
    "Park": _on_a_call(Verb.PARK),
    "Play": _on_a_call(Verb.PLAY, Verb.SPEAK, Verb.SAY, Verb.MIX),
    "ControlPlayback": _on_a_call(Verb.CONTROL_PLAYBACK, also=_NO_OPERATION),
    "StopPlayback": _on_a_call(Verb.STOP_PLAYBACK, Verb.STOP_MIXED),
    "StartRecording": _on_a_call(Verb.START_RECORDING),
    "MaskRecording": _on_a_call(Verb.MASK_RECORDING, also=_NO_OPERATION),
    "StopRecording": _on_a_call(Verb.STOP_RECORDING, also=_NO_OPERATION),
    "SendDtmf": _on_a_call(Verb.SEND_DTMF, Verb.RECEIVE_DTMF),
    "CollectDigits": _on_a_call(Verb.COLLECT_DIGITS),
    "SetVariables": _on_a_call(Verb.SET_VARIABLES),
    "GetVariables": _on_a_call(Verb.GET_VARIABLES),
    "Eavesdrop": _on_a_call(Verb.EAVESDROP),
    "ExecuteApplication": _on_a_call(Verb.EXECUTE_APPLICATION, also=_NOT_LISTED),
}
CONFERENCES: Final[Mapping[str, Effect]] = {
    "GetConference": _on_a_conference(Verb.GET_CONFERENCE),
    "ListConferences": Effect((Verb.LIST_CONFERENCES,), (errors.NodeNotFound, *SENDING)),
    "AddMembers": _on_a_call(Verb.ADD_MEMBERS, also=_CONFERENCE_STATE),
    "DialMember": Effect((Verb.DIAL_MEMBER,), (*NEW_CALL, *SENDING, *_CONFERENCE_STATE)),
    "UpdateMembers": _on_a_conference(Verb.UPDATE_MEMBERS, also=_NO_MEMBER),
    "KickMembers": _on_a_conference(Verb.KICK_MEMBERS, also=_NO_MEMBER),
    "MoveMembers": _on_a_conference(Verb.MOVE_MEMBERS, also=(*_NO_MEMBER, *_CONFERENCE_STATE)),
    "UpdateConference": _on_a_conference(Verb.UPDATE_CONFERENCE),
    "PlayToConference": _on_a_conference(Verb.PLAY_TO_CONFERENCE, also=_NO_MEMBER),
    "StopConferencePlayback": _on_a_conference(Verb.STOP_CONFERENCE_PLAYBACK),
    "StartConferenceRecording": _on_a_conference(Verb.START_CONFERENCE_RECORDING),
    "StopConferenceRecording": _on_a_conference(Verb.STOP_CONFERENCE_RECORDING, also=_NO_OPERATION),
    "EndConference": _on_a_conference(Verb.END_CONFERENCE),
}
EVENTS: Final[Mapping[str, Effect]] = {
    "CheckFilter": Effect((), (errors.InvalidFilter, errors.NodeNotFound)),
    "Events": Effect(
        (),
        (
            errors.InvalidFilter,
            errors.NodeNotFound,
            errors.ResumeTokenExpired,
            errors.ResumeTokenInvalid,
            errors.TooManySubscriptions,
            errors.FiltersCostTooMuch,
            errors.SlowConsumer,
            errors.SubscriptionEnded,
        ),
    ),
    "PublishEvent": Effect((Verb.PUBLISH_EVENT,), (errors.NodeNotFound, *_NOT_LISTED, *SENDING)),
}
HANDLING: Final[Mapping[str, Effect]] = {
    "HandleCalls": Effect(
        (*_DESTINATIONS, Verb.HANGUP),
        (
            errors.TooManyWorkers,
            errors.ResumeTokenInvalid,
            errors.SlowConsumer,
            errors.SubscriptionEnded,
            *_NOT_LISTED,
        ),
    ),
}
NODES: Final[Mapping[str, Effect]] = {
    "GetNode": Effect((), (errors.NodeNotFound,)),
    "ListNodes": Effect(),
}
ADMIN: Final[Mapping[str, Effect]] = {
    "SetNodeDraining": Effect((), (errors.NodeNotFound,)),
    "ExecuteApi": Effect((Verb.EXECUTE_API,), (errors.NodeNotFound, *_NOT_LISTED, *SENDING)),
    "ListSubscriptions": Effect(),
    "CloseSubscription": Effect((), (errors.SubscriptionNotFound,)),
}

EFFECTS: Final[Mapping[str, Effect]] = {
    f"{service}/{name}": effect
    for service, effects in (
        ("CallControlService", CALL_CONTROL),
        ("ConferenceService", CONFERENCES),
        ("EventService", EVENTS),
        ("CallHandlingService", HANDLING),
        ("NodeService", NODES),
        ("AdminService", ADMIN),
    )
    for name, effect in effects.items()
}
"""By service and method without the package, as in logs and metrics."""
