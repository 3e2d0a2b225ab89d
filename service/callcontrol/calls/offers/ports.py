"""What the desk and those around it say to each other: values, and the doors to the outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from callcontrol.calls.call import Call, HangupCause
from callcontrol.calls.requests import Destination
from callcontrol.ids import CallId, NodeId, OfferId, WorkerId


class LostWorkerPolicy(Enum):
    """What becomes of a worker's calls when it is lost and does not come back in time. The values
    are what the switch keeps with the call.
    """

    OFFER_AGAIN = "offer_again"
    CONTINUE_DIALPLAN = "continue_dialplan"
    HANGUP = "hangup"


class BellKind(Enum):
    """How the dialplan called."""

    SOCKET = "socket"
    """It connected to our listener, and goes on when that connection ends."""
    PARK = "park"
    """It parked the call with an application named in its variables."""


class Doorbell(Protocol):
    """The way a call came, by which it is also sent on."""

    async def go_on(self) -> None:
        """Let the call go on with the dialplan's next action. May be called again after a failure,
        and does nothing to a call that is gone. Raises what `Node.unpark` does.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Bell:
    """The dialplan hands over a call."""

    call_id: CallId
    node_id: NodeId
    application: str
    kind: BellKind
    door: Doorbell
    is_new: bool
    """It is just being handed over, and nobody's. Else the switch is to be asked whose it is: it
    was found, or is parked again."""
    is_guarded: bool = False
    """The switch takes it out of the park by itself, unless that is taken off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Who a worker is and what it serves. The names must have passed `names.name_checks`."""

    worker_name: str
    """Under which it finds its calls again; processes that take each other's calls over may share
    one, others must not."""
    applications: frozenset[str]
    max_calls: int
    lost_policy: LostWorkerPolicy | None = None
    """None is the operator's."""
    resume_call_ids: Sequence[CallId] = ()
    """Calls it had on a stream that broke, here or at another replica."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A call for a worker to take or to refuse."""

    offer_id: OfferId
    application: str
    call: Call
    timeout_s: float
    attempt: int
    """How many workers were offered it before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A call is a worker's from this turn of the loop on."""

    offer_id: OfferId | None
    """None for a call that a worker gets back."""
    call: Call
    """As it is in this turn: what comes into the event log from now on is not in it."""


class WorkerStream(Protocol):
    """A worker's HandleCalls stream. All of this is plain: it never waits and never fails, also
    when the stream is broken already. Nothing is told before `CallDesk.register` has returned.
    """

    def offer(self, offer: Offer) -> None:
        """Offer a call."""

    def withdraw(self, offer_id: OfferId) -> None:
        """An offer is off; an accept of it that comes later is ignored."""

    def assigned(self, assignment: Assignment) -> None:
        """A call is the worker's. Subscribe to its events before returning."""

    def released(self, call_id: CallId, cause: HangupCause | None) -> None:
        """A call is no longer the worker's, or is not given back to it; `cause` where it ended.
        Those of its events that are in the log by now are still to be told, and before this.
        """

    def drain(self, grace_s: float) -> None:
        """The replica goes away; it ends the stream in so many seconds at the latest."""

    def finish(self) -> None:
        """The worker wanted no more calls, and its last one is done: end the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker's registration, by which it is named to the desk."""

    worker_id: WorkerId
    name: str
    resumed: tuple[Assignment, ...] = ()
    """The calls it got back at once. `assigned` is not called for these. Each of the other calls
    that it asked for is told later by `assigned`, without an offer id, or by `released`, within
    the resume window: what the switch must be asked first, or is not connected yet, takes a while.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """A worker as ListWorkers and metrics show it."""

    worker_id: WorkerId
    name: str
    applications: frozenset[str]
    max_calls: int
    owned: int
    offered: int
    draining: bool
    connected_s: float
    """How long ago it registered."""


class OfferResult(Enum):
    """How one offer ended; label values of a metric."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """The call ended first, or the worker wanted no more."""
    WORKER_LOST = "worker_lost"


class CallResult(Enum):
    """How a handed-over call ended for us; label values of a metric."""

    ACCEPTED = "accepted"
    """A worker had it, and released it or had it until its end."""
    FALLBACK = "fallback"
    """Nobody took it: it went on with the dialplan or was ended, as the policy says."""
    GONE = "gone"
    """It ended first, or another replica has it."""


class DeskObserver(Protocol):
    """Counts what happens at the desk. Plain, never fails."""

    def offer_ended(self, application: str, result: OfferResult) -> None:
        """One offer ended."""

    def call_done(self, application: str, result: CallResult) -> None:
        """A call is no longer the desk's."""

    def accepted_after(self, application: str, seconds: float) -> None:
        """A call was accepted so long after the bell."""

    def offered_after(self, application: str, seconds: float) -> None:
        """A call was offered for the first time so long after the bell."""


class Desk(Protocol):
    """Where calls and workers meet. All of this is plain: it ends in the same turn of the loop, and
    what it makes happen is told by `WorkerStream`, some of it before the function returns.
    """

    @property
    def resume_window_s(self) -> float:
        """How long a call is kept for a worker whose stream broke."""

    def register(self, stream: WorkerStream, registration: Registration) -> Worker:
        """A worker comes. Raises TooManyWorkers."""

    def update_capacity(self, worker_id: WorkerId, available: int) -> None:
        """The worker can take so many calls beside those it has or is offered now, within its
        `max_calls`.
        """

    def accept(self, worker_id: WorkerId, offer_id: OfferId) -> bool:
        """The worker takes an offer; False if that was not out to it any more, and then it was or
        is withdrawn. `assigned` follows, at once unless the call hears music that is ended first.
        """

    def reject(self, worker_id: WorkerId, offer_id: OfferId, *, final: bool) -> bool:
        """The worker refuses an offer; `final`: nobody else is offered the call. False as above."""

    def owns(self, worker_id: WorkerId, call_id: CallId) -> bool:
        """Whether the call is the worker's."""

    def release(
        self, worker_id: WorkerId, call_id: CallId, destination: Destination | None
    ) -> bool:
        """The worker gives a call back, to the dialplan for None; False if it was not its own.
        `released` is told either way. Raises InvalidRequest and CommandNotAllowed, and the call
        stays the worker's then.
        """

    def drain_worker(self, worker_id: WorkerId) -> None:
        """The worker wants no more offers; `finish` follows when its calls are done."""

    def lost(self, worker_id: WorkerId) -> None:
        """The worker's stream is over, however it ended. Does nothing for one that is gone."""

    def drain(self, grace_s: float) -> None:
        """This replica goes away: no more offers, and every worker is told."""

    async def leave(self) -> None:
        """Let other replicas have the calls: at the end, when no worker has a stream any more. Ends
        within some seconds.
        """

    def workers(self) -> list[WorkerState]:
        """Those registered now, oldest first."""
