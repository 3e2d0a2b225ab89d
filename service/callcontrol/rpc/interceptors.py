"""The ladder around every RPC: its bytes, its deadline, its repeats, and each way it can end.

From outside in: measure and audit, decode, request id, deadline, the RPC itself. A handler raises
CallControlError or returns its response; whatever else it raises is a fault of ours.

The wrappers are real `async def` functions: grpc.aio takes any other callable for a synchronous
handler and runs it in a thread.
"""

import asyncio
import hashlib
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message

from callcontrol.deadline import answering_within
from callcontrol.errors import (
    CallControlError,
    InvalidRequest,
    NotImplementedYet,
    OutcomeUnknown,
    ShuttingDown,
    Violation,
)
from callcontrol.rpc import audit
from callcontrol.rpc.aio import Context, MethodHandler
from callcontrol.rpc.answers import encoded, marked_as_replayed
from callcontrol.rpc.closing import Closing
from callcontrol.rpc.failure import Failure
from callcontrol.rpc.handlers import ConversationHandler, StreamHandler, UnaryHandler
from callcontrol.rpc.methods import Method
from callcontrol.rpc.recorder import Recorder
from callcontrol.rpc.refusal import refuse
from callcontrol.rpc.replay import Answer, ReplayWindow, request_id_of
from callcontrol.rpc.status import cut_off, failure_of, out_of_time, unexpected
from callcontrol.rpc.time_left import time_left

log: Final = logging.getLogger(__name__)

PRINCIPAL: Final = "anonymous"
"""Who every caller is as long as none has to say."""


class Reached(Protocol):
    """Says what is known of a call, for those whose time ran out: names and values."""

    def __call__(self, call_id: str) -> Mapping[str, str]:
        """Facts such as node_id and state; empty when the call is not known."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Wraps handlers into what grpc.aio calls. One for the whole server."""

    replays: ReplayWindow
    recorder: Recorder
    reached: Reached
    closing: Closing
    seen: Callable[[str], None] = lambda _peer: None
    """Told the address of the far end of each RPC."""
    clock: Callable[[], float] = time.monotonic

    def wrap_unary(self, method: Method, handler: UnaryHandler) -> MethodHandler:
        """The handler for an RPC with one request and one response."""

        async def serve(raw: bytes, context: Context) -> bytes:
            attempt = _Attempt(self, method, context)
            try:
                answer, replayed = await attempt.answer_unary(raw, handler)
            except asyncio.CancelledError:
                attempt.ended("CANCELLED")
                raise
            if isinstance(answer, Failure):
                attempt.ended(answer.code.name, failure=answer, replayed=replayed)
                await refuse(context, answer, replayed=replayed)
            attempt.ended("OK", response=answer, replayed=replayed)
            return marked_as_replayed(method, answer) if replayed else answer

        return grpc.unary_unary_rpc_method_handler(serve)

    def wrap_stream(self, method: Method, handler: StreamHandler) -> MethodHandler:
        """The handler for an RPC with one request and many responses, which it writes itself.

        A stream that its peer left ends without a word: by CancelledError, or by InternalError
        when a write was waiting at that moment.
        """

        async def serve(raw: bytes, context: Context) -> None:
            attempt = _Attempt(self, method, context)
            await attempt.run_stream(lambda: handler.serve(attempt.decode(raw), context))

        return grpc.unary_stream_rpc_method_handler(serve)

    def wrap_conversation(self, method: Method, handler: ConversationHandler) -> MethodHandler:
        """The handler for an RPC in which both sides send as they like; it ends as a stream."""

        async def serve(_: object, context: Context) -> None:
            await _Attempt(self, method, context).run_stream(lambda: handler.serve(context))

        return grpc.stream_stream_rpc_method_handler(serve)

    def wrap_missing(self, method: Method) -> MethodHandler:
        """The handler for an RPC that the API has and this version does not serve."""

        async def serve(_: object, context: Context) -> bytes:
            attempt = _Attempt(self, method, context)
            failure = failure_of(NotImplementedYet(method.label))
            attempt.ended(failure.code.name, failure=failure)
            await refuse(context, failure)

        match method.streams_requests, method.streams_responses:
            case False, False:
                return grpc.unary_unary_rpc_method_handler(serve)
            case False, True:
                return grpc.unary_stream_rpc_method_handler(serve)
            case True, False:
                return grpc.stream_unary_rpc_method_handler(serve)
            case _:
                return grpc.stream_stream_rpc_method_handler(serve)


class _Attempt:
    """One RPC under way: what is known of it until it ended."""

    def __init__(self, ladder: Ladder, method: Method, context: Context) -> None:
        self._ladder, self._method, self._context = ladder, method, context
        self._began_s = ladder.clock()
        self._request: Message = method.request_type()
        ladder.seen(context.peer())
        ladder.recorder.rpc_started(method.label)

    def decode(self, raw: bytes) -> Message:
        """The request. Raises InvalidRequest when the bytes are none."""
        try:
            self._request.ParseFromString(raw)
        except DecodeError as error:
            name = self._method.request_type.DESCRIPTOR.full_name
            raise InvalidRequest([Violation("", f"must be an encoded {name}")]) from error
        return self._request

    async def answer_unary(self, raw: bytes, handler: UnaryHandler) -> tuple[Answer, bool]:
        """The answer, from the handler or from an earlier attempt. Only cancellation escapes."""
        try:
            request = self.decode(raw)
            request_id = request_id_of(request)
            only_checks = getattr(request, "validate_only", False)
            if only_checks or not (self._method.is_mutating and request_id):
                return await self._run(handler), False
            fingerprint = hashlib.sha256(
                self._method.path.encode() + request.SerializeToString(deterministic=True)
            ).digest()
            return await self._ladder.replays.once(
                PRINCIPAL,
                request_id,
                fingerprint,
                lambda: self._run(handler),
                finds_again=handler.finds_again,
            )
        except CallControlError as error:
            return failure_of(error), False

    async def run_stream(self, serve: Callable[[], Awaitable[None]]) -> None:
        """See a stream through to its end, and tell its peer of that."""
        failure: Failure | None = None
        try:
            await serve()
        except asyncio.CancelledError:
            self.ended("CANCELLED")
            raise
        except grpc.aio.InternalError:  # a write was waiting: nobody is there to be told
            self.ended("CANCELLED")
            return
        except Exception as error:  # noqa: BLE001  # the last rung: nothing may leak
            failure = self.explain(error)
        if failure is not None:
            self.ended(failure.code.name, failure=failure)
            await refuse(self._context, failure)
        self.ended("OK")

    async def _run(self, handler: UnaryHandler) -> Answer:
        closing = self._ladder.closing
        if closing.is_closed:
            return failure_of(ShuttingDown())
        left = time_left(self._context.time_remaining(), is_mutating=self._method.is_mutating)
        if left.is_too_late:
            return out_of_time({}, nothing_was_sent=True)
        timeout = asyncio.timeout(left.answer_s)
        try:
            with answering_within(left.certain_s):
                async with timeout:
                    with closing.watching(timeout):
                        response = await handler.answer(self._request)
            return encoded(response)
        except (TimeoutError, OutcomeUnknown) as error:
            if not timeout.expired():
                return self.explain(error)
            return self._ended_early()
        except Exception as error:  # noqa: BLE001  # the last rung: nothing may leak
            return self.explain(error)

    def _ended_early(self) -> Failure:
        if not self._ladder.closing.is_closed:
            return out_of_time(self._reached())
        if not self._method.is_mutating:
            return failure_of(ShuttingDown())
        return cut_off(self._reached())

    def explain(self, error: Exception) -> Failure:
        """What to tell of an error. One that nobody expected goes to the log, with an id."""
        if isinstance(error, CallControlError):
            return failure_of(error)
        error_id = uuid.uuid4().hex
        log.error(
            "unexpected failure",
            exc_info=error,
            extra={"error_id": error_id, "rpc_method": self._method.label},
        )
        return unexpected(error_id)

    def ended(
        self,
        code: str,
        *,
        failure: Failure | None = None,
        response: bytes = b"",
        replayed: bool = False,
    ) -> None:
        """Measure the end of it and, when it was to change something, write it down."""
        seconds = self._ladder.clock() - self._began_s
        method = self._method
        self._ladder.recorder.rpc_ended(method.label, code, seconds)
        if replayed:
            self._ladder.recorder.rpc_replayed(method.label)
        if not method.is_mutating:
            return
        ending = audit.Ending(
            code=code,
            seconds=seconds,
            failure=failure,
            response=method.response_type.FromString(response) if response else None,
            replayed=replayed,
            reached=self._reached(),
        )
        audit.record(method.label, PRINCIPAL, self._context.peer(), self._request, ending)

    def _reached(self) -> Mapping[str, str]:
        call_id = audit.text_field(self._request, "call_id")
        return {"call_id": call_id, **self._ladder.reached(call_id)} if call_id else {}
