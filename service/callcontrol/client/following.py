"""Following events for as long as one likes: the stream is opened anew whenever it breaks."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

import grpc
import grpc.aio

from callcontrol.client.client import Client
from callcontrol.client.failure import Failure, failure_of
from callcontrol.v1 import event_service_pb2

HOPELESS: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.OUT_OF_RANGE,
    }
)
"""What the same request will meet again. Anything else may pass: a proxy that cuts a stream makes
it INTERNAL or UNKNOWN as well as UNAVAILABLE."""

FIRST_DELAY_S: Final = 0.5
LONGEST_DELAY_S: Final = 10.0
LIVED_S: Final = 10.0
"""A stream that lived so long was a good one: the next pause is a short one again."""

StreamBroke = Callable[[Failure], None]


async def follow(
    client: Client,
    request: event_service_pb2.EventsRequest,
    *,
    on_break: StreamBroke = lambda _: None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[event_service_pb2.EventsResponse, None]:
    """The messages of the stream, and of those that take its place. It never ends by itself.

    Each stream begins with a message whose notice is `started`: at every one but the first, events
    may have been missed. `on_break` is told of each break. Between two streams is a pause that
    grows from one to the next, and is never shorter than the server asks for. Raises AioRpcError
    when the server says what it would say again: that there is no such node, for example.
    """
    delay_s = FIRST_DELAY_S
    while True:
        began_s = clock()
        try:
            async for response in client.events.Events(request):
                yield response
            failure = Failure(grpc.StatusCode.OK, "the server ended the stream")
        except grpc.aio.AioRpcError as error:
            if error.code() in HOPELESS:
                raise
            failure = failure_of(error)
        on_break(failure)
        if clock() - began_s >= LIVED_S:
            delay_s = FIRST_DELAY_S
        await pause((failure.retry_in_s or 0.0) + random.uniform(0, delay_s))
        delay_s = min(delay_s * 2, LONGEST_DELAY_S)
