"""What a log entry is: an event as subscribers see it, or a gap in the events."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from callcontrol.ids import CallId, CoreUuid, EventId, NodeId

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

HeaderValue = str | list[str]
"""A header's text; a list where the switch sent an array variable."""


def spelled(value: HeaderValue) -> str:
    """The text; of an array the switch's own spelling of it."""
    return value if isinstance(value, str) else "ARRAY::" + "|:".join(value)


class Position(NamedTuple):
    """A place in the event stream of one switch process.

    The switch numbers its events itself, from one counter a process, at the moment an event is
    created. Numbers have holes and run backwards by a few hundred in normal operation, so they
    tell events apart but prove neither loss nor order.
    """

    node_id: NodeId
    core_uuid: CoreUuid
    sequence: int
    """Event-Sequence, 1 or higher; 0 where the event has none."""
    time_us: int
    """Event-Date-Timestamp, microseconds since the epoch in steps of 20 ms."""


class Told(NamedTuple):
    """What an event tells to subscribers, as it was encoded for them before it was kept on disk."""

    encoded: bytes
    """Empty where it could not be encoded."""


class Event(NamedTuple):
    """Something that happened, numbered and filed by the log, sent to subscribers.

    A named tuple, as is Position: one of each is made for every event of the switch, and a frozen
    dataclass takes four times as long to make.
    """

    event_id: EventId
    position: Position
    name: str
    """The switch's name, for example CHANNEL_ANSWER; for events of our own, CUSTOM."""
    received_us: int
    """When this service got it, microseconds since the epoch."""
    subclass: str = ""
    call_id: CallId | None = None
    peer_call_ids: tuple[CallId, ...] = ()
    """Other legs the event concerns: the leg it is bridged to, both legs of a bridge."""
    labels: Mapping[str, str] = NOTHING
    headers: Mapping[str, HeaderValue] = NOTHING
    body: str = ""
    synthetic: bool = False
    """Made by this service when it reconciled its picture with the switch."""
    payload: object | None = None
    """What it means, one of `callcontrol.calls.payloads.Payload`; the log never looks inside. Of an
    event that comes from disk it is `Told`."""
    size: int = 0
    """Bytes it took on the wire: what the log counts towards its bound."""


class GapReason(Enum):
    """Why events are missing."""

    SLOW_CONSUMER = "slow_consumer"
    NODE_CONNECTION_LOST = "node_connection_lost"
    NODE_RESTARTED = "node_restarted"
    HISTORY_EXPIRED = "history_expired"
    SWITCH_OVERLOADED = "switch_overloaded"
    UNREADABLE_EVENT = "unreadable_event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A place where events are known to be missing."""

    reason: GapReason
    node_id: NodeId | None = None
    """The node whose events are missing; None when it may be any."""
    last_before: Position | None = None
    first_after: Position | None = None
    count: int = 0
    """How many events are missing; 0 when that is not known."""
