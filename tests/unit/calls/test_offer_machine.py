"""The offer machine by itself: what its table says of every path through it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.calls.offers.machine import TABLE, Action, ImpossibleInput, Input, Stage, step

ALIVE = [stage for stage in Stage if stage is not Stage.GONE]


@given(st.data())
def test_on_every_path_there_is_one_owner_at_most_and_one_end(data: st.DataObject):
    stage, owned, asked, forgotten = Stage.WAITING, False, False, 0
    for _ in range(data.draw(st.integers(1, 60))):
        if stage is Stage.GONE:
            break
        given_input = data.draw(st.sampled_from(sorted(TABLE[stage], key=lambda each: each.value)))
        if given_input is Input.WORKER_LOST:
            owned = asked = False
        if given_input in {Input.OFFER_ACCEPTED, Input.REJECTED, Input.REJECTED_FINAL}:
            asked = False
        found = step(stage, given_input)
        for action in found.actions:
            match action:
                case Action.OFFER:
                    assert not owned
                    assert not asked
                    asked = True
                case Action.WITHDRAW:
                    assert asked
                    asked = False
                case Action.ASSIGN:
                    assert not owned
                    assert not asked
                    owned = True
                case Action.TELL_RELEASED:
                    assert owned
                    owned = False
                case Action.FORGET:
                    forgotten += 1
                case _:
                    pass
        stage = found.stage
        assert owned is (stage is Stage.OWNED)
        assert asked is (stage is Stage.OFFERED)
    assert forgotten == (stage is Stage.GONE)


@pytest.mark.parametrize("stage", ALIVE)
def test_the_end_of_a_call_is_taken_in_every_stage(stage: Stage):
    found = step(stage, Input.CALL_ENDED)
    assert found.stage is Stage.GONE
    assert found.actions[-1] is Action.FORGET


@pytest.mark.parametrize("stage", ALIVE)
def test_a_bell_may_ring_in_every_stage(stage: Stage):
    assert step(stage, Input.BELL).stage is not Stage.GONE


@pytest.mark.parametrize("stage", ALIVE)
def test_from_every_stage_the_desk_can_send_a_call_on_by_what_it_brings_about_itself(
    stage: Stage,
):
    ours = {
        Input.WORKER_FREE, Input.WAIT_EXPIRED, Input.OFFER_EXPIRED, Input.WINDOW_OVER_CONTINUE,
        Input.SENT_ON, Input.CLAIM_FREE, Input.WORKER_LOST,
    }  # fmt: skip
    reached, new = {stage}, {stage}
    while new:
        new = {
            found.stage
            for each in new
            for given_input, found in TABLE[each].items()
            if given_input in ours
        } - reached
        reached |= new
    assert Stage.ONWARD in reached


def test_only_accepting_and_coming_back_make_an_owner():
    found = {
        given_input
        for inputs in TABLE.values()
        for given_input, each in inputs.items()
        if Action.ASSIGN in each.actions
    }
    assert found == {Input.OFFER_ACCEPTED, Input.WORKER_BACK}


def test_whatever_is_gone_takes_nothing_more():
    for given_input in Input:
        with pytest.raises(ImpossibleInput):
            step(Stage.GONE, given_input)


def test_an_accept_of_a_call_that_is_not_offered_is_impossible():
    for stage in set(Stage) - {Stage.OFFERED}:
        with pytest.raises(ImpossibleInput):
            step(stage, Input.OFFER_ACCEPTED)
