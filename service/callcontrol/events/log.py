"""The event log: it numbers what happens, holds the newest of it, and wakes who asked for it."""

import os
import time
from collections.abc import Callable, Iterable

from callcontrol.errors import ResumeTokenExpired, ResumeTokenInvalid, ShuttingDown
from callcontrol.events.catch_up import Start
from callcontrol.events.epochs import FormerEpochs, Kept, ages
from callcontrol.events.event import Event, Gap, Position
from callcontrol.events.filter import EventFilter
from callcontrol.events.finding import Finder
from callcontrol.events.following import Following
from callcontrol.events.matchers import Matcher, Matchers
from callcontrol.events.places import MARK_EVERY, Places, as_passed
from callcontrol.events.ring import Entry, LogLimits, Ring
from callcontrol.events.since import oldest_us, start_since
from callcontrol.events.subscription import Overflow, Subscription
from callcontrol.events.token import LOG_ID_BYTES, Token, TokenKey


class EventLog:
    """One history for all subscribers. Everything here is plain functions of one event loop:
    an entry is numbered, kept and announced before anyone else runs.

    Its memory is bounded by `limits`, whatever subscribers do: they hold a place, not events, and
    what is noted for them of the matches is bounded beside it (`matchers.MAX_NUMBERS`).
    """

    def __init__(
        self,
        limits: LogLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        key: TokenKey | None = None,
    ) -> None:
        """`key` seals the resume tokens; without one it is this log's alone."""
        self.log_id = os.urandom(LOG_ID_BYTES)
        """What this log's numbers are known by in resume tokens."""
        self._key = key or TokenKey()
        self._former = FormerEpochs()
        self._places = Places()
        self._last_token = (0, "")
        """The one made last, with its number: most streams are at the same place."""
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
        if not event.synthetic:
            self._places.passed(event.position, number)
        if not number % MARK_EVERY:
            self._places.mark(number + 1, ring.first_number)
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
        self._places.missing(gap.node_id)
        if not number % MARK_EVERY:
            self._places.mark(number + 1, ring.first_number)
        self._matchers.announce(gap, number, ring.first_number)
        return number

    def node_linked(self, position: Position) -> None:
        """A node's events flow, for the first time or again, and every one of them will be told.

        `position` is that of an event which the switch made after we had been subscribed, such as
        a canary. To be called after the gap, if there is one, and before the first event.
        """
        self._places.linked(position, self._ring.next_number)

    def subscribe(
        self,
        filters: Iterable[EventFilter] = (),
        *,
        name: str = "",
        overflow: Overflow = Overflow.SKIP,
        start: Start | None = None,
    ) -> Subscription:
        """Read what matches at least one of the filters, from now on or from `start`, which must
        be of this moment; no filter means everything.

        Raises ShuttingDown when the log is closed.
        """
        if self.close_reason is not None:
            raise ShuttingDown
        matcher = self._matchers.acquire(filters)
        subscription = Subscription(self._ring, matcher, name, overflow, self._leave, start=start)
        self._subscriptions[subscription] = matcher
        return subscription

    def follow(self, names: frozenset[str] = frozenset(), *, name: str = "") -> Following:
        """Read what concerns calls that are added and dropped later, of these names or of all.

        Raises ShuttingDown when the log is closed.
        """
        if self.close_reason is not None:
            raise ShuttingDown
        matcher = self._matchers.acquire_moving(names)
        live = Subscription(self._ring, matcher, name, Overflow.SKIP, self._leave)
        self._subscriptions[live] = matcher
        return Following(live, matcher, self._matchers, self._ring, names)

    def token_at(self, number: int) -> str:
        """The resume token of a stream that has told everything before entry `number`; empty for
        0, which is no entry.
        """
        if not number:
            return ""
        made_at, text = self._last_token
        if made_at != number:
            places, ring = self._places, self._ring
            is_now = number == ring.next_number
            highs = places.highs() if is_now else places.highs_before(number, ring)
            text = self._key.seal(Token(self.log_id, number, as_passed(highs)))
            self._last_token = number, text
        return text

    def start_after(self, token: str) -> Start:
        """Where a stream goes on that was given this token.

        Raises ResumeTokenInvalid for what is no token of ours, and ResumeTokenExpired when not
        everything that came after it is held.
        """
        asked = self._key.open(token)
        number: int | None = asked.number
        if asked.log_id != self.log_id:
            number = self._former.place_of(asked)
        if number is None:
            return Finder(self._places, self._ring).start_after(asked.passed)
        if number > self._ring.next_number:
            raise ResumeTokenInvalid
        if number < self._ring.first_number:
            raise ResumeTokenExpired("not everything that came after it is held any more")
        return Start(number=number)

    def start_since(self, time_us: int, now_us: int) -> Start:
        """Where a stream begins with what came at that time or later, which as `now_us`, the time
        now, is in microseconds since the epoch. Raises ResumeTokenExpired when not all is held.
        """
        return start_since(self._ring, time_us, now_us)

    def oldest_us(self, now_us: int) -> int:
        """The oldest time for `start_since` now."""
        return oldest_us(self._ring, now_us)

    def gaps_after(self, token: str) -> tuple[Gap, ...]:
        """What is missing for a stream that was given this token and begins anew now."""
        try:
            passed = self._key.open(token).passed
        except ResumeTokenExpired:
            passed = ()
        return Finder(self._places, self._ring).gaps_after(passed)

    def use_secret(self, secret: bytes) -> None:
        """Seal resume tokens with this, unless the log was given a key that lasts."""
        if self._key.is_of_process:
            self._key = TokenKey(secret)
            self._last_token = (0, "")

    def restore(self, kept: Kept, now_us: int) -> None:
        """Go on from what former runs have kept, before anything else goes in.

        Its entries are held as any others, and are as old as they say at the time `now_us`.
        """
        ring, places = self._ring, self._places
        ring.begin_with(kept.next_number - len(kept.items))
        ages_s = ages(kept.items, now_us)
        now_s = ring.clock()
        for item, age_s in zip(kept.items, ages_s, strict=True):
            number = ring.append(item)
            ring[number].appended_s = now_s - age_s
            ring.held_since_s = min(ring.held_since_s, now_s - age_s)
            if isinstance(item, Gap):
                places.missing(item.node_id)
                if item.first_after is not None:  # a link came up behind it
                    places.linked(item.first_after, number + 1)
            elif not item.synthetic:
                places.passed(item.position, number)
            if not number % MARK_EVERY:
                places.mark(number + 1, ring.first_number)
        ring.trim()
        self._former = FormerEpochs(kept.epochs, kept.next_number)
        self.use_secret(kept.secret)

    def entries(self, number: int, count: int) -> list[Entry]:
        """At most so many entries from that number on, which must be held or the next one."""
        ring = self._ring
        return [ring[each] for each in range(number, min(number + count, ring.next_number))]

    def sweep(self) -> None:
        """Let go of what is too old, and of what all have taken. To be called every few seconds."""
        self._ring.trim()
        places = ((matcher, reader.next_match) for reader, matcher in self._subscriptions.items())
        self._matchers.forget(self._ring.first_number, places)

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
