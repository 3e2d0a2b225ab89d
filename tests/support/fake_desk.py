"""A desk that keeps what workers say, and tells them what a test wants."""

from callcontrol.calls.offers.ports import (
    Assignment,
    Offer,
    Registration,
    Worker,
    WorkerState,
    WorkerStream,
)
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.requests import Destination
from callcontrol.ids import CallId, OfferId, WorkerId


class FakeDesk:
    """Takes whatever comes. Offers are accepted by whom they were made to."""

    def __init__(self) -> None:
        self.resume_window_s = 30.0
        self.said: list[tuple[object, ...]] = []
        """What workers said, in order."""
        self.streams: dict[WorkerId, WorkerStream] = {}
        self.registered: dict[WorkerId, Registration] = {}
        self.gone: list[WorkerId] = []
        """Whose streams are over."""
        self.back_at_once: frozenset[str] = frozenset()
        """Calls that a worker gets with its registration, if it asks for them."""
        self.refuses: Exception | None = None
        """Raised in place of a registration or a release."""
        self.nobodys: frozenset[str] = frozenset()
        """Calls that no worker has."""
        self.tracker: CallTracker | None = None
        self._offers: dict[OfferId, CallId] = {}

    def call(self, call_id: str) -> Assignment:
        """A call given to a worker outside of any offer."""
        assert self.tracker is not None
        call = self.tracker.get(CallId(call_id))
        assert call is not None
        return Assignment(offer_id=None, call=call)

    @property
    def newest(self) -> WorkerStream:
        """The stream of the worker that came last."""
        return list(self.streams.values())[-1]

    def make_offer(self, call_id: str, offer_id: str = "o-1", attempt: int = 0) -> None:
        """Offer a call to the worker that came last."""
        self._offers[OfferId(offer_id)] = CallId(call_id)
        self.newest.offer(
            Offer(
                offer_id=OfferId(offer_id),
                application="menu",
                call=self.call(call_id).call,
                timeout_s=5.0,
                attempt=attempt,
            )
        )

    def register(self, stream: WorkerStream, registration: Registration) -> Worker:
        """A worker comes."""
        if self.refuses is not None:
            raise self.refuses
        worker_id = WorkerId(f"w-{len(self.registered) + 1}")
        self.streams[worker_id], self.registered[worker_id] = stream, registration
        back = [each for each in registration.resume_call_ids if each in self.back_at_once]
        return Worker(
            worker_id=worker_id,
            name=registration.worker_name,
            resumed=tuple(self.call(each) for each in back),
        )

    def update_capacity(self, worker_id: WorkerId, available: int) -> None:
        """Keeps it."""
        self.said.append(("capacity", worker_id, available))

    def accept(self, worker_id: WorkerId, offer_id: OfferId) -> bool:
        """The worker has the call."""
        self.said.append(("accept", worker_id, offer_id))
        call_id = self._offers.pop(offer_id, None)
        if call_id is None:
            return False
        call = self.call(call_id).call
        self.streams[worker_id].assigned(Assignment(offer_id=offer_id, call=call))
        return True

    def reject(self, worker_id: WorkerId, offer_id: OfferId, *, final: bool) -> bool:
        """Keeps it."""
        self.said.append(("reject", worker_id, offer_id, final))
        return self._offers.pop(offer_id, None) is not None

    def owns(self, worker_id: WorkerId, call_id: CallId) -> bool:
        """All calls are, but those that are known to be nobody's."""
        return call_id not in self.nobodys

    def release(
        self, worker_id: WorkerId, call_id: CallId, destination: Destination | None
    ) -> bool:
        """The call is the worker's no more."""
        if self.refuses is not None:
            raise self.refuses
        self.said.append(("release", worker_id, call_id, destination))
        self.streams[worker_id].released(call_id, None)
        return call_id not in self.nobodys

    def drain_worker(self, worker_id: WorkerId) -> None:
        """Keeps it."""
        self.said.append(("drain", worker_id))

    def lost(self, worker_id: WorkerId) -> None:
        """Keeps it."""
        self.gone.append(worker_id)
        del self.streams[worker_id]

    def drain(self, grace_s: float) -> None:
        """Tells every worker."""
        for stream in list(self.streams.values()):
            stream.drain(grace_s)

    async def leave(self) -> None:
        """Has nothing to leave."""

    def workers(self) -> list[WorkerState]:
        """Those that are here."""
        return [
            WorkerState(
                worker_id=worker_id,
                name=self.registered[worker_id].worker_name,
                applications=self.registered[worker_id].applications,
                max_calls=self.registered[worker_id].max_calls,
                owned=1,
                offered=2,
                draining=True,
                connected_s=3.0,
            )
            for worker_id in self.streams
        ]
