"""Calls that wait in a park while no service runs: the switch takes them out again where the
dialplan has said so, and who comes in time keeps it from that. By both doorbells, on the simulator
and on a real FreeSWITCH.
"""

from collections.abc import AsyncIterator

import pytest
from tests.contract.handling_hall import BELLS, Hall, Place, take, until_released
from tests.contract.outbound_scene import Caller, Scene
from tests.contract.phone import DEADLINE_S, extension
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.handling import HandledStream

from callcontrol.calls.encoding.handing import FORGET, FORGETTING
from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1 import common_pb2

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
    assert await what_follows(scene, caller) == "callcontrol_test_left_alone=true"


async def hears_the_fallback(scene: Scene, caller: Caller) -> None:
    """It goes on with what follows in its extension."""
    assert await what_follows(scene, caller) == "callcontrol_test_fallback=true"


async def what_follows(scene: Scene, caller: Caller) -> str:
    """What its dialplan sets after what it has set for us."""
    while True:
        event = await scene.saw(caller, "CHANNEL_EXECUTE", "set")
        if event["Application-Data"].startswith("callcontrol_test_"):
            return event["Application-Data"]


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
    guard = f"api uuid_getvar {caller.call_id} callcontrol_guard"
    assert await hall.scene.watch.ask(guard) == "_undef_"
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
    await hears_the_fallback(hall.scene, caller)
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


# Parks of others


@pytest.mark.parametrize("bell", BELLS)
async def test_a_call_that_is_released_to_an_extension_that_parks_it_stays_there(
    hall: Hall, bell: str
) -> None:
    worker = await hall.place.worker()
    caller = await hall.owned(bell, worker)
    await released_to(hall, worker, caller, "inbound-park")
    await hall.scene.stays_parked(caller)
    variables = await hall.scene.watch.ask(f"api uuid_dump {caller.call_id}")
    assert "variable_callcontrol_" not in variables
    assert "execute_on" not in variables
    async with Place.open(hall.scene.switch):  # nor does a service that begins take it for its own
        await hall.scene.time_passes()
        assert "CHANNEL_UNPARK" not in hall.scene.names(caller)


@pytest.mark.parametrize("bell", BELLS)
async def test_a_call_that_fell_back_and_is_sent_to_an_extension_that_parks_it_stays_there(
    hall: Hall, bell: str
) -> None:
    caller = await hall.call_in(bell)
    await hall.scene.goes_on(caller)
    hall.scene.watch.events.clear()
    request = calls_pb2.TransferRequest(
        call_id=caller.call_id, destination=extension("inbound-park")
    )
    moved = await hall.place.phone.calls.Transfer(request, timeout=DEADLINE_S)
    assert moved.status.confirmation == common_pb2.CONFIRMATION_CONFIRMED
    await hall.scene.stays_parked(caller)


@pytest.mark.parametrize("bell", BELLS)
@pytest.mark.parametrize("application", ["menu", "other"])
async def test_a_call_that_is_released_to_an_extension_that_rings_is_offered_as_new(
    hall: Hall, bell: str, application: str
) -> None:
    worker = await hall.place.worker(applications=["menu", "other"])
    caller = await hall.owned(bell, worker)
    port = "" if bell == "park" else f"-{hall.place.service.outbound_port}"
    await released_to(hall, worker, caller, f"bell-{application}{port}")
    assert (await take(worker, caller)).application == application
    await worker.say(release=pb.ReleaseCall(call_id=caller.call_id))
    await until_released(worker, caller)
    await hears_the_fallback(hall.scene, caller)


async def test_a_call_that_was_to_be_released_by_a_service_that_died_goes_on(
    switch: SwitchUnderTest, scene: Scene
) -> None:
    caller = await scene.call_in("bell-menu")
    await scene.saw(caller, "CHANNEL_PARK")
    application, names = FORGETTING
    for command in (
        f"uuid_setvar_multi {caller.call_id} callcontrol_worker=;callcontrol_onward=true",
        f"uuid_setvar {caller.call_id} {FORGET} {application} {names}",
    ):
        assert await scene.watch.ask(f"api {command}") == "+OK\n"
    async with Place.open(switch):
        await scene.goes_on(caller)


async def test_what_is_to_run_before_a_transfer_runs_where_the_call_was(scene: Scene) -> None:
    caller = await scene.call_in("park")
    await scene.saw(caller, "CHANNEL_PARK")
    own = "execute_on_blind_transfer_x"
    await scene.watch.ask(f"api uuid_setvar {caller.call_id} {own} multiunset ^^:{own}:direction")
    await scene.watch.ask(f"api uuid_transfer {caller.call_id} inbound-park XML callcontrol")
    await scene.saw(caller, "CHANNEL_PARK")
    told = [
        (event["Event-Name"], event.get("Application"), event["Caller-Destination-Number"])
        for event in scene.watch.events
        if event.get("Unique-ID") == caller.call_id and event["Event-Name"] != "CHANNEL_STATE"
    ]
    assert told[-7:] == [
        ("CHANNEL_EXECUTE", "multiunset", "park"),
        ("CHANNEL_EXECUTE_COMPLETE", "multiunset", "park"),
        ("CHANNEL_UNPARK", None, "inbound-park"),
        ("CHANNEL_EXECUTE_COMPLETE", "park", "inbound-park"),
        ("CHANNEL_EXECUTE", "ring_ready", "inbound-park"),
        ("CHANNEL_EXECUTE_COMPLETE", "ring_ready", "inbound-park"),
        ("CHANNEL_EXECUTE", "park", "inbound-park"),
    ]


async def released_to(hall: Hall, worker: HandledStream, caller: Caller, name: str) -> None:
    """Its worker sends the call to an extension, and the park before is not seen again."""
    release = pb.ReleaseCall(call_id=caller.call_id, destination=extension(name))
    await worker.say(release=release)
    await until_released(worker, caller)
    await hall.scene.saw(caller, "CHANNEL_UNPARK")
    hall.scene.watch.events.clear()
