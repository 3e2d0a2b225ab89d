"""Which of a switch's events it is asked for, and so which of them can be filtered for at all."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from callcontrol.esl.commands import Subscribe
from callcontrol.freeswitch import fields

ALL: Final = "ALL"
CUSTOM: Final = "CUSTOM"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CALL_EVENTS: Final = _words("""
    CHANNEL_CREATE CHANNEL_ORIGINATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER
    CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_PARK CHANNEL_UNPARK
    CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY
    CHANNEL_UUID CHANNEL_CALLSTATE CALL_UPDATE DTMF RECORD_START RECORD_STOP PLAYBACK_START
    PLAYBACK_STOP MEDIA_BUG_START MEDIA_BUG_STOP""")
"""What the picture of calls is made from, and commands are proven by."""

NODE_EVENTS: Final = _words("BACKGROUND_JOB HEARTBEAT SHUTDOWN")
"""What the links themselves live on."""

CALL_SUBCLASSES: Final = frozenset({"conference::maintenance"})
"""As CALL_EVENTS, of the CUSTOM ones."""

EVENT_NAMES: Final = (
    CALL_EVENTS
    | NODE_EVENTS
    | _words("""
    CUSTOM CLONE CHANNEL_STATE CHANNEL_OUTGOING CHANNEL_APPLICATION CHANNEL_DATA API LOG
    INBOUND_CHAN OUTBOUND_CHAN STARTUP PUBLISH UNPUBLISH TALK NOTALK SESSION_CRASH MODULE_LOAD
    MODULE_UNLOAD MESSAGE PRESENCE_IN NOTIFY_IN PRESENCE_OUT PRESENCE_PROBE MESSAGE_WAITING
    MESSAGE_QUERY ROSTER CODEC DETECTED_SPEECH DETECTED_TONE PRIVATE_COMMAND TRAP ADD_SCHEDULE
    DEL_SCHEDULE EXE_SCHEDULE RE_SCHEDULE RELOADXML NOTIFY PHONE_FEATURE PHONE_FEATURE_SUBSCRIBE
    SEND_MESSAGE RECV_MESSAGE REQUEST_PARAMS GENERAL COMMAND SESSION_HEARTBEAT CLIENT_DISCONNECTED
    SERVER_DISCONNECTED SEND_INFO RECV_INFO RECV_RTCP_MESSAGE SEND_RTCP_MESSAGE CALL_SECURE NAT
    FAILURE SOCKET_DATA CONFERENCE_DATA_QUERY CONFERENCE_DATA CALL_SETUP_REQ CALL_SETUP_RESULT
    CALL_DETAIL DEVICE_STATE TEXT SHUTDOWN_REQUESTED CERT_RELOAD""")
)
"""Every event of FreeSWITCH 1.10 and its master branch (switch_event.c, EVENT_NAMES)."""

OWN_SUBCLASSES: Final = ("callcontrol::reconciled", "callcontrol::node")
"""Of the events that this service makes itself: they come whatever the switch is asked for."""

_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_SUBCLASS: Final = re.compile(r"[!-)+-~]{1,128}")
"""Without `*`: the switch knows no wildcard."""


@dataclass(frozen=True, slots=True)
class WantedEvents:
    """What an operator wants to be told of. What this service itself needs comes in any case."""

    is_all: bool = True
    """Everything. The switch adds subclasses that are made up later only to those who asked for
    ALL, and takes ALL apart into those known so far as soon as something is taken away from it
    (mod_event_socket.c, `nixevent`); so there is no leaving out of single events."""
    names: frozenset[str] = frozenset()
    subclasses: frozenset[str] = frozenset()

    @property
    def command(self) -> Subscribe:
        """What subscribes a link."""
        if self.is_all:
            return Subscribe((ALL,))
        names = self.names | CALL_EVENTS | NODE_EVENTS
        subclasses = self.subclasses | CALL_SUBCLASSES | {fields.CANARY_SUBCLASS}
        return Subscribe(tuple(sorted(names)), tuple(sorted(subclasses)))

    def name_problem(self, name: str) -> str | None:
        """Why no event of this name would ever come; None if one may."""
        if name not in EVENT_NAMES:
            return "must be the switch's name of an event, for example CHANNEL_ANSWER"
        # CUSTOM without a subclass always comes, and events of our own do.
        if self.is_all or name == CUSTOM or name in self.names | CALL_EVENTS | NODE_EVENTS:
            return None
        return f"is not among the events that the switches are asked for: {_SETTING}"

    def subclass_problem(self, subclass: str) -> str | None:
        """The same of a subclass; one that ends in `*` means all that begin with the rest."""
        told = (*self.subclasses, *CALL_SUBCLASSES, *OWN_SUBCLASSES)
        prefix = subclass[:-1] if subclass.endswith("*") else None
        if self.is_all or subclass in told:
            return None
        if prefix is not None and any(each.startswith(prefix) for each in told):
            return None
        return f"is not among the subclasses that the switches are asked for: {_SETTING}"


_SETTING: Final = "see the setting node_events"
EVERYTHING: Final = WantedEvents()


def read_wanted_events(values: Iterable[str]) -> WantedEvents:
    """Names and subclasses as an operator lists them: what is in capitals is a name.

    Raises ValueError for what no switch could be asked for.
    """
    wanted = frozenset(values)
    for value in sorted(wanted):
        if _NAME.fullmatch(value) and value not in EVENT_NAMES | {ALL}:
            raise ValueError(f"{value} is no event of the switch")
        if not _SUBCLASS.fullmatch(value):
            raise ValueError(f"{value!r} is no event, and no subclass, which have no wildcards")
    if ALL in wanted:
        return EVERYTHING
    names = wanted & EVENT_NAMES
    return WantedEvents(is_all=False, names=names - {CUSTOM}, subclasses=wanted - names)
