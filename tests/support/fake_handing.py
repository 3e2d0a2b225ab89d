"""A service that hands calls over as a test says, to see what a worker makes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from callcontrol.v1 import call_control_service_pb2 as calls_pb
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1.call_pb2 import Call
from callcontrol.v1.common_pb2 import HangupCause
from callcontrol.v1.error_reason_pb2 import ErrorReason
from callcontrol.v1.event_pb2 import ApplicationFinished, CallUnbridged, Event, PlaybackStopped

PLAYBACK: Final = "p1"
PARTNER: Final = "leg-b"
PATIENCE_S: Final = 10.0


@dataclass(frozen=True)
class Refusal(Exception):
    """A status with the service's reason; without one it is as gRPC itself fails."""

    code: grpc.StatusCode
    reason: str = ""

    async def abort(self, context: "Context") -> None:
        """End the RPC with it."""
        details = any_pb2.Any()
        details.Pack(error_details_pb2.ErrorInfo(reason=self.reason, domain="callcontrol"))
        status = status_pb2.Status(code=self.code.value[0], message="no", details=[details])
        if self.reason:
            context.set_trailing_metadata(
                (("grpc-status-details-bin", status.SerializeToString()),)
            )
        await context.abort(self.code, "no")


Context = grpc.aio.ServicerContext[Message, Message]
Said = pb.HandleCallsResponse
Heard = pb.HandleCallsRequest


class WorkerAtTheDoor:
    """One stream of a worker, as the service sees it."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Heard | None] = asyncio.Queue()
        self.is_over = asyncio.Event()
        self._to_say: asyncio.Queue[Said | Refusal | None] = asyncio.Queue()

    async def hear(self, kind: str) -> Heard:
        """What it says next, which is of that kind."""
        async with asyncio.timeout(PATIENCE_S):
            message = await self.heard.get()
        assert message is not None
        assert message.WhichOneof("message") == kind, message
        return message

    async def until_gone(self) -> None:
        """Return when the worker has left this stream."""
        async with asyncio.timeout(PATIENCE_S):
            await self.is_over.wait()

    async def welcome(self, *, token: str = "", window_s: int = 30) -> pb.RegisterWorker:
        """It registers, and is told so."""
        registration = (await self.hear("register_worker")).register_worker
        registered = pb.WorkerRegistered(worker_id="w")
        registered.resume_window.FromSeconds(window_s)
        registered.heartbeat_interval.FromSeconds(15)
        self.say(Said(registered=registered, resume_token=token))
        return registration

    async def give(self, call_id: str, **variables: str) -> None:
        """Offer a call, and assign it once it is accepted."""
        offer = pb.OfferCall(offer_id=f"offer of {call_id}", application="ivr")
        offer.call.MergeFrom(Call(call_id=call_id, variables=variables))
        self.say(Said(offer=offer))
        accepted = await self.hear("accept")
        assert accepted.accept.offer_id == offer.offer_id
        self.assign(call_id, offer_id=offer.offer_id)

    def assign(self, call_id: str, *, offer_id: str = "") -> None:
        """A call is its own."""
        self.say(Said(assigned=pb.CallAssigned(offer_id=offer_id, call=Call(call_id=call_id))))

    def release(self, call_id: str, cause: str = "") -> None:
        """A call is its own no more: it has ended, where there is a cause."""
        released = pb.CallReleased(call_id=call_id)
        if cause:
            released.hangup_cause.MergeFrom(HangupCause(name=cause))
        self.say(Said(released=released))

    def refuse(
        self, call_id: str, code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT
    ) -> None:
        """A call cannot go where it is released to."""
        self.say(
            Said(
                release_refused=pb.ReleaseRefused(
                    call_id=call_id,
                    code=code.value[0],
                    reason=ErrorReason.ERROR_REASON_INVALID_REQUEST,
                    message="the request is malformed",
                    metadata={"part": "destination"},
                    violations=[pb.FieldViolation(field="release.destination", description="no")],
                )
            )
        )

    def tell(self, *events: Event, token: str = "") -> None:
        """Events."""
        self.say(Said(events=pb.CallEvents(events=events), resume_token=token))

    def say(self, message: Said) -> None:
        """Anything."""
        self._to_say.put_nowait(message)

    def end(self, refusal: Refusal | None = None) -> None:
        """End the stream, well or not."""
        self._to_say.put_nowait(refusal)

    async def serve(self, requests: AsyncIterator[Heard], context: Context) -> None:
        """The stream itself."""
        listening = asyncio.create_task(self._listen(requests))
        try:
            while (message := await self._to_say.get()) is not None:
                if isinstance(message, Refusal):
                    await message.abort(context)
                else:
                    await context.write(message)
        finally:
            listening.cancel()
            await asyncio.wait([listening])
            self.is_over.set()

    async def _listen(self, requests: AsyncIterator[Heard]) -> None:
        async for request in requests:
            self.heard.put_nowait(request)


Answer = Callable[[], Message]


@dataclass
class HandingService:
    """The service; streams come to `doors` in the order in which they are opened."""

    port: int = 0
    doors: asyncio.Queue[WorkerAtTheDoor] = field(default_factory=asyncio.Queue)
    commands: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    """What is done to calls, in order."""
    failures: dict[str, list[Refusal]] = field(default_factory=dict)
    """How the next commands of that method fail."""
    answers: dict[str, Message] = field(default_factory=dict)
    """What a method answers, where it is not an empty message."""

    @property
    def target(self) -> str:
        """Where it stands."""
        return f"127.0.0.1:{self.port}"

    async def door(self) -> WorkerAtTheDoor:
        """The next stream."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.doors.get()

    async def command(self, name: str) -> Message:
        """The next command, which is of that method."""
        async with asyncio.timeout(PATIENCE_S):
            request = await self.commands.get()
        assert type(request).__name__ == f"{name}Request", request
        return request

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """Its methods."""
        service = calls_pb.DESCRIPTOR.services_by_name["CallControlService"]
        unary = {
            method.name: self._unary(method.name, method.input_type.name, method.output_type.name)
            for method in service.methods
        }
        stream = grpc.stream_stream_rpc_method_handler(
            self._handle_calls,
            request_deserializer=Heard.FromString,
            response_serializer=Said.SerializeToString,
        )
        handing = "callcontrol.v1.CallHandlingService"
        return [
            grpc.method_handlers_generic_handler(service.full_name, unary),
            grpc.method_handlers_generic_handler(handing, {"HandleCalls": stream}),
        ]

    def _unary(
        self, name: str, request_name: str, response_name: str
    ) -> "grpc.RpcMethodHandler[Message, Message]":
        async def behave(request: Message, context: Context) -> Message:
            self.commands.put_nowait(request)
            failures = self.failures.get(name)
            if failures:
                await failures.pop(0).abort(context)
            return self.answers.get(name) or getattr(calls_pb, response_name)()

        return grpc.unary_unary_rpc_method_handler(
            behave,
            request_deserializer=getattr(calls_pb, request_name).FromString,
            response_serializer=getattr(calls_pb, response_name).SerializeToString,
        )

    async def _handle_calls(self, requests: AsyncIterator[Heard], context: Context) -> None:
        door = WorkerAtTheDoor()
        self.doors.put_nowait(door)
        await door.serve(requests, context)


@asynccontextmanager
async def handing_service(port: int = 0) -> AsyncIterator[HandingService]:
    """One that runs."""
    service = HandingService()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(tuple(service.handlers()))
    service.port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield service
    finally:
        await server.stop(None)


def played(call_id: str, playback_id: str = PLAYBACK) -> list[Event]:
    """Something was heard to its end."""
    return [
        event(call_id, playback_stopped=PlaybackStopped(playback_id=playback_id, completed=True)),
        event(call_id, application_finished=ApplicationFinished(operation_id=playback_id)),
    ]


def parted(call_id: str, partner: str = PARTNER) -> Event:
    """Two legs are connected no more."""
    return event(call_id, call_unbridged=CallUnbridged(call_id=call_id, peer_call_id=partner))


_numbers = iter(range(1, 1_000_000))


def event(call_id: str, **payload: Message) -> Event:
    """An event that nobody has seen yet."""
    made = Event(event_id=f"e{next(_numbers)}", call_id=call_id)
    for name, value in payload.items():
        getattr(made, name).CopyFrom(value)
    return made
