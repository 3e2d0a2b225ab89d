"""How far the events of each switch have come, at any place that the log still holds.

A switch numbers its events itself, the same for every replica, so these numbers tell a place to a
log that did not give it out. They are kept as the highest number that has passed, and written down
only now and then: a mark before a place says less than is true there, which makes repeats and
never a loss.
"""

from collections import deque
from typing import Final, NamedTuple

from callcontrol.events.event import Position
from callcontrol.events.token import Passed
from callcontrol.ids import CoreUuid, NodeId

MARK_EVERY: Final = 256
"""Entries between two marks; a power of two."""


class High(NamedTuple):
    """The highest number of a node's process so far."""

    node_id: NodeId
    core_uuid: CoreUuid
    sequence: int


class Mark(NamedTuple):
    """What had passed before entry `number`."""

    number: int
    highs: tuple[High, ...]


class _Course:
    """How far the events of one node have come; mutable, as each event moves one."""

    __slots__ = ("core_uuid", "high")

    def __init__(self, core_uuid: CoreUuid) -> None:
        self.core_uuid, self.high = core_uuid, 0


class Places:
    """Follows the events of all nodes. Bounded by the nodes, and by the entries that are held."""

    def __init__(self) -> None:
        self._courses: dict[NodeId, _Course] = {}
        self._marks: deque[Mark] = deque([Mark(1, ())])

    def passed(self, position: Position) -> None:
        """An event of a switch goes into the log. Not for events of our own, whose positions are
        those of what they are about.
        """
        course = self._courses.get(position.node_id)
        if course is None or course.core_uuid != position.core_uuid:
            if not position.sequence or not position.core_uuid:
                return
            # The former process of the node is gone, and all that it said has passed.
            course = self._courses[position.node_id] = _Course(position.core_uuid)
        if position.sequence > course.high:  # noqa: PLR1730  as `max` takes twice as long
            course.high = position.sequence

    def mark(self, number: int, first_number: int) -> None:
        """Write down what has passed before entry `number`; let go of what lies before
        `first_number`, except the last mark there.
        """
        marks = self._marks
        marks.append(Mark(number, self.highs()))
        while marks[1].number <= first_number:
            marks.popleft()

    def highs(self) -> tuple[High, ...]:
        """What has passed by now."""
        return tuple(
            High(node_id, course.core_uuid, course.high)
            for node_id, course in self._courses.items()
        )

    def passed_before(self, number: int) -> tuple[Passed, ...]:
        """What has passed at least before entry `number`, for a token; nothing where that is too
        long ago.
        """
        for mark in reversed(self._marks):
            if mark.number <= number:
                return as_passed(mark.highs)
        return ()


def as_passed(highs: tuple[High, ...]) -> tuple[Passed, ...]:
    """The same by process alone. A switch that is two nodes counts as far as the slower one."""
    lowest: dict[CoreUuid, int] = {}
    for high in highs:
        lowest[high.core_uuid] = min(high.sequence, lowest.get(high.core_uuid, high.sequence))
    return tuple(Passed(core_uuid, sequence) for core_uuid, sequence in lowest.items())
