"""A whole service, a simulated switch and a client: what a test of everything plays on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc.aio
from pydantic import SecretStr

from callcontrol.app import Service
from callcontrol.cli.options import read_destination, read_endpoint
from callcontrol.client.client import Client
from callcontrol.config import Config
from callcontrol.config_sources import load
from callcontrol.config_switches import NodeEntry
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.simulator import Simulator
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, event_pb2, event_service_pb2

QUICK = LinkTimings(backoff_first_s=0.02, backoff_cap_s=0.1, canary_interval_s=0.2)
LIMIT_S = 20.0


def settings_for(simulator: Simulator, **flags: object) -> Config:
    """Everything as in operation but the pauses at shutdown."""
    node = NodeEntry(
        name="fs1", host="127.0.0.1", port=simulator.port, password=SecretStr(simulator.password)
    )
    quick = {"stream_notice_s": 0.0, "stream_spread_s": 0.0, "stop_grace_s": 1.0}
    return load({"nodes": [node], "listen": "127.0.0.1:0", **quick, **flags})


@dataclass(frozen=True)
class Stage:
    """The service runs, is ready, and has one node, fs1."""

    simulator: Simulator
    service: Service
    client: Client

    def channel(self) -> grpc.aio.Channel:
        """A connection of its own."""
        return grpc.aio.insecure_channel(f"127.0.0.1:{self.service.port}")

    async def call(self, whom: str, **fields: object) -> pb.OriginateResponse:
        """Place a call by the words of the command line, and wait for its outcome."""
        request = pb.OriginateRequest(
            endpoints=[read_endpoint(whom)],
            destination=read_destination("park"),
            wait_until=pb.WAIT_UNTIL_ANSWERED,
            **fields,  # type: ignore[arg-type]  # fields of the message
        )
        return await self.client.calls.Originate(request, timeout=LIMIT_S)


@dataclass
class Audience:
    """What a subscriber has been told so far."""

    events: list[event_pb2.Event] = field(default_factory=list)
    gaps: list[event_service_pb2.Gap] = field(default_factory=list)
    going_away: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hear(self, response: event_service_pb2.EventsResponse) -> None:
        """Take a message."""
        async with self._changed:
            self.events += response.events
            match response.WhichOneof("notice"):
                case "gap":
                    self.gaps.append(response.gap)
                case "going_away":
                    self.going_away = True
            self._changed.notify_all()

    async def wait_for(self, is_there: Callable[["Audience"], bool]) -> None:
        """Return when it is there."""
        async with self._changed, asyncio.timeout(LIMIT_S):
            await self._changed.wait_for(lambda: is_there(self))

    async def ended(self, call_id: str) -> event_pb2.Event:
        """The end of a call."""
        await self.wait_for(lambda it: bool(it.of("call_ended", call_id)))
        (event,) = self.of("call_ended", call_id)
        return event

    def of(self, kind: str, call_id: str = "") -> list[event_pb2.Event]:
        """The events with that payload, of that call if one is named."""
        return [
            event
            for event in self.events
            if event.WhichOneof("payload") == kind and call_id in {"", event.call_id}
        ]

    def states(self, call_id: str) -> list[call_pb2.Call.State.ValueType]:
        """Which states a call went through, from its creation."""
        changes = self.of("call_state_changed", call_id)
        return [event.call_state_changed.call.state for event in changes]


@asynccontextmanager
async def listening(
    stage: Stage, request: event_service_pb2.EventsRequest | None = None
) -> AsyncIterator[Audience]:
    """A subscriber in place, until the end of the block."""
    audience, in_place = Audience(), asyncio.Event()

    async def listen() -> None:
        async with stage.channel() as channel:
            from callcontrol.v1.event_service_pb2_grpc import EventServiceStub

            stream = EventServiceStub(channel).Events(request or event_service_pb2.EventsRequest())
            async for response in stream:
                await audience.hear(response)
                in_place.set()

    async with asyncio.TaskGroup() as tasks:
        listener = tasks.create_task(listen(), name="listener")
        async with asyncio.timeout(LIMIT_S):
            await in_place.wait()
        yield audience
        listener.cancel()
