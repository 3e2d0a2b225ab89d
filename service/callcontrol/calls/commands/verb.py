"""The words for what can be done to a call, and what the table of verbs says of each."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from callcontrol.calls.call import CallState

NOT_ENDED: Final = frozenset(set(CallState) - {CallState.ENDING, CallState.ENDED})
WITH_MEDIA: Final = frozenset(
    {CallState.EARLY_MEDIA, CallState.ACTIVE, CallState.HELD, CallState.PARKED}
)
ANSWERED: Final = frozenset({CallState.ACTIVE, CallState.HELD, CallState.PARKED})


class Verb(Enum):
    """What can be done to a call."""

    ORIGINATE = "originate"
    ANSWER = "answer"
    PRE_ANSWER = "open early media"
    HANGUP = "hang up"
    TRANSFER = "transfer"
    PARK = "transfer to the park"
    JOIN = "transfer to a conference"
    RUN_APPLICATIONS = "transfer to applications"
    EXECUTE_APPLICATION = "run an application"
    EXECUTE_API = "run an api command"
    PUBLISH_EVENT = "fire an event"
    BRIDGE = "bridge"
    HOLD = "hold"
    UNHOLD = "unhold"
    MUTE = "mute"
    UNMUTE = "unmute"
    PLAY = "play"
    STOP_PLAYBACK = "stop playback"
    SEND_DTMF = "send digits"
    RECEIVE_DTMF = "pretend digits were received"
    SET_VARIABLES = "set variables"
    GET_VARIABLES = "get variables"
    RING = "ring"
    DEFLECT = "ask the far end to call elsewhere"
    REDIRECT = "turn the caller elsewhere"
    SCHEDULE_HANGUP = "hang up later"
    CANCEL_SCHEDULED_HANGUP = "cancel hanging up later"
    SEND_INFO = "send a SIP INFO"
    SEND_MESSAGE = "send a SIP MESSAGE"
    DIAL_AND_BRIDGE = "dial and bridge"
    ATTENDED_TRANSFER = "consult before a transfer"
    START_RECORDING = "start a recording"
    MASK_RECORDING = "mask a recording"
    STOP_RECORDING = "stop a recording"
    EAVESDROP = "listen in"
    COLLECT_DIGITS = "collect digits"
    MIX = "play over the conversation"
    STOP_MIXED = "stop what plays over the conversation"
    CONTROL_PLAYBACK = "control a playback"
    SPEAK = "speak"
    SAY = "say a number, or a phrase"
    GET_CONFERENCE = "read a conference"
    LIST_CONFERENCES = "read conferences"
    ADD_MEMBERS = "bring into a conference"
    DIAL_MEMBER = "dial into a conference"
    UPDATE_MEMBERS = "change members"
    KICK_MEMBERS = "remove members"
    MOVE_MEMBERS = "move members"
    UPDATE_CONFERENCE = "change a conference"
    PLAY_TO_CONFERENCE = "play to a conference"
    STOP_CONFERENCE_PLAYBACK = "stop playback in a conference"
    START_CONFERENCE_RECORDING = "record a conference"
    STOP_CONFERENCE_RECORDING = "stop recording a conference"
    END_CONFERENCE = "end a conference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """How one verb is done and proven. The texts are for people and for the documentation."""

    sends: str
    acknowledged_by: str
    """The reply that says no more than that the switch took the command."""
    proven_by: str
    """Empty where the switch offers no proof."""
    states: frozenset[CallState] = NOT_ENDED
    """Where the verb makes sense; elsewhere it is refused before anything is sent."""
    needs: str = "a call that is up"
    """The same in words."""
