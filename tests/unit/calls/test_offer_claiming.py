"""Errands for the claims on calls, step by step: what is asked, what is not, and what is done
again.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.support.offer_scene import CALL, SETTINGS, WINDOW_S, Scene
from tests.support.offer_switch import NODE, Fate

from callcontrol.calls.offers.machine import Stage
from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.requests import WorkerDestination

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
    scene.wait_for_work(scene.second)
    assert scene.do_all(scene.second) == 2
    assert scene.second.desk.count(Stage.ELSEWHERE) == 1


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


def test_the_end_of_a_call_that_another_replica_has_costs_no_command(scene: Scene):
    scene.begin(OFFER_AGAIN)
    scene.connect(scene.bob, scene.second)
    scene.world.settle()
    assert scene.second.desk.count(Stage.ELSEWHERE) == 1
    scene.world.switch.end(scene.call)
    scene.hear(scene.second)
    assert not scene.has_to_do(scene.second)


def test_the_end_of_a_call_that_another_one_was_faster_to_take_over_costs_no_command(scene: Scene):
    scene.begin(OFFER_AGAIN)
    scene.connect(scene.bob, scene.second)
    scene.world.settle()
    scene.world.stop_replica(scene.first)
    scene.wait_for_work(scene.second)
    scene.step(scene.second)  # another one has the claim
    scene.step(scene.second)  # and is gone
    scene.world.switch.claims[CALL] = "a third replica"
    scene.do_all(scene.second)
    assert scene.second.desk.count(Stage.ELSEWHERE) == 1
    scene.world.switch.end(scene.call)
    scene.hear(scene.second)
    assert not scene.has_to_do(scene.second)


def test_the_end_of_a_call_that_was_left_while_its_claim_was_taken_back_costs_no_command(
    scene: Scene,
):
    ann = scene.begin(OFFER_AGAIN)
    scene.accept(ann)
    scene.world.settle()
    scene.world.switch.claims[CALL] = scene.second.name
    scene.first.desk.node_back(NODE)
    scene.world.turn()
    scene.step(scene.first)  # another one has the claim
    scene.step(scene.first)  # and the call still is ann's
    queue = WorkerDestination(application="queue")
    assert scene.first.desk.release(ann.worker_id, CALL, queue)
    scene.do_all(scene.first)
    assert scene.first.desk.count(Stage.ELSEWHERE) == 1
    scene.world.switch.end(scene.call)
    scene.hear(scene.first)
    assert not scene.has_to_do(scene.first)


def test_a_claim_that_was_looked_at_is_not_looked_at_once_more_as_the_owner_is_noted(scene: Scene):
    ann = scene.begin(OFFER_AGAIN)
    scene.first.desk.node_back(NODE)
    scene.world.turn()
    assert scene.do_all(scene.first) == 1
    scene.accept(ann)
    assert scene.do_all(scene.first) == 1


def test_what_may_have_been_taken_is_not_noted_before_it_was_looked_at(scene: Scene):
    ann = scene.begin(OFFER_AGAIN)
    scene.world.switch.claims[CALL] = scene.second.name
    scene.first.desk.node_back(NODE)
    scene.accept(ann)
    scene.step(scene.first, Fate.NOT_SENT)  # the look; that is tried again, in a while
    scene.do_all(scene.first)
    assert not scene.call.variables
    assert not ann.owns
    assert scene.first.desk.count(Stage.ELSEWHERE) == 1


def test_a_worker_that_is_elsewhere_by_now_keeps_its_call_there(scene: Scene):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.world.settle()
    scene.cut_unseen(scene.ann)
    scene.connect(scene.ann, scene.second)
    scene.world.settle()
    assert scene.ann.owns == {CALL}
    scene.first.desk.node_back(NODE)
    scene.world.settle()
    assert scene.world.switch.claims[CALL] == scene.second.name
    assert scene.first.desk.count(Stage.ELSEWHERE) == 1


def test_a_window_that_ends_where_its_worker_did_not_come_back_to_takes_nothing_from_it(
    scene: Scene,
):
    scene.accept(scene.begin(OFFER_AGAIN))
    scene.world.settle()
    scene.cut(scene.ann)
    scene.connect(scene.ann, scene.second)
    scene.world.settle()
    assert scene.ann.owns == {CALL}
    scene.world.pass_time(WINDOW_S)
    scene.world.settle()
    assert scene.first.desk.count(Stage.ELSEWHERE) == 1
    assert scene.call.variables["worker"] == "ann"


def test_what_the_switch_does_not_answer_is_given_up_and_asked_again():
    scene = Scene(replace(SETTINGS, task_timeout_s=0.0))
    scene.connect(scene.ann, scene.first)
    scene.ring()
    scene.hear(scene.first)
    assert len(scene.world.switch.steps) == 1
    scene.world.pass_time(SETTINGS.retry_s)
    scene.world.turn()
    assert len(scene.world.switch.steps) == 2
    scene.close()
