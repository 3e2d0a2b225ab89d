"""One open stream of a worker, on a connection of its own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import grpc.aio

from callcontrol.client.event_call import OWN_CONNECTION
from callcontrol.v1.call_handling_service_pb2 import (
    HandleCallsRequest,
    HandleCallsResponse,
    RegisterWorker,
)
from callcontrol.v1.call_handling_service_pb2_grpc import CallHandlingServiceStub

ANY_REPLICA: Final = (
    "grpc.service_config",
    '{"loadBalancingConfig": [{"pick_first": {"shuffleAddressList": true}}]}',
)
"""Without it every stream goes to the first address of several that takes connections, also while
that replica refuses workers as it is about to leave."""


class WorkerCall:
    """A stream that was asked for. The first `read` connects, to any of the replicas."""

    def __init__(
        self, target: str, options: tuple[tuple[str, int], ...], registration: RegisterWorker
    ) -> None:
        self._channel = grpc.aio.insecure_channel(
            target, options=(*options, OWN_CONNECTION, ANY_REPLICA)
        )
        self._said: asyncio.Queue[HandleCallsRequest | None] = asyncio.Queue()
        """What the server is yet to be told: answers to its own words, so no more than those. None
        is the end of it."""
        self.say(HandleCallsRequest(register_worker=registration))
        self._call = CallHandlingServiceStub(self._channel).HandleCalls(self._requests())

    def say(self, message: HandleCallsRequest) -> None:
        """Have it sent, behind what was said before; lost where the stream is over."""
        self._said.put_nowait(message)

    async def read(self) -> HandleCallsResponse | None:
        """The next message, None at an end without an error. Cancelling it ends the stream.

        Raises AioRpcError when the stream ends with a status.
        """
        message = await self._call.read()
        return message if isinstance(message, HandleCallsResponse) else None

    async def close(self) -> None:
        """End it, and its connection."""
        self._call.cancel()
        self._said.put_nowait(None)  # or gRPC would go on waiting for more, where the server ended
        await self._channel.close()

    async def _requests(self) -> AsyncIterator[HandleCallsRequest]:
        while (message := await self._said.get()) is not None:
            yield message
