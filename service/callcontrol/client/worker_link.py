"""A worker's stream without an end, out of many that break: each asks for the calls of the one
before it. docs/outbound.md tells the rules.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Protocol, Self

import grpc
import grpc.aio

from callcontrol.client.backoff import Backoff
from callcontrol.client.failure import Failure, failure_of
from callcontrol.client.patient_stream import OpenStream, PatientStream
from callcontrol.v1.call_handling_service_pb2 import (
    HandleCallsRequest,
    HandleCallsResponse,
    RegisterWorker,
)
from callcontrol.v1.event_service_pb2 import Gap

HOPELESS: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
"""What the same registration will meet again."""

MOVING_S: Final = 5.0
"""Longest wait for the stream to move to, where the former one is still there."""


class OpenWorkerStream(OpenStream[HandleCallsResponse], Protocol):
    """One stream, `callcontrol.client.worker_call.WorkerCall` for example."""

    def say(self, message: HandleCallsRequest) -> None:
        """Have it sent, behind what was said before."""


class WorkerSource(Protocol):
    """Where streams come from; `callcontrol.client.client.Client` is one."""

    def open_calls(self, registration: RegisterWorker) -> OpenWorkerStream:
        """A stream; errors are told by its first `read`."""


class _Line:
    """One stream, both ways."""

    def __init__(self, stream: OpenWorkerStream, *, has_hole: bool) -> None:
        self.has_hole = has_hole
        """Calls are taken over without a place in their events to go on from."""
        self.is_registered = False
        self.reader = PatientStream(stream, _heartbeat_s, resumes=True)
        self.say = stream.say


class WorkerLink:
    """What the service says to a worker, and what it is told, over all streams. A context manager,
    for one task that reads.
    """

    def __init__(
        self,
        source: WorkerSource,
        register: Callable[[], RegisterWorker],
        *,
        on_break: Callable[[Failure], None],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`register` tells how the worker registers now, with the calls that it holds."""
        self._source, self._register, self._on_break = source, register, on_break
        self._pause, self._clock = pause, clock
        self._backoff = Backoff(clock)
        self._token = ""
        """The newest one that came."""
        self._line: _Line | None = None
        self._follower: _Line | None = None
        """The stream to move to, registered already."""
        self._not_before_s: float | None = None
        """When the next stream may be opened; None at once."""
        self._is_to_move = False
        self._gap: HandleCallsResponse | None = None
        """To be told next."""

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
        for line in (self._line, self._follower):
            if line is not None:
                await line.reader.close()
        self._line = self._follower = None

    def say(self, message: HandleCallsRequest) -> None:
        """Tell the service; lost where there is no stream, so what matters is said again once
        the worker is registered.
        """
        if self._line is not None:
            self._line.say(message)

    async def read(self) -> HandleCallsResponse | None:
        """The next message; None where a stream ended, and another one follows.

        Raises AioRpcError when the server says what it would say again.
        """
        if self._is_to_move:
            await self._move()
        if self._gap is not None:
            gap, self._gap = self._gap, None
            return gap
        line = await self._usable_line()
        try:
            message = await line.reader.read()
        except grpc.aio.AioRpcError as error:
            failure = failure_of(error)
            if self._follower is None and self._is_hopeless(line, failure):
                raise
        except TimeoutError:
            what = f"nothing came for {line.reader.patience_s:.0f} s"
            failure = Failure(grpc.StatusCode.DEADLINE_EXCEEDED, what)
        else:
            if message is not None:
                return self._taken(line, message)
            failure = Failure(grpc.StatusCode.OK, "the server ended the stream")
        if self._follower is None:
            self._recover(failure)
        return None

    async def _usable_line(self) -> _Line:
        """The stream to read: the present one, the one to move to, or a new one."""
        if self._line is not None and self._line.reader.is_over:
            line, self._line = self._line, None
            await line.reader.close()
        if self._line is None:
            if self._follower is None and self._not_before_s is not None:
                await self._pause(max(0.0, self._not_before_s - self._clock()))
            self._not_before_s = None
            self._line, self._follower = self._follower or self._open(), None
            self._backoff.opened()
        return self._line

    def _open(self) -> _Line:
        registration = self._register()
        registration.resume_token = self._token
        has_hole = bool(registration.resume_call_ids) and not self._token
        return _Line(self._source.open_calls(registration), has_hole=has_hole)

    async def _move(self) -> None:
        """Register on the next stream before this one ends; where that fails, this one is read to
        its end. The calls are the next one's once it is registered, and this one is closed.
        """
        self._is_to_move = False
        if self._follower is not None:
            return
        follower = self._open()
        try:
            is_in_place = await follower.reader.look(MOVING_S)
        except (grpc.aio.AioRpcError, TimeoutError):
            is_in_place = False
        except BaseException:
            await follower.reader.close()
            raise
        if not is_in_place:
            await follower.reader.close()
            return
        self._follower = follower
        if self._line is not None:
            self._line.reader.is_over = True

    def _taken(self, line: _Line, message: HandleCallsResponse) -> HandleCallsResponse:
        line.is_registered = True
        if message.HasField("registered") and line.has_hole:
            self._gap = HandleCallsResponse(gap=Gap(reason=Gap.REASON_HISTORY_EXPIRED))
        self._token = message.resume_token or self._token
        self._is_to_move = self._is_to_move or message.HasField("drain")
        return message

    def _is_hopeless(self, line: _Line, failure: Failure) -> bool:
        if failure.reason == "RESUME_TOKEN_INVALID" and self._token:
            # Another replica's, without a key that they share: what came since is not known.
            self._token = ""
            return False
        return not line.is_registered and failure.code in HOPELESS

    def _recover(self, failure: Failure) -> None:
        """Have the next stream wait."""
        self._on_break(failure)
        self._not_before_s = self._clock() + self._backoff.after(failure)


def _heartbeat_s(message: HandleCallsResponse) -> float | None:
    if not message.HasField("registered"):
        return None
    return message.registered.heartbeat_interval.ToTimedelta().total_seconds()
