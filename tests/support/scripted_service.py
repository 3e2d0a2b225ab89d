"""An EventService over real gRPC that says what a test tells it to, stream by stream."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import grpc.aio
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from callcontrol.v1 import event_service_pb2 as pb

HOLD: Final = "hold"
"""The stream stays until the client ends it."""


@dataclass(frozen=True)
class Script:
    """One stream: its messages, then how it ends. None is an end without an error."""

    messages: Sequence[pb.EventsResponse] = ()
    end: grpc.StatusCode | str | None = None
    retry_in_s: int = 0


@dataclass
class Asked:
    """A stream that was asked for."""

    request: pb.EventsRequest
    peer: str
    at_s: float
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def token(self) -> str:
        return self.request.start.resume_token


class ScriptedService:
    """Follows one script after the other, and holds what comes behind the last one."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._scripts = scripts
        self.asked: list[Asked] = []
        self.target = ""

    async def events(
        self,
        request: pb.EventsRequest,
        context: "grpc.aio.ServicerContext[pb.EventsRequest, pb.EventsResponse]",
    ) -> AsyncIterator[pb.EventsResponse]:
        asked = Asked(request, context.peer(), asyncio.get_running_loop().time())
        number = len(self.asked)
        self.asked.append(asked)
        script = self._scripts[number] if number < len(self._scripts) else Script(end=HOLD)
        try:
            for message in script.messages:
                yield message
            if isinstance(script.end, grpc.StatusCode):
                await context.abort_with_status(_status(script.end, script.retry_in_s))
            if script.end == HOLD:
                await asyncio.Event().wait()
        finally:
            asked.ended.set()


def _status(code: grpc.StatusCode, retry_in_s: int) -> grpc.Status:
    status = status_pb2.Status(code=code.value[0], message="as the script says")
    if retry_in_s:
        delay = duration_pb2.Duration(seconds=retry_in_s)
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        status.details.append(detail)
    return rpc_status.to_status(status)


@asynccontextmanager
async def scripted_service(*scripts: Script) -> AsyncIterator[ScriptedService]:
    """It listens until the end of the block."""
    server, service = grpc.aio.server(), ScriptedService(scripts)
    handler = grpc.unary_stream_rpc_method_handler(
        service.events, pb.EventsRequest.FromString, pb.EventsResponse.SerializeToString
    )
    methods = {"Events": handler}
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("callcontrol.v1.EventService", methods)]
    )
    service.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield service
    finally:
        await server.stop(None)
