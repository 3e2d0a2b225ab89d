"""Which of a switch's events it is asked for, and so which of them can be filtered for at all."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from callcontrol.esl.commands import Filter, Subscribe
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

NEEDED: Final = CALL_EVENTS | NODE_EVENTS

CALL_SUBCLASSES: Final = frozenset({"conference::maintenance"})
"""As CALL_EVENTS, of the CUSTOM ones."""

EVENT_NAMES: Final = NEEDED | _words("""
    CUSTOM CLONE CHANNEL_STATE CHANNEL_OUTGOING CHANNEL_APPLICATION CHANNEL_DATA API LOG
    INBOUND_CHAN OUTBOUND_CHAN STARTUP PUBLISH UNPUBLISH TALK NOTALK SESSION_CRASH MODULE_LOAD
    MODULE_UNLOAD MESSAGE PRESENCE_IN NOTIFY_IN PRESENCE_OUT PRESENCE_PROBE MESSAGE_WAITING
    MESSAGE_QUERY ROSTER CODEC DETECTED_SPEECH DETECTED_TONE PRIVATE_COMMAND TRAP ADD_SCHEDULE
    DEL_SCHEDULE EXE_SCHEDULE RE_SCHEDULE RELOADXML NOTIFY PHONE_FEATURE PHONE_FEATURE_SUBSCRIBE
    SEND_MESSAGE RECV_MESSAGE REQUEST_PARAMS GENERAL COMMAND SESSION_HEARTBEAT CLIENT_DISCONNECTED
    SERVER_DISCONNECTED SEND_INFO RECV_INFO RECV_RTCP_MESSAGE SEND_RTCP_MESSAGE CALL_SECURE NAT
    FAILURE SOCKET_DATA CONFERENCE_DATA_QUERY CONFERENCE_DATA CALL_SETUP_REQ CALL_SETUP_RESULT
    CALL_DETAIL DEVICE_STATE TEXT SHUTDOWN_REQUESTED CERT_RELOAD""")
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
    """Everything but `left_out`; also subclasses that modules and clients make up later."""
    left_out: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    subclasses: frozenset[str] = frozenset()

    @property
    def commands(self) -> tuple[Filter | Subscribe, ...]:
        """What subscribes a link, in order.

        Leaving out is done by filters. With `nixevent` the switch would take ALL apart into the
        subclasses that it knows by then, and not tell of later ones (mod_event_socket.c). A filter
        with a minus lets nothing pass by itself, so one that fits all goes before.
        """
        if not self.is_all:
            names = self.names | NEEDED
            subclasses = self.subclasses | CALL_SUBCLASSES | {fields.CANARY_SUBCLASS}
            return (Subscribe(tuple(sorted(names)), tuple(sorted(subclasses))),)
        left_out = tuple(Filter(fields.EVENT_NAME, f"-{name}") for name in sorted(self.left_out))
        filters = (Filter(fields.EVENT_NAME, "/./"), *left_out) if left_out else ()
        return (*filters, Subscribe((ALL,)))

    def name_problem(self, name: str) -> str | None:
        """Why no event of this name would ever come; None if one may."""
        if name not in EVENT_NAMES:
            return "must be the switch's name of an event, for example CHANNEL_ANSWER"
        if self.is_all:
            comes = name not in self.left_out
        else:  # CUSTOM without a subclass always comes, and events of our own do
            comes = name == CUSTOM or name in self.names | NEEDED
        return None if comes else f"is not among the events that the switches are asked for: {_SEE}"

    def subclass_problem(self, subclass: str) -> str | None:
        """The same of a subclass; one that ends in `*` means all that begin with the rest."""
        told = (*self.subclasses, *CALL_SUBCLASSES, *OWN_SUBCLASSES)
        prefix = subclass[:-1] if subclass.endswith("*") else None
        if self.is_all or subclass in told:
            return None
        if prefix is not None and any(each.startswith(prefix) for each in told):
            return None
        return f"is not among the subclasses that the switches are asked for: {_SEE}"


_SEE: Final = "see the setting node_events"
EVERYTHING: Final = WantedEvents()


def read_wanted_events(values: Iterable[str]) -> WantedEvents:
    """Names and subclasses as an operator lists them: what is in capitals is a name, and one with a
    minus before it is left out of ALL.

    Raises ValueError for what no switch could be asked for.
    """
    wanted = frozenset(values)
    left_out = frozenset(value[1:] for value in wanted if value.startswith("-"))
    wanted = frozenset(value for value in wanted if not value.startswith("-"))
    for name in sorted(left_out):
        if name not in EVENT_NAMES - {CUSTOM}:
            raise ValueError(f"-{name} is no event of the switch")
        if name in NEEDED:
            raise ValueError(f"{name} is needed, and cannot be left out")
        if ALL not in wanted:
            raise ValueError(f"-{name} means nothing without ALL")
    for value in sorted(wanted):
        if _NAME.fullmatch(value) and value not in EVENT_NAMES | {ALL}:
            raise ValueError(f"{value} is no event of the switch")
        if not _SUBCLASS.fullmatch(value):
            raise ValueError(f"{value!r} is no event, and no subclass, which have no wildcards")
    if ALL in wanted:
        return WantedEvents(left_out=left_out)
    names = wanted & EVENT_NAMES
    return WantedEvents(is_all=False, names=names - {CUSTOM}, subclasses=wanted - names)
