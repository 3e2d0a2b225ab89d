"""Distinct filters share what asking them may cost."""

import asyncio
import time
from typing import Any

import pytest

from callcontrol.errors import FiltersCostTooMuch, InvalidFilter
from callcontrol.events.asking import SLOW_S
from callcontrol.events.event import Event
from callcontrol.events.filter import EventFilter
from callcontrol.events.matchers import Matchers
from callcontrol.events.string_match import Comparison, StringMatch
from callcontrol.events.topics import Topic, topic_of

ANSWERS = EventFilter(names=frozenset({"CHANNEL_ANSWER"}))
EXACT = StringMatch(how=Comparison.EXACT, text="a")
HANGUPS = EventFilter(names=frozenset({"CHANNEL_HANGUP"}))


class Dear:
    """A condition of a cost that a test says."""

    def __init__(self, cost: int = 1) -> None:
        self.cost = cost
        self.asked: list[Event] = []

    def __call__(self, event: Event) -> bool:
        self.asked.append(event)
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


@pytest.mark.parametrize(
    ("topic", "facts", "has"),
    [
        (Topic.CALL, {"call_ids": frozenset({"ann"})}, {"call_id": "ann"}),
        (Topic.CALL, {"call_ids": frozenset({"ann"})}, {"peer_call_ids": ("ann",)}),
        (Topic.LABEL, {"labels": frozenset({("team", EXACT)})}, {"labels": {"team": "a"}}),
        (Topic.SUBCLASS, {"subclasses": frozenset({"a::b"})}, {"subclass": "a::b"}),
        (Topic.HEADER, {"headers": frozenset({("X", EXACT)})}, {"headers": {"X": "a"}}),
        (Topic.HEADER, {"headers": frozenset({("X", EXACT)})}, {"headers": {"X": ["b", "a"]}}),
        (Topic.NAME, {"names": frozenset({"HEARTBEAT"})}, {"name": "HEARTBEAT"}),
        (Topic.NODE, {"node_ids": frozenset({"west"})}, {"node": "west"}),
    ],
)
def test_a_filter_is_asked_about_no_event_without_its_topic(
    event, topic: Topic, facts: dict[str, Any], has: dict[str, Any]
):
    dear = Dear()
    wanted = EventFilter(**facts, expression=dear)
    matchers = Matchers()
    matcher = matchers.acquire([wanted])
    other = event("CUSTOM", call="ben", peers=("cid",))
    asked_about = other._replace(
        **{name: value for name, value in has.items() if name != "node"},
        position=other.position._replace(node_id=has.get("node", "east")),
    )
    near = other._replace(labels={"team": "b"}, headers={"X": "b"}, subclass="a::c")
    for number, each in enumerate((near, asked_about), start=1):
        matchers.publish(each, number, first_number=1)
    assert topic_of(wanted) is topic
    assert dear.asked == [asked_about]
    assert list(matcher.numbers) == [2]


def filter_on(field: str, name: str) -> EventFilter:
    """A filter on one header or label, which is `a`."""
    wanted = frozenset({(name, EXACT)})
    return EventFilter(headers=wanted) if field == "headers" else EventFilter(labels=wanted)


class Counted(dict[str, str]):
    """Headers that count how often they are looked into."""

    looks = 0

    def get(self, name: str, default: Any = None) -> Any:
        """Count it."""
        self.looks += 1
        return super().get(name, default)


@pytest.mark.parametrize("field", ["headers", "labels"])
def test_however_many_names_are_filed_an_event_is_looked_at_as_often_as_it_has_names(event, field):
    matchers = Matchers()
    for number in range(1_000):
        matchers.acquire([filter_on(field, f"X-{number}")])
    values = Counted({"A": "a", "X-7": "a", "Z": "a"})
    matchers.publish(event()._replace(**{field: values}), 1, first_number=1)
    assert list(matchers.acquire([filter_on(field, "X-7")]).numbers) == [1]
    assert values.looks <= 4


def test_where_the_numbers_of_all_matchers_are_too_many_each_keeps_the_newest_of_its_share(event):
    matchers = Matchers(max_numbers=10)
    stopped, busy = matchers.acquire([]), matchers.acquire([ANSWERS])
    for number in range(1, 9):
        matchers.publish(event("CHANNEL_ANSWER" if number > 4 else "PARK"), number, 1)
    matchers.forget(1)
    assert (list(stopped.numbers), list(busy.numbers)) == ([4, 5, 6, 7, 8], [5, 6, 7, 8])
    assert (stopped.matched, stopped.first_held(1)) == (8, 3)


class Busy(Dear):
    """A condition that keeps the processor for longer than its cost says."""

    def __call__(self, event: Event) -> bool:
        """Count until the time is over."""
        until_s = time.thread_time() + 2 * SLOW_S
        while time.thread_time() < until_s:
            pass
        return super().__call__(event)


async def test_a_filter_that_takes_far_longer_than_its_cost_is_asked_no_more(log, event):
    condition = Busy()
    busy, cheap = EventFilter(expression=condition), EventFilter(expression=Dear())
    slow, level = log.subscribe([busy]), log.subscribe([cheap])
    waiting = asyncio.create_task(slow.wait())
    await asyncio.sleep(0)
    log.append(event())
    log.append(event())
    with pytest.raises(InvalidFilter, match="ms for one event"):
        await waiting
    with pytest.raises(InvalidFilter):
        slow.take()
    assert len(condition.asked) == 4  # for the event, and to be sure
    assert len(level.take().entries) == 2
    slow.close()
    with pytest.raises(InvalidFilter):
        log.subscribe([busy])
    log.sweep()
    assert log.subscribe([busy]).lag_events == 0


class BusyAtFirst(Busy):
    """One that something else makes slow when it is first asked to be sure, say garbage."""

    def __call__(self, event: Event) -> bool:
        """Be slow for the event itself and once more."""
        return super().__call__(event) if len(self.asked) < 2 else Dear.__call__(self, event)


def test_a_filter_that_is_slow_by_chance_is_asked_on(log, event):
    filtered = log.subscribe([EventFilter(expression=BusyAtFirst())])
    log.append(event())
    assert len(filtered.take().entries) == 1


def test_a_filter_that_costs_much_and_takes_no_longer_is_not_blamed_for_others(log, event):
    honest = log.subscribe([EventFilter(expression=Busy(cost=40_000))])
    log.append(event())
    assert len(honest.take().entries) == 1
