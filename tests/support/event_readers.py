"""Subscribers in a process of their own, which read event streams as bytes and count.

Nothing is decoded but what a count needs, so that the reading costs less than what is measured.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import grpc.aio

from callcontrol.v1.event_service_pb2 import EventsResponse

PATH = "/callcontrol.v1.EventService/Events"
_EVENTS = 0x0A
"""The tag of `EventsResponse.events`."""


@dataclass(frozen=True)
class Open:
    """Open a stream for each of these requests, each on a connection of its own."""

    target: str
    requests: tuple[bytes, ...]
    takes_time: bool = False
    """Whether to note how old events are when they come."""


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


class Readers:
    """The streams of this process."""

    def __init__(self) -> None:
        self.counted = Counted()
        self._streams: set[asyncio.Task[None]] = set()

    async def open(self, asked: Open) -> None:
        """Open the streams; returns when the last of them is in place."""
        begun = [asyncio.Event() for _ in asked.requests]
        for request, has_begun in zip(asked.requests, begun, strict=True):
            stream = asyncio.create_task(self._read(asked, request, has_begun))
            self._streams.add(stream)
        for has_begun in begun:
            await has_begun.wait()

    async def _read(self, asked: Open, request: bytes, has_begun: asyncio.Event) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(asked.target, options=options) as channel:
            # Any: the stubs of grpc.aio know no method without messages
            method: Any = channel.unary_stream(PATH)
            stream = method(request)
            counted = self.counted
            async for message in stream:
                counted.messages += 1
                counted.size += len(message)
                counted.events += events_in(message)
                has_begun.set()
                if asked.takes_time:
                    now_us = time.time_ns() // 1_000
                    for event in EventsResponse.FromString(message).events:
                        sent_us = event.position.time.ToMicroseconds()
                        counted.ages_ms.append((now_us - sent_us) / 1_000)

    async def close(self) -> None:
        """End all streams."""
        for stream in self._streams:
            stream.cancel()
        await asyncio.wait(self._streams)


async def _run(orders: Connection) -> None:
    readers = Readers()
    with suppress(EOFError):
        while True:
            match await asyncio.to_thread(orders.recv):
                case Open() as asked:
                    await readers.open(asked)
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

    async def open(self, asked: Open) -> None:
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
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_main, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield RunningReaders(process.pid or 0, ours)
    finally:
        ours.close()
        await asyncio.to_thread(process.join)
