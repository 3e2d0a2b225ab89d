"""What came of a request: what was reached, whether that was proven, and how a call came out."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from callcontrol.calls.call import Call, HangupCause
from callcontrol.calls.requests import WaitUntil
from callcontrol.ids import CallId, OperationId


class Disposition(Enum):
    """How an attempt to reach somebody came out."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    CANCELED = "canceled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The switch took the command. `confirmed`: an event or a read-back proved that it was done;
    else no proof was seen in time, or the switch offers none.
    """

    confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome(Outcome):
    """The leg after the command."""

    call: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeOutcome(CallOutcome):
    """Both legs after the command."""

    peer: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayOutcome(CallOutcome):
    """The playback's handle."""

    playback_id: OperationId


@dataclass(frozen=True, slots=True, kw_only=True)
class VariablesOutcome(CallOutcome):
    """Variables that were read."""

    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegOutcome:
    """One leg of an attempt. `disposition` is None while it is under way, and for one that was not
    tried.
    """

    call_id: CallId
    disposition: Disposition | None = None
    cause: HangupCause | None = None
    """Why it failed, when it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginateOutcome(CallOutcome):
    """The call that was placed; of several legs the one that was answered, else the one that got
    furthest. `disposition` is None while the attempt is under way.
    """

    reached: WaitUntil
    disposition: Disposition | None = None
    cause: HangupCause | None = None
    """Why it failed, when it did."""
    legs: tuple[LegOutcome, ...] = ()
    """Every leg, in the order of the endpoints."""
    replayed: bool = False
    """An earlier attempt placed the call; this one found it."""


_BY_CAUSE: Final = {
    Disposition.BUSY: ("USER_BUSY", "BUSY_EVERYWHERE"),
    Disposition.NO_ANSWER: (
        "NO_ANSWER",
        "NO_USER_RESPONSE",
        "ALLOTTED_TIMEOUT",
        "PROGRESS_TIMEOUT",
        "NO_PICKUP",
    ),
    Disposition.REJECTED: (
        "CALL_REJECTED",
        "DECLINE",
        "REJECT_ALL",
        "UNWANTED",
        "OUTGOING_CALL_BARRED",
        "INCOMING_CALL_BARRED",
        "FACILITY_REJECTED",
    ),
    Disposition.UNREACHABLE: (
        "UNALLOCATED_NUMBER",
        "NO_ROUTE_TRANSIT_NET",
        "NO_ROUTE_DESTINATION",
        "SUBSCRIBER_ABSENT",
        "USER_NOT_REGISTERED",
        "NUMBER_CHANGED",
        "INVALID_NUMBER_FORMAT",
        "INVALID_GATEWAY",
        "GATEWAY_DOWN",
        "INVALID_PROFILE",
        "INVALID_URL",
        "DOES_NOT_EXIST_ANYWHERE",
        "NETWORK_OUT_OF_ORDER",
        "RECOVERY_ON_TIMER_EXPIRE",
    ),
    Disposition.CANCELED: ("ORIGINATOR_CANCEL", "LOSE_RACE", "MANAGER_REQUEST", "PICKED_OFF"),
}
_DISPOSITIONS: Final = {
    cause: disposition for disposition, causes in _BY_CAUSE.items() for cause in causes
}


def disposition_of(cause: str) -> Disposition:
    """How an attempt that ended unanswered with this cause came out.

    NORMAL_CLEARING before an answer is FAILED: the switch also gives it for causes it does not
    know, so it says nothing about the far end.
    """
    return _DISPOSITIONS.get(cause, Disposition.FAILED)
