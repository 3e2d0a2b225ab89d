"""One open Events stream: its single writer, which sends what its subscription takes.

Nothing else writes to the stream: grpc.aio ends an RPC without a status when two tasks write. The
writer holds nothing but the messages of what it took, at most about 1 MiB (`room`) and no entries,
so a peer that does not read costs that and what gRPC buffers, until its connection ends.
"""

import asyncio
from typing import Final

from callcontrol.errors import ShuttingDown, SubscriptionEnded
from callcontrol.events.event import Position
from callcontrol.events.subscription import Subscription, SubscriptionClosed
from callcontrol.rpc import convert
from callcontrol.rpc.aio import Context
from callcontrol.rpc.convert_event import encode_entry
from callcontrol.rpc.event_request import StreamRequest
from callcontrol.rpc.opening import NOW, Opening
from callcontrol.rpc.stream_messages import Message, Saying
from callcontrol.rpc.stream_tools import Departure, StreamTools
from callcontrol.v1.event_service_pb2 import EventsResponse, GoingAway, Heartbeat

_US: Final = 1_000_000


class EventStream:
    """A subscription on its way to a client."""

    __slots__ = (
        "_announced",
        "_departure",
        "_ended",
        "_filtered",
        "_last_sent_s",
        "_last_told",
        "_opening",
        "_request",
        "_sending",
        "_subscription",
        "_tools",
        "_writes_since_s",
        "name",
        "peer",
        "sent_events",
        "skipped_events",
        "started_us",
        "stream_id",
    )

    def __init__(
        self,
        stream_id: str,
        request: StreamRequest,
        subscription: Subscription,
        tools: StreamTools,
        departure: Departure | None,
        *,
        opening: Opening = NOW,
        peer: str = "",
    ) -> None:
        self.stream_id, self.peer, self.name = stream_id, peer, request.name
        self.started_us = tools.now_us()
        """Since when, microseconds since the epoch."""
        self.sent_events = 0
        self.skipped_events = 0
        """Those it missed as its client was slow."""
        self._ended: asyncio.Event | None = None
        self._request, self._subscription, self._tools = request, subscription, tools
        self._departure, self._opening = departure, opening
        self._announced: Departure | None = None
        self._filtered = 0
        self._last_sent_s = tools.clock()
        self._sending: Saying | None = None
        self._writes_since_s: float | None = None
        self._last_told: Position | None = None

    @property
    def ended(self) -> asyncio.Event:
        """For its owner to set. Made when it is first asked for, as most streams only live."""
        if self._ended is None:
            self._ended = asyncio.Event()
        return self._ended

    def leave_by(self, departure: Departure) -> None:
        """Change when the stream ends. It looks when its wait ends: wake it."""
        self._departure = departure

    @property
    def lag_events(self) -> int:
        """Events that wait for it, with those whose message is being written."""
        writing = self._sending.entries if self._sending is not None else 0
        return writing + self._subscription.lag_events

    @property
    def lag_s(self) -> float:
        """Age of the oldest of them that is held."""
        if self._sending is not None and self._sending.entries:
            return self._subscription.age_s(self._sending.since_s)
        return self._subscription.lag_s

    @property
    def stalled_s(self) -> float:
        """For how long its peer has not taken the message that is being written; 0 without one."""
        if self._writes_since_s is None:
            return 0.0
        return max(0.0, self._tools.clock() - self._writes_since_s)

    def close(self) -> None:
        """End it with SubscriptionEnded, as soon as no message of it is being written."""
        self._subscription.close()

    async def serve(self, context: Context) -> None:
        """Send until the client goes away (CancelledError, or InternalError while it writes).

        Raises ShuttingDown at the end of its time, SubscriptionEnded when it was closed, and
        SlowConsumer where the subscriber asked for that.
        """
        try:
            await self._serve(context)
        except SubscriptionClosed as closed:
            raise SubscriptionEnded(self.stream_id) from closed

    async def _serve(self, context: Context) -> None:
        await context.send_initial_metadata(())  # tells that the subscription is in place
        await self._open(context)
        while True:
            if self._departure and self._departure != self._announced:
                await self._announce(context, self._departure)
            if await self._subscription.wait(self._patience_s()):
                await self._linger()
                await self._send(context, self._take())
            else:
                await self._send_heartbeat_if_due(context)

    async def _open(self, context: Context) -> None:
        """Say what goes before the events of the log. Only the last message has a token: whoever
        loses the stream before it has to begin in the same way again.
        """
        messages = self._opening.messages(
            self._request,
            stream_id=self.stream_id,
            server_version=self._tools.server_version,
            now_us=self._tools.now_us(),
        )
        notice = next(messages)
        for following in messages:
            await self._tell(context, notice, 0)
            self.sent_events += len(notice.events)
            self._subscription.require_open()
            self._require_time()
            notice = following
        self._opening = NOW  # the calls change, and their former pictures would live on here
        await self._tell(context, notice, self._subscription.place)

    def _require_time(self) -> None:
        """Raise ShuttingDown when the end that was set for the stream has come."""
        if self._departure is not None and self._departure.end_s <= self._tools.clock():
            raise ShuttingDown

    async def _announce(self, context: Context, departure: Departure) -> None:
        now_s = self._tools.clock()
        if now_s < departure.announce_s:
            return
        self._announced = departure
        end_us = self._tools.now_us() + round(max(0.0, departure.end_s - now_s) * _US)
        notice = GoingAway(end_time=convert.timestamp(end_us))
        await self._tell(context, EventsResponse(going_away=notice), self._subscription.place)

    def _patience_s(self) -> float:
        """How long to wait for events before there is something else to say."""
        now_s = self._tools.clock()
        due_s = [self._last_sent_s + self._request.heartbeat_s]
        if self._departure is not None:
            told = self._departure == self._announced
            due_s.append(self._departure.end_s if told else self._departure.announce_s)
            if told and self._departure.end_s <= now_s:
                raise ShuttingDown
        return max(0.0, min(due_s) - now_s)

    async def _linger(self) -> None:
        """Wait for more, as long as the client said or, if it did not, as the load advises."""
        asked_s = self._request.max_delay_s
        linger_s = self._tools.pace.linger_s() if asked_s is None else asked_s
        if linger_s > 0 and self._subscription.lag_events < self._request.max_events:
            await asyncio.sleep(linger_s)

    def _take(self) -> Saying:
        projection = self._request.projection
        batch = self._subscription.take(
            self._request.max_events,
            self._tools.room.most(self._request.max_bytes),
            lambda entry: len(encode_entry(entry, projection)),
            projection.key,
        )
        self._filtered += batch.filtered
        if batch.overtaken:
            self._tools.recorder.events_skipped(batch.overtaken)
            self.skipped_events += batch.overtaken
        return self._tools.messages.saying(batch, projection, self._last_told)

    async def _send(self, context: Context, saying: Saying) -> None:
        self._sending = saying
        for message in saying.messages:
            await self._write(context, message)
        self._sending = None
        self._last_told = saying.last_told

    async def _send_heartbeat_if_due(self, context: Context) -> None:
        if self._tools.clock() < self._last_sent_s + self._request.heartbeat_s:
            return
        saying = self._take()
        if saying.messages:
            await self._send(context, saying)
            return
        time = convert.timestamp(self._tools.now_us())
        beat = Heartbeat(time=time, filtered_count=self._filtered)
        await self._tell(context, EventsResponse(heartbeat=beat), saying.place)

    async def _tell(self, context: Context, notice: EventsResponse, place: int) -> None:
        await self._write(context, self._tools.messages.notice(notice, place))

    async def _write(self, context: Context, message: Message) -> None:
        clock = self._tools.clock
        self._writes_since_s = began_s = clock()
        self._filtered = 0
        # A peer that does not read keeps us here. Nothing waits for this task but its own peer,
        # and the log does not wait for its place.
        room, size = self._tools.room, len(message.data)
        room.used += size
        try:
            await context.write(message.data)
        finally:
            room.used -= size
        self._writes_since_s = None
        self._last_sent_s = clock()
        self.sent_events += message.events
        self._tools.recorder.batch_sent(message.events, size, self._last_sent_s - began_s)
