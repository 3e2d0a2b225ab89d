"""Following events across streams that break."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import grpc
import grpc.aio
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from callcontrol.client.client import Client
from callcontrol.client.failure import Failure
from callcontrol.client.following import FIRST_DELAY_S, LIVED_S, LONGEST_DELAY_S, follow
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
    "code",
    [
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.PERMISSION_DENIED,
    ],
)
async def test_what_would_be_said_again_is_raised(code: grpc.StatusCode):
    async with server_of(starts_then(code)) as client:
        responses = follow(client, pb.EventsRequest(), pause=Pauses())
        async with aclosing(responses):
            await anext(responses)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await anext(responses)
    assert caught.value.code() is code


async def fails(context: Context) -> None:
    await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")


async def test_pauses_grow_to_a_bound_and_are_short_again_once_a_stream_has_lived():
    pauses, now_s = Pauses(), 0.0

    async def lives(context: Context) -> None:
        nonlocal now_s
        now_s += LIVED_S
        await starts_and_ends(context)

    async with server_of(*[fails] * 12, lives, starts_and_ends) as client:
        responses = follow(client, pb.EventsRequest(), pause=pauses, clock=lambda: now_s)
        async with aclosing(responses):
            await anext(responses)
            await anext(responses)
    assert max(pauses.seconds) <= LONGEST_DELAY_S
    assert pauses.seconds[-1] <= FIRST_DELAY_S
    assert len(pauses.seconds) == 13


async def test_a_server_that_ends_each_stream_at_once_is_not_hit_ever_faster(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(random, "uniform", lambda _, most: most)
    pauses = Pauses()
    async with server_of(*[starts_and_ends] * 9) as client:
        responses = follow(client, pb.EventsRequest(), pause=pauses)
        async with aclosing(responses):
            for _ in range(9):
                await anext(responses)
    assert pauses.seconds == [0.5, 1, 2, 4, 8, 10, 10, 10]


async def test_the_server_says_how_long_to_stay_away_at_least():
    async def asks_for_time(context: Context) -> None:
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=30)))
        status = status_pb2.Status(code=14, message="later", details=[detail])
        trailers = (("grpc-status-details-bin", status.SerializeToString()),)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "later", trailers)

    pauses = Pauses()
    async with (
        server_of(asks_for_time, starts_and_ends) as client,
        aclosing(follow(client, pb.EventsRequest(), pause=pauses)) as responses,
    ):
        await anext(responses)
    assert 30 <= pauses.seconds[0] <= 30 + FIRST_DELAY_S
