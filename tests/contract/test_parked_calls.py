"""Calls that wait in a park while no service runs: the switch takes them out again where the
dialplan has said so, and who comes in time keeps it from that. By both doorbells, on the simulator
and on a real FreeSWITCH.
"""

from collections.abc import AsyncIterator

import pytest
from tests.contract.handling_hall import BELLS, Hall, Place, take, until_released
from tests.contract.outbound_scene import Caller, Scene
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import call_handling_service_pb2 as pb

NOBODY = 9
"""A port of ours on which nobody listens."""


@pytest.fixture
async def scene(switch: SwitchUnderTest) -> AsyncIterator[Scene]:
    async with Scene.on(switch) as scene:
        yield scene


@pytest.fixture
async def hall(switch: SwitchUnderTest) -> AsyncIterator[Hall]:
    async with Hall.open(switch) as hall:
        yield hall


async def guarded(hall: Hall, bell: str, seconds: int) -> Caller:
    """A call that is taken out of its park after so many seconds."""
    port = "" if bell == "park" else f"-{hall.place.service.outbound_port}"
    return await hall.scene.call_in(f"guarded-menu-{seconds}{port}")


async def is_left_alone(scene: Scene, caller: Caller) -> None:
    """The switch has taken it out of its park."""
    event = await scene.saw(caller, "CHANNEL_EXECUTE", "set")
    while event["Application-Data"].startswith(("callcontrol_application", "callcontrol_guard")):
        event = await scene.saw(caller, "CHANNEL_EXECUTE", "set")
    assert event["Application-Data"] == "callcontrol_test_left_alone=true"


async def seconds_pass(scene: Scene, seconds: int) -> None:
    """So much time of the switch."""
    await scene.watch.ask(f"api msleep {1_000 * seconds}")


@pytest.mark.parametrize("dialled", ["guarded-menu-1", f"guarded-menu-1-{NOBODY}"])
async def test_the_switch_takes_a_call_out_of_its_park_for_which_nobody_comes(
    scene: Scene, dialled: str
) -> None:
    caller = await scene.call_in(dialled)
    await scene.saw(caller, "CHANNEL_PARK")
    await scene.saw(caller, "CHANNEL_UNPARK")
    await is_left_alone(scene, caller)


@pytest.mark.parametrize("bell", BELLS)
async def test_who_is_a_workers_is_not_taken_away(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker()
    caller = await guarded(hall, bell, 2)
    offer = await take(worker, caller)
    assert offer.call.variables["callcontrol_guard"].isdigit()
    for variable in ("callcontrol_guard", "no_such_variable"):
        command = f"api uuid_getvar {caller.call_id} {variable}"
        assert await hall.scene.watch.ask(command) == "_undef_"
    await seconds_pass(hall.scene, 4)
    assert "CHANNEL_UNPARK" not in hall.scene.names(caller)
    await worker.say(release=pb.ReleaseCall(call_id=caller.call_id))
    await until_released(worker, caller)


@pytest.mark.parametrize("bell", BELLS)
async def test_who_waits_for_a_worker_is_not_taken_away(switch: SwitchUnderTest, bell: str) -> None:
    async with Hall.open(switch, outbound_offer_wait_s=60) as hall:
        caller = await guarded(hall, bell, 2)
        await seconds_pass(hall.scene, 4)
        await take(await hall.place.worker(), caller)


@pytest.mark.parametrize("bell", BELLS)
async def test_who_is_sent_on_hears_the_fallback_to_its_end(hall: Hall, bell: str) -> None:
    caller = await guarded(hall, bell, 2)
    while True:
        event = await hall.scene.saw(caller, "CHANNEL_EXECUTE", "set")
        if event["Application-Data"] == "callcontrol_test_fallback=true":
            break
        assert "left_alone" not in event["Application-Data"]
    await hall.scene.saw(caller, "CHANNEL_EXECUTE_COMPLETE", "playback")
    await hall.scene.saw(caller, "CHANNEL_DESTROY")


async def test_a_call_that_waited_while_no_service_ran_is_offered_and_not_taken_away(
    switch: SwitchUnderTest, scene: Scene
) -> None:
    caller = await scene.call_in("guarded-menu-6")
    await scene.saw(caller, "CHANNEL_PARK")
    async with Place.open(switch, outbound_offer_wait_s=20) as place:
        await take(await place.worker(), caller)
        await seconds_pass(scene, 6)
        assert "CHANNEL_UNPARK" not in scene.names(caller)


async def test_other_schedules_of_a_call_stay(hall: Hall) -> None:
    worker = await hall.place.worker()
    caller = await hall.scene.call_in("guarded-menu-9")
    offer = (await worker.read("offer")).offer
    assert offer.call.call_id == caller.call_id
    # What another program has put off for the call is its own.
    command = f"api sched_transfer +1 {caller.call_id} left-alone XML callcontrol"
    assert await hall.scene.watch.ask(command) == "+OK\n"
    await is_left_alone(hall.scene, caller)
    assert (await worker.read("withdraw")).withdraw.offer_id == offer.offer_id
