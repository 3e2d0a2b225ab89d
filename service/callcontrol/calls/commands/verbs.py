"""The table of verbs: what is sent for each, which reply only acknowledges it, what proves it, and
in which states of a call it makes sense.
"""

from collections.abc import Mapping
from typing import Final

from callcontrol.calls.call import Call, CallState
from callcontrol.calls.commands.verb import ANSWERED, WITH_MEDIA, Confirmation, Verb
from callcontrol.calls.commands.verbs_conference import CONFERENCE_CONFIRMATIONS
from callcontrol.calls.commands.verbs_media import MEDIA_CONFIRMATIONS
from callcontrol.calls.commands.verbs_raw import RAW_CONFIRMATIONS
from callcontrol.calls.commands.verbs_signalling import SIGNALLING_CONFIRMATIONS
from callcontrol.errors import CallStateConflict

_ANY_TRANSFER: Final = "uuid_transfer «call» [-bleg|-both] "
_OK: Final = "+OK"
_ANSWERED_CALL: Final = "an answered call"
_MEDIA: Final = "a call with media"

CONFIRMATIONS: Final[Mapping[Verb, Confirmation]] = {
    Verb.ORIGINATE: Confirmation(
        sends="bgapi originate {«variables»}«endpoint» «destination»",
        acknowledged_by="+OK Job-UUID",
        proven_by="CHANNEL_PROGRESS, CHANNEL_PROGRESS_MEDIA or CHANNEL_ANSWER of the new call; "
        "BACKGROUND_JOB -ERR «cause»",
    ),
    Verb.ANSWER: Confirmation(
        sends="uuid_answer «call»",
        # Also for an outbound leg, on which it does nothing.
        acknowledged_by=_OK,
        proven_by="CHANNEL_ANSWER",
        states=frozenset({CallState.CREATING, CallState.RINGING, CallState.EARLY_MEDIA}),
        needs="an inbound call that is not answered",
    ),
    Verb.PRE_ANSWER: Confirmation(
        sends="uuid_pre_answer «call»",
        acknowledged_by=_OK,
        proven_by="CHANNEL_PROGRESS_MEDIA",
        states=frozenset({CallState.CREATING, CallState.RINGING}),
        needs="an inbound call that is not answered",
    ),
    Verb.HANGUP: Confirmation(
        sends="uuid_kill «call» «cause»",
        acknowledged_by="+OK, or -ERR No such channel! from CHANNEL_HANGUP on",
        proven_by="CHANNEL_HANGUP_COMPLETE",
        states=frozenset(CallState),
    ),
    Verb.TRANSFER: Confirmation(
        sends=_ANY_TRANSFER + "«extension» «dialplan» «context»",
        # Also for an extension that does not exist.
        acknowledged_by=_OK,
        proven_by="CHANNEL_EXECUTE or CHANNEL_HANGUP with the new Caller-Destination-Number",
    ),
    Verb.PARK: Confirmation(
        sends=_ANY_TRANSFER + "park inline",
        acknowledged_by=_OK,
        proven_by="CHANNEL_PARK",
    ),
    Verb.JOIN: Confirmation(
        sends=_ANY_TRANSFER + "conference:«name»@«profile» inline",
        acknowledged_by=_OK,
        proven_by="CHANNEL_EXECUTE of conference",
    ),
    Verb.BRIDGE: Confirmation(
        sends="uuid_bridge «call» «peer»",
        acknowledged_by="+OK «peer»",
        proven_by="CHANNEL_BRIDGE of both",
    ),
    Verb.HOLD: Confirmation(
        sends="uuid_hold «call» [«display»]",
        # Also for a call that does not exist.
        acknowledged_by="+OK Success",
        proven_by="CHANNEL_HOLD",
        states=frozenset({CallState.ACTIVE, CallState.PARKED}),
        needs="an answered call of a telephone",
    ),
    Verb.UNHOLD: Confirmation(
        sends="uuid_hold off «call»",
        acknowledged_by="+OK Success",
        proven_by="CHANNEL_UNHOLD",
        states=ANSWERED,
        needs=_ANSWERED_CALL,
    ),
    Verb.MUTE: Confirmation(
        sends="uuid_audio «call» start read|write mute «level»",
        # Also when the media bug cannot be attached. Its event comes for the first mute only.
        acknowledged_by=_OK,
        # It serves both ways, and the list does not tell them apart.
        proven_by="uuid_buglist names the media bug `audio`, and did not before",
        states=WITH_MEDIA,
        needs=_MEDIA,
    ),
    Verb.UNMUTE: Confirmation(
        sends="uuid_audio «call» stop, or start read|write mute 0",
        acknowledged_by=_OK,
        proven_by="both ways: uuid_buglist names the media bug `audio` no more",
        states=WITH_MEDIA,
        needs=_MEDIA,
    ),
    Verb.PLAY: Confirmation(
        sends="sendmsg «call» execute playback, event-lock, Event-UUID «playback»",
        acknowledged_by="+OK, which says that it is queued",
        proven_by="PLAYBACK_START after CHANNEL_EXECUTE with that Application-UUID",
        states=WITH_MEDIA,
        needs=_MEDIA,
    ),
    Verb.STOP_PLAYBACK: Confirmation(
        sends="uuid_break «call» [all]",
        # Also when nothing plays.
        acknowledged_by=_OK,
        proven_by="PLAYBACK_STOP or CHANNEL_EXECUTE_COMPLETE of what played",
    ),
    Verb.SEND_DTMF: Confirmation(
        sends="uuid_send_dtmf «call» «digits»[@«ms»]",
        # Queued, not sent; the digits show up nowhere but at the far end.
        acknowledged_by="+OK «call» sent DTMF «digits».",
        proven_by="",
        states=WITH_MEDIA,
        needs=_MEDIA,
    ),
    Verb.RECEIVE_DTMF: Confirmation(
        sends="uuid_recv_dtmf «call» «digits»[@«ms»]",
        acknowledged_by="+OK «call» received DTMF «digits».",
        proven_by="DTMF with the first digit and source APP, once an application reads it",
        states=WITH_MEDIA,
        needs=_MEDIA,
    ),
    Verb.SET_VARIABLES: Confirmation(
        sends="uuid_setvar «call» «name» [«value»], one for each",
        acknowledged_by=_OK,
        proven_by="uuid_dump «call» json has the values",
    ),
    Verb.GET_VARIABLES: Confirmation(
        sends="uuid_dump «call» json",
        acknowledged_by="",
        proven_by="the reply",
    ),
    **RAW_CONFIRMATIONS,
    **SIGNALLING_CONFIRMATIONS,
    **MEDIA_CONFIRMATIONS,
    **CONFERENCE_CONFIRMATIONS,
}


def require_state(verb: Verb, call: Call) -> None:
    """Raise CallStateConflict if the verb makes no sense in the call's state."""
    confirmation = CONFIRMATIONS[verb]
    if call.state not in confirmation.states:
        raise CallStateConflict(call.call_id, call.state.value, confirmation.needs)
