"""Waiting for what happens in a conference, registered before the command that makes it happen."""

from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from callcontrol.calls.payloads import ConferenceChanged
from callcontrol.calls.picture.held import Held
from callcontrol.errors import OutcomeUnknown
from callcontrol.events.event import Event
from callcontrol.ids import NodeId

T = TypeVar("T")
Room = tuple[NodeId, str]
"""A conference, by its node and its name."""


class ConferenceWatch:
    """The events of one conference of one node from the moment of entering.

    Each wait ends: by what it waits for, the loss of the node (OutcomeUnknown), or the deadline
    that the caller has set around it. Events that come before or between the waits are kept, at
    most 1 024, the oldest going first.
    """

    def __init__(self, watches: "ConferenceWatches", room: Room) -> None:
        self.room = room
        self._watches = watches
        self._held = Held[ConferenceChanged]()
        self._lost: str | None = None

    def __enter__(self) -> Self:
        self._watches.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watches.remove(self)

    async def until(self, found: Callable[[ConferenceChanged], T | None]) -> T:
        """Wait for the first event for which `found` gives something but None or False, and
        return that. Raises OutcomeUnknown if the link to the node is lost. One wait at a time.
        """
        return await self._held.first(found, self._end_if_lost)

    def take(self, changed: ConferenceChanged) -> None:
        """Something happened in the conference."""
        self._held.take(changed)
        self._held.wake()

    def lose(self, reason: str) -> None:
        """The node is gone."""
        self._lost = self._lost or reason
        self._held.wake()

    def _end_if_lost(self) -> None:
        if self._lost is not None:
            raise OutcomeUnknown(self.room[0], self._lost)


class ConferenceWatches:
    """The watches that are entered now, found by the conferences they watch."""

    def __init__(self) -> None:
        self._by_room: dict[Room, list[ConferenceWatch]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_room)

    def add(self, watch: ConferenceWatch) -> None:
        """Begin to pass the watch the events of its conference."""
        self._by_room.setdefault(watch.room, []).append(watch)

    def remove(self, watch: ConferenceWatch) -> None:
        """Pass it no more."""
        watches = self._by_room.get(watch.room, [])
        if watch in watches:
            watches.remove(watch)
        if not watches:
            self._by_room.pop(watch.room, None)

    def pass_on(self, event: Event) -> None:
        """Give what an event says of a conference to those that watch it."""
        changed = event.payload
        if isinstance(changed, ConferenceChanged):
            room = (event.position.node_id, changed.conference_name)
            for watch in tuple(self._by_room.get(room, ())):
                watch.take(changed)

    def lose_node(self, node_id: NodeId, reason: str) -> None:
        """Tell those that watch conferences of a node that it is gone."""
        for room, watches in list(self._by_room.items()):
            if room[0] == node_id:
                for watch in watches:
                    watch.lose(reason)
