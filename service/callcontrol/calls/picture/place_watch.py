"""Waiting for what happens in one place of a node, registered before the command that does it."""

from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from callcontrol.calls.picture.held import Held
from callcontrol.errors import OutcomeUnknown
from callcontrol.ids import NodeId

E = TypeVar("E")
T = TypeVar("T")
Place = tuple[NodeId, str]
"""Something by its node and its name."""


class PlaceWatch(Generic[E]):
    """What happens in one place from the moment of entering.

    Each wait ends: by what it waits for, the loss of the node (OutcomeUnknown), or the deadline
    that the caller has set around it. What comes before or between the waits is kept, at most
    1 024 of it, the oldest going first.
    """

    def __init__(self, watches: "PlaceWatches[E]", place: Place) -> None:
        self.place = place
        self._watches = watches
        self._held = Held[E]()
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

    async def until(self, found: Callable[[E], T | None]) -> T:
        """Wait for the first thing for which `found` gives something but None or False, and
        return that. Raises OutcomeUnknown if the link to the node is lost. One wait at a time.
        """
        return await self._held.first(found, self._end_if_lost)

    def take(self, happened: E) -> None:
        """Something happened there."""
        self._held.take(happened)
        self._held.wake()

    def lose(self, reason: str) -> None:
        """The node is gone."""
        self._lost = self._lost or reason
        self._held.wake()

    def _end_if_lost(self) -> None:
        if self._lost is not None:
            raise OutcomeUnknown(self.place[0], self._lost)


class PlaceWatches(Generic[E]):
    """The watches that are entered now, found by the places they watch."""

    def __init__(self) -> None:
        self._by_place: dict[Place, list[PlaceWatch[E]]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_place)

    def add(self, watch: PlaceWatch[E]) -> None:
        """Begin to tell the watch what happens in its place."""
        self._by_place.setdefault(watch.place, []).append(watch)

    def remove(self, watch: PlaceWatch[E]) -> None:
        """Tell it no more."""
        watches = self._by_place.get(watch.place, [])
        if watch in watches:
            watches.remove(watch)
        if not watches:
            self._by_place.pop(watch.place, None)

    def tell(self, place: Place, happened: E) -> None:
        """Tell those that watch the place what happened there."""
        for watch in tuple(self._by_place.get(place, ())):
            watch.take(happened)

    def lose_node(self, node_id: NodeId, reason: str) -> None:
        """Tell those that watch places of a node that it is gone."""
        for place, watches in list(self._by_place.items()):
            if place[0] == node_id:
                for watch in watches:
                    watch.lose(reason)
