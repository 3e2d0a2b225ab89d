"""Calls between two replicas: what one has told the switch while the other one looked."""

from collections.abc import Iterator

import pytest
from tests.support.offer_scene import CALL, IVR, SETTINGS, WINDOW_S, Scene
from tests.support.offer_switch import NODE, Fate, Link
from tests.support.offer_workers import FakeStream

from callcontrol.calls.offers.machine import Stage
from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.requests import ExtensionDestination, WorkerDestination


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.close()


@pytest.mark.parametrize("policy", LostWorkerPolicy)
def test_a_window_that_ends_as_its_worker_comes_back_elsewhere_leaves_the_call_to_that_worker(
    scene: Scene, policy: LostWorkerPolicy
):
    scene.accept(scene.begin(policy))
    scene.world.settle()
    scene.cut(scene.ann)
    bob = scene.connect(scene.bob, scene.first)
    scene.world.pass_time(WINDOW_S)
    scene.world.turn()
    scene.step(scene.first)  # its claim is still its own
    if policy is not LostWorkerPolicy.OFFER_AGAIN:
        scene.step(scene.first)  # and once more, on the way on

    scene.connect(scene.ann, scene.second)
    for _ in range(4):  # it is ann's, another one has the claim, it is taken over, and still ann's
        scene.step(scene.second)
    assert scene.ann.owns == {CALL}

    scene.world.settle()
    assert scene.ann.owns == {CALL}
    assert not bob.offers
    assert scene.first.desk.count(Stage.ELSEWHERE) == 1
    assert scene.world.switch.calls[CALL].parked
    assert scene.world.switch.calls[CALL].variables["worker"] == "ann"


def test_a_worker_that_gets_a_call_twice_is_told_so_once_for_each_offer(scene: Scene):
    stream = scene.begin(LostWorkerPolicy.OFFER_AGAIN)
    scene.accept(stream)
    scene.step(scene.first, Fate.NOT_SENT)  # whose it is; that is tried again, in a while
    scene.world.switch.claims[CALL] = "a third replica"
    scene.first.desk.node_back(NODE)
    scene.world.turn()
    scene.world.settle()
    assert scene.first.desk.count(Stage.ELSEWHERE) == 1

    del scene.world.switch.claims[CALL]
    scene.first.ring(scene.world.switch.calls[CALL], is_new=True)
    scene.world.settle()
    scene.accept(stream)
    scene.world.settle()
    assert scene.world.staff.happened["assigned"] == 1
    scene.world.pass_time(SETTINGS.retry_s)
    scene.world.settle()
    assert scene.world.staff.happened["assigned"] == 1
    assert scene.ann.owns == {CALL}


def test_a_call_that_was_left_to_others_is_still_its_owners_when_their_replica_leaves(
    scene: Scene,
):
    scene.accept(scene.begin(LostWorkerPolicy.OFFER_AGAIN))
    scene.world.settle()
    assert scene.second.desk.count(Stage.WAITING) == 1, "for a worker, at either of the two"
    leaving = scene.loop.create_task(scene.first.desk.leave())
    scene.world.settle()
    assert leaving.done()
    scene.world.stop_replica(scene.first)

    bob = scene.connect(scene.bob, scene.second)
    scene.world.settle()
    assert not bob.offers
    assert scene.second.desk.count(Stage.LOST) == 1
    scene.connect(scene.ann, scene.second)
    scene.world.settle()
    assert scene.ann.owns == {CALL}


def test_a_call_that_rings_once_more_after_it_was_sent_on_is_offered_also_if_it_has_to_wait(
    scene: Scene,
):
    scene.world.switch.begin_call("ivr", socket_of=None, has_net=False)
    scene.world.switch.calls[CALL].variables = {"onward": "true"}
    for replica in (scene.first, scene.second):
        replica.events.clear()
        replica.ring(scene.world.switch.calls[CALL], is_new=True)
    scene.world.settle()
    bob = scene.connect(scene.bob, scene.first)
    scene.world.settle()
    assert list(bob.offers.values()) == [CALL]


def test_a_claim_that_another_replica_had_for_a_moment_does_not_cost_the_new_owner_its_call(
    scene: Scene,
):
    scene.accept(scene.begin(LostWorkerPolicy.OFFER_AGAIN))
    scene.world.settle()
    scene.world.pass_time(SETTINGS.retry_s)
    scene.world.settle()
    scene.world.stop_replica(scene.second)
    scene.world.switch.claims[CALL] = "replica-3"  # as the first one could not be seen for long
    scene.second = scene.world.start_replica(SETTINGS)
    scene.world.settle()
    bob = scene.connect(scene.bob, scene.second)
    scene.world.pass_time(WINDOW_S - 1.0)
    scene.world.settle()
    scene.first.is_behind = True
    scene.world.pass_time(1.0)  # the window is over where the claim is
    scene.world.turn()
    scene.first.desk.node_back(NODE)
    scene.world.turn()
    for _ in range(2):  # another one has the claim, and the call still is ann's
        scene.step(scene.first)
    for _ in range(3):  # the claim is its own, the call nobody's, the claim still its own
        scene.step(scene.second)
    assert list(bob.offers.values()) == [CALL]
    for _ in range(4):  # the claim is taken, of a call that is ann's no more, and given back
        scene.step(scene.first)
    assert scene.world.switch.claims[CALL] == scene.second.name
    scene.accept(bob)
    for _ in range(2):
        scene.world.settle()
        scene.world.pass_time(SETTINGS.retry_s)
    scene.world.settle()
    scene.world.pass_time(2 * WINDOW_S)
    scene.world.settle()
    assert bob.owns == {CALL}
    assert scene.world.switch.claims[CALL] == scene.second.name
    assert scene.world.switch.calls[CALL].variables["worker"] == "bob"


def release(stream: FakeStream) -> None:
    """Its worker sends the call to an extension."""
    nine = ExtensionDestination(extension="9000")
    assert stream.replica.desk.release(stream.worker_id, CALL, nine)


def test_a_call_that_was_released_and_is_parked_by_others_is_offered_to_nobody(scene: Scene):
    stream = scene.begin(LostWorkerPolicy.OFFER_AGAIN)
    scene.accept(stream)
    bob = scene.connect(scene.bob, scene.second)
    scene.world.settle()
    assert scene.second.desk.count(Stage.ELSEWHERE) == 1
    release(stream)
    scene.world.settle()
    call = scene.world.switch.calls[CALL]
    call.parked = scene.second.seen[CALL].parked = True
    scene.world.stop_replica(scene.first)
    for _ in range(20):
        scene.world.pass_time(4.0)
        scene.world.settle()
    assert not bob.offers
    assert call.parked
    assert not scene.second.desk.knows(CALL)
    assert not scene.world.switch.claims


def test_a_release_whose_answer_was_lost_is_believed_where_the_switch_has_done_it(scene: Scene):
    stream = scene.begin(LostWorkerPolicy.OFFER_AGAIN)
    scene.accept(stream)
    scene.world.settle()
    release(stream)
    scene.world.turn()
    scene.step(scene.first)  # the note
    scene.step(scene.first, Fate.LOST)  # the transfer
    scene.world.settle()
    call = scene.world.switch.calls[CALL]
    assert (call.variables, scene.world.staff.happened["sent on"]) == ({}, 0)


def test_what_a_worker_accepts_at_a_replica_that_was_held_up_is_not_its_own(scene: Scene):
    ann = scene.begin(LostWorkerPolicy.OFFER_AGAIN)
    scene.world.part(scene.first, Link.STALLED)
    bob = scene.connect(scene.bob, scene.second)
    scene.let_take(bob)

    scene.first.rejoin()
    scene.accept(ann)  # heard before the time to answer is seen to be over
    scene.world.settle()
    assert not ann.owns
    assert scene.first.desk.count(Stage.ELSEWHERE) == 1
    assert scene.world.switch.calls[CALL].variables["worker"] == "bob"


def test_a_replica_that_was_held_up_looks_whether_its_workers_still_have_their_calls(scene: Scene):
    ann = scene.begin(LostWorkerPolicy.OFFER_AGAIN)
    scene.accept(ann)
    scene.world.settle()
    scene.world.part(scene.first, Link.STALLED)
    bob = scene.connect(scene.bob, scene.second)
    scene.let_take(bob)

    scene.first.rejoin()
    scene.first.look_after_claims()
    scene.world.turn()
    while scene.world.switch.steps:
        scene.step(scene.first, Fate.NOT_SENT)  # that is tried again
    assert ann.owns == {CALL}
    scene.world.pass_time(SETTINGS.retry_s)
    scene.world.settle()
    assert not ann.owns
    assert bob.owns == {CALL}


def test_who_waits_for_a_worker_takes_its_call_from_no_replica_where_it_is(scene: Scene):
    ann = scene.begin(LostWorkerPolicy.OFFER_AGAIN)
    scene.accept(ann)
    scene.world.settle()
    scene.world.part(scene.first, Link.STALLED)
    scene.settle_until(lambda: scene.second.desk.count(Stage.LOST) == 1)
    scene.first.rejoin()
    scene.first.look_after_claims()
    scene.world.settle()
    assert scene.world.switch.claims[CALL] == scene.first.name, "the call is still ann's"

    scene.second.desk.node_back(NODE)
    scene.world.settle()
    assert scene.world.switch.claims[CALL] == scene.first.name
    assert scene.second.desk.count(Stage.ELSEWHERE) == 1
    assert ann.owns == {CALL}


@pytest.mark.parametrize("has_claim", [True, False], ids=["on", "to another worker"])
def test_a_call_whose_next_park_was_not_heard_of_is_not_held_there(scene: Scene, has_claim: bool):
    scene.world.stop_replica(scene.second)
    ann = scene.begin(LostWorkerPolicy.OFFER_AGAIN)
    call = scene.world.switch.calls[CALL]
    call.socket_of, call.has_net = scene.first.name, True  # a park follows
    scene.accept(ann)
    scene.world.settle()
    destination = None if has_claim else WorkerDestination(application="ivr")
    assert scene.first.desk.release(ann.worker_id, CALL, destination)
    scene.world.turn()
    while not scene.first.events:
        scene.step(scene.first)
    assert call.parked
    scene.world.part(scene.first, Link.CUT)
    scene.first.rejoin()
    scene.world.settle()
    assert ann.offers or not call.parked


@pytest.mark.parametrize("destination", [None, WorkerDestination(application="ivr")])
def test_a_call_whose_next_park_was_found_only_after_it_was_asked_about_is_not_held_there(
    scene: Scene, destination: WorkerDestination | None
):
    scene.world.stop_replica(scene.second)
    ann = scene.begin(LostWorkerPolicy.OFFER_AGAIN)
    call = scene.world.switch.calls[CALL]
    call.socket_of, call.has_net = scene.first.name, True  # a park follows
    scene.accept(ann)
    scene.world.settle()
    assert scene.first.desk.release(ann.worker_id, CALL, destination)
    scene.world.turn()
    while not scene.first.events:
        scene.step(scene.first)
    scene.world.part(scene.first, Link.CUT)
    scene.first.seen[CALL].parked = False  # it had left the first one, as far as was seen
    scene.first.link = Link.WHOLE
    scene.first.desk.node_back(NODE)  # which is told before the calls were compared
    scene.world.settle()
    assert call.parked
    scene.first.reconcile()
    scene.world.settle()
    assert ann.offers or not call.parked


def test_a_call_that_came_to_another_workers_park_is_not_sent_on_as_the_answer_was_lost(
    scene: Scene,
):
    scene.world.stop_replica(scene.second)
    ann = scene.begin(LostWorkerPolicy.OFFER_AGAIN)
    scene.accept(ann)
    scene.world.settle()
    assert scene.first.desk.release(ann.worker_id, CALL, WorkerDestination(application="ivr"))
    scene.world.turn()
    scene.step(scene.first)  # the claim is left
    scene.step(scene.first, Fate.LOST)  # the transfer
    while scene.world.switch.steps:
        scene.step(scene.first)  # what is done as it was not answered, before the bell is heard
    assert scene.world.switch.calls[CALL].parked
    scene.world.settle()
    assert list(ann.offers.values()) == [CALL]


def test_a_claim_that_is_left_while_it_is_looked_at_does_not_count_as_had(scene: Scene):
    scene.world.switch.begin_call("ivr", socket_of=None, has_net=False)
    ann = scene.connect(scene.ann, scene.first)
    scene.world.settle()
    assert list(ann.offers.values()) == [CALL]
    scene.first.desk.node_back(NODE)
    scene.world.turn()
    scene.ann.cut()  # while the switch is asked who has the claim
    scene.world.staff.cut_streams.clear()
    scene.first.desk.lost(ann.worker_id)
    scene.world.settle()
    assert not scene.world.switch.claims, "there is no worker for it here"

    bob, cyd = scene.connect(scene.bob, scene.second), scene.world.staff.workers[2]
    cyd.connect(scene.first, IVR, 1, None)
    scene.world.settle()
    assert cyd.stream is not None
    assert len(bob.offers) + len(cyd.stream.offers) == 1


def test_a_call_that_was_not_moved_and_is_here_again_later_is_sent_on_when_it_waited(scene: Scene):
    stream = scene.begin(LostWorkerPolicy.OFFER_AGAIN)
    scene.accept(stream)
    scene.world.settle()
    scene.world.stop_replica(scene.second)
    release(stream)
    scene.world.turn()
    scene.step(scene.first)  # the note
    scene.step(scene.first, Fate.NOT_SENT)  # the transfer
    call = scene.world.switch.calls[CALL]
    scene.world.switch.claims[CALL] = "a third replica"
    scene.world.settle()
    assert scene.first.desk.count(Stage.ELSEWHERE) == 1
    call.variables = {}  # which let it look for a worker, and died
    scene.cut(scene.ann)
    for _ in range(10):
        scene.world.pass_time(SETTINGS.wait_s / 5)
        scene.world.settle()
    assert not call.parked
