"""One stream without an end, out of many that break: each begins where the one before it stopped.

It speaks in the messages of the service. `callcontrol.client.following` makes single events of
them, and docs/events.md tells the rules that both follow.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Final, Self

import grpc
import grpc.aio

from callcontrol.client.backoff import Backoff
from callcontrol.client.event_stream import EventStream, Source, event_stream
from callcontrol.client.failure import Failure, failure_of
from callcontrol.client.recent import RecentIds
from callcontrol.v1.event_service_pb2 import EventsRequest, EventsResponse, Gap

HOPELESS: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.OUT_OF_RANGE,
    }
)
"""What the same request will meet again. Anything else may pass: a proxy that cuts a stream makes
it INTERNAL or UNKNOWN as well as UNAVAILABLE."""

MOVING_S: Final = 5.0
"""Longest wait for the stream to move to, where the former one is still there."""


class Expired(Enum):
    """What to do when the place to go on from is no longer held."""

    GAP = "gap"
    """A Gap tells it, and the events of now follow."""
    SNAPSHOT = "snapshot"
    """A Gap tells it, then comes a snapshot, and then what follows it."""
    RAISE = "raise"
    """AioRpcError with OUT_OF_RANGE."""


StreamBroke = Callable[[Failure], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a stream without an end behaves; each has a default that suits most."""

    expired: Expired | None = None
    """None: a snapshot where the request asks for one, at its start or `if_expired`; a gap else."""
    on_break: StreamBroke = lambda _: None
    """Told of each stream that broke; another one is opened."""
    remembered_ids: int = 16_384
    """Events that are known again when they come twice. A stream that goes on elsewhere may repeat
    some hundred events of each switch."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic


class EndlessStream:
    """The messages of a stream, and of those that take its place: what EventService would send if
    nothing ever broke. An asynchronous context manager and iterator, for one task.

    Each stream begins with a message whose notice is `started`. A message may have lost events
    that came before. Iterating never ends by itself, and may be cancelled: nothing is lost by it.
    """

    def __init__(
        self, source: Source, request: EventsRequest, manners: Manners | None = None
    ) -> None:
        self._source, self._manners = source, manners or Manners()
        self._request = EventsRequest()
        self._request.CopyFrom(request)
        start = request.start
        is_snapshot_wanted = start.snapshot or start.snapshot_if_expired
        asked = Expired.SNAPSHOT if is_snapshot_wanted else Expired.GAP
        self._expired = self._manners.expired or asked
        self._recent = RecentIds(self._manners.remembered_ids)
        self._token = ""
        """The newest one that came."""
        self._has_begun = False
        """A stream was in place, so what is missing from now on is missed."""
        self._hole: Gap.Reason.ValueType | None = None
        """Why something is missing before the next stream. To be told when that one is in place:
        what a caller reads anew before would lack what happens until then."""
        self._backoff = Backoff(self._manners.clock)
        self._stream: EventStream | None = None
        self._not_before_s: float | None = None
        """When the next stream may be opened; None at once."""
        self._follower: EventStream | None = None
        """The stream to move to, in place already."""
        self._is_to_move = False

    async def __aenter__(self) -> Self:
        """Nothing is sent yet; the first message connects."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the stream."""
        for stream in (self._stream, self._follower):
            if stream is not None:
                await stream.close()
        self._stream = self._follower = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EventsResponse:
        """The next message.

        Raises AioRpcError when the server says what it would say again: that there is no such
        node, for example.
        """
        while True:
            if self._is_to_move:
                await self._move()
            stream = await self._usable_stream()
            try:
                message = await stream.read()
            except grpc.aio.AioRpcError as error:
                if self._follower is None and self._is_hopeless(error):
                    raise
                failure = failure_of(error)
            except TimeoutError:
                what = f"nothing came for {stream.patience_s:.0f} s"
                failure = Failure(grpc.StatusCode.DEADLINE_EXCEEDED, what)
            else:
                if message is not None:
                    return self._taken(stream, message)
                failure = Failure(grpc.StatusCode.OK, "the server ended the stream")
            if self._follower is None and failure.code is grpc.StatusCode.OUT_OF_RANGE:
                self._begin_now()
            elif self._follower is None:
                self._recover(failure)

    async def _usable_stream(self) -> EventStream:
        """The stream to read: the present one, the one to move to, or a new one."""
        if self._stream is not None and self._stream.is_over:
            await self._stream.close()
            self._stream = None
        if self._stream is None:
            if self._follower is None and self._not_before_s is not None:
                await self._manners.pause(self._not_before_s - self._manners.clock())
            self._not_before_s = None
            self._stream, self._follower = self._follower or self._open(), None
            self._backoff.opened()
        return self._stream

    def _open(self) -> EventStream:
        request = EventsRequest()
        request.CopyFrom(self._request)
        if self._token:
            request.start.resume_token = self._token
        if request.HasField("start"):
            request.start.snapshot_if_expired = self._expired is Expired.SNAPSHOT
        return event_stream(self._source.open_events(request), resumes=bool(self._token))

    async def _move(self) -> None:
        """Open the next stream before this one ends; where that fails, this one is read to its end.

        With a token the next one goes on from here, and this one is closed. Without, it begins now
        and this one is read to its end all the same: what comes from both is known again.
        """
        self._is_to_move = False
        if self._follower is not None or self._is_in_snapshot():
            return
        follower = self._open()
        try:
            is_in_place = await follower.look(MOVING_S)
        except (grpc.aio.AioRpcError, TimeoutError):
            is_in_place = False
        except BaseException:
            await follower.close()
            raise
        if not is_in_place:
            await follower.close()
            return
        self._follower = follower
        if follower.resumes and self._stream is not None:
            self._stream.is_over = True

    def _is_in_snapshot(self) -> bool:
        """A snapshot is under way that would have to begin again elsewhere."""
        return not self._token and self._request.HasField("start")

    def _taken(self, stream: EventStream, message: EventsResponse) -> EventsResponse:
        """The message without what came before, and with what is to be said before it."""
        if message.HasField("started"):
            self._has_begun = True
            if self._hole is not None:
                stream.put_back(message)
                hole, self._hole = self._hole, None
                return EventsResponse(gap=Gap(reason=hole))
        self._token = message.resume_token or self._token
        self._is_to_move = self._is_to_move or message.HasField("going_away")
        if message.HasField("snapshot_completed"):
            # Its replica may be behind the one before: what it tells again came after the picture.
            self._recent.forget()
        is_new = self._recent.is_new
        repeats = [at for at, event in enumerate(message.events) if not is_new(event.event_id)]
        for at in reversed(repeats):
            del message.events[at]
        return message

    def _begin_now(self) -> None:
        """Forget the place to go on from, and have that told."""
        self._token, self._hole = "", Gap.REASON_HISTORY_EXPIRED
        self._request.ClearField("start")

    def _is_hopeless(self, error: grpc.aio.AioRpcError) -> bool:
        if error.code() is not grpc.StatusCode.OUT_OF_RANGE:
            return error.code() in HOPELESS
        has_place = bool(self._token) or self._request.HasField("start")
        return self._expired is not Expired.GAP or not has_place

    def _recover(self, failure: Failure) -> None:
        """Have the next stream wait."""
        self._manners.on_break(failure)
        has_place = bool(self._token) or self._request.HasField("start")
        if self._has_begun and not has_place and self._hole is None:
            self._hole = Gap.REASON_UNSPECIFIED
        self._not_before_s = self._manners.clock() + self._backoff.after(failure)
