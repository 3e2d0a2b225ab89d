"""Finding a place that another log gave out: another replica's, or one of this service's past.

What holds it up: a switch pushes each event to all its listeners before the next one
(mod_event_socket.c, event_handler, under one mutex), so all logs have the same events in the same
order, each from when its link came up. Whoever was told everything up to event h lacks only what
was pushed after h. A log that has h has the place right behind it; one that does not have it (yet)
looks by number, and allows for numbers that are out of order. Replicas that are subscribed to
different events would not find all places: they are to have the same settings.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from callcontrol.errors import ResumeTokenExpired
from callcontrol.events.catch_up import Start
from callcontrol.events.event import Gap, GapReason, Position
from callcontrol.events.places import MAX_INVERSION, Mark, Places, Stretch
from callcontrol.events.ring import Ring
from callcontrol.events.token import Passed
from callcontrol.ids import NodeId

MAX_AHEAD: Final = 65_536
"""How many events another log may be ahead of this one. What claims more, as a number that a client
of the switch made up, is not believed: behind it nothing would ever come."""
MAX_LOOKS_BACK: Final = 1_024
"""Entries, which may be of other nodes."""


class Finder:
    """Looks in a log as it is at this moment. A look takes well under a millisecond a switch."""

    def __init__(self, places: Places, ring: Ring) -> None:
        self._places, self._ring = places, ring

    def start_after(self, passed: Sequence[Passed]) -> Start:
        """Where a stream goes on that was told everything up to there.

        Nodes of which it was told nothing begin with a gap and the oldest that is held. Raises
        ResumeTokenExpired when not everything is held that it lacks.
        """
        node_places: dict[NodeId, int] = {}
        told: dict[NodeId, Passed] = {}
        for each in passed:
            by_node = self._stretches(each)
            if not by_node:
                raise ResumeTokenExpired("nothing of one of its switches has been seen here")
            for node_id, stretches in by_node.items():
                place = self._place_in(stretches, each.sequence)
                if place is None:
                    raise ResumeTokenExpired("not everything that came after it is held here")
                node_places[node_id], told[node_id] = place, each
        unknown = [node_id for node_id in self._places.nodes if node_id not in node_places]
        begins = [self._ring.first_number] if unknown else list(node_places.values())
        return Start(
            number=max(self._ring.first_number, min(begins, default=self._ring.next_number)),
            node_places=node_places,
            gaps=tuple(_history_expired(node_id) for node_id in unknown),
            told=told,
        )

    def gaps_after(self, passed: Sequence[Passed]) -> tuple[Gap, ...]:
        """What is missing for one who was told everything up to there and begins anew now."""
        last: dict[NodeId, Position] = {}
        for each in passed:
            for node_id in self._stretches(each):
                last[node_id] = Position(node_id, each.core_uuid, each.sequence, 0)
        if not passed or not all(self._stretches(each) for each in passed):
            return (_history_expired(None),)
        return tuple(_history_expired(node, last.get(node)) for node in self._places.nodes)

    def _stretches(self, passed: Passed) -> dict[NodeId, list[Stretch]]:
        """What is held of a switch process, by node, the newest first. One of which only the gap
        after it is held counts, as that will be told.
        """
        found: dict[NodeId, list[Stretch]] = {}
        for stretch in reversed(self._places.stretches):
            is_held = stretch.end is None or stretch.end > self._ring.first_number
            if is_held and stretch.core_uuid == passed.core_uuid:
                found.setdefault(stretch.node_id, []).append(stretch)
        return found

    def _place_in(self, stretches: Sequence[Stretch], sequence: int) -> int | None:
        """The entry to go on with, or one before it; None when not all of it is held."""
        for stretch in stretches:
            if sequence > stretch.low:  # else what has that number here may have been fired again
                place = self._right_behind(stretch, sequence)
                return self._by_number(stretch, sequence) if place is None else place
        return None

    def _right_behind(self, stretch: Stretch, sequence: int) -> int | None:
        if stretch.last == sequence:  # also where it is not held any more
            return stretch.last_number + 1
        number = self._first_reaching(stretch, sequence)
        if number is not None and self._sequence(stretch, number) == sequence:
            return number + 1
        # On a quiet switch it was the last one for long, and what came next may still be held.
        marks = self._places.marks
        begin, end = self._marks_within(stretch)
        found = bisect_right(
            marks, sequence, begin, end, key=lambda mark: mark.of(stretch).sequence
        )
        if found > begin and marks[found - 1].of(stretch).last == sequence:
            return marks[found - 1].of(stretch).last_number + 1
        return None

    def _by_number(self, stretch: Stretch, sequence: int) -> int | None:
        """A place in a stretch that has or will have all that came after an event which it has not
        (yet), as we were subscribed before the switch made that one.
        """
        if sequence > max(stretch.high, stretch.low) + MAX_AHEAD:
            return None
        begin, end = self._held(stretch)
        if begin != stretch.begin and stretch.high >= sequence:
            return None  # else what was dropped of it came before that event, which is to come
        highest_told = sequence - MAX_INVERSION
        first = end
        if stretch.high > highest_told:
            first = self._first_reaching(stretch, highest_told + 1) or begin
        for number in range(first - 1, max(begin, first - MAX_LOOKS_BACK) - 1, -1):
            if self._sequence(stretch, number):
                return number + 1  # so that a gap between the two is told
        return begin

    def _first_reaching(self, stretch: Stretch, sequence: int) -> int | None:
        """The first entry whose event has that number or a higher one; None where it is not held or
        not known.

        For an event that came with a lower number than one before it may be fired again, which
        happens to what a detector fires, and may have been told long ago.
        """
        if not stretch.floor < sequence <= stretch.high:
            return None
        marks = self._places.marks
        first, last = self._marks_within(stretch)
        found = bisect_left(
            marks, sequence, first, last, key=lambda mark: mark.of(stretch).sequence
        )
        begin, end = self._held(stretch)
        if found == first and begin != stretch.begin:
            return None  # it may have come before what is held
        if found > first:
            begin = marks[found - 1].number
        if found < last:
            end = marks[found].number
        for number in range(begin, end):
            if self._sequence(stretch, number) >= sequence:
                return number
        return None

    def _marks_within(self, stretch: Stretch) -> tuple[int, int]:
        """The marks at which something of it is held before or behind, as a slice."""
        marks = self._places.marks
        begin, end = self._held(stretch)
        return bisect_left(marks, begin, key=_number_of), bisect_right(marks, end, key=_number_of)

    def _held(self, stretch: Stretch) -> tuple[int, int]:
        """The entries held from its begin up to, and without, its end."""
        ring = self._ring
        end = ring.next_number if stretch.end is None else stretch.end
        return max(stretch.begin, ring.first_number), end

    def _sequence(self, stretch: Stretch, number: int) -> int:
        """The number that the switch gave the event of an entry; 0 if it is no event of this
        switch, or has none.
        """
        item = self._ring[number].item
        if isinstance(item, Gap) or item.synthetic:
            return 0
        node_id, core_uuid, sequence, _ = item.position
        is_of_it = node_id == stretch.node_id and core_uuid == stretch.core_uuid
        return sequence if is_of_it else 0


def _number_of(mark: Mark) -> int:
    return mark.number


def _history_expired(node_id: NodeId | None, last_before: Position | None = None) -> Gap:
    return Gap(reason=GapReason.HISTORY_EXPIRED, node_id=node_id, last_before=last_before)
