"""What a stream says, as bytes, with the resume token of the place that it says it at.

Streams that are level say the same: the messages of a batch are made by the first of them.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from callcontrol.events.event import Event, Gap, GapReason, Position
from callcontrol.events.pieces import Batch
from callcontrol.events.ring import Entry
from callcontrol.rpc.convert_event import Projection, encode_entry, encode_token, gap
from callcontrol.v1.event_service_pb2 import EventsResponse


class Message(NamedTuple):
    """One message of a stream."""

    data: bytes
    events: int = 0
    """How many events are in it."""


class Saying(NamedTuple):
    """What a stream says of what it took. It holds no entries: a client may take nothing for long,
    and what the log drops meanwhile must go.
    """

    messages: tuple[Message, ...]
    entries: int
    """How many entries are told."""
    since_s: float
    """When the first of them was appended, on the log's clock; 0 without one."""
    last_told: Position | None
    """Where the last event was that has been told then."""
    place: int
    """Everything before the entry of this number has been told then."""


class MessageMaker:
    """Makes the messages of all streams of a server."""

    def __init__(self, token_at: Callable[[int], str]) -> None:
        """`token_at` gives the token of a stream that has told everything before an entry."""
        self._token_at = token_at

    def notice(self, notice: EventsResponse, place: int) -> Message:
        """A message without events, after which everything before entry `place` has been told."""
        return Message(notice.SerializeToString() + self._token(place))

    def saying(
        self, batch: Batch, projection: Projection, last_told: Position | None = None
    ) -> Saying:
        """What was taken, behind what is missing before it."""
        messages = batch.piece.once(
            (projection.key, batch.last_number), lambda: tuple(self._messages(batch, projection))
        )
        if batch.overtaken or batch.unread:
            messages = (self._skipped(batch, last_told), *messages)
        return Saying(
            messages,
            len(batch.entries),
            batch.entries[0].appended_s if batch.entries else 0.0,
            _last_position(batch) or last_told,
            batch.last_number + 1,
        )

    def _skipped(self, batch: Batch, last_told: Position | None) -> Message:
        """That something was overtaken or not read before the batch."""
        first = batch.entries[0] if batch.entries else None
        after = first.item if first is not None else None
        missing = Gap(
            reason=GapReason.SLOW_CONSUMER,
            last_before=last_told,
            first_after=after.position if isinstance(after, Event) else None,
            count=0 if batch.unread else batch.overtaken,
        )
        place = first.number if first is not None else batch.last_number + 1
        return self.notice(EventsResponse(gap=gap(missing)), place)

    def _messages(self, batch: Batch, projection: Projection) -> Iterator[Message]:
        chunks: list[bytes] = []
        for entry in batch.entries:
            chunk = encode_entry(entry, projection)
            if chunk:
                chunks.append(chunk)
                continue
            notice = EventsResponse(gap=gap(_missing(entry))).SerializeToString()
            yield Message(b"".join((*chunks, notice, self._token(entry.number + 1))), len(chunks))
            chunks = []
        if chunks:
            yield Message(b"".join((*chunks, self._token(batch.last_number + 1))), len(chunks))

    def _token(self, place: int) -> bytes:
        return encode_token(self._token_at(place))


def _last_position(batch: Batch) -> Position | None:
    """Where the last event of a batch was; None where it has none."""
    for entry in reversed(batch.entries):
        if isinstance(entry.item, Event):
            return entry.item.position
    return None


def _missing(entry: Entry) -> Gap:
    """The gap that stands in a place without a readable event."""
    if isinstance(entry.item, Gap):
        return entry.item
    place = entry.item.position
    return Gap(reason=GapReason.UNREADABLE_EVENT, node_id=place.node_id, last_before=place, count=1)
