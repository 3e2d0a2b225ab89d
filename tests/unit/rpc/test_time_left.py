"""How much of a deadline is used."""

import pytest

from callcontrol.rpc.time_left import time_left


def test_without_a_deadline_there_is_no_limit():
    left = time_left(None, is_mutating=True)
    assert (left.answer_s, left.certain_s, left.is_too_late) == (None, None, False)


@pytest.mark.parametrize(("remaining_s", "margin_s"), [(1.0, 0.1), (2.5, 0.25), (60.0, 0.25)])
def test_an_answer_arrives_before_it(remaining_s: float, margin_s: float):
    left = time_left(remaining_s, is_mutating=True)
    assert left.answer_s == pytest.approx(remaining_s - margin_s)
    assert left.certain_s == pytest.approx(remaining_s - 2 * margin_s)
    assert not left.is_too_late


@pytest.mark.parametrize(
    ("remaining_s", "is_mutating", "is_too_late"),
    [(0.0, False, True), (0.005, False, False), (0.01, True, True), (0.02, True, False)],
)
def test_what_would_change_something_is_not_begun_at_the_last_moment(
    remaining_s: float, is_mutating: bool, is_too_late: bool
):
    assert time_left(remaining_s, is_mutating=is_mutating).is_too_late is is_too_late
