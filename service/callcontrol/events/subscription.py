"""One reader's place in the log: a cursor into the matches of its filters, and how to wait."""

import asyncio
from collections.abc import Callable, Hashable
from enum import Enum
from types import TracebackType
from typing import Self

from callcontrol.errors import ShuttingDown, SlowConsumer
from callcontrol.events.asking import refused
from callcontrol.events.catch_up import CatchUp, Start
from callcontrol.events.event import Event, Gap
from callcontrol.events.matchers import Matcher
from callcontrol.events.pieces import Batch, Piece
from callcontrol.events.ring import Entry, Ring

MAX_BATCH_EVENTS = 512
MAX_BATCH_BYTES = 1024 * 1024


class Overflow(Enum):
    """What becomes of a subscription that the log has overtaken."""

    SKIP = "skip"
    """It goes on with what is held, and is told how much it missed."""
    DISCONNECT = "disconnect"
    """Its next take raises SlowConsumer."""


class SubscriptionClosed(Exception):
    """The subscription was closed, and someone still reads it."""


def wire_size(entry: Entry) -> int:
    """The size of an entry when nobody says better: bytes the switch sent."""
    return entry.item.size if isinstance(entry.item, Event) else 0


class Subscription:
    """One reader of the log, from the moment it was made or from an earlier place that is held. It
    holds no events, only its place.

    One task reads it. Made by `EventLog.subscribe`; a context manager that closes itself.
    """

    __slots__ = (
        "_catch_up",
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
        *,
        start: Start | None = None,
    ) -> None:
        self.name = name
        self.overflow = overflow
        self._ring = ring
        self._leave = leave
        self._matcher = matcher
        self._cursor = matcher.matched
        self._seen = ring.next_number
        """Everything before this number has been taken, overtaken or left out."""
        self._catch_up: CatchUp | None = None
        """What there is to read before the cursor."""
        if start is not None and start.number < self._seen:
            self._catch_up = CatchUp(ring, matcher, start, self._seen)
            self._seen = start.number
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    @property
    def place(self) -> int:
        """Everything before the entry of this number has been taken, overtaken or left out."""
        return self._seen

    @property
    def next_match(self) -> int:
        """Index of the match to take next, counted as `Matcher.matched` is."""
        return self._cursor

    @property
    def lag_events(self) -> int:
        """Matching entries not taken yet, those already overtaken included; of the past, in which
        it is not known what matches, all entries.
        """
        past = self._catch_up.left if self._catch_up is not None else 0
        return past + self._matcher.matched - self._cursor

    @property
    def lag_s(self) -> float:
        """Age of the oldest entry that waits to be taken, in seconds; 0 when none is held."""
        if self._catch_up is not None:
            return self._catch_up.lag_s
        matcher, ring = self._matcher, self._ring
        index = max(self._cursor, matcher.first_held(ring.first_number))
        if index == matcher.matched:
            return 0.0
        oldest = ring[matcher.numbers[index - matcher.forgotten]]
        return self.age_s(oldest.appended_s)

    def age_s(self, appended_s: float) -> float:
        """How long ago that was on the log's clock, in seconds."""
        return max(0.0, self._ring.clock() - appended_s)

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until there is something to take: True. False when time is up or the log woke all.

        Cancelling it loses nothing: whether there is something is read off the log each time.
        Raises ShuttingDown when the log is closed and all was taken, InvalidFilter as `take`
        does, and SubscriptionClosed.
        """
        if self._catch_up is not None:
            await asyncio.sleep(0)  # let others run between two pieces of the past
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
        view: Hashable = None,
    ) -> Batch:
        """Take the next matching entries, at most so many and so large; it never waits.

        Readers whose `size_of` gives the same have the same `view`, and share what they take.
        A first entry larger than `max_bytes` is taken alone. An entry that is a Gap ends the
        batch. When `size_of` raises, nothing was taken. Of the past it takes a piece at a time, in
        which there may be nothing though there is more. Raises SlowConsumer if overtaken and
        `overflow` is DISCONNECT, InvalidFilter if its filters took far too long, and
        SubscriptionClosed.
        """
        self.require_open()
        if self._catch_up is not None:
            return self._take_past(self._catch_up, max_events, max_bytes, size_of)
        matcher, ring = self._matcher, self._ring
        begin = max(self._cursor, matcher.first_held(ring.first_number))
        overtaken = begin - self._cursor
        if overtaken and self.overflow is Overflow.DISCONNECT:
            raise SlowConsumer(overtaken)
        matched = matcher.matched

        def collect() -> Piece:
            entries = self._collect(begin - matcher.forgotten, max_events, max_bytes, size_of)
            return Piece(entries, goes_on=begin + len(entries) < matched)

        if view is None or matcher.users == 1:
            piece = collect()
        else:
            key = (matcher, begin, max_events, max_bytes, view)
            piece = matcher.pieces.take(key, matched, collect)
        end = begin + len(piece.entries)
        seen = ring.next_number if end == matched else piece.entries[-1].number + 1
        filtered = seen - self._seen - overtaken - len(piece.entries)
        self._cursor, self._seen = end, seen
        return Batch(piece=piece, overtaken=overtaken, filtered=filtered, last_number=seen - 1)

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

    def require_open(self) -> None:
        """Raise SubscriptionClosed if closed, InvalidFilter if its filters are asked no more."""
        if self._closed:
            raise SubscriptionClosed(self.name)
        if self._matcher.problem:
            raise refused(self._matcher.problem)

    def _take_past(
        self, past: CatchUp, max_events: int, max_bytes: int, size_of: Callable[[Entry], int]
    ) -> Batch:
        if past.dropped and self.overflow is Overflow.DISCONNECT:
            raise SlowConsumer(0)
        taken = past.take(max_events, max_bytes, size_of)
        self._seen = past.next_number
        if past.is_done:
            self._catch_up = None
        return Batch(
            piece=Piece(taken.entries, goes_on=True),
            overtaken=0,
            unread=taken.dropped,
            filtered=taken.filtered,
            last_number=self._seen - 1,
        )

    def _is_news(self) -> bool:
        self.require_open()
        if self._catch_up is not None:
            return True
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
