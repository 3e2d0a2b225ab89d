"""Distinct filters share what asking them may cost."""

import pytest

from callcontrol.errors import FiltersCostTooMuch
from callcontrol.events.event import Event
from callcontrol.events.filter import EventFilter
from callcontrol.events.matchers import Matchers

ANSWERS = EventFilter(names=frozenset({"CHANNEL_ANSWER"}))
HANGUPS = EventFilter(names=frozenset({"CHANNEL_HANGUP"}))


class Dear:
    """A condition of a cost that a test says."""

    def __init__(self, cost: int) -> None:
        self.cost = cost

    def __call__(self, event: Event) -> bool:
        return True


def test_a_filter_for_which_there_is_no_room_is_refused_until_another_one_goes():
    matchers = Matchers(max_cost=100)
    first = matchers.acquire([EventFilter(expression=Dear(70))])
    too_much = EventFilter(expression=Dear(60))
    with pytest.raises(FiltersCostTooMuch) as refused:
        matchers.acquire([too_much])
    assert refused.value.limit == 100
    assert refused.value.cost > 60
    assert len(matchers) == 1
    matchers.release(first)
    assert matchers.acquire([too_much]).users == 1


def test_the_same_filters_cost_once_however_many_ask_for_them():
    matchers = Matchers(max_cost=100)
    dear = EventFilter(expression=Dear(70))
    first = matchers.acquire([dear, ANSWERS])
    assert matchers.acquire([ANSWERS, dear]) is first
    matchers.release(first)
    matchers.release(first)
    assert matchers.acquire([dear, HANGUPS]).users == 1
