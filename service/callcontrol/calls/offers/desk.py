"""The desk: bells on one side, workers on the other, and each call with one of them at a time."""

from collections.abc import Callable
from typing import Final

from callcontrol.calls.offers.answers import Answers
from callcontrol.calls.offers.dealing import Dealing
from callcontrol.calls.offers.deeds import Means, Picture
from callcontrol.calls.offers.errands import Errands
from callcontrol.calls.offers.handed import HandedCall
from callcontrol.calls.offers.machine import Input, Stage
from callcontrol.calls.offers.ports import (
    Bell,
    DeskObserver,
    Doorbell,
    Registration,
    Worker,
    WorkerState,
    WorkerStream,
)
from callcontrol.calls.offers.ports_switch import Claims, Hands
from callcontrol.calls.offers.resuming import Resuming
from callcontrol.calls.offers.settings import OfferSettings
from callcontrol.calls.offers.tasks import CallTasks
from callcontrol.calls.offers.timers import Timers
from callcontrol.calls.offers.workers import RegisteredWorker, Workers
from callcontrol.calls.requests import Destination, WorkerDestination
from callcontrol.ids import CallId, NodeId, OfferId, WorkerId

_LEAVE_TIMEOUT_S: Final = 5.0
"""For giving up the claims at the end."""


class CallDesk:
    """Offers each call that comes to one worker at a time, and keeps whose it is: `ports.Desk`
    for workers, the rest for bells.

    Everything but `run` and `leave` is plain. What is done at the switch is done by `run`.
    """

    def __init__(
        self,
        claims: Claims,
        hands: Hands,
        picture: Picture,
        *,
        door_of: Callable[[NodeId, CallId], Doorbell],
        timers: Timers,
        observer: DeskObserver,
        settings: OfferSettings | None = None,
    ) -> None:
        """`door_of` gives the way on for a call that no bell has rung for, or not any more."""
        self._settings = settings = settings or OfferSettings()
        self._hands, self._timers = hands, timers
        self._tasks = CallTasks()
        self._workers = Workers(settings.max_workers, timers.time)
        self._errands = Errands(claims, hands, self._tasks, timers=timers, settings=settings)
        means = Means(
            errands=self._errands,
            workers=self._workers,
            picture=picture,
            timers=timers,
            settings=settings,
            observer=observer,
        )
        self._dealing = Dealing(means)
        self._resuming = Resuming(means, self._dealing, door_of)
        self._errands.connect(Answers(means, self._dealing, door_of, self.ring), self._resuming)

    @property
    def resume_window_s(self) -> float:
        """How long a call is kept for a worker whose stream broke."""
        return self._settings.resume_window_s

    def count(self, stage: Stage) -> int:
        """How many calls are in a stage."""
        return sum(call.stage is stage for call in self._dealing.calls.values())

    def workers(self) -> list[WorkerState]:
        """Those registered now, oldest first."""
        return self._workers.states()

    async def run(self) -> None:
        """Do what is to be done at the switches, until cancelled."""
        await self._tasks.run()

    # Bells

    def knows(self, call_id: CallId) -> bool:
        """Whether a call is at the desk, or was there and has not ended."""
        return call_id in self._dealing.calls

    def known(self) -> list[CallId]:
        """All such calls."""
        return list(self._dealing.calls)

    def ring(self, bell: Bell) -> None:
        """The dialplan hands over a call, perhaps one that is known, or one that was found."""
        call = self._dealing.calls.get(bell.call_id)
        if call is not None and call.rings_anew(bell):
            self._dealing.feed(call, Input.HANDED_ON)
            call = None
        if call is None:
            call = HandedCall(bell, self._timers.time())
            if not self._resuming.begin(call):
                self._dealing.begin(call)
            return
        call.ring(bell)
        if bell.is_guarded and call.is_claimed:
            self._errands.take_off_guard(call)
        if call.stage is not Stage.ELSEWHERE:
            self._dealing.feed(call, Input.BELL)
        elif bell.is_new:
            call.application = bell.application
            call.look_anew(self._timers.time())
            self._dealing.feed(call, Input.BELL)

    def left(self, call_id: CallId) -> None:
        """A call is no longer parked."""
        self._tell(call_id, Input.LEFT)

    def found_parked(self, call_id: CallId) -> None:
        """A call is in a park of which no bell may have told. One that was sent on is to be sent
        on from there, too, or offered.
        """
        call = self._dealing.calls.get(call_id)
        if call is not None and call.stage is Stage.ONWARD:
            self._errands.look_again(call)

    def hung_up(self, call_id: CallId) -> None:
        """A call takes no more commands. Its owner is told when it has ended."""
        call = self._dealing.calls.get(call_id)
        if call is not None and call.stage is not Stage.OWNED:
            self._dealing.feed(call, Input.CALL_ENDED)

    def ended(self, call_id: CallId) -> None:
        """A call is over."""
        self._tell(call_id, Input.CALL_ENDED)
        self._resuming.ended(call_id)

    def node_back(self, node_id: NodeId) -> None:
        """A node was away, or this replica for it: another one may have taken its calls over
        meanwhile, and what became of calls that were sent on may not be known.
        """
        for call in list(self._dealing.calls.values()):
            if call.node_id == node_id:
                self._errands.look_after(call)

    def _tell(self, call_id: CallId, given: Input) -> None:
        call = self._dealing.calls.get(call_id)
        if call is not None:
            self._dealing.feed(call, given)

    # Workers

    def register(self, stream: WorkerStream, registration: Registration) -> Worker:
        """See `ports.Desk.register`."""
        policy = registration.lost_policy or self._settings.lost_policy
        worker = self._workers.add(stream, registration, policy)
        self._resuming.ask(worker, registration.resume_call_ids)
        resumed, worker.resumed = tuple(worker.resumed or ()), None
        self._dealing.serve(worker)
        return Worker(worker_id=worker.worker_id, name=worker.name, resumed=resumed)

    def update_capacity(self, worker_id: WorkerId, available: int) -> None:
        """See `ports.Desk.update_capacity`."""
        worker = self._workers.get(worker_id)
        if worker is not None:
            held = len(worker.owned) + len(worker.offers)
            worker.limit = min(worker.max_calls, held + available)
            self._dealing.serve(worker)

    def accept(self, worker_id: WorkerId, offer_id: OfferId) -> bool:
        """See `ports.Desk.accept`."""
        return self._answer(worker_id, offer_id, Input.OFFER_ACCEPTED)

    def reject(self, worker_id: WorkerId, offer_id: OfferId, *, final: bool) -> bool:
        """See `ports.Desk.reject`."""
        given = Input.REJECTED_FINAL if final else Input.REJECTED
        return self._answer(worker_id, offer_id, given)

    def _answer(self, worker_id: WorkerId, offer_id: OfferId, given: Input) -> bool:
        worker = self._workers.get(worker_id)
        call_id = worker.offers.get(offer_id) if worker is not None else None
        if call_id is None:
            return False
        self._dealing.feed(self._dealing.calls[call_id], given)
        return True

    def owns(self, worker_id: WorkerId, call_id: CallId) -> bool:
        """See `ports.Desk.owns`."""
        call, worker = self._dealing.calls.get(call_id), self._workers.get(worker_id)
        return call is not None and worker is not None and call.owner is worker

    def release(
        self, worker_id: WorkerId, call_id: CallId, destination: Destination | None
    ) -> bool:
        """See `ports.Desk.release`."""
        worker = self._workers.get(worker_id)
        if worker is None:
            return False
        call = self._dealing.calls.get(call_id)
        if call is None or call.owner is not worker:
            worker.stream.released(call_id, None)
            return False
        if destination is not None:
            self._hands.check(destination)
        call.destination = destination
        self._dealing.feed(call, _released(destination))
        return True

    def drain_worker(self, worker_id: WorkerId) -> None:
        """See `ports.Desk.drain_worker`."""
        worker = self._workers.get(worker_id)
        if worker is None or worker.draining:
            return
        self._workers.retire(worker)
        for call_id in list(worker.offers.values()):
            self._dealing.feed(self._dealing.calls[call_id], Input.OFFER_RECALLED)
        self._retired(worker)
        self._dealing.room(worker)

    def lost(self, worker_id: WorkerId) -> None:
        """See `ports.Desk.lost`."""
        worker = self._workers.get(worker_id)
        if worker is None:
            return
        self._workers.remove(worker)
        worker.finished = True
        self._resuming.give_up(worker)
        for call_id in [*worker.offers.values(), *worker.owned]:
            self._dealing.feed(self._dealing.calls[call_id], Input.WORKER_LOST)
        self._retired(worker)

    def _retired(self, worker: RegisteredWorker) -> None:
        """What waits for it may be for another replica now."""
        self._dealing.reconsider(worker.applications)

    def drain(self, grace_s: float) -> None:
        """See `ports.Desk.drain`."""
        self._dealing.is_draining = True
        for worker in self._workers:
            worker.stream.drain(grace_s)
        self._dealing.reconsider()

    async def leave(self) -> None:
        """See `ports.Desk.leave`."""
        self._dealing.is_draining = True
        for call in list(self._dealing.calls.values()):
            call.silence()
            if call.may_be_claimed or call.is_asking:
                self._errands.leave_claim(call)
        await self._tasks.wait_idle(_LEAVE_TIMEOUT_S)


def _released(destination: Destination | None) -> Input:
    match destination:
        case None:
            return Input.RELEASED_DIALPLAN
        case WorkerDestination():
            return Input.RELEASED_WORKER
        case _:
            return Input.RELEASED_DESTINATION
