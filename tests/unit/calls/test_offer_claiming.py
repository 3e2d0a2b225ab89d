"""Errands for the claims on calls, step by step: what is asked, what is not, and what is done
again.
"""

from collections.abc import Iterator

import pytest
from tests.support.offer_scene import CALL, SETTINGS, WINDOW_S, Scene
from tests.support.offer_switch import NODE, Fate

from callcontrol.calls.offers.machine import Stage
from callcontrol.calls.offers.ports import LostWorkerPolicy

OFFER_AGAIN = LostWorkerPolicy.OFFER_AGAIN


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.close()


def test_a_call_that_has_just_come_costs_one_command_before_it_is_offered(scene: Scene):
    ann = scene.connect(scene.ann, scene.first)
    scene.ring()
    scene.hear(scene.first)
    scene.step(scene.first)
    assert list(ann.offers.values()) == [CALL]


def test_who_does_not_get_a_claim_asks_only_whether_its_holder_is_gone(scene: Scene):
    scene.begin(OFFER_AGAIN)
    scene.connect(scene.bob, scene.second)
    scene.world.settle()
    assert scene.second.desk.count(Stage.ELSEWHERE) == 1
    while not scene.has_to_do(scene.second):
        scene.world.pass_time(1.0)
    assert scene.do_all(scene.second) == 2
    assert scene.second.desk.count(Stage.ELSEWHERE) == 1


def test_who_does_not_get_a_claim_leaves_the_guard_where_it_is(scene: Scene):
    scene.connect(scene.ann, scene.first)
    scene.connect(scene.bob, scene.second)
    scene.ring(is_guarded=True)
    scene.hear(scene.first)
    scene.step(scene.first)  # it has the claim
    scene.hear(scene.second)
    scene.do_all(scene.second)
    assert scene.call.will_leave


def test_a_claim_that_was_left_is_not_taken_again_to_look_whether_it_is_there(scene: Scene):
    ann = scene.begin(OFFER_AGAIN)
    scene.first.desk.node_back(NODE)
    scene.world.turn()
    scene.step(scene.first, Fate.NOT_SENT)  # that is tried again, in a while
    scene.cut(scene.ann)
    assert not ann.owns
    assert not scene.world.switch.claims, "there is no worker for it here"
    scene.world.pass_time(SETTINGS.retry_s)
    scene.world.settle()
    assert not scene.world.switch.claims
    bob = scene.connect(scene.bob, scene.second)
    scene.world.settle()
    assert list(bob.offers.values()) == [CALL]


def test_a_window_whose_end_could_not_be_told_ends_a_little_later(scene: Scene):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.world.settle()
    scene.cut(scene.ann)
    bob = scene.connect(scene.bob, scene.first)
    scene.world.pass_time(WINDOW_S)
    scene.world.turn()
    scene.step(scene.first, Fate.NOT_SENT)
    scene.world.settle()
    assert not bob.offers
    scene.world.pass_time(SETTINGS.retry_s)
    scene.world.settle()
    assert list(bob.offers.values()) == [CALL]


def test_a_window_that_is_tried_to_end_once_more_is_over_where_its_worker_came_back(scene: Scene):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.world.settle()
    scene.cut(scene.ann)
    scene.world.pass_time(WINDOW_S)
    scene.world.turn()
    scene.step(scene.first, Fate.NOT_SENT)
    scene.connect(scene.ann, scene.first)
    scene.world.settle()
    assert scene.ann.owns == {CALL}
    scene.world.pass_time(SETTINGS.retry_s)
    scene.world.settle()
    assert scene.call.variables["worker"] == "ann"


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
    ann = scene.connect(scene.ann, scene.second)
    scene.step(scene.second)  # it is ann's
    scene.world.pass_time(WINDOW_S - 1.0)
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
    while not scene.has_to_do(scene.second):
        scene.world.pass_time(1.0)
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
