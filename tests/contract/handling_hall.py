"""A service with workers on a switch: somebody calls, the dialplan rings one of the doorbells."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from tests.contract.conftest import config_for
from tests.contract.outbound_scene import Caller, Scene
from tests.contract.phone import DEADLINE_S, Phone
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.handling import HandledStream

from callcontrol.app import Service
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1 import event_pb2
from callcontrol.v1.call_handling_service_pb2_grpc import CallHandlingServiceStub

KEY = "contract-of-workers"
BELLS = ["park", "socket"]


@dataclass
class Place:
    """One replica, and a client of it."""

    service: Service
    phone: Phone
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)
    _left: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @asynccontextmanager
    async def open(cls, switch: SwitchUnderTest, **settings: object) -> AsyncIterator[Self]:
        wanted = {"outbound_listen": f"{switch.host}:0", "token_key": KEY, "worker_drain_s": 0}
        service = Service(config_for(switch, wanted | settings))
        leaving, left = asyncio.Event(), asyncio.Event()

        async def serve() -> None:
            async with service.running():
                await leaving.wait()
            left.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(), name="a replica")
            async with asyncio.timeout(DEADLINE_S):
                await service.wait_ready()
            try:
                async with Phone.connect(f"127.0.0.1:{service.port}") as phone:
                    yield cls(service, phone, leaving, left)
            finally:
                leaving.set()

    async def leave(self) -> None:
        """Stop the service, and return when it has."""
        self._leaving.set()
        await self._left.wait()

    async def worker(self, **fields: object) -> HandledStream:
        """A worker that is registered."""
        stream = HandledStream(CallHandlingServiceStub(self.phone.channel).HandleCalls())
        await stream.register(**fields)
        return stream


@dataclass
class Hall:
    """A replica, and somebody who calls."""

    place: Place
    scene: Scene

    @classmethod
    @asynccontextmanager
    async def open(cls, switch: SwitchUnderTest, **settings: object) -> AsyncIterator[Self]:
        async with Place.open(switch, **settings) as place, Scene.on(switch) as scene:
            yield cls(place, scene)

    async def call_in(self, bell: str, application: str = "menu") -> Caller:
        """Somebody dials a number whose dialplan rings this doorbell."""
        return await self.scene.call_in(self.number(bell, application))

    def number(self, bell: str, application: str = "menu") -> str:
        """The number whose dialplan rings this doorbell."""
        port = self.place.service.outbound_port
        return f"bell-{application}" if bell == "park" else f"bell-{application}-{port}"

    async def owned(self, bell: str, worker: HandledStream) -> Caller:
        """A call that is a worker's."""
        caller = await self.call_in(bell)
        await take(worker, caller)
        return caller


async def take(worker: HandledStream, caller: Caller) -> pb.OfferCall:
    """Read the offer of a call, accept it, and be told that it is the worker's."""
    offer = (await worker.read("offer")).offer
    assert offer.call.call_id == caller.call_id
    await worker.say(accept=pb.AcceptCall(offer_id=offer.offer_id))
    assigned = (await worker.read("assigned")).assigned
    assert (assigned.offer_id, assigned.call.call_id) == (offer.offer_id, caller.call_id)
    return offer


async def event(worker: HandledStream, payload: str) -> event_pb2.Event:
    """The next event of this kind that a worker is told; others are passed over."""
    while True:
        for each in (await worker.read("events")).events.events:
            if each.WhichOneof("payload") == payload:
                return each


async def until_released(
    worker: HandledStream, caller: Caller
) -> tuple[list[event_pb2.Event], pb.CallReleased]:
    """Every event up to where the call is the worker's no more, and what was told then."""
    events: list[event_pb2.Event] = []
    while True:
        message = await worker.read()
        events += message.events.events
        if message.WhichOneof("message") == "released":
            assert message.released.call_id == caller.call_id
            return events, message.released
