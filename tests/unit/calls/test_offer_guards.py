"""Guards: what takes a call out of its park where no replica comes, and how the desk takes it off
before it does anything else.
"""

import asyncio
from collections.abc import Iterator

import pytest
from tests.support.offer_replica import Replica
from tests.support.offer_switch import Fate, SwitchCall
from tests.support.offer_workers import FakeWorker
from tests.support.offer_world import World

from callcontrol.calls.offers.settings import OfferSettings
from callcontrol.ids import CallId

CALL = CallId("call-1")
IVR = frozenset({"ivr"})


class Scene:
    """A world with a call that is guarded, and replicas."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.world = World(self.loop)

    @property
    def call(self) -> SwitchCall:
        return self.world.switch.calls[CALL]

    @property
    def ann(self) -> FakeWorker:
        return self.world.staff.workers[0]

    def offered(self) -> int:
        assert self.ann.stream is not None
        return len(self.ann.stream.offers)

    def replica(self, **settings: float | str) -> Replica:
        replica = self.world.start_replica(OfferSettings(**settings))  # type: ignore[arg-type]  # tests name settings
        self.world.settle()
        return replica

    def worker(self, replica: Replica) -> FakeWorker:
        self.ann.connect(replica, IVR, 1, None)
        self.world.settle()
        return self.ann

    def is_to_leave(self) -> bool:
        return self.call.will_leave

    def rings(self) -> None:
        self.world.switch.begin_call("ivr", socket_of=None, has_net=False, is_guarded=True)

    def accept(self, replica: Replica) -> None:
        stream = self.ann.stream
        assert stream is not None
        offer_id, call_id = stream.offers.popitem()
        stream.accepted[offer_id] = call_id
        assert replica.desk.accept(stream.worker_id, offer_id)
        self.world.settle()

    def wait(self, seconds: float) -> None:
        self.world.pass_time(seconds)
        self.world.settle()


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    assert not scene.world.faults.found
    scene.world.close()
    scene.loop.close()


def test_it_is_off_before_the_call_is_offered(scene: Scene):
    replica = scene.replica()
    scene.worker(replica)
    scene.rings()
    while not scene.offered():
        if scene.world.switch.steps:
            scene.world.take_step(0)
        else:
            scene.world.read_event(replica)
    assert not scene.is_to_leave()
    assert scene.world.now_s == 0, "who has just come is offered at once"
    assert not scene.call.is_guarded


def test_it_is_off_before_the_call_is_sent_on(scene: Scene):
    scene.replica(others_first_s=0.0)
    scene.rings()
    scene.world.settle()
    assert not scene.is_to_leave()
    assert not scene.call.parked


def test_a_call_that_is_kept_is_not_taken_away(scene: Scene):
    scene.replica(wait_s=60.0, others_first_s=1.0)
    scene.rings()
    scene.world.settle()
    scene.wait(0.5)
    assert scene.is_to_leave(), "another replica may have it yet"
    scene.wait(0.5)
    assert not scene.is_to_leave()
    assert scene.call.parked


def test_who_keeps_a_call_lets_others_have_it_for_which_they_have_a_worker(scene: Scene):
    scene.replica(wait_s=60.0)
    other = scene.replica(wait_s=60.0)
    scene.rings()
    scene.world.settle()
    for _ in range(5):
        scene.wait(1.0)
    scene.worker(other)
    assert scene.offered() == 1


def test_nothing_is_done_while_it_cannot_be_taken_off_and_the_switch_takes_the_call_away(
    scene: Scene,
):
    replica = scene.replica()
    scene.worker(replica)
    scene.rings()
    while replica.events:
        scene.world.read_event(replica)
    for _ in range(6):
        while scene.world.switch.steps:
            scene.world.take_step(0, Fate.NOT_SENT)
        scene.world.pass_time(1.0)
    assert not scene.offered()
    scene.world.switch.guard(scene.call)
    scene.world.settle()
    scene.wait(5.0)
    assert not scene.call.parked
    assert not scene.world.staff.happened["sent on"]
    assert not scene.world.switch.claims
    assert not replica.desk.knows(CALL)


def test_a_call_that_leaves_while_it_is_found_is_not_offered(scene: Scene):
    scene.rings()
    replica = scene.world.start_replica(OfferSettings())
    scene.ann.connect(replica, IVR, 1, None)
    scene.world.switch.guard(scene.call)  # the event of it is on its way
    while scene.world.switch.steps:
        scene.world.take_step(0)
    assert not scene.offered()
    scene.wait(1.0)
    scene.wait(1.0)
    assert not scene.offered()
    assert not replica.desk.knows(CALL)


def test_a_call_that_is_found_is_offered_a_moment_later(scene: Scene):
    scene.rings()
    replica = scene.replica()
    scene.worker(replica)
    assert not scene.is_to_leave()
    assert scene.offered() == 0
    scene.wait(1.0)
    assert scene.offered() == 1


def test_a_call_that_its_worker_leads_through_a_guarded_park_stays_its_workers(scene: Scene):
    replica = scene.replica()
    scene.worker(replica)
    scene.rings()
    scene.world.settle()
    scene.accept(replica)
    scene.call.is_guarded = scene.call.will_leave = True
    replica.ring(scene.call, is_new=False)
    scene.world.settle()
    assert not scene.is_to_leave()
    assert scene.ann.owns == {CALL}


def test_it_is_taken_off_again_where_that_failed(scene: Scene):
    replica = scene.replica()
    scene.worker(replica)
    scene.rings()
    scene.world.settle()
    scene.accept(replica)
    scene.call.is_guarded = scene.call.will_leave = True
    replica.ring(scene.call, is_new=False)
    scene.world.turn()
    scene.world.take_step(0, Fate.NOT_SENT)
    assert scene.is_to_leave()
    scene.wait(1.0)
    assert not scene.is_to_leave()


def test_of_two_replicas_one_takes_it_off(scene: Scene):
    scene.replica()
    scene.replica()
    scene.rings()
    scene.world.settle()
    for _ in range(5):
        scene.wait(1.0)
    assert scene.world.staff.happened["sent on"] == 1
    assert not scene.is_to_leave()


def test_a_worker_that_resumes_a_call_in_a_guarded_park_keeps_it(scene: Scene):
    first = scene.replica()
    scene.worker(first)
    scene.rings()
    scene.world.settle()
    scene.accept(first)
    scene.world.stop_replica(first)
    scene.call.is_guarded = scene.call.will_leave = True
    scene.worker(scene.replica())
    assert scene.ann.owns == {CALL}
    assert not scene.is_to_leave()
