"""One stream of events, with an end to patience: one that brings nothing any more is dead."""

import asyncio
from typing import Final, Protocol

from callcontrol.v1.event_service_pb2 import EventsRequest, EventsResponse

OPENING_S: Final = 20.0
"""Longest wait for the first message of a stream."""
MISSED_HEARTBEATS: Final = 3
"""After so many that stay away a stream is taken for dead, and not before LEAST_SILENCE_S."""
LEAST_SILENCE_S: Final = 10.0


class OpenStream(Protocol):
    """One stream, `callcontrol.client.event_call.EventCall` for example."""

    async def read(self) -> EventsResponse | None:
        """The next message, None at an end without an error. Raises AioRpcError."""

    async def close(self) -> None:
        """End it."""


class Source(Protocol):
    """Where streams come from; `callcontrol.client.client.Client` is one."""

    def open_events(self, request: EventsRequest) -> OpenStream:
        """A stream; errors are told by its first `read`."""


class PatientStream:
    """A stream whose reads end: a connection can stay although nothing comes by it any more."""

    def __init__(self, stream: OpenStream, *, resumes: bool, is_after_hole: bool) -> None:
        self._stream, self.resumes, self.is_after_hole = stream, resumes, is_after_hole
        self.patience_s = OPENING_S
        self.is_over = False
        """Nothing more is to be read: it ended, or a read of it was cancelled."""
        self._put_back: EventsResponse | None = None

    async def look(self, patience_s: float) -> bool:
        """Wait for the first message, and leave it there; False at an end. Raises as `read`."""
        async with asyncio.timeout(patience_s):
            self._put_back = await self.read()
        return self._put_back is not None

    def put_back(self, message: EventsResponse) -> None:
        """Have `read` give it again."""
        self._put_back = message

    async def read(self) -> EventsResponse | None:
        """The next message, None at an end without an error. Raises AioRpcError and TimeoutError;
        the stream is over then.
        """
        message, self._put_back = self._put_back, None
        if message is not None:
            return message
        self.is_over = True
        async with asyncio.timeout(self.patience_s):
            message = await self._stream.read()
        if message is None:
            return None
        self.is_over = False
        if message.HasField("started"):
            heartbeat_s = message.started.heartbeat_interval.ToTimedelta().total_seconds()
            self.patience_s = max(LEAST_SILENCE_S, MISSED_HEARTBEATS * heartbeat_s)
        return message

    async def close(self) -> None:
        """End it."""
        await self._stream.close()
