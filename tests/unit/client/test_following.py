"""Following events across streams that break."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import grpc
import grpc.aio
import pytest

from callcontrol.client.client import Client
from callcontrol.client.failure import Failure
from callcontrol.client.following import LONGEST_DELAY_S, follow
from callcontrol.v1 import event_service_pb2 as pb

Context = grpc.aio.ServicerContext[pb.EventsRequest, pb.EventsResponse]
Act = Callable[[Context], Awaitable[None]]


@asynccontextmanager
async def server_of(*acts: Act) -> AsyncIterator[Client]:
    """A server whose n-th stream does what the n-th act says, and a client of it."""
    left = list(acts)

    async def events(_: pb.EventsRequest, context: Context) -> None:
        await left.pop(0)(context)

    handler = grpc.unary_stream_rpc_method_handler(
        events,
        request_deserializer=pb.EventsRequest.FromString,
        response_serializer=pb.EventsResponse.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("callcontrol.v1.EventService", {"Events": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with Client(f"127.0.0.1:{port}") as client:
        yield client
    await server.stop(0)


def starts_then(code: grpc.StatusCode) -> Act:
    async def act(context: Context) -> None:
        await context.write(pb.EventsResponse(started=pb.SubscriptionStarted()))
        await context.abort(code, "over")

    return act


async def starts_and_ends(context: Context) -> None:
    await context.write(pb.EventsResponse(started=pb.SubscriptionStarted()))


class Pauses:
    """Remembers how long one was asked to wait, and waits not at all."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def test_another_stream_takes_the_place_of_one_that_broke():
    broke: list[Failure] = []
    acts = [starts_then(grpc.StatusCode.INTERNAL), starts_and_ends, starts_and_ends]
    async with server_of(*acts) as client:
        responses = follow(client, pb.EventsRequest(), on_break=broke.append, pause=Pauses())
        async with aclosing(responses):
            for _ in acts:
                assert (await anext(responses)).HasField("started")
    assert [failure.code for failure in broke] == [
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.OK,
    ]


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED]
)
async def test_what_would_be_said_again_is_raised(code: grpc.StatusCode):
    async with server_of(starts_then(code)) as client:
        responses = follow(client, pb.EventsRequest(), pause=Pauses())
        async with aclosing(responses):
            await anext(responses)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await anext(responses)
    assert caught.value.code() is code


async def test_pauses_grow_to_a_bound_and_shrink_when_something_comes():
    pauses = Pauses()

    async def fails(context: Context) -> None:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")

    async with server_of(*[fails] * 12, starts_and_ends, starts_and_ends) as client:
        responses = follow(client, pb.EventsRequest(), pause=pauses)
        async with aclosing(responses):
            await anext(responses)
            await anext(responses)
    assert max(pauses.seconds) <= LONGEST_DELAY_S
    assert pauses.seconds[-1] <= 0.25
    assert len(pauses.seconds) == 13
