"""The event log: it numbers what happens, holds the newest of it, and wakes who asked for it."""

import time
from collections.abc import Callable, Iterable

from callcontrol.errors import ShuttingDown
from callcontrol.events.event import Event, Gap
from callcontrol.events.filter import EventFilter
from callcontrol.events.matchers import Matcher, Matchers
from callcontrol.events.ring import LogLimits, Ring
from callcontrol.events.subscription import Overflow, Subscription


class EventLog:
    """One history for all subscribers. Everything here is plain functions of one event loop:
    an entry is numbered, kept and announced before anyone else runs.

    Its memory is bounded by `limits`, whatever subscribers do: they hold a place, not events.
    """

    def __init__(
        self, limits: LogLimits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ring = Ring(limits or LogLimits(), clock)
        self._matchers = Matchers()
        self._subscriptions: dict[Subscription, Matcher] = {}

    @property
    def first_number(self) -> int:
        """The number of the oldest entry held; `next_number` when none is."""
        return self._ring.first_number

    @property
    def next_number(self) -> int:
        """The number the next entry will get; the first one ever is 1."""
        return self._ring.next_number

    @property
    def bytes_held(self) -> int:
        """What the entries held count towards `LogLimits.max_bytes`."""
        return self._ring.bytes_held

    @property
    def close_reason(self) -> str | None:
        """Why the log was closed; None while it is open."""
        return self._ring.close_reason

    @property
    def subscriptions(self) -> frozenset[Subscription]:
        """Those open now."""
        return frozenset(self._subscriptions)

    @property
    def distinct_filters(self) -> int:
        """How many matchers there are; equal filters share one."""
        return len(self._matchers)

    def append(self, event: Event) -> int:
        """Keep the event and wake the subscriptions that it concerns. Returns its number.

        After `close` nothing is kept, and the number is 0.
        """
        ring = self._ring
        if ring.close_reason is not None:
            return 0
        number = ring.append(event)
        self._matchers.publish(event, number, ring.first_number)
        return number

    def append_gap(self, gap: Gap) -> int:
        """Say that events are missing here, to each subscription that they might concern.

        Returns its number, or 0 as `append` does.
        """
        ring = self._ring
        if ring.close_reason is not None:
            return 0
        number = ring.append(gap)
        self._matchers.announce(gap, number, ring.first_number)
        return number

    def subscribe(
        self,
        filters: Iterable[EventFilter] = (),
        *,
        name: str = "",
        overflow: Overflow = Overflow.SKIP,
    ) -> Subscription:
        """Read what matches at least one of the filters, from now on; none means everything.

        Raises ShuttingDown when the log is closed.
        """
        if self.close_reason is not None:
            raise ShuttingDown
        matcher = self._matchers.acquire(filters)
        subscription = Subscription(self._ring, matcher, name, overflow, self._leave)
        self._subscriptions[subscription] = matcher
        return subscription

    def sweep(self) -> None:
        """Let go of what is too old. To be called now and then, as no event may come for long."""
        self._ring.trim()
        self._matchers.forget(self._ring.first_number)

    def wake_all(self) -> None:
        """End every wait in progress, so that readers look around: the replica will go away."""
        self._matchers.wake()

    def close(self, reason: str) -> None:
        """Take in nothing more. Readers can take what is there, and then get ShuttingDown."""
        if self._ring.close_reason is None:
            self._ring.close_reason = reason
            self._matchers.wake()

    def _leave(self, subscription: Subscription) -> None:
        self._matchers.release(self._subscriptions.pop(subscription))
