"""The workers that are registered, what each of them has, and which one is to be asked next."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from itertools import count
from uuid import uuid4

from callcontrol.calls.offers.ports import (
    Assignment,
    LostWorkerPolicy,
    Registration,
    WorkerState,
    WorkerStream,
)
from callcontrol.calls.offers.timers import Alarm
from callcontrol.errors import TooManyWorkers
from callcontrol.ids import CallId, OfferId, WorkerId


class RegisteredWorker:
    """One registration of a worker, mutable."""

    __slots__ = (
        "alarm",
        "applications",
        "awaited",
        "came_s",
        "draining",
        "finished",
        "limit",
        "max_calls",
        "name",
        "offers",
        "owned",
        "policy",
        "resumed",
        "stream",
        "turn",
        "worker_id",
    )

    def __init__(
        self,
        stream: WorkerStream,
        registration: Registration,
        policy: LostWorkerPolicy,
        now_s: float,
    ) -> None:
        self.worker_id = WorkerId(str(uuid4()))
        self.name, self.applications = registration.worker_name, registration.applications
        self.max_calls = self.limit = registration.max_calls
        """It has, or is offered, at most `limit` calls; the worker may lower that."""
        self.policy, self.stream, self.came_s = policy, stream, now_s
        self.owned: set[CallId] = set()
        self.offers: dict[OfferId, CallId] = {}
        self.awaited: set[CallId] = set()
        """Calls that it asked for and that were not found out about yet."""
        self.alarm: Alarm | None = None
        """When these are given up."""
        self.resumed: list[Assignment] | None = []
        """What it gets back at once; None when it was told."""
        self.turn = 0
        """Who has waited longest since its last change has the lowest."""
        self.draining = self.finished = False

    @property
    def free(self) -> int:
        """How many more calls it may be offered."""
        if self.draining:
            return 0
        return max(0, self.limit - len(self.owned) - len(self.offers))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is its own, out to it, or to come."""
        return not (self.owned or self.offers or self.awaited)


class Workers:
    """Those registered here, at most `most`."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self._by_id: dict[WorkerId, RegisteredWorker] = {}
        self._serving: defaultdict[str, dict[WorkerId, RegisteredWorker]] = defaultdict(dict)
        self._turns = count(1)

    def __iter__(self) -> Iterator[RegisteredWorker]:
        return iter(list(self._by_id.values()))

    def add(
        self, stream: WorkerStream, registration: Registration, policy: LostWorkerPolicy
    ) -> RegisteredWorker:
        """A worker comes. Raises TooManyWorkers."""
        if len(self._by_id) >= self._most:
            raise TooManyWorkers(self._most)
        worker = RegisteredWorker(stream, registration, policy, self._clock())
        self._by_id[worker.worker_id] = worker
        for application in worker.applications:
            self._serving[application][worker.worker_id] = worker
        self.touch(worker)
        return worker

    def get(self, worker_id: WorkerId) -> RegisteredWorker | None:
        """The worker, if it is registered."""
        return self._by_id.get(worker_id)

    def retire(self, worker: RegisteredWorker) -> None:
        """It is offered nothing more."""
        worker.draining = True
        for application in worker.applications:
            serving = self._serving[application]
            serving.pop(worker.worker_id, None)
            if not serving:
                del self._serving[application]

    def remove(self, worker: RegisteredWorker) -> None:
        """It is no longer registered."""
        self.retire(worker)
        self._by_id.pop(worker.worker_id, None)

    def serve(self, application: str) -> bool:
        """Whether anybody registered for it takes calls, busy or not."""
        return application in self._serving

    def choose(self, application: str, refused_by: Container[WorkerId]) -> RegisteredWorker | None:
        """Of those with room for a call, the one whose last change is longest ago."""
        found: RegisteredWorker | None = None
        for worker_id, worker in self._serving.get(application, {}).items():
            if (
                (found is None or worker.turn < found.turn)
                and worker.free
                and worker_id not in refused_by
            ):
                found = worker
        return found

    def touch(self, worker: RegisteredWorker) -> None:
        """Something changed for it: it goes behind the others."""
        worker.turn = next(self._turns)

    def states(self) -> list[WorkerState]:
        """Those registered, oldest first."""
        now_s = self._clock()
        return [
            WorkerState(
                worker_id=worker.worker_id,
                name=worker.name,
                applications=worker.applications,
                max_calls=worker.max_calls,
                owned=len(worker.owned),
                offered=len(worker.offers),
                draining=worker.draining,
                connected_s=now_s - worker.came_s,
            )
            for worker in self._by_id.values()
        ]
