"""The desk, sentence by sentence: one replica, and a switch that does what it is told at once."""

import asyncio
from collections.abc import Iterator

import pytest
from tests.support.offer_replica import Replica
from tests.support.offer_workers import FakeStream, FakeWorker
from tests.support.offer_world import World

from callcontrol.calls.offers.machine import Stage
from callcontrol.calls.offers.ports import CallResult, LostWorkerPolicy, OfferResult
from callcontrol.calls.offers.settings import OfferSettings
from callcontrol.calls.requests import ExtensionDestination
from callcontrol.errors import TooManyWorkers
from callcontrol.ids import CallId

IVR = frozenset({"ivr"})
CALL = CallId("call-1")


class Scene:
    """A world with one replica, settled after each move."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.world = World(self.loop)
        self.replica: Replica

    def open(self, **settings: object) -> "Scene":
        self.replica = self.world.start_replica(OfferSettings(**settings))  # type: ignore[arg-type]  # tests name settings
        return self

    def call(self, application: str = "ivr") -> CallId:
        self.world.switch.begin_call(application, socket_of=None, has_net=False)
        self.world.settle()
        return list(self.world.switch.calls)[-1]

    def worker(self, at: int = 0, max_calls: int = 1, **more: LostWorkerPolicy) -> FakeWorker:
        worker = self.world.staff.workers[at]
        worker.connect(self.replica, IVR, max_calls, more.get("policy"))
        self.world.settle()
        return worker

    def stream(self, worker: FakeWorker) -> FakeStream:
        assert worker.stream is not None
        return worker.stream

    def accept(self, worker: FakeWorker) -> bool:
        stream = self.stream(worker)
        offer_id, call_id = stream.offers.popitem()
        stream.accepted[offer_id] = call_id
        taken = self.replica.desk.accept(stream.worker_id, offer_id)
        self.world.settle()
        return taken

    def reject(self, worker: FakeWorker, *, final: bool = False) -> None:
        stream = self.stream(worker)
        offer_id, _ = stream.offers.popitem()
        assert self.replica.desk.reject(stream.worker_id, offer_id, final=final)
        self.world.settle()

    def lose(self, worker: FakeWorker) -> None:
        stream = self.stream(worker)
        worker.cut()
        self.world.staff.cut_streams.clear()
        self.replica.desk.lost(stream.worker_id)
        self.world.settle()

    def wait(self, seconds: float) -> None:
        self.world.pass_time(seconds)
        self.world.settle()

    def is_held(self, call_id: CallId = CALL) -> bool:
        return self.world.switch.calls[call_id].parked


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    assert not scene.world.faults.found
    scene.world.close()
    scene.loop.close()


def test_a_call_goes_to_the_worker_that_is_idle_longest(scene: Scene):
    scene.open()
    ann, bob = scene.worker(0), scene.worker(1)
    scene.call()
    assert len(scene.stream(ann).offers) == 1
    assert not scene.stream(bob).offers
    assert scene.accept(ann)
    assert ann.owns == {CALL}
    assert scene.replica.counts.offers == {OfferResult.ACCEPTED: 1}


def test_a_call_without_a_worker_goes_on_after_others_had_their_chance(scene: Scene):
    scene.open(wait_s=0.0, others_first_s=1.0)
    scene.call()
    assert scene.is_held()
    scene.wait(1.0)
    assert not scene.is_held()
    assert scene.world.switch.calls[CALL].variables == {"onward": "true"}
    assert scene.replica.counts.calls == {CallResult.FALLBACK: 1}


def test_a_call_without_a_worker_goes_on_at_once_where_there_are_no_others(scene: Scene):
    scene.open(wait_s=0.0, others_first_s=0.0)
    scene.call()
    assert not scene.is_held()
    assert scene.replica.counts.calls == {CallResult.FALLBACK: 1}


def test_a_call_is_kept_for_a_worker_as_long_as_the_operator_says(scene: Scene):
    scene.open(wait_s=10.0)
    scene.call()
    scene.wait(9.9)
    assert scene.is_held()
    scene.wait(0.2)
    assert not scene.is_held()


def test_a_worker_that_comes_while_a_call_waits_is_offered_it(scene: Scene):
    scene.open(wait_s=10.0)
    scene.call()
    scene.wait(5.0)
    assert len(scene.stream(scene.worker()).offers) == 1


def test_an_offer_that_was_not_answered_goes_to_the_next_and_never_to_the_same_again(scene: Scene):
    scene.open(wait_s=60.0, offer_timeout_s=5.0)
    ann, bob = scene.worker(0), scene.worker(1)
    scene.call()
    scene.wait(5.0)
    assert not scene.stream(ann).offers
    assert len(scene.stream(bob).offers) == 1
    scene.wait(5.0)
    assert not scene.stream(ann).offers
    assert scene.is_held()
    assert scene.replica.counts.offers == {OfferResult.EXPIRED: 2}


def test_a_final_refusal_sends_the_call_on_at_once(scene: Scene):
    scene.open(wait_s=60.0)
    ann, bob = scene.worker(0), scene.worker(1)
    scene.call()
    scene.reject(ann, final=True)
    assert not scene.stream(bob).offers
    assert not scene.is_held()


def test_an_accept_that_comes_too_late_is_told_so(scene: Scene):
    scene.open()
    ann = scene.worker()
    scene.call()
    stream = scene.stream(ann)
    (offer_id,) = stream.offers
    scene.wait(5.0)
    assert not scene.replica.desk.accept(stream.worker_id, offer_id)
    assert not ann.owns


def test_an_offer_is_withdrawn_when_the_caller_hangs_up(scene: Scene):
    scene.open()
    ann = scene.worker()
    call_id = scene.call()
    scene.world.switch.end(scene.world.switch.calls[call_id])
    scene.world.settle()
    assert not scene.stream(ann).offers
    assert scene.replica.counts.calls == {CallResult.GONE: 1}
    assert not scene.world.switch.claims


def test_a_worker_gets_no_more_than_it_can_take(scene: Scene):
    scene.open(wait_s=60.0)
    ann = scene.worker(max_calls=2)
    for _ in range(3):
        scene.call()
    assert len(scene.stream(ann).offers) == 2
    scene.replica.desk.update_capacity(scene.stream(ann).worker_id, 0)
    scene.accept(ann)
    scene.reject(ann)
    assert len(scene.stream(ann).offers) == 1, "it said what it can take beside the two offers"


def test_a_worker_that_comes_back_in_time_gets_its_call_back(scene: Scene):
    scene.open(resume_window_s=30.0)
    ann = scene.worker()
    scene.call()
    scene.accept(ann)
    scene.lose(ann)
    assert scene.replica.desk.count(Stage.LOST) == 1
    scene.wait(29.0)
    scene.worker()
    assert ann.owns == {CALL}


@pytest.mark.parametrize("policy", LostWorkerPolicy)
def test_a_call_whose_worker_does_not_come_back_goes_as_it_said(
    scene: Scene, policy: LostWorkerPolicy
):
    scene.open(resume_window_s=30.0, wait_s=60.0)
    ann = scene.worker(policy=policy)
    scene.call()
    scene.accept(ann)
    scene.lose(ann)
    bob = scene.worker(1)
    assert not scene.stream(bob).offers
    scene.wait(30.0)
    offered = len(scene.stream(bob).offers)
    call = scene.world.switch.calls[CALL]
    again = policy is LostWorkerPolicy.OFFER_AGAIN
    assert (offered, call.parked) == ((1, True) if again else (0, False))
    assert call.alive is (policy is not LostWorkerPolicy.HANGUP)


def test_who_asks_for_a_call_of_another_worker_does_not_get_it(scene: Scene):
    scene.open()
    ann = scene.worker()
    scene.call()
    scene.accept(ann)
    bob = scene.world.staff.workers[1]
    bob.kept.add(CALL)
    scene.worker(1)
    assert ann.owns == {CALL}
    assert not bob.owns
    assert not scene.stream(bob).expected


def test_a_call_that_is_released_is_nobodys_and_goes_where_it_is_sent(scene: Scene):
    scene.open()
    ann = scene.worker()
    scene.call()
    scene.accept(ann)
    to, worker_id = ExtensionDestination(extension="100"), scene.stream(ann).worker_id
    assert scene.replica.desk.owns(worker_id, CALL)
    assert scene.replica.desk.release(worker_id, CALL, to)
    scene.world.settle()
    assert not ann.owns
    assert not scene.replica.desk.owns(worker_id, CALL)
    assert not scene.is_held()
    assert scene.replica.counts.calls == {CallResult.ACCEPTED: 1}
    assert not scene.replica.desk.release(scene.stream(ann).worker_id, CALL, None)


def test_a_worker_that_drains_ends_its_calls_and_then_its_stream(scene: Scene):
    scene.open(wait_s=60.0)
    ann = scene.worker(max_calls=2)
    scene.call()
    scene.accept(ann)
    scene.replica.desk.drain_worker(scene.stream(ann).worker_id)
    scene.call()
    assert not scene.stream(ann).offers
    assert not scene.stream(ann).is_finished
    scene.world.switch.end(scene.world.switch.calls[CALL])
    scene.world.settle()
    assert scene.stream(ann).is_finished


def test_no_more_workers_than_may_be(scene: Scene):
    scene.open(max_workers=1)
    scene.worker(0)
    with pytest.raises(TooManyWorkers):
        scene.worker(1)


def test_a_call_that_parks_again_after_it_was_sent_on_is_sent_on_again(scene: Scene):
    scene.open(others_first_s=1.0)
    scene.world.switch.begin_call("ivr", socket_of=scene.replica, has_net=True)
    scene.world.settle()
    scene.wait(1.0)
    assert scene.world.staff.happened["sent on"] == 2, (
        "out of its socket, and out of the park behind it"
    )
    assert not scene.is_held()


def test_after_a_restart_a_call_comes_back_to_its_worker(scene: Scene):
    scene.open()
    ann = scene.worker()
    scene.call()
    scene.accept(ann)
    scene.world.stop_replica(scene.replica)
    scene.open()
    scene.worker()
    assert ann.owns == {CALL}
