"""One open stream of events, on a connection of its own."""

from typing import Final

import grpc
import grpc.aio

from callcontrol.v1.event_service_pb2 import EventsRequest, EventsResponse
from callcontrol.v1.event_service_pb2_grpc import EventServiceStub

OWN_CONNECTION: Final = ("grpc.use_local_subchannel_pool", 1)
"""Without it gRPC leads all channels to one address over one connection: a stream that moves away
from a replica would be back where it was, and many streams would wait for each other."""


class EventCall:
    """A stream that was asked for. The first `read` connects."""

    def __init__(
        self, target: str, options: tuple[tuple[str, int], ...], request: EventsRequest
    ) -> None:
        self._channel = grpc.aio.insecure_channel(target, options=(*options, OWN_CONNECTION))
        self._call = EventServiceStub(self._channel).Events(request)

    async def read(self) -> EventsResponse | None:
        """The next message, None at an end without an error. Cancelling it ends the stream.

        Raises AioRpcError when the stream ends with a status.
        """
        message = await self._call.read()
        return message if isinstance(message, EventsResponse) else None

    async def close(self) -> None:
        """End it, and its connection."""
        self._call.cancel()
        await self._channel.close()
