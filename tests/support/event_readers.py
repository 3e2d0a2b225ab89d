"""Subscribers in a process of their own, which read event streams as bytes and count.

Nothing is decoded but what a count needs, so that the reading costs less than what is measured.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import grpc.aio
from tests.support.piped_process import piped_process
from tests.support.raw_http2 import (
    ACK,
    DATA,
    DEFAULT_WINDOW,
    PING,
    SETTINGS,
    STREAM,
    frame,
    grant,
    hello,
    request,
)

from callcontrol.v1.event_service_pb2 import EventsResponse

PATH = "/callcontrol.v1.EventService/Events"
WINDOW = 4 << 20
"""Bytes that a stream may be ahead of its reader, as with other clients."""
_EVENTS = 0x0A
"""The tag of `EventsResponse.events`."""


@dataclass(frozen=True)
class Open:
    """Open a stream for each of these requests, each on a connection of its own."""

    target: str
    requests: tuple[bytes, ...]
    takes_time: bool = False
    """Whether to note how old events are when they come."""
    stalls: bool = False
    """Whether nothing is read any more after the first message."""


@dataclass(frozen=True)
class OpenOn:
    """Open so many streams of this request, spread over so many channels of a usual client."""

    target: str
    request: bytes
    streams: int
    channels: int


@dataclass(frozen=True)
class Count:
    """Tell what has come so far."""


@dataclass
class Counted:
    """What has come to all streams together."""

    messages: int = 0
    events: int = 0
    size: int = 0
    ages_ms: list[float] = field(default_factory=list)
    """Of every event, by the clock of the switch."""


def events_in(message: bytes) -> int:
    """How many events a message holds; they come first in it."""
    at, events, end = 0, 0, len(message)
    while at < end and message[at] == _EVENTS:
        at += 1
        length = shift = 0
        while message[at] & 0x80:
            length |= (message[at] & 0x7F) << shift
            shift += 7
            at += 1
        at += (length | message[at] << shift) + 1
        events += 1
    return events


class RawStream(asyncio.Protocol):
    """An event stream on a connection of its own, read as gRPC clients do it, but for a fraction
    of what they need: else the reading would be most of what there is to see.
    """

    def __init__(self, asked: Open, encoded: bytes, counted: Counted) -> None:
        self._asked, self._request, self._counted = asked, encoded, counted
        self._unread = b""
        self._message = bytearray()
        """What has come of the next message, with the five bytes before it."""
        self._untold = 0
        """Bytes that were taken since the last grant."""
        self.has_begun = asyncio.Event()
        self.transport: asyncio.Transport | None = None

    async def connect(self) -> None:
        """Open the connection, and ask."""
        host, _, port = self._asked.target.rpartition(":")
        await asyncio.get_running_loop().create_connection(lambda: self, host, int(port))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        whole_window = grant(0, WINDOW - DEFAULT_WINDOW)
        transport.write(hello(WINDOW) + whole_window + request(PATH, self._request))

    def data_received(self, data: bytes) -> None:
        data, at = self._unread + data, 0
        while len(data) - at >= 9:
            end = at + 9 + int.from_bytes(data[at : at + 3])
            if end > len(data):
                break
            self._take(data[at + 3], data[at + 4], data[at + 9 : end])
            at = end
        self._unread = data[at:]

    def _take(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == DATA:
            self._message += payload
            self._untold += len(payload)
            self._take_messages()
            if self._untold > WINDOW // 2:
                self._send(grant(0, self._untold) + grant(STREAM, self._untold))
                self._untold = 0
        elif kind in (PING, SETTINGS) and not flags & ACK:
            self._send(frame(kind, ACK, 0, payload if kind == PING else b""))

    def _take_messages(self) -> None:
        while len(self._message) >= 5:
            end = 5 + int.from_bytes(self._message[1:5])
            if len(self._message) < end:
                return
            self._count(bytes(self._message[5:end]))
            del self._message[:end]

    def _count(self, message: bytes) -> None:
        if self._asked.stalls and self.transport is not None:
            self.transport.pause_reading()
        self.has_begun.set()
        counted = self._counted
        counted.messages += 1
        counted.size += len(message)
        counted.events += events_in(message)
        if self._asked.takes_time:
            now_us = time.time_ns() // 1_000
            for event in EventsResponse.FromString(message).events:
                sent_us = event.position.time.ToMicroseconds()
                counted.ages_ms.append((now_us - sent_us) / 1_000)

    def _send(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class Readers:
    """The streams of this process."""

    def __init__(self) -> None:
        self.counted = Counted()
        self._streams: list[RawStream] = []
        self._channels: list[grpc.aio.Channel] = []
        self._calls: list[object] = []

    async def open(self, asked: Open) -> None:
        """Open the streams; returns when the last of them is in place."""
        for each in asked.requests:
            stream = RawStream(asked, each, self.counted)
            self._streams.append(stream)
            await stream.connect()
        for stream in self._streams:
            await stream.has_begun.wait()

    async def open_on(self, asked: OpenOn) -> None:
        """Open streams that share connections, and read the first message of each."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        for _ in range(asked.channels):
            channel = grpc.aio.insecure_channel(asked.target, options=options)
            self._channels.append(channel)
            # Any: the stubs of grpc.aio know no method without messages
            method: Any = channel.unary_stream(PATH)
            for _ in range(asked.streams // asked.channels):
                stream = method(asked.request)
                await stream.read()
                self._calls.append(stream)

    async def close(self) -> None:
        """End all streams."""
        for channel in self._channels:
            await channel.close()
        for stream in self._streams:
            if stream.transport is not None:
                stream.transport.abort()


async def _run(orders: Connection) -> None:
    readers = Readers()
    with suppress(EOFError):
        while True:
            match await asyncio.to_thread(orders.recv):
                case Open() as asked:
                    await readers.open(asked)
                    orders.send(None)
                case OpenOn() as asked:
                    await readers.open_on(asked)
                    orders.send(None)
                case Count():
                    orders.send(readers.counted)
                    readers.counted.ages_ms.clear()
    await readers.close()


def _main(orders: Connection) -> None:
    asyncio.run(_run(orders))


class RunningReaders:
    """Subscribers in a process of their own."""

    def __init__(self, pid: int, orders: Connection) -> None:
        self.pid, self._orders = pid, orders

    async def open(self, asked: Open | OpenOn) -> None:
        """Open streams; returns when each has had its first message."""
        self._orders.send(asked)
        await asyncio.to_thread(self._orders.recv)

    async def count(self) -> Counted:
        """What has come so far; ages since the last time."""
        self._orders.send(Count())
        counted: Counted = await asyncio.to_thread(self._orders.recv)
        return counted


@asynccontextmanager
async def event_readers() -> AsyncIterator[RunningReaders]:
    """A process that reads until the end of the block."""
    async with piped_process(_main) as (pid, orders):
        yield RunningReaders(pid, orders)
