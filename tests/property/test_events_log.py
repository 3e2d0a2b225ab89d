"""The event log against a model that remembers everything and looks at all of it each time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from callcontrol.events.event import Event, Gap, GapReason, Position
from callcontrol.events.filter import (
    EventFilter,
    Filters,
    compile_filters,
    may_match_node,
)
from callcontrol.events.log import EventLog
from callcontrol.events.matchers import Matchers
from callcontrol.events.ring import Entry, LogLimits
from callcontrol.events.subscription import Subscription
from callcontrol.ids import CallId, CoreUuid, EventId, NodeId

NODES = [NodeId(name) for name in ("east", "west")]
CALLS = [CallId(name) for name in ("ann", "ben", "cid")]
NAMES = ["CUSTOM", "CHANNEL_ANSWER", "CHANNEL_HANGUP"]
SUBCLASSES = ["", "sofia::register", "sofia::expire", "conference::maintenance"]
WANTED_SUBCLASSES = ["sofia::*", "*", "sofia::register", "conference::maintenance"]


def make_event(
    node_id: NodeId, name: str, subclass: str, calls: Sequence[CallId], size: int
) -> Event:
    """An event that is about the first of the calls and concerns the others."""
    return Event(
        event_id=EventId("e"),
        position=Position(node_id=node_id, core_uuid=CoreUuid("core"), sequence=1, time_us=1),
        name=name,
        subclass=subclass if name == "CUSTOM" else "",
        call_id=calls[0] if calls else None,
        peer_call_ids=tuple(calls[1:]),
        received_us=1,
        size=size,
    )


events = st.builds(
    make_event,
    node_id=st.sampled_from(NODES),
    name=st.sampled_from(NAMES),
    subclass=st.sampled_from(SUBCLASSES),
    calls=st.lists(st.sampled_from(CALLS), max_size=3, unique=True),
    size=st.integers(min_value=0, max_value=60),
)
gaps = st.builds(
    Gap, reason=st.just(GapReason.SWITCH_OVERLOADED), node_id=st.sampled_from([*NODES, None])
)
event_filters = st.builds(
    EventFilter,
    names=st.frozensets(st.sampled_from(NAMES), max_size=2),
    subclasses=st.frozensets(st.sampled_from(WANTED_SUBCLASSES), max_size=2),
    call_ids=st.frozensets(st.sampled_from(CALLS), max_size=2),
    node_ids=st.frozensets(st.sampled_from(NODES), max_size=2),
    invert=st.booleans(),
)
some_filters = st.frozensets(event_filters, max_size=3)


def passes(wanted: EventFilter, event: Event) -> bool:
    """The meaning of a filter, said as plainly as it can be."""
    holds = True
    if wanted.names:
        holds &= event.name in wanted.names
    if wanted.subclasses:
        holds &= event.name == "CUSTOM" and any(
            event.subclass.startswith(value[:-1])
            if value.endswith("*")
            else event.subclass == value
            for value in wanted.subclasses
        )
    if wanted.call_ids:
        holds &= any(call in wanted.call_ids for call in (event.call_id, *event.peer_call_ids))
    if wanted.node_ids:
        holds &= event.position.node_id in wanted.node_ids
    return holds != wanted.invert


def matches(filters: Filters, event: Event) -> bool:
    return not filters or any(passes(wanted, event) for wanted in filters)


def reaches(filters: Filters, item: Event | Gap) -> bool:
    if isinstance(item, Event):
        return matches(filters, item)
    return may_match_node(filters, item.node_id)


@given(some_filters, events)
def test_a_compiled_filter_means_what_its_conditions_say(filters: Filters, event: Event) -> None:
    assert compile_filters(filters)(event) == matches(filters, event)


@given(some_filters, events)
def test_a_filter_that_an_event_passes_may_match_the_node_of_the_event(
    filters: Filters, event: Event
) -> None:
    if matches(filters, event):
        assert may_match_node(filters, event.position.node_id)
        assert may_match_node(filters, None)


@given(st.lists(some_filters, max_size=8), st.lists(events, max_size=8))
def test_the_index_finds_each_matching_filter_once_and_no_other(
    subscribed: list[Filters], published: list[Event]
) -> None:
    matchers = Matchers()
    acquired = [(filters, matchers.acquire(filters)) for filters in subscribed]
    for number, event in enumerate(published, start=1):
        matchers.publish(event, number, first_number=1)
    for filters, matcher in acquired:
        expected = [n for n, event in enumerate(published, start=1) if matches(filters, event)]
        assert list(matcher.numbers) == expected
    for _, matcher in acquired:
        matchers.release(matcher)
    assert len(matchers) == 0
    assert matchers._topics.is_empty


@dataclass
class Reader:
    """What the model knows of a subscription."""

    filters: Filters
    subscription: Subscription
    seen: int
    """Everything before this number was taken, overtaken or left out."""
    wait: asyncio.Task[bool] | None = None
    numbers: list[int] = field(default_factory=list)


class LogMachine(RuleBasedStateMachine):
    """Does anything in any order; the model keeps all items and the number of the oldest held."""

    readers = Bundle("readers")
    limits = LogLimits(max_events=6, max_bytes=150, max_age_s=10.0)

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now_s = 100.0
        self.log = EventLog(self.limits, clock=lambda: self.now_s)
        self.items: list[tuple[Event | Gap, float]] = []
        self.first = 1
        self.open: list[Reader] = []

    def teardown(self) -> None:
        for reader in self.open:
            reader.subscription.close()
            self.end_wait(reader)
        assert self.log.distinct_filters == 0
        self.loop.close()

    def turn(self) -> None:
        for _ in range(3):
            self.loop.run_until_complete(asyncio.sleep(0))

    def end_wait(self, reader: Reader) -> None:
        if reader.wait is not None:
            reader.wait.cancel()
            self.loop.run_until_complete(asyncio.wait([reader.wait]))
            if not reader.wait.cancelled():
                reader.wait.exception()
            reader.wait = None

    def expire(self) -> None:
        while self.first <= len(self.items):
            held = self.items[self.first - 1 :]
            heavy = sum(item.size for item, _ in held if isinstance(item, Event))
            if (
                len(held) <= self.limits.max_events
                and (heavy <= self.limits.max_bytes or len(held) == 1)
                and held[0][1] >= self.now_s - self.limits.max_age_s
            ):
                return
            self.first += 1

    def pending(self, reader: Reader) -> list[int]:
        return [
            number
            for number in range(reader.seen, len(self.items) + 1)
            if reaches(reader.filters, self.items[number - 1][0])
        ]

    @rule(event=events)
    def append(self, event: Event) -> None:
        self.items.append((event, self.now_s))
        assert self.log.append(event) == len(self.items)
        self.expire()

    @rule(gap=gaps)
    def append_gap(self, gap: Gap) -> None:
        self.items.append((gap, self.now_s))
        assert self.log.append_gap(gap) == len(self.items)
        self.expire()

    @rule(seconds=st.sampled_from([0.25, 2.0, 5.0, 9.0]))
    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def sweep(self) -> None:
        self.log.sweep()
        self.expire()

    @rule(target=readers, filters=some_filters)
    def subscribe(self, filters: Filters) -> Reader:
        reader = Reader(filters, self.log.subscribe(filters), seen=len(self.items) + 1)
        self.open.append(reader)
        return reader

    @rule(reader=consumes(readers))
    def close(self, reader: Reader) -> None:
        reader.subscription.close()
        self.end_wait(reader)
        self.open.remove(reader)

    @rule(reader=readers)
    def wait(self, reader: Reader) -> None:
        if reader.wait is None:
            reader.wait = self.loop.create_task(reader.subscription.wait())

    @rule(reader=readers)
    def cancel_wait(self, reader: Reader) -> None:
        self.end_wait(reader)

    @rule(
        reader=readers,
        max_events=st.integers(min_value=1, max_value=4),
        max_bytes=st.integers(min_value=1, max_value=120),
        view=st.sampled_from([None, "shared"]),
    )
    def take(self, reader: Reader, max_events: int, max_bytes: int, view: str | None) -> None:
        pending = self.pending(reader)
        held = [number for number in pending if number >= self.first]
        expected: list[int] = []
        size = 0
        for number in held[:max_events]:
            item = self.items[number - 1][0]
            size += item.size if isinstance(item, Event) else 0
            if expected and size > max_bytes:
                break
            expected.append(number)
            if isinstance(item, Gap):
                break
        batch = reader.subscription.take(max_events, max_bytes, view=view)
        assert [entry.number for entry in batch.entries] == expected
        assert all(entry.item is self.items[entry.number - 1][0] for entry in batch.entries)
        assert batch.overtaken == len(pending) - len(held)
        last = len(self.items) if len(expected) == len(held) else expected[-1]
        assert batch.last_number == last
        passed = last + 1 - reader.seen
        assert batch.filtered == passed - batch.overtaken - len(expected)
        reader.seen = last + 1

    @invariant()
    def what_is_held_is_what_the_bounds_allow(self) -> None:
        assert self.log.first_number == self.first
        assert self.log.next_number == len(self.items) + 1

    @invariant()
    def a_wait_ends_exactly_when_there_is_something_to_take(self) -> None:
        self.turn()
        for reader in self.open:
            pending = len(self.pending(reader))
            assert reader.subscription.lag_events == pending
            if reader.wait is not None:
                assert reader.wait.done() == (pending > 0)
                if reader.wait.done():
                    assert reader.wait.result() is True
                    reader.wait = None


TestLog = LogMachine.TestCase
TestLog.settings = settings(
    max_examples=max(60, settings().max_examples // 20), stateful_step_count=40, deadline=None
)


@given(
    st.lists(st.tuples(st.integers(0, 80), st.lists(st.sampled_from("abcdefg"))), max_size=30),
    st.integers(1, 5),
    st.integers(1, 200),
)
def test_bytes_held_are_those_of_the_entries_and_their_encodings(
    appended: list[tuple[int, list[str]]], max_events: int, max_bytes: int
) -> None:
    log = EventLog(LogLimits(max_events=max_events, max_bytes=max_bytes), clock=lambda: 0.0)
    taken: list[Entry] = []
    with log.subscribe() as subscription:
        for size, views in appended:
            log.append(make_event(NODES[0], "CUSTOM", "", [], size))
            entry = subscription.take().entries[0]
            taken.append(entry)
            for view in views:
                assert entry.encoded(view, lambda item: b"12345") == b"12345"
            held = [entry for entry in taken if entry.number >= log.first_number]
            assert log.bytes_held == sum(entry.weight for entry in held)
            log.sweep()
            assert log.bytes_held <= max_bytes or log.next_number - log.first_number == 1
