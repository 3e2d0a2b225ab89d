"""Two replicas at one switch, played by hand."""

import asyncio
from collections.abc import Callable

from tests.support.offer_replica import Replica
from tests.support.offer_switch import Fate, SwitchCall
from tests.support.offer_workers import FakeStream, FakeWorker
from tests.support.offer_world import World

from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.offers.settings import OfferSettings
from callcontrol.ids import CallId, OfferId

IVR = frozenset({"ivr"})
CALL = CallId("call-1")
WINDOW_S = 30.0
SETTINGS = OfferSettings(wait_s=600.0, resume_window_s=WINDOW_S)


class Scene:
    """Both, workers, and one call, most often ann's at the first one."""

    def __init__(self, settings: OfferSettings = SETTINGS) -> None:
        self.loop = asyncio.new_event_loop()
        self.world = World(self.loop)
        self.ann, self.bob, _ = self.world.staff.workers
        self.first = self.world.start_replica(settings)
        self.second = self.world.start_replica(settings)

    @property
    def call(self) -> SwitchCall:
        return self.world.switch.calls[CALL]

    def ring(self, *, is_guarded: bool = False) -> None:
        """The call comes; no replica has heard of it yet."""
        self.world.switch.begin_call("ivr", socket_of=None, has_net=False, is_guarded=is_guarded)

    def hear(self, replica: Replica) -> None:
        """A replica hears all that the switch has told it."""
        while replica.events:
            self.world.read_event(replica)

    def begin(self, policy: LostWorkerPolicy) -> FakeStream:
        """Ann is offered the call at the first replica."""
        stream = self.connect(self.ann, self.first, policy)
        self.ring()
        self.world.settle()
        return stream

    def connect(
        self, worker: FakeWorker, replica: Replica, policy: LostWorkerPolicy | None = None
    ) -> FakeStream:
        worker.connect(replica, IVR, 1, policy)
        self.world.turn()
        assert worker.stream is not None
        return worker.stream

    def accept(self, stream: FakeStream) -> OfferId:
        offer_id, call_id = stream.offers.popitem()
        stream.accepted[offer_id] = call_id
        assert stream.replica.desk.accept(stream.worker_id, offer_id)
        self.world.turn()
        return offer_id

    def let_take(self, stream: FakeStream) -> None:
        """The call comes to a worker, in the end."""
        self.settle_until(lambda: bool(stream.offers))
        self.accept(stream)
        self.world.settle()
        assert stream.owns == {CALL}

    def cut(self, worker: FakeWorker) -> None:
        """Its stream breaks, and its replica sees that."""
        stream = worker.stream
        self.cut_unseen(worker)
        assert stream is not None
        stream.replica.desk.lost(stream.worker_id)
        self.world.settle()

    def cut_unseen(self, worker: FakeWorker) -> None:
        """Its stream breaks, and its replica does not see that for now."""
        worker.cut()
        self.world.staff.cut_streams.clear()

    def has_to_do(self, replica: Replica) -> bool:
        """Whether a command of a replica waits."""
        return any(each is replica for each, _ in self.world.switch.steps)

    def wait_for_work(self, replica: Replica) -> None:
        """Until a command of a replica waits, for a quarter of an hour at most."""
        for _ in range(900):
            if self.has_to_do(replica):
                return
            self.world.pass_time(1.0)
        raise AssertionError("it has nothing to do")

    def settle_until(self, is_so: Callable[[], bool]) -> None:
        """Let time pass until something is so, for a quarter of an hour at most."""
        for _ in range(900):
            if is_so():
                return
            self.world.pass_time(1.0)
            self.world.settle()
        raise AssertionError("it does not come to be so")

    def step(self, replica: Replica, fate: Fate = Fate.DONE) -> None:
        """The next thing that a replica does at the switch is done."""
        steps = self.world.switch.steps
        self.world.take_step(
            next(at for at, (each, _) in enumerate(steps) if each is replica), fate
        )

    def do_all(self, replica: Replica) -> int:
        """All that a replica does at the switch is done; how many commands that takes."""
        count = 0
        while self.has_to_do(replica):
            self.step(replica)
            count += 1
        return count

    def close(self) -> None:
        """The end, at which nothing has gone wrong in a task."""
        assert not self.world.faults.found
        self.world.close()
        self.loop.close()
