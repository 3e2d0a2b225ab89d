"""What a worker is to be told beside events: in order, each at its place in the event log.

A worker that does not read leaves them here. What it never heard of is not told when it is over, so
that their number is bounded by the calls it may have.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from callcontrol.ids import OfferId
from callcontrol.v1.call_handling_service_pb2 import HandleCallsResponse


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell, put into words when it is told."""

    place: int
    """Events before the entry of this number are told first."""
    words: Callable[[], HandleCallsResponse]
    offer_id: OfferId | None = None


class Notices:
    """The notices for one worker."""

    def __init__(self) -> None:
        self._first: list[Notice] = []
        self._waiting: dict[int, Notice] = {}
        self._offers: dict[OfferId, int] = {}
        """The offers that wait."""
        self._next = 0

    def __len__(self) -> int:
        return len(self._first) + len(self._waiting)

    def add(
        self,
        place: int,
        words: Callable[[], HandleCallsResponse],
        offer_id: OfferId | None = None,
    ) -> None:
        """One more, behind all others; an offer can be taken back."""
        self._next += 1
        self._waiting[self._next] = Notice(place, words, offer_id)
        if offer_id is not None:
            self._offers[offer_id] = self._next

    def add_first(self, words: Callable[[], HandleCallsResponse]) -> None:
        """One that comes before all others, and before events of the past."""
        self._first.append(Notice(0, words))

    def take_back(self, offer_id: OfferId) -> bool:
        """Tell nothing of an offer; False where it has been told."""
        number = self._offers.pop(offer_id, None)
        if number is not None:
            del self._waiting[number]
        return number is not None

    def first(self) -> list[Notice]:
        """Take those that come before all others."""
        first, self._first = self._first, []
        return first

    def due(self, place: int) -> Iterator[Notice]:
        """Take those that can be told where all events before this entry have been, in order."""
        while self._waiting:
            number, notice = next(iter(self._waiting.items()))
            if notice.place > place:
                return
            del self._waiting[number]
            if notice.offer_id is not None:
                del self._offers[notice.offer_id]
            yield notice
