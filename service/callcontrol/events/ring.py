"""The history: numbered entries, the newest of them, bounded in count, bytes and age."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from callcontrol.events.event import Event, Gap

MAX_ENCODINGS = 8
"""Encodings kept with an entry. Further ones are made anew for each who asks, at a cost in time;
without a bound, subscribers with views of their own would leave no room for history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLimits:
    """How much history is held. The first bound that is met drops the oldest entries.

    `max_bytes` counts events as on the wire and their kept encodings. The objects take two to three
    times as much memory as the wire (three for what a real switch said), so 256 MiB may be 768.
    """

    max_events: int = 65_536
    max_bytes: int = 256 * 1024 * 1024
    max_age_s: float = 600.0


class Entry:
    """One place in the history: what is there, its number, and its encodings."""

    __slots__ = ("_encodings", "_ring", "appended_s", "item", "number", "weight")

    def __init__(self, number: int, item: Event | Gap, appended_s: float, ring: "Ring") -> None:
        self.number = number
        self.item = item
        self.appended_s = appended_s
        """When it was appended, on the log's clock."""
        self._encodings: dict[Hashable, bytes] = {}
        self.weight = item.size if isinstance(item, Event) else 0
        """Bytes that it counts towards the bound of the ring."""
        self._ring: Ring | None = ring

    def encoded(self, view: Hashable, encode: Callable[[Event | Gap], bytes]) -> bytes:
        """The item as `encode` makes it, kept under `view` and counted as memory of the log."""
        encoding = self._encodings.get(view)
        if encoding is None:
            encoding = encode(self.item)
            if self._ring is not None and len(self._encodings) < MAX_ENCODINGS:
                self._encodings[view] = encoding
                self.weight += len(encoding)
                self._ring.bytes_held += len(encoding)
        return encoding

    def leave(self) -> None:
        """Dropped from the ring: whoever still holds it adds no bytes to the ring any more."""
        self._ring = None


class Ring:
    """Entries by number, from `first_number` up to but without `next_number`."""

    def __init__(self, limits: LogLimits, clock: Callable[[], float] = time.monotonic) -> None:
        if limits.max_events < 1:
            raise ValueError("max_events must be at least 1")
        self.clock = clock
        """Seconds, from any origin, never backwards."""
        self._limits = limits
        self._slots: list[Entry | None] = [None] * limits.max_events
        self.first_number = 1
        """The oldest entry held; the same as `next_number` when none is."""
        self.next_number = 1
        self.bytes_held = 0
        self.held_since_s = clock()
        """Everything after that is held, on the ring's clock."""
        self.dropped_us = 0
        """The latest time at which an event came that is not held any more, as it told, in
        microseconds since the epoch; 0 for none."""
        self.close_reason: str | None = None
        """Why nothing is taken in any more; None while the log is open."""

    def begin_with(self, number: int) -> None:
        """Give the first entry this number; for a ring that never had one."""
        if self.next_number != 1:
            raise ValueError("there have been entries")
        self.first_number = self.next_number = number

    def append(self, item: Event | Gap) -> int:
        """Number the item and keep it; drop what the bounds no longer allow.

        An item that exceeds `max_bytes` by itself is kept alone until the next one.
        """
        now_s = self.clock()
        number = self.next_number
        slots = self._slots
        if number - self.first_number == len(slots):
            self._drop_first()
        entry = Entry(number, item, now_s, self)
        slots[number % len(slots)] = entry
        self.next_number = number + 1
        self.bytes_held += entry.weight
        while self.bytes_held > self._limits.max_bytes and self.first_number < number:
            self._drop_first()
        self._drop_aged(now_s)
        return number

    def trim(self) -> None:
        """Drop what the bounds no longer allow; the newest entry goes only by age."""
        while self.bytes_held > self._limits.max_bytes and self.first_number < self.next_number - 1:
            self._drop_first()
        self._drop_aged(self.clock())

    def __getitem__(self, number: int) -> Entry:
        """The entry of that number, which must be held."""
        entry = self._slots[number % len(self._slots)]
        if entry is None:
            raise LookupError(f"entry {number} is not held")
        return entry

    def __len__(self) -> int:
        return self.next_number - self.first_number

    def _drop_aged(self, now_s: float) -> None:
        oldest_s = now_s - self._limits.max_age_s
        while self.first_number < self.next_number:
            if self[self.first_number].appended_s >= oldest_s:
                return
            self._drop_first()

    def _drop_first(self) -> None:
        entry = self[self.first_number]
        entry.leave()
        self.held_since_s = entry.appended_s
        if isinstance(entry.item, Event):
            self.dropped_us = max(self.dropped_us, entry.item.received_us)
        self._slots[self.first_number % len(self._slots)] = None
        self.first_number += 1
        self.bytes_held -= entry.weight
