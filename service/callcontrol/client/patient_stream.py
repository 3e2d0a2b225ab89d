"""One stream, with an end to patience: one that brings nothing any more is dead."""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

Message = TypeVar("Message")
Message_co = TypeVar("Message_co", covariant=True)

OPENING_S: Final = 20.0
"""Longest wait for the first message of a stream."""
MISSED_HEARTBEATS: Final = 3
"""After so many that stay away a stream is taken for dead, and not before LEAST_SILENCE_S."""
LEAST_SILENCE_S: Final = 10.0


class OpenStream(Protocol[Message_co]):
    """One stream, `callcontrol.client.event_call.EventCall` for example."""

    async def read(self) -> Message_co | None:
        """The next message, None at an end without an error. Raises AioRpcError."""

    async def close(self) -> None:
        """End it."""


class PatientStream(Generic[Message]):
    """A stream whose reads end: a connection can stay although nothing comes by it any more."""

    def __init__(
        self,
        stream: OpenStream[Message],
        heartbeat_s: Callable[[Message], float | None],
        *,
        resumes: bool,
    ) -> None:
        """`heartbeat_s`: how often the server will say something, where a message tells it."""
        self._stream, self._heartbeat_s, self.resumes = stream, heartbeat_s, resumes
        self.patience_s = OPENING_S
        self.is_over = False
        """Nothing more is to be read."""
        self._put_back: Message | None = None
        self._reading: asyncio.Task[Message | None] | None = None
        self._patient_until_s = 0.0

    async def look(self, patience_s: float) -> bool:
        """Wait for the first message, and leave it there; False at an end. Raises as `read`."""
        async with asyncio.timeout(patience_s):
            self._put_back = await self.read()
        return self._put_back is not None

    def put_back(self, message: Message) -> None:
        """Have `read` give it again."""
        self._put_back = message

    async def read(self) -> Message | None:
        """The next message, None at an end without an error. Raises AioRpcError and TimeoutError;
        the stream is over then. It may be cancelled: the next one takes what it would have given.
        """
        message, self._put_back = self._put_back, None
        if message is not None:
            return message
        reading = await self._finished_reading()
        self._reading, self.is_over = None, True
        message = reading.result()
        if message is None:
            return None
        self.is_over = False
        heartbeat_s = self._heartbeat_s(message)
        if heartbeat_s is not None:
            self.patience_s = max(LEAST_SILENCE_S, MISSED_HEARTBEATS * heartbeat_s)
        return message

    async def _finished_reading(self) -> asyncio.Task[Message | None]:
        """A task that has read, begun now or by a read that was cancelled: to cancel it would end
        the stream, and who reads with a limit of time would open another one each time.
        """
        now_s = asyncio.get_running_loop().time
        if self._reading is None:
            self._reading = asyncio.create_task(_read(self._stream), name="read of a stream")
            self._patient_until_s = now_s() + self.patience_s
        reading = self._reading
        await asyncio.wait([reading], timeout=max(0.0, self._patient_until_s - now_s()))
        if not reading.done():
            self.is_over = True
            raise TimeoutError
        return reading

    async def close(self) -> None:
        """End it."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
            if not reading.cancelled():
                reading.exception()  # nobody asks any more
        await self._stream.close()


async def _read(stream: OpenStream[Message]) -> Message | None:
    return await stream.read()
