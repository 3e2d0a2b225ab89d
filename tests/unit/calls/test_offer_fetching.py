"""Calls that workers ask for when they come back, step by step."""

from collections.abc import Iterator

import pytest
from tests.support.offer_scene import CALL, SETTINGS, WINDOW_S, Scene
from tests.support.offer_switch import Fate

from callcontrol.calls.offers.ports import LostWorkerPolicy

OFFER_AGAIN = LostWorkerPolicy.OFFER_AGAIN


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.close()


def test_who_asks_for_a_call_that_is_anothers_does_not_get_its_claim(scene: Scene):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.world.settle()
    scene.bob.kept.add(CALL)
    bob = scene.connect(scene.bob, scene.second)
    scene.world.settle()
    assert scene.world.switch.claims[CALL] == scene.first.name
    assert scene.ann.owns == {CALL}
    assert not bob.expected


def test_who_comes_back_elsewhere_does_not_get_what_was_taken_by_another_one_meanwhile(
    scene: Scene,
):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.world.settle()
    scene.cut(scene.ann)
    bob = scene.connect(scene.bob, scene.first)
    scene.world.pass_time(WINDOW_S - 1.0)
    scene.world.settle()
    ann = scene.connect(scene.ann, scene.second)
    scene.step(scene.second)  # it is ann's
    scene.world.pass_time(1.0)
    scene.do_all(scene.first)  # the window is over
    scene.accept(bob)
    scene.do_all(scene.first)
    assert bob.owns == {CALL}
    scene.do_all(scene.second)
    assert not ann.owns
    scene.world.pass_time(SETTINGS.retry_s)
    scene.world.settle()
    assert bob.owns == {CALL}
    assert scene.world.switch.claims[CALL] == scene.first.name


def test_who_comes_back_elsewhere_to_a_guarded_park_is_not_taken_away(scene: Scene):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.world.settle()
    scene.cut(scene.ann)
    scene.call.is_guarded = scene.call.will_leave = True
    scene.connect(scene.ann, scene.second)
    scene.world.settle()
    assert scene.ann.owns == {CALL}
    assert not scene.call.will_leave


def test_who_asks_for_a_call_that_is_nobodys_leaves_the_guard_where_it_is(scene: Scene):
    scene.connect(scene.ann, scene.first)
    scene.ring(is_guarded=True)
    scene.hear(scene.first)
    scene.step(scene.first)  # it has the claim
    scene.hear(scene.second)
    scene.bob.kept.add(CALL)
    scene.connect(scene.bob, scene.second)
    scene.do_all(scene.second)
    assert scene.call.will_leave


def test_the_claim_on_a_call_of_whose_end_was_heard_while_it_was_asked_for_is_left(scene: Scene):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.world.settle()
    scene.connect(scene.bob, scene.second)
    scene.world.settle()
    scene.wait_for_work(scene.second)
    scene.cut_unseen(scene.ann)
    scene.connect(scene.ann, scene.second)
    scene.step(scene.second)  # another one has the claim
    scene.step(scene.second)  # and is there
    scene.second.desk.ended(CALL)  # before the answer whose it is
    scene.do_all(scene.second)
    assert not scene.world.switch.claims


def test_who_asks_for_a_call_gets_it_also_where_the_switch_could_not_be_asked_at_first(
    scene: Scene,
):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.world.settle()
    scene.cut(scene.ann)
    ann = scene.connect(scene.ann, scene.second)
    scene.step(scene.second, Fate.NOT_SENT)
    scene.world.settle()
    assert ann.expected == {CALL}
    scene.world.pass_time(SETTINGS.retry_s)
    scene.world.settle()
    assert ann.owns == {CALL}


def test_who_asks_for_a_call_learns_from_the_switch_that_it_is_over(scene: Scene):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.world.settle()
    scene.cut(scene.ann)
    scene.world.switch.end(scene.call)
    ann = scene.connect(scene.ann, scene.second)
    assert ann.expected == {CALL}
    scene.do_all(scene.second)
    assert scene.second.events, "the end is heard of later"
    assert not ann.expected
