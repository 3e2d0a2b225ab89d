"""How far the events of each switch have come, at any place that the log still holds.

A switch numbers its events itself, the same for every replica, so these numbers tell a place to a
log that did not give it out. They are kept as the highest number that has passed, and written down
only now and then. To say less than is true at a place makes repeats, and never a loss.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final, NamedTuple

from callcontrol.events.event import Gap, Position
from callcontrol.events.ring import Ring
from callcontrol.events.token import Passed
from callcontrol.ids import CoreUuid, NodeId

MARK_EVERY: Final = 128
"""Entries between two marks."""
MAX_INVERSION: Final = 512
"""How much lower the number of an event may be than that of one before it. Numbers are given when
an event is made, and several threads carry events to the links; the recordings show up to 296."""


class High(NamedTuple):
    """How far the events of a node's process have come."""

    node_id: NodeId
    core_uuid: CoreUuid
    sequence: int
    """The highest number so far."""
    last: int
    """As in Stretch."""
    last_number: int


class Mark(NamedTuple):
    """What had passed before entry `number`."""

    number: int
    highs: tuple[High, ...]

    def of(self, stretch: "Stretch") -> High:
        """Of that process of that node; all 0 if nothing of it had."""
        for high in self.highs:
            if high.node_id == stretch.node_id and high.core_uuid == stretch.core_uuid:
                return high
        return High(stretch.node_id, stretch.core_uuid, 0, 0, 0)


class Stretch:
    """The events of one node from when its link came up: all that its switch pushed meanwhile.

    Mutable, as each event moves it on.
    """

    __slots__ = (
        "begin",
        "core_uuid",
        "end",
        "floor",
        "former",
        "high",
        "last",
        "last_number",
        "low",
        "node_id",
    )

    def __init__(self, node_id: NodeId, core_uuid: CoreUuid, begin: int, low: int) -> None:
        self.node_id, self.core_uuid = node_id, core_uuid
        self.begin = begin
        """The entry from which on its events are in the log."""
        self.end: int | None = None
        """The entry at which the next stretch of the node begins; None while this is the last."""
        self.low = low
        """What the switch made after this number, and pushed to anyone, is in the log: it came
        after we were subscribed."""
        self.high = self.floor = 0
        """The highest number of the process so far and up to its begin, in stretches before too; 0
        for none."""
        self.last = self.last_number = 0
        """Number in the switch and in the log of the last event, if the node's last entry is one
        whose number was the highest so far; else 0. For what a leg fires again that a detector
        fired before has the number of that, and may come at any time after it."""
        self.former: Stretch | None = None
        """The last one before it that had events, as long as this one has none."""


class Places:
    """Follows the events of all nodes. Bounded by the nodes, and by the entries that are held."""

    def __init__(self) -> None:
        self._current: dict[NodeId, Stretch] = {}
        self.stretches: list[Stretch] = []
        """Those of which something may be held, and the last of each node; in order."""
        self.marks: list[Mark] = [Mark(1, ())]
        """In order; the first one is not after the oldest entry held."""

    @property
    def nodes(self) -> tuple[NodeId, ...]:
        """Those of which events came, or whose link came up."""
        return tuple(self._current)

    def linked(self, position: Position, number: int) -> None:
        """A node's link is up and has all that its switch pushes; `position` is that of an event
        which the switch made after we were subscribed. What comes of it begins with `number`.
        """
        self._begin(position.node_id, position.core_uuid, number, position.sequence)

    def passed(self, position: Position, number: int) -> None:
        """An event of a switch goes into the log. Not for events of our own, whose positions are
        those of what they are about.
        """
        stretch = self._current.get(position.node_id)
        sequence = position.sequence
        if stretch is None or stretch.core_uuid != position.core_uuid:
            if not sequence or not position.core_uuid:
                return
            # What was pushed before it may have been made later.
            low = sequence + MAX_INVERSION
            stretch = self._begin(position.node_id, position.core_uuid, number, low)
        if sequence > stretch.high:
            stretch.high = sequence
            stretch.former = None
            stretch.last, stretch.last_number = sequence, number
        else:
            stretch.last = 0

    def missing(self, node_id: NodeId | None) -> None:
        """Something is missing here, of a node or of all."""
        for stretch in self._current.values():
            if node_id is None or stretch.node_id == node_id:
                stretch.last = 0

    def mark(self, number: int, first_number: int) -> None:
        """Write down what has passed before entry `number`; let go of what lies before
        `first_number`, except the last mark there.
        """
        self.marks.append(Mark(number, self.highs()))
        gone = 0
        while gone + 1 < len(self.marks) and self.marks[gone + 1].number <= first_number:
            gone += 1
        del self.marks[:gone]
        self.stretches = [
            each for each in self.stretches if each.end is None or each.end > first_number
        ]

    def highs(self) -> tuple[High, ...]:
        """What has passed by now."""
        found = []
        for stretch in self._current.values():
            told = stretch if stretch.high else stretch.former
            if told is not None:
                found.append(
                    High(told.node_id, told.core_uuid, told.high, told.last, told.last_number)
                )
        return tuple(found)

    def highs_before(self, number: int, ring: Ring) -> Iterable[High]:
        """What had passed before an entry; nothing where that is too long ago."""
        found = bisect_right(self.marks, number, key=lambda mark: mark.number)
        if not found:
            return ()
        mark = self.marks[found - 1]
        highs = {high.node_id: high for high in mark.highs}
        for each in range(max(mark.number, ring.first_number), number):
            item = ring[each].item
            if isinstance(item, Gap) or item.synthetic or not item.position.sequence:
                continue
            node_id, core_uuid, sequence, _ = item.position
            high = highs.get(node_id)
            if high is None or high.core_uuid != core_uuid or high.sequence < sequence:
                highs[node_id] = High(node_id, core_uuid, sequence, 0, 0)
        return highs.values()

    def _begin(self, node_id: NodeId, core_uuid: CoreUuid, number: int, low: int) -> Stretch:
        stretch = Stretch(node_id, core_uuid, number, low)
        former = self._current.get(node_id)
        if former is not None:
            former.end = number
            if former.core_uuid == core_uuid:
                stretch.high = stretch.floor = former.high
                # Of two links, one that waited has told nothing that the other one had told.
                stretch.low = max(low, former.high)
            stretch.former = former if former.high else former.former
            former.former = None
        self._current[node_id] = stretch
        self.stretches.append(stretch)
        return stretch


def as_passed(highs: Iterable[High]) -> tuple[Passed, ...]:
    """The same by process alone. A switch that is two nodes counts as far as the slower one."""
    lowest: dict[CoreUuid, int] = {}
    for high in highs:
        lowest[high.core_uuid] = min(high.sequence, lowest.get(high.core_uuid, high.sequence))
    return tuple(Passed(core_uuid, sequence) for core_uuid, sequence in lowest.items())
