"""Which entries match which filters: each distinct filter is asked once, and only where it may."""

import asyncio
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from callcontrol.errors import FiltersCostTooMuch
from callcontrol.events.asking import SLOW_S, problem_of, refused
from callcontrol.events.event import Event, Gap
from callcontrol.events.filter import EventFilter, Filters, compile_filters, may_match_node
from callcontrol.events.filter_cost import cost_of
from callcontrol.events.pieces import Pieces
from callcontrol.events.topics import Topics
from callcontrol.ids import CallId

MAX_COST: Final = 50_000
"""Of all distinct filters together: 5 ms for an event that concerned every one of them. As that is
what they cost at most and few events do, 5 000 subscribers may each follow a call of their own
twice over. Those that take far more than they cost are refused as soon as they do."""
MAX_REFUSED: Final = 64
"""Filters remembered as refused, of which each sweep forgets one."""

MAX_NUMBERS: Final = 16 * 1024 * 1024
"""Of all matchers together between two sweeps: 128 MiB. Level readers need none of it; a stopped
one whose filter passes everything needs as many as the ring has entries."""


class Matcher:
    """One distinct set of filters, and the numbers of the entries that match it, in order.

    Numbers that the ring dropped are let go lazily, when they are more than half of all, which
    costs little for each; what all have taken, at a sweep. So a matcher holds at most about 18
    bytes for each entry of the ring, and mostly those of a few seconds.
    """

    __slots__ = (
        "accepts",
        "asked",
        "cost",
        "filters",
        "forgotten",
        "numbers",
        "pieces",
        "problem",
        "users",
        "waiters",
    )

    def __init__(self, filters: Filters, pieces: Pieces) -> None:
        self.filters = filters
        self.pieces = pieces
        """What its users take alike."""
        self.accepts = compile_filters(filters)
        self.cost = cost_of(filters)
        self.numbers = array("Q")
        self.forgotten = 0
        """Numbers no longer in `numbers`; with it, the index of a match never changes."""
        self.asked = 0
        """The number of the entry that it was asked about last."""
        self.problem = ""
        """Why it is asked no more; empty as long as it is."""
        self.users = 0
        self.waiters: set[asyncio.Future[None]] = set()

    @property
    def matched(self) -> int:
        """How many entries have matched since it was made."""
        return self.forgotten + len(self.numbers)

    def first_held(self, first_number: int) -> int:
        """Index, counted as `matched` is, of the first match that is still in the ring."""
        return self.forgotten + bisect_left(self.numbers, first_number)

    def add(self, number: int, first_number: int) -> None:
        """Entry `number` matches: remember it and wake who waits."""
        numbers = self.numbers
        numbers.append(number)
        if numbers[len(numbers) >> 1] < first_number:
            self.forget(first_number)
        if self.waiters:
            self.wake()

    def forget(self, first_number: int) -> None:
        """Let go of the numbers before `first_number`."""
        self.forget_oldest(bisect_left(self.numbers, first_number))

    def forget_oldest(self, count: int) -> None:
        """Let go of so many; who has not taken them yet is overtaken."""
        del self.numbers[:count]
        self.forgotten += count

    def wake(self) -> None:
        """End every wait. Who waits looks at the matcher again, so no wake-up can be lost."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()


class Matchers:
    """All matchers, each filed under the most selective topic of each of its filters."""

    def __init__(self, max_cost: int = MAX_COST, max_numbers: int = MAX_NUMBERS) -> None:
        self._by_filters: dict[Filters, Matcher] = {}
        self._moving: dict[Matcher, set[CallId]] = {}
        """Those of readers that follow calls, with the calls."""
        self._max_cost, self._max_numbers = max_cost, max_numbers
        self._cost = 0
        self._refused: dict[Filters, str] = {}
        self._topics: Topics[Matcher] = Topics()
        self._pieces = Pieces()

    def __len__(self) -> int:
        return len(self._by_filters)

    def acquire(self, filters: Iterable[EventFilter]) -> Matcher:
        """The matcher for these filters, shared with everyone who asked for the same.

        Raises FiltersCostTooMuch when it is a new one for which there is no room, and InvalidFilter
        when the same took far too long lately.
        """
        wanted = frozenset(filters)
        if EventFilter() in wanted:  # what takes everything needs no alternative
            wanted = frozenset()
        if problem := self._refused.get(wanted):
            raise refused(problem)
        matcher = self._by_filters.get(wanted)
        if matcher is None:
            matcher = Matcher(wanted, self._pieces)
            if self._cost + matcher.cost > self._max_cost:
                raise FiltersCostTooMuch(matcher.cost, self._max_cost, "this replica")
            self._cost += matcher.cost
            self._by_filters[wanted] = matcher
            self._topics.file(matcher, wanted)
        matcher.users += 1
        return matcher

    def acquire_moving(self, names: frozenset[str]) -> Matcher:
        """A matcher for one reader that follows calls, none as yet, and wants events of these names
        or all. It costs nothing: it is only asked about events of its calls, in next to no time.
        """
        matcher = Matcher(frozenset({EventFilter(names=names)}), self._pieces)
        matcher.users = 1
        self._moving[matcher] = set()
        return matcher

    def follow(self, matcher: Matcher, call_id: CallId) -> None:
        """Ask a moving matcher about the events of one more call."""
        self._moving[matcher].add(call_id)
        self._topics.file(matcher, [EventFilter(call_ids=frozenset({call_id}))])

    def unfollow(self, matcher: Matcher, call_id: CallId) -> None:
        """Ask it about that call no more."""
        self._moving[matcher].discard(call_id)
        self._topics.unfile(matcher, [EventFilter(call_ids=frozenset({call_id}))])

    def release(self, matcher: Matcher) -> None:
        """One user less; the last one takes the matcher away."""
        matcher.users -= 1
        if not matcher.users and not matcher.problem:
            self._remove(matcher)

    def publish(self, event: Event, number: int, first_number: int) -> None:
        """Ask the matchers that the event may concern; wake the waiters of those that match."""
        began_s = time.perf_counter()
        for group in self._topics.groups(event):
            for matcher in group:
                if matcher.asked != number:  # it may be filed under several topics of one event
                    matcher.asked = number
                    if matcher.accepts(event):
                        matcher.add(number, first_number)
        if time.perf_counter() - began_s > SLOW_S:
            self._refuse_slow(event)

    def announce(self, gap: Gap, number: int, first_number: int) -> None:
        """Give the gap to every matcher that the missing events might have concerned."""
        for matcher in self._all():
            if may_match_node(matcher.filters, gap.node_id):
                matcher.add(number, first_number)

    def forget(self, first_number: int, places: Iterable[tuple[Matcher, int]] = ()) -> None:
        """Let go of the numbers before `first_number` in every matcher, and of what was taken.

        `places` are those of all readers, each with the index of the match that it takes next. As
        long as all numbers together are too many, each matcher keeps no more than its share.
        """
        self._pieces.clear()
        if self._refused:
            del self._refused[next(iter(self._refused))]
        taken: dict[Matcher, int] = {}
        for matcher, place in places:
            taken[matcher] = min(place, taken.get(matcher, place))
        for matcher in self._all():
            matcher.forget(first_number)
            matcher.forget_oldest(max(0, taken.get(matcher, 0) - matcher.forgotten))
        if sum(len(each.numbers) for each in self._all()) > self._max_numbers:
            share = self._max_numbers // (len(self._by_filters) + len(self._moving))
            for matcher in self._all():
                matcher.forget_oldest(max(0, len(matcher.numbers) - share))

    def wake(self) -> None:
        """End every wait."""
        for matcher in self._all():
            matcher.wake()

    def _all(self) -> Iterator[Matcher]:
        """Those of filters and those that follow calls."""
        yield from self._by_filters.values()
        yield from self._moving

    def _refuse_slow(self, event: Event) -> None:
        """Ask those no more that took far too long for the event; their readers are told."""
        asked = {matcher: None for group in self._topics.groups(event) for matcher in group}
        for matcher in asked:
            if matcher in self._moving:
                continue
            if problem := problem_of(matcher.accepts, matcher.cost, event):
                matcher.problem = self._refused[matcher.filters] = problem
                if len(self._refused) > MAX_REFUSED:
                    del self._refused[next(iter(self._refused))]
                self._remove(matcher)
                matcher.wake()

    def _remove(self, matcher: Matcher) -> None:
        if (calls := self._moving.pop(matcher, None)) is not None:
            for call_id in calls:
                self._topics.unfile(matcher, [EventFilter(call_ids=frozenset({call_id}))])
            return
        self._cost -= matcher.cost
        del self._by_filters[matcher.filters]
        self._topics.unfile(matcher, matcher.filters)
