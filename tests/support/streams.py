"""Clients of the Events stream over gRPC."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc.aio
from tests.support.rpc import Refused, Replica, refused

from callcontrol.v1 import event_service_pb2 as pb
from callcontrol.v1.event_service_pb2_grpc import EventServiceStub
from callcontrol.v1.node_service_pb2 import ListNodesRequest
from callcontrol.v1.node_service_pb2_grpc import NodeServiceStub

if TYPE_CHECKING:
    Stream = grpc.aio.UnaryStreamCall[pb.EventsRequest, pb.EventsResponse]
else:  # at run time it takes no parameters
    Stream = grpc.aio.UnaryStreamCall


async def read(stream: Stream) -> pb.EventsResponse:
    """The next message; a stream never ends without an error."""
    message = await stream.read()
    assert isinstance(message, pb.EventsResponse)
    return message


async def subscribe(
    served: Replica, request: pb.EventsRequest | None = None
) -> tuple[Stream, pb.SubscriptionStarted]:
    """A stream that is in place, and what it was told at its beginning."""
    stream = EventServiceStub(served.channel).Events(request or pb.EventsRequest())
    await stream.initial_metadata()
    first = await read(stream)
    assert first.WhichOneof("notice") == "started"
    return stream, first.started


async def read_events(stream: Stream, count: int) -> list[pb.EventsResponse]:
    """Messages until so many events have come."""
    messages: list[pb.EventsResponse] = []
    while sum(len(message.events) for message in messages) < count:
        messages.append(await read(stream))
    return messages


async def end_of(stream: Stream) -> Refused:
    """Read on until the stream ends, and what was told then."""
    try:
        while True:
            await read(stream)
    except grpc.aio.AioRpcError as error:
        return refused(error)


def names(messages: list[pb.EventsResponse]) -> list[str]:
    """The names of all events of these messages."""
    return [event.name for message in messages for event in message.events]


async def until(holds: Callable[[], object]) -> None:
    """Let the loop turn until this holds; the limit of time is that of the test."""
    while not holds():  # noqa: ASYNC110 - what is awaited has no event of its own
        await asyncio.sleep(0.001)


async def a_round_trip(served: Replica) -> None:
    """Give everything that is under way the time that another RPC takes."""
    await NodeServiceStub(served.channel).ListNodes(ListNodesRequest(), timeout=5)


async def stalled(served: Replica, request: pb.EventsRequest) -> Stream:
    """A stream whose client took the first message and then stopped reading."""
    stream, _ = await subscribe(served, request)
    (subscription,) = served.log.subscriptions
    while subscription.lag_events <= 30:
        for _ in range(10):
            served.tell(served.switch.event("CUSTOM", {"X": "x" * 60_000}))
        await a_round_trip(served)
    return stream
