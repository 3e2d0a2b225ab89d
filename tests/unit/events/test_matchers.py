"""Distinct filters share what asking them may cost."""

from typing import Any

import pytest

from callcontrol.errors import FiltersCostTooMuch
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
