"""Reading what the log already holds: from a place in the past up to where a subscription began."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from callcontrol.events.event import Gap, Position
from callcontrol.events.filter import may_match_node
from callcontrol.events.matchers import Matcher
from callcontrol.events.ring import Entry, Ring
from callcontrol.events.token import Passed
from callcontrol.ids import NodeId

MAX_LOOKS: Final = 1_024
"""Entries looked at in one go, in which nobody else runs: a millisecond of a usual filter."""
MAX_LOOKING_S: Final = 0.002
"""Of one go, beside the last look: as many looks of the dearest filter are a tenth of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a subscription begins, in the past of this log."""

    number: int
    """The first entry to be told."""
    node_places: Mapping[NodeId, int] = field(default_factory=dict)
    """Nodes whose entries before a later number are left out, as they have been told."""
    gaps: tuple[Gap, ...] = ()
    """What is known to be missing before it."""
    told: Mapping[NodeId, Passed] = field(default_factory=dict)
    """How far another log has told what the switches said, of which some comes again. What this one
    found out by asking before that is left out: it is older than what was told, and what changed
    it comes as a repeat, which is dropped. Not so behind a gap."""


@dataclass(frozen=True, slots=True)
class Past:
    """A piece of the past."""

    entries: list[Entry]
    """Those that match, in order; a Gap is always the last."""
    filtered: int
    """How many the filters left out."""
    dropped: int
    """How many the log dropped before they were looked at; they come before `entries`, and it is
    not known whether any of them matched."""


class CatchUp:
    """A reader of the entries from `start` up to, and without, `end`. It holds no entries."""

    __slots__ = ("_end", "_matcher", "_node_places", "_ring", "_told", "next_number")

    def __init__(self, ring: Ring, matcher: Matcher, start: Start, end: int) -> None:
        self._ring, self._matcher, self._end = ring, matcher, end
        self._node_places = {
            node_id: place for node_id, place in start.node_places.items() if place > start.number
        }
        self._told = dict(start.told)
        self.next_number = start.number
        """Everything before it has been looked at, or dropped before."""

    @property
    def is_done(self) -> bool:
        """Whether all of it has been read."""
        return self.next_number >= self._end

    @property
    def left(self) -> int:
        """Entries not looked at yet."""
        return self._end - self.next_number

    @property
    def lag_s(self) -> float:
        """Age of the oldest entry not looked at, in seconds; 0 when none is held."""
        ring = self._ring
        number = max(self.next_number, ring.first_number)
        if number >= ring.next_number:
            return 0.0
        return max(0.0, ring.clock() - ring[number].appended_s)

    @property
    def dropped(self) -> int:
        """Entries that the log has dropped before they were looked at."""
        return max(0, min(self._ring.first_number, self._end) - self.next_number)

    def take(self, max_events: int, max_bytes: int, size_of: Callable[[Entry], int]) -> Past:
        """The next entries that match, of at most MAX_LOOKS and of what MAX_LOOKING_S suffices for;
        bounded as `Subscription.take` is.

        May be empty though there is more. When `size_of` raises, nothing was taken.
        """
        dropped = self.dropped
        begin = self.next_number + dropped
        entries: list[Entry] = []
        filtered = 0
        bytes_left = max_bytes
        number, end = begin, min(begin + MAX_LOOKS, self._end)
        clock = self._ring.clock
        until_s = clock() + MAX_LOOKING_S
        while number < end and (number == begin or clock() < until_s):
            entry = self._ring[number]
            if self._was_told(entry):
                pass
            elif not self._matches(entry):
                filtered += 1
            else:
                bytes_left -= size_of(entry)
                if entries and (bytes_left < 0 or len(entries) >= max_events):
                    break
                entries.append(entry)
                if isinstance(entry.item, Gap):
                    self._forget_told(entry.item.node_id)
                    number += 1
                    break
            number += 1
        self.next_number = number
        return Past(entries, filtered, dropped)

    def _was_told(self, entry: Entry) -> bool:
        item = entry.item
        if isinstance(item, Gap):
            return self._is_before_its_place(item.node_id, entry.number)
        if item.synthetic and self._is_old_news(item.position):
            return True
        return self._is_before_its_place(item.position.node_id, entry.number)

    def _is_before_its_place(self, node_id: NodeId | None, number: int) -> bool:
        return node_id is not None and number < self._node_places.get(node_id, 0)

    def _is_old_news(self, position: Position) -> bool:
        told = self._told.get(position.node_id)
        return (
            told is not None
            and position.core_uuid == told.core_uuid
            and 0 < position.sequence <= told.sequence
        )

    def _forget_told(self, node_id: NodeId | None) -> None:
        if node_id is None:
            self._told.clear()
        else:
            self._told.pop(node_id, None)

    def _matches(self, entry: Entry) -> bool:
        if isinstance(entry.item, Gap):
            return may_match_node(self._matcher.filters, entry.item.node_id)
        return self._matcher.accepts(entry.item)
