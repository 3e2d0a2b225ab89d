"""A reader of the events of calls that come and go: one cursor, in the order of the log.

What concerns two of its calls comes once, a gap comes once, and to follow one more call costs an
entry in a table. What calls had said before they were followed is read first, where asked for.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from types import TracebackType
from typing import Self

from callcontrol.events.catch_up import CatchUp, Start
from callcontrol.events.filter import EventFilter
from callcontrol.events.matchers import Matcher, Matchers
from callcontrol.events.pieces import Batch, Piece, Pieces
from callcontrol.events.ring import Entry, Ring
from callcontrol.events.subscription import Subscription
from callcontrol.ids import CallId


class Following:
    """The calls that one reader follows. One task reads it. Made by `EventLog.follow`."""

    __slots__ = ("_calls", "_live", "_matcher", "_matchers", "_names", "_pasts", "_ring")

    def __init__(
        self,
        live: Subscription,
        matcher: Matcher,
        matchers: Matchers,
        ring: Ring,
        names: frozenset[str],
    ) -> None:
        self._live, self._matcher, self._matchers, self._ring = live, matcher, matchers, ring
        self._names = names
        self._calls: set[CallId] = set()
        self._pasts: deque[CatchUp] = deque()

    @property
    def place(self) -> int:
        """Everything before the entry of this number has been taken, overtaken or left out, of
        every call.
        """
        return min([self._live.place, *(past.next_number for past in self._pasts)])

    @property
    def has_past(self) -> bool:
        """Whether what is taken next is of the past."""
        return bool(self._pasts)

    @property
    def lag_events(self) -> int:
        """Matching entries not taken yet; of the past, all entries."""
        return self._live.lag_events + sum(past.left for past in self._pasts)

    @property
    def lag_s(self) -> float:
        """Age of the oldest entry that waits to be taken, in seconds; 0 when none is held."""
        return max([self._live.lag_s, *(past.lag_s for past in self._pasts)])

    def add(self, call_id: CallId) -> None:
        """Follow a call from now on. It may be followed already."""
        if call_id not in self._calls:
            self._calls.add(call_id)
            self._matchers.follow(self._matcher, call_id)

    def drop(self, call_id: CallId) -> None:
        """Follow it no more. What it said up to now is still to be taken."""
        if call_id in self._calls:
            self._calls.discard(call_id)
            self._matchers.unfollow(self._matcher, call_id)

    def replay(self, call_ids: Iterable[CallId], start: Start) -> None:
        """Follow these calls, and read first what is held of them since `start`, a place of this
        moment. What `start` says is missing is for the caller to tell.
        """
        wanted = EventFilter(call_ids=frozenset(call_ids), names=self._names)
        for call_id in wanted.call_ids:
            self.add(call_id)
        if wanted.call_ids and start.number < self._ring.next_number:
            past = Matcher(frozenset({wanted}), Pieces())
            self._pasts.append(CatchUp(self._ring, past, start, self._ring.next_number))

    async def wait(self, timeout_s: float | None = None) -> bool:
        """As `Subscription.wait`."""
        if self._pasts:
            await asyncio.sleep(0)  # let others run between two pieces of the past
            self._live.require_open()
            return True
        return await self._live.wait(timeout_s)

    def wake(self) -> None:
        """End the wait in progress: there is something else to look at."""
        self._matcher.wake()

    def take(
        self,
        max_events: int,
        max_bytes: int,
        size_of: Callable[[Entry], int],
        view: Hashable = None,
    ) -> Batch:
        """As `Subscription.take`: first what is past, one piece after the other."""
        self._live.require_open()
        if not self._pasts:
            return self._live.take(max_events, max_bytes, size_of, view)
        past = self._pasts[0]
        taken = past.take(max_events, max_bytes, size_of)
        if past.is_done:
            self._pasts.popleft()
        return Batch(
            piece=Piece(taken.entries, goes_on=True),
            overtaken=0,
            unread=taken.dropped,
            filtered=taken.filtered,
            last_number=self.place - 1,
        )

    def close(self) -> None:
        """Leave the log and end the wait in progress, which raises SubscriptionClosed."""
        self._live.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
