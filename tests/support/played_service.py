"""A service for one worker over real gRPC, which a test plays: it speaks on the worker's streams
and answers its commands, each when the test says so."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

import grpc.aio
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from callcontrol.v1 import call_control_service_pb2 as calls
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1.call_pb2 import Call
from callcontrol.v1.common_pb2 import HangupCause
from callcontrol.v1.event_pb2 import Event
from callcontrol.v1.event_service_pb2 import Gap

LIMIT_S: Final = 20.0

Item = TypeVar("Item")
Said = pb.HandleCallsRequest
Told = pb.HandleCallsResponse
Context = grpc.aio.ServicerContext[Message, Message]

_COMMANDS: Final[Mapping[str, type[Message]]] = {
    "Answer": calls.AnswerRequest,
    "CollectDigits": calls.CollectDigitsRequest,
    "DialAndBridge": calls.DialAndBridgeRequest,
    "GetCall": calls.GetCallRequest,
    "Hangup": calls.HangupRequest,
    "Play": calls.PlayRequest,
}


@dataclass(frozen=True)
class Refusal:
    """An RPC fails; without a reason as if a proxy had cut it."""

    code: grpc.StatusCode
    reason: str = ""


@dataclass
class Command:
    """A command that came, to be answered."""

    request: Message
    _answer: asyncio.Future[Message | Refusal]
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, answer: Message | Refusal) -> None:
        self._answer.set_result(answer)


class Line:
    """A stream of the worker."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self._said: asyncio.Queue[Said] = asyncio.Queue()
        self._told: asyncio.Queue[Told | Refusal | None] = asyncio.Queue()
        self.ended = asyncio.Event()

    async def carry(self, said: AsyncIterator[Said], context: Context) -> AsyncIterator[Told]:
        """Both ways, until the test or the worker ends it."""
        hearing = asyncio.create_task(self._hear(said), name="what a worker says")
        try:
            while (told := await self._told.get()) is not None:
                if isinstance(told, Refusal):
                    await context.abort_with_status(_status(told))
                else:
                    yield told
        finally:
            hearing.cancel()
            self.ended.set()

    async def _hear(self, said: AsyncIterator[Said]) -> None:
        async for message in said:
            self._said.put_nowait(message)

    async def heard(self, kind: str) -> Said:
        """What the worker says next, which is of this kind."""
        message = await _soon(self._said)
        assert message.WhichOneof("message") == kind, message
        return message

    async def registered(self, *call_ids: str, window_s: int = 30) -> pb.RegisterWorker:
        """How it registers, which is granted."""
        registration = (await self.heard("register_worker")).register_worker
        registered = pb.WorkerRegistered(resumed_call_ids=call_ids)
        registered.resume_window.FromSeconds(window_s)
        self.tell(registered=registered)
        return registration

    def tell(self, token: str = "", **message: object) -> None:
        """Say something to the worker."""
        self._told.put_nowait(Told(resume_token=token, **message))  # type: ignore[arg-type]  # a member

    def offer(self, call_id: str) -> None:
        """Offer a call, as the offer `offer-CALL_ID`."""
        call = Call(call_id=call_id)
        self.tell(offer=pb.OfferCall(offer_id=f"offer-{call_id}", application="ivr", call=call))

    def assign(self, call_id: str, *, again: bool = False, token: str = "") -> None:
        """The call is the worker's, or again."""
        offer_id = "" if again else f"offer-{call_id}"
        self.tell(token, assigned=pb.CallAssigned(offer_id=offer_id, call=Call(call_id=call_id)))

    async def give(self, call_id: str, *, token: str = "") -> None:
        """Offer a call that is accepted, and assign it."""
        self.offer(call_id)
        accepted = (await self.heard("accept")).accept
        assert accepted.offer_id == f"offer-{call_id}"
        self.assign(call_id, token=token)

    def happen(self, *events: Event, token: str = "") -> None:
        """Events of the worker's calls."""
        self.tell(token, events=pb.CallEvents(events=events))

    def miss(self) -> None:
        """Events are missing here."""
        self.tell(gap=Gap(reason=Gap.REASON_NODE_CONNECTION_LOST))

    def release(self, call_id: str, cause: str = "") -> None:
        """The call is not the worker's any more; with a cause it has ended."""
        hangup_cause = HangupCause(name=cause) if cause else None
        self.tell(released=pb.CallReleased(call_id=call_id, hangup_cause=hangup_cause))

    def refuse_release(self, call_id: str, code: grpc.StatusCode) -> None:
        """The call cannot go where it is released to."""
        refused = pb.ReleaseRefused(call_id=call_id, code=code.value[0], message="as the test says")
        self.tell(release_refused=refused)

    def end(self, how: Refusal | None = None) -> None:
        """End the stream; without a refusal as one that is done."""
        self._told.put_nowait(how)


class PlayedService:
    """What the worker sends waits for the test."""

    def __init__(self) -> None:
        self.target = ""
        self._lines: asyncio.Queue[Line] = asyncio.Queue()
        self._commands: dict[str, asyncio.Queue[Command]] = {
            name: asyncio.Queue() for name in _COMMANDS
        }

    async def line(self) -> Line:
        """The next stream that the worker opens."""
        return await _soon(self._lines)

    async def command(self, name: str) -> Command:
        """The next command of that name."""
        return await _soon(self._commands[name])

    async def handle_calls(
        self, said: AsyncIterator[Said], context: Context
    ) -> AsyncIterator[Told]:
        line = Line(context.peer())
        self._lines.put_nowait(line)
        async for told in line.carry(said, context):
            yield told

    async def take(self, name: str, request: Message, context: Context) -> Message:
        answer: asyncio.Future[Message | Refusal] = asyncio.get_running_loop().create_future()
        command = Command(request, answer)
        self._commands[name].put_nowait(command)
        try:
            answered = await answer
        finally:
            if not answer.done() or answer.cancelled():
                command.cancelled.set()
        if isinstance(answered, Refusal):
            await context.abort_with_status(_status(answered))
        assert isinstance(answered, Message)
        return answered


async def _soon(queue: asyncio.Queue[Item]) -> Item:
    async with asyncio.timeout(LIMIT_S):
        return await queue.get()


def _status(refusal: Refusal) -> grpc.Status:
    status = status_pb2.Status(code=refusal.code.value[0], message="as the test says")
    if refusal.reason:
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.ErrorInfo(reason=refusal.reason))
        status.details.append(detail)
    return rpc_status.to_status(status)


@asynccontextmanager
async def played_service() -> AsyncIterator[PlayedService]:
    """It listens until the end of the block."""
    server, service = grpc.aio.server(), PlayedService()

    def command(name: str) -> "grpc.RpcMethodHandler[Message, Message]":
        async def take(request: Message, context: Context) -> Message:
            return await service.take(name, request, context)

        return grpc.unary_unary_rpc_method_handler(
            take, _COMMANDS[name].FromString, lambda answer: answer.SerializeToString()
        )

    handling = grpc.stream_stream_rpc_method_handler(
        service.handle_calls, Said.FromString, Told.SerializeToString
    )
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                "callcontrol.v1.CallHandlingService", {"HandleCalls": handling}
            ),
            grpc.method_handlers_generic_handler(
                "callcontrol.v1.CallControlService", {name: command(name) for name in _COMMANDS}
            ),
        ]
    )
    service.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield service
    finally:
        await server.stop(None)
