"""Following events for as long as one likes, one by one, whatever breaks on the way.

```python
async with Client() as client, follow(client, EventsRequest()) as events:
    async for item in events:
        match item:
            case Event():
                ...
            case Gap():
                ...  # what was built from events is to be read anew
```
"""

from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from callcontrol.client.endless import EndlessStream, Manners
from callcontrol.client.event_stream import Source
from callcontrol.v1.event_pb2 import Event
from callcontrol.v1.event_service_pb2 import EventsRequest, EventsResponse, Gap, SnapshotCompleted


@dataclass(frozen=True, slots=True)
class SnapshotStarted:
    """A picture of the calls comes: each as an Event with `call_snapshot`, then SnapshotCompleted.

    What came of an earlier one is to be forgotten, also where it was not completed.
    """


Item = Event | Gap | SnapshotStarted | SnapshotCompleted
"""What following brings. After a Gap, what was built from events must be read anew; no snapshot
comes by itself but where one was asked for (`Expired.SNAPSHOT`, `start.snapshot`)."""


class Following:
    """Items in order, none of them twice. An asynchronous context manager and iterator, for one
    task. It never ends by itself, and may be cancelled: nothing is lost by it.
    """

    def __init__(
        self, source: Source, request: EventsRequest, manners: Manners | None = None
    ) -> None:
        self._stream = EndlessStream(source, request, manners)
        self._items: deque[Item] = deque()
        self._place_behind = request.start.resume_token
        """The token of the place behind `_items`."""
        self._is_in_snapshot = False
        self.resume_token = self._place_behind
        """The place behind the items that were returned, for a start elsewhere or later; an item
        may come again there. Empty as long as there is none. Keep it once the item is dealt with.
        """

    async def __aenter__(self) -> Self:
        """Nothing is sent yet; the first item connects."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the stream."""
        await self._stream.__aexit__(kind, error, trace)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        """The next item.

        Raises AioRpcError when the server says what it would say again: that there is no such
        node, for example.
        """
        while not self._items:
            self.resume_token = self._place_behind
            self._take(await self._stream.__anext__())
        item = self._items.popleft()
        if not self._items:
            self.resume_token = self._place_behind
        return item

    def _take(self, message: EventsResponse) -> None:
        if message.HasField("started"):
            self._is_in_snapshot = False
        for event in message.events:
            if event.HasField("call_snapshot"):
                self._begin_snapshot()
            self._items.append(event)
        if message.HasField("gap"):
            self._items.append(message.gap)
        if message.HasField("snapshot_completed"):
            self._begin_snapshot()
            self._is_in_snapshot = False
            self._items.append(message.snapshot_completed)
        self._place_behind = message.resume_token or self._place_behind

    def _begin_snapshot(self) -> None:
        if not self._is_in_snapshot:
            self._is_in_snapshot = True
            self._items.append(SnapshotStarted())


def follow(source: Source, request: EventsRequest, manners: Manners | None = None) -> Following:
    """Everything that the request asks for, from its start on; `source` is a Client.

    Streams that break are opened anew, on this or another replica, and go on where the one before
    stopped: repeats are left out, and where that is not possible a Gap is among the items.
    """
    return Following(source, request, manners)
