"""Guards and claims, step by step: who takes a guard off, and who leaves it to others."""

from collections.abc import Iterator

import pytest
from tests.support.offer_scene import CALL, SETTINGS, Scene
from tests.support.offer_switch import NODE, Fate

from callcontrol.calls.offers.machine import Stage
from callcontrol.calls.offers.ports import LostWorkerPolicy

OFFER_AGAIN = LostWorkerPolicy.OFFER_AGAIN


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.close()


def test_who_does_not_get_a_claim_leaves_the_guard_where_it_is(scene: Scene):
    scene.connect(scene.ann, scene.first)
    scene.connect(scene.bob, scene.second)
    scene.ring(is_guarded=True)
    scene.hear(scene.first)
    scene.step(scene.first)  # it has the claim
    scene.hear(scene.second)
    scene.do_all(scene.second)
    assert scene.call.will_leave


def test_who_has_lost_a_call_leaves_its_guard_to_others(scene: Scene):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.world.settle()
    scene.call.is_guarded = scene.call.will_leave = True
    scene.first.ring(scene.call, is_new=False)
    scene.world.turn()
    scene.step(scene.first, Fate.NOT_SENT)  # that is tried again, in a while
    scene.world.switch.claims[CALL] = scene.second.name
    scene.call.variables = {"worker": "bob", "worker_id": "another one"}
    scene.first.desk.node_back(NODE)
    scene.world.turn()
    scene.do_all(scene.first)
    assert scene.first.desk.count(Stage.ELSEWHERE) == 1
    scene.world.pass_time(SETTINGS.retry_s)
    scene.do_all(scene.first)
    assert scene.call.will_leave


def test_a_guard_that_is_off_is_not_taken_off_once_more(scene: Scene):
    scene.connect(scene.ann, scene.first)
    scene.ring(is_guarded=True)
    scene.hear(scene.first)
    assert scene.do_all(scene.first) == 2, "the claim, and the guard"
    scene.cut(scene.ann)
    assert not scene.world.switch.claims
    bob = scene.connect(scene.bob, scene.first)
    assert scene.do_all(scene.first) == 2, "the claim, and whose it is"
    assert list(bob.offers.values()) == [CALL]


def test_a_call_that_may_just_be_leaving_as_its_guard_is_taken_off_is_left_alone_for_a_while(
    scene: Scene,
):
    scene.ring(is_guarded=True)
    scene.hear(scene.first)
    scene.world.pass_time(SETTINGS.others_first_s)
    ann = scene.connect(scene.ann, scene.first)
    scene.do_all(scene.first)
    assert not scene.call.will_leave
    assert not ann.offers
    scene.world.pass_time(SETTINGS.retry_s)
    scene.do_all(scene.first)
    assert list(ann.offers.values()) == [CALL]


def test_who_takes_a_call_over_takes_off_a_guard_of_which_nothing_was_heard(scene: Scene):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.connect(scene.bob, scene.second)
    scene.world.settle()
    assert scene.second.desk.count(Stage.ELSEWHERE) == 1
    scene.world.stop_replica(scene.first)
    scene.call.is_guarded = scene.call.will_leave = True
    scene.settle_until(lambda: scene.second.desk.count(Stage.LOST) == 1)
    assert not scene.call.will_leave


def test_nobody_waits_for_a_guard_that_was_off_already(scene: Scene):
    scene.ring(is_guarded=True)
    scene.hear(scene.first)
    scene.call.is_guarded = scene.call.will_leave = False
    scene.world.pass_time(SETTINGS.others_first_s)
    ann = scene.connect(scene.ann, scene.first)
    scene.do_all(scene.first)
    assert list(ann.offers.values()) == [CALL]


def test_the_guard_of_a_call_that_has_left_stays_where_it_is(scene: Scene):
    scene.connect(scene.ann, scene.first)
    scene.ring(is_guarded=True)
    scene.hear(scene.first)
    scene.first.desk.left(CALL)
    assert scene.do_all(scene.first) == 2, "the claim, which is left"
    assert scene.call.is_guarded
