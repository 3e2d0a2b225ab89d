"""One reader's place in the log: a cursor into the matches of its filters, and how to wait."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

from callcontrol.errors import ShuttingDown, SlowConsumer
from callcontrol.events.event import Event, Gap
from callcontrol.events.matchers import Matcher
from callcontrol.events.ring import Entry, Ring

MAX_BATCH_EVENTS = 512
MAX_BATCH_BYTES = 1024 * 1024


class Overflow(Enum):
    """What becomes of a subscription that the log has overtaken."""

    SKIP = "skip"
    """It goes on with what is held, and is told how much it missed."""
    DISCONNECT = "disconnect"
    """Its next take raises SlowConsumer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a subscription took. Of the matches up to `last_number`, only `overtaken` is missing."""

    entries: list[Entry]
    """In order. A Gap is always the last, so that one message can tell of it after its events."""
    overtaken: int
    """Matching entries, gaps included, dropped before they were taken; they come before
    `entries`. Exact."""
    filtered: int
    """Entries that the filters left out between the batch before and `last_number`. Exact."""
    last_number: int
    """The log up to here is dealt with, whether it matched or not."""


class SubscriptionClosed(Exception):
    """The subscription was closed, and someone still reads it."""


def wire_size(entry: Entry) -> int:
    """The size of an entry when nobody says better: bytes the switch sent."""
    return entry.item.size if isinstance(entry.item, Event) else 0


class Subscription:
    """One reader of the log, from the moment it was made. It holds no events, only its place.

    One task reads it. Made by `EventLog.subscribe`; a context manager that closes itself.
    """

    __slots__ = (
        "_closed",
        "_cursor",
        "_leave",
        "_matcher",
        "_ring",
        "_seen",
        "_waiter",
        "name",
        "overflow",
    )

    def __init__(
        self,
        ring: Ring,
        matcher: Matcher,
        name: str,
        overflow: Overflow,
        leave: Callable[["Subscription"], None],
    ) -> None:
        self.name = name
        self.overflow = overflow
        self._ring = ring
        self._leave = leave
        self._matcher = matcher
        self._cursor = matcher.matched
        """Index of the next match to take, counted as `Matcher.matched` is."""
        self._seen = ring.next_number
        """Everything before this number has been taken, overtaken or left out."""
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    @property
    def lag_events(self) -> int:
        """Matching entries not taken yet, those already overtaken included."""
        return self._matcher.matched - self._cursor

    @property
    def lag_s(self) -> float:
        """Age of the oldest entry that waits to be taken, in seconds; 0 when none is held."""
        matcher, ring = self._matcher, self._ring
        index = max(self._cursor, matcher.first_held(ring.first_number))
        if index == matcher.matched:
            return 0.0
        oldest = ring[matcher.numbers[index - matcher.forgotten]]
        return max(0.0, ring.clock() - oldest.appended_s)

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until there is something to take: True. False when time is up or the log woke all.

        Cancelling it loses nothing: whether there is something is read off the log each time.
        Raises ShuttingDown when the log is closed and all was taken, and SubscriptionClosed.
        """
        if self._is_news():
            return True
        if self._waiter is not None:
            raise RuntimeError("a subscription is read by one task")
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        self._matcher.waiters.add(waiter)
        timer = None if timeout_s is None else loop.call_later(timeout_s, _end_wait, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            self._matcher.waiters.discard(waiter)
            if timer is not None:
                timer.cancel()
        return self._is_news()

    def take(
        self,
        max_events: int = MAX_BATCH_EVENTS,
        max_bytes: int = MAX_BATCH_BYTES,
        size_of: Callable[[Entry], int] = wire_size,
    ) -> Batch:
        """Take the next matching entries, at most so many and so large; it never waits.

        A first entry larger than `max_bytes` is taken alone. An entry that is a Gap ends the
        batch. When `size_of` raises, nothing was taken. Raises SlowConsumer if overtaken and
        `overflow` is DISCONNECT, and SubscriptionClosed.
        """
        if self._closed:
            raise SubscriptionClosed(self.name)
        matcher, ring = self._matcher, self._ring
        begin = max(self._cursor, matcher.first_held(ring.first_number))
        overtaken = begin - self._cursor
        if overtaken and self.overflow is Overflow.DISCONNECT:
            raise SlowConsumer(overtaken)
        entries = self._collect(begin - matcher.forgotten, max_events, max_bytes, size_of)
        end = begin + len(entries)
        seen = ring.next_number if end == matcher.matched else entries[-1].number + 1
        filtered = seen - self._seen - overtaken - len(entries)
        self._cursor, self._seen = end, seen
        return Batch(entries=entries, overtaken=overtaken, filtered=filtered, last_number=seen - 1)

    def close(self) -> None:
        """Leave the log and end the wait in progress, which raises SubscriptionClosed."""
        if self._closed:
            return
        self._closed = True
        self._leave(self)
        if self._waiter is not None:
            _end_wait(self._waiter)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _is_news(self) -> bool:
        if self._closed:
            raise SubscriptionClosed(self.name)
        if self._matcher.matched > self._cursor:
            return True
        if self._ring.close_reason is not None:
            raise ShuttingDown
        return False

    def _collect(
        self, start: int, max_events: int, max_bytes: int, size_of: Callable[[Entry], int]
    ) -> list[Entry]:
        ring = self._ring
        entries: list[Entry] = []
        bytes_left = max_bytes
        for number in self._matcher.numbers[start : start + max(1, max_events)]:
            entry = ring[number]
            bytes_left -= size_of(entry)
            if entries and bytes_left < 0:
                break
            entries.append(entry)
            if isinstance(entry.item, Gap):
                break
        return entries


def _end_wait(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
