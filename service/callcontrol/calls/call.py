"""A call as this service knows it: an immutable picture, replaced when it changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from callcontrol.events.event import Position
from callcontrol.ids import CallId, NodeId


class CallState(Enum):
    """Where a leg is in its life."""

    CREATING = "creating"
    RINGING = "ringing"
    EARLY_MEDIA = "early_media"
    ACTIVE = "active"
    HELD = "held"
    PARKED = "parked"
    ENDING = "ending"
    ENDED = "ended"


TRANSITIONS: Final[Mapping[CallState, frozenset[CallState]]] = {
    CallState.CREATING: frozenset(
        {
            CallState.RINGING,
            CallState.EARLY_MEDIA,
            CallState.ACTIVE,
            CallState.HELD,
            CallState.PARKED,
            CallState.ENDING,
            CallState.ENDED,
        }
    ),
    CallState.RINGING: frozenset(
        {
            CallState.EARLY_MEDIA,
            CallState.ACTIVE,
            CallState.HELD,
            CallState.PARKED,
            CallState.ENDING,
            CallState.ENDED,
        }
    ),
    CallState.EARLY_MEDIA: frozenset(
        {
            CallState.ACTIVE,
            CallState.HELD,
            CallState.PARKED,
            CallState.ENDING,
            CallState.ENDED,
        }
    ),
    CallState.ACTIVE: frozenset(
        {CallState.HELD, CallState.PARKED, CallState.ENDING, CallState.ENDED}
    ),
    CallState.HELD: frozenset(
        {CallState.ACTIVE, CallState.PARKED, CallState.ENDING, CallState.ENDED}
    ),
    CallState.PARKED: frozenset(
        {CallState.ACTIVE, CallState.HELD, CallState.ENDING, CallState.ENDED}
    ),
    CallState.ENDING: frozenset({CallState.ENDED}),
    CallState.ENDED: frozenset(),
}
"""The only state changes there are; anything else an event suggests comes too late and is ignored.

ACTIVE, HELD and PARKED are only reached by a leg that was answered: a leg that is parked before
its answer stays RINGING or EARLY_MEDIA.
"""


class Direction(Enum):
    """Who began the leg, seen from the switch."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class HangupSide(Enum):
    """Which side ended a leg."""

    REMOTE = "remote"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class HangupCause:
    """Why a leg ended, in the switch's words and as numbers."""

    name: str
    """The switch's name, for example NORMAL_CLEARING."""
    q850_code: int = 0
    """The Q.850 number where the cause has one (1-127), else 0."""
    sip_code: int = 0
    """The SIP status that came with it, else 0."""
    side: HangupSide | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A party to a call."""

    number: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codecs:
    """Codecs of a leg; rates in hertz, 0 when not known."""

    read: str = ""
    write: str = ""
    read_rate_hz: int = 0
    write_rate_hz: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One leg. Times are microseconds since the epoch, 0 for what has not happened."""

    call_id: CallId
    node_id: NodeId
    state: CallState = CallState.CREATING
    direction: Direction | None = None
    answered: bool = False
    caller: Party = Party()
    callee: Party = Party()
    bridged_call_id: CallId | None = None
    conference_name: str = ""
    channel_name: str = ""
    context: str = ""
    created_us: int = 0
    answered_us: int = 0
    ended_us: int = 0
    hangup_cause: HangupCause | None = None
    codecs: Codecs = Codecs()
    labels: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    """Channel variables as last seen in an event; arrays in the switch's ARRAY:: spelling."""
    correlation_id: str = ""
    position: Position | None = None
    """The last event that changed this picture."""

    @property
    def is_over(self) -> bool:
        """Whether the switch no longer takes commands for the leg."""
        return self.state in {CallState.ENDING, CallState.ENDED}
