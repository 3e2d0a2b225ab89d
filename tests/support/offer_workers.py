"""Client programs that take calls: what each believes is its own, and that no two of them have one
call.
"""

from collections import Counter
from itertools import combinations
from typing import Protocol

from tests.support.offer_switch import Peer, Switch

from callcontrol.calls.call import HangupCause
from callcontrol.calls.offers.desk import CallDesk
from callcontrol.calls.offers.ports import Assignment, LostWorkerPolicy, Offer, Registration
from callcontrol.ids import CallId, OfferId, WorkerId


class Home(Peer, Protocol):
    """A replica, as its workers know it."""

    desk: CallDesk

    @property
    def does_something(self) -> bool:
        """Whether it is not stalled."""


class FakeWorker:
    """A client program: what it believes, and its stream of the moment."""

    def __init__(self, staff: "Staff", name: str) -> None:
        self.staff, self.name = staff, name
        self.stream: FakeStream | None = None
        self.kept: set[CallId] = set()
        """Calls that it will ask for when it comes back."""

    @property
    def owns(self) -> set[CallId]:
        return self.stream.owns if self.stream is not None else set()

    def connect(
        self,
        replica: Home,
        applications: frozenset[str],
        max_calls: int,
        policy: LostWorkerPolicy | None,
    ) -> None:
        stream = FakeStream(self, replica)
        self.stream = stream
        registration = Registration(
            worker_name=self.name,
            applications=applications,
            max_calls=max_calls,
            lost_policy=policy,
            resume_call_ids=sorted(self.kept),
        )
        stream.max_calls, stream.expected = max_calls, set(self.kept)
        registered = replica.desk.register(stream, registration)
        stream.worker_id = registered.worker_id
        for assignment in registered.resumed:
            stream.assigned(assignment)

    def cut(self) -> None:
        """Its stream breaks; the replica may not know yet."""
        if self.stream is not None:
            self.kept |= self.stream.owns
            self.stream.is_cut = True
            self.staff.cut_streams.append(self.stream)
            self.stream = None


class FakeStream:
    """One stream of a worker. Raises where the desk says what must not be said."""

    def __init__(self, worker: FakeWorker, replica: Home) -> None:
        self.worker, self.replica = worker, replica
        self.worker_id = WorkerId("")
        self.max_calls = 0
        self.offers: dict[OfferId, CallId] = {}
        self.owns: set[CallId] = set()
        self.expected: set[CallId] = set()
        self.accepted: dict[OfferId, CallId] = {}
        self.is_cut = self.is_told_to_go = self.is_finished = False

    def offer(self, offer: Offer) -> None:
        assert self.worker_id, "nothing is told before the registration was"
        assert not self.is_finished
        assert not self.is_told_to_go
        call_id = offer.call.call_id
        assert not self.worker.staff.switch.calls[call_id].will_leave, "offered while it is guarded"
        if not self.is_cut:
            for other in self.worker.staff.streams():
                if not self.replica.may_differ_from(other.replica):
                    assert call_id not in other.offers.values(), "offered to two at a time"
                    assert call_id not in other.owns, "offered while it is somebody's"
        self.offers[offer.offer_id] = call_id
        assert len(self.offers) + len(self.owns) <= self.max_calls

    def withdraw(self, offer_id: OfferId) -> None:
        del self.offers[offer_id]

    def assigned(self, assignment: Assignment) -> None:
        assert self.worker_id
        call_id = assignment.call.call_id
        if assignment.offer_id is not None:
            assert self.accepted.pop(assignment.offer_id) == call_id
            self.expected.discard(call_id)
        else:
            assert call_id in self.expected
            self.expected.discard(call_id)
        if self.is_cut:
            return
        for other in self.worker.staff.streams():
            if not self.replica.may_differ_from(other.replica):
                assert call_id not in other.owns, "two owners"
        self.worker.staff.happened["got back" if assignment.offer_id is None else "assigned"] += 1
        self.owns.add(call_id)
        self.worker.kept.add(call_id)

    def released(self, call_id: CallId, _cause: HangupCause | None) -> None:
        assert self.worker_id
        self.expected.discard(call_id)
        self.owns.discard(call_id)
        self.accepted = {offer: each for offer, each in self.accepted.items() if each != call_id}
        if not self.is_cut:
            self.worker.kept.discard(call_id)

    def drain(self, grace_s: float) -> None:
        self.is_told_to_go = True

    def finish(self) -> None:
        assert not self.is_finished
        assert not self.owns
        assert not self.expected
        self.is_finished = True


class Staff:
    """All workers, and what they got."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.workers = [FakeWorker(self, name) for name in ("ann", "bob", "cyd")]
        self.cut_streams: list[FakeStream] = []
        """Those of which their replicas do not know yet that they are."""
        self.happened: Counter[str] = Counter()

    def streams(self) -> list[FakeStream]:
        """What clients hold to be open."""
        return [worker.stream for worker in self.workers if worker.stream is not None]

    def check_owners(self) -> None:
        """No call is two workers', but while a replica of one of them could not be seen."""
        for call_id in self.switch.calls:
            owners = [each.replica for each in self.streams() if call_id in each.owns]
            for one, other in combinations(owners, 2):
                assert one is not other, f"two owners of {call_id}"
                assert one.may_differ_from(other), f"two owners of {call_id}"

    def assert_unowned(self, call_id: CallId, what: str, *, by: Peer) -> None:
        for stream in self.streams():
            if not by.may_differ_from(stream.replica):
                assert call_id not in stream.owns, f"{what} while it is a worker's"
