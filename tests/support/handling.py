"""A worker as its program sees it: one HandleCalls stream, message by message."""

import asyncio
from typing import TYPE_CHECKING, Self

import grpc
import grpc.aio
from tests.support.rpc import Refused, refused

from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1 import event_pb2
from callcontrol.v1.call_handling_service_pb2_grpc import CallHandlingServiceStub

if TYPE_CHECKING:
    Call = grpc.aio.StreamStreamCall[pb.HandleCallsRequest, pb.HandleCallsResponse]
else:  # at run time it takes no parameters
    Call = grpc.aio.StreamStreamCall

PATIENCE_S = 10.0


def hello(**fields: object) -> pb.RegisterWorker:
    """A registration that is as good as any, but for what is given."""
    wanted = {"worker_name": "ann", "applications": ["menu"], "max_calls": 10}
    return pb.RegisterWorker(**(wanted | fields))  # type: ignore[arg-type]  # fields by name


class HandledStream:
    """One stream of a worker."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.token = ""
        """The newest resume token."""

    @classmethod
    def open(cls, channel: grpc.aio.Channel) -> Self:
        """A stream on which nothing was said."""
        return cls(CallHandlingServiceStub(channel).HandleCalls())

    async def register(self, **fields: object) -> pb.WorkerRegistered:
        """Register, and read the answer."""
        await self.say(register_worker=hello(**fields))
        return (await self.read("registered")).registered

    async def say(self, **message: object) -> None:
        """Send a message, given by its kind."""
        request = pb.HandleCallsRequest(**message)  # type: ignore[arg-type]  # fields by name
        await self.call.write(request)

    async def read(self, kind: str = "") -> pb.HandleCallsResponse:
        """The next message, which is of this kind; heartbeats are passed over unless wanted."""
        while True:
            async with asyncio.timeout(PATIENCE_S):
                message = await self.call.read()
            assert isinstance(message, pb.HandleCallsResponse), "the stream ended with OK"
            self.token = message.resume_token or self.token
            found = message.WhichOneof("message") or ""
            if found == "heartbeat" and kind != "heartbeat":
                continue
            assert not kind or found == kind, message
            return message

    async def events(self, count: int) -> list[event_pb2.Event]:
        """So many events, in messages that hold nothing else."""
        found: list[event_pb2.Event] = []
        while len(found) < count:
            found += (await self.read("events")).events.events
        assert len(found) == count
        return found

    async def names(self, count: int) -> list[str]:
        """The names of so many events."""
        return [event.name for event in await self.events(count)]

    async def end(self) -> Refused:
        """Read on until the stream ends with an error, and what was told then."""
        try:
            while True:
                await self.read()
        except grpc.aio.AioRpcError as error:
            return refused(error)

    async def ends_well(self) -> None:
        """The stream ends with OK, and says nothing before that."""
        async with asyncio.timeout(PATIENCE_S):
            assert await self.call.read() is grpc.aio.EOF
            assert await self.call.code() == grpc.StatusCode.OK
