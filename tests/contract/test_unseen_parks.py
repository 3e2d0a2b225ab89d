"""Calls that are parked while a service cannot see it: it has only to look to find them, as no
event tells of them any more. On the simulator and on a real FreeSWITCH.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest
from tests.contract.broken_wire import LOOK_S
from tests.contract.handling_hall import Place, take
from tests.contract.outbound_scene import Caller, Scene
from tests.contract.phone import DEADLINE_S
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.cutting_proxy import CuttingProxy

from callcontrol.calls.call import CallState
from callcontrol.ids import CallId


@pytest.fixture
async def scene(switch: SwitchUnderTest) -> AsyncIterator[Scene]:
    async with Scene.on(switch) as scene:
        yield scene


@pytest.fixture
async def wire(switch: SwitchUnderTest) -> AsyncIterator[CuttingProxy]:
    proxy = CuttingProxy(switch.port, Random(1), host=switch.host)
    async with proxy.listening():
        yield proxy


@asynccontextmanager
async def place_at(
    wire: CuttingProxy, switch: SwitchUnderTest, **settings: object
) -> AsyncIterator[Place]:
    """A replica that reaches the switch over that wire."""
    near = replace(switch, host="127.0.0.1", port=wire.port)
    async with Place.open(near, outbound_listen="", **settings) as place:
        yield place


@asynccontextmanager
async def out_of_sight(wire: CuttingProxy) -> AsyncIterator[None]:
    """Nobody sees the switch over the wire until the end of the block."""
    wire.is_shut = True
    for each in wire.wires:
        each.cut()
    yield
    wire.is_shut = False


async def until(place: Place, caller: Caller, state: CallState) -> None:
    """Return when the replica has seen the call in that state."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            seen = place.service.tracker.get(CallId(caller.call_id))
            if seen is not None and seen.state is state:
                return
            await asyncio.sleep(LOOK_S)


async def is_sent(scene: Scene, caller: Caller, extension: str, sign: str) -> None:
    """Somebody else sends the call to an extension, and this event comes then."""
    command = f"uuid_transfer {caller.call_id} {extension} XML callcontrol"
    assert (await scene.watch.ask(f"api {command}")).startswith("+OK")
    await scene.saw(caller, sign)


@pytest.mark.parametrize(
    ("dialled", "state"), [("ring", CallState.RINGING), ("answer", CallState.ACTIVE)]
)
async def test_a_call_that_was_handed_over_unseen_is_offered(
    wire: CuttingProxy, scene: Scene, dialled: str, state: CallState
) -> None:
    async with place_at(wire, scene.switch, outbound_offer_wait_s=20) as place:
        caller = await scene.call_in(dialled)
        await until(place, caller, state)
        async with out_of_sight(wire):
            await is_sent(scene, caller, "bell-menu", "CHANNEL_PARK")
        offer = await take(await place.worker(), caller)
        assert offer.application == "menu"


@pytest.mark.parametrize("extension", ["ring", "answer"])
async def test_a_call_that_left_its_park_unseen_is_offered_to_nobody(
    wire: CuttingProxy, scene: Scene, extension: str
) -> None:
    async with place_at(wire, scene.switch, outbound_offer_wait_s=60) as place:
        caller = await scene.call_in("bell-menu")
        desk, call_id = place.service.handing.desk, CallId(caller.call_id)
        async with asyncio.timeout(DEADLINE_S):
            while not desk.knows(call_id):  # noqa: ASYNC110  nothing tells of it
                await asyncio.sleep(LOOK_S)
        async with out_of_sight(wire):
            await is_sent(scene, caller, extension, "CHANNEL_UNPARK")
        async with asyncio.timeout(DEADLINE_S):
            while desk.knows(call_id):  # noqa: ASYNC110  nothing tells of it
                await asyncio.sleep(LOOK_S)
        worker = await place.worker()
        await take(worker, await scene.call_in("bell-menu"))


async def test_a_call_that_was_sent_on_and_is_parked_again_unseen_is_sent_on_from_there(
    wire: CuttingProxy, scene: Scene
) -> None:
    async with place_at(wire, scene.switch, outbound_offer_others_first_s=0) as place:
        caller = await scene.call_in("bell-menu")
        await scene.goes_on(caller)
        await is_sent(scene, caller, "answer", "CHANNEL_ANSWER")
        await until(place, caller, CallState.ACTIVE)
        scene.watch.events.clear()  # with its first park
        async with out_of_sight(wire):
            await is_sent(scene, caller, "bell-menu", "CHANNEL_PARK")
            scene.watch.events.clear()
        await scene.saw(caller, "CHANNEL_UNPARK")
        await scene.goes_on(caller)
