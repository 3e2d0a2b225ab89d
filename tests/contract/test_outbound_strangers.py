"""Workers have calls of a switch that the service has no connection to, by the same methods."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.contract.handling_hall import Hall, Place, event, take, until_released
from tests.contract.outbound_scene import Caller, Scene
from tests.contract.phone import DEADLINE_S, extension
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.handling import HandledStream

from callcontrol.simulator import Simulator
from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1 import common_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED


@pytest.fixture
async def hall(switch: SwitchUnderTest) -> AsyncIterator[Hall]:
    """A replica whose only node is another switch than the one that is called."""
    async with Simulator(password=switch.password) as home:
        settings = {"nodes": f"home=127.0.0.1:{home.port}", "outbound_unknown_switches": True}
        async with Place.open(switch, **settings) as place, Scene.on(switch) as scene:
            yield Hall(place, scene)


async def owned(hall: Hall) -> tuple[HandledStream, Caller, pb.OfferCall]:
    """A worker that has taken a call."""
    worker = await hall.place.worker(applications=["app"])
    caller = await hall.scene.call_in(f"socket-async-full-{hall.place.service.outbound_port}")
    return worker, caller, await take(worker, caller)


async def test_a_worker_takes_drives_and_ends_a_call(hall: Hall) -> None:
    worker, caller, offer = await owned(hall)
    assert offer.call.node_id.startswith("outbound.")
    calls, call_id = hall.place.phone.calls, caller.call_id
    answered = await calls.Answer(calls_pb2.AnswerRequest(call_id=call_id), timeout=DEADLINE_S)
    assert answered.status.confirmation == CONFIRMED
    await event(worker, "call_state_changed")
    tone = common_pb2.MediaSource(tone_stream="%(200,0,440)")
    played = await calls.Play(
        calls_pb2.PlayRequest(call_id=call_id, sources=[tone]), timeout=DEADLINE_S
    )
    assert played.status.confirmation == CONFIRMED
    await event(worker, "playback_stopped")
    listed = await calls.ListCalls(calls_pb2.ListCallsRequest(), timeout=DEADLINE_S)
    assert [call.call_id for call in listed.calls] == [call_id]
    ended = await calls.Hangup(calls_pb2.HangupRequest(call_id=call_id), timeout=DEADLINE_S)
    assert ended.status.confirmation == CONFIRMED

    events, told = await until_released(worker, caller)
    assert "call_ended" in [each.WhichOneof("payload") for each in events]
    assert told.hangup_cause.name == "NORMAL_CLEARING"


async def test_a_worker_gives_a_call_back_to_the_dialplan(hall: Hall) -> None:
    worker, caller, _ = await owned(hall)
    await worker.say(release=pb.ReleaseCall(call_id=caller.call_id))
    await hall.scene.goes_on(caller)
    await until_released(worker, caller)


async def test_a_worker_sends_a_call_elsewhere(hall: Hall) -> None:
    worker, caller, _ = await owned(hall)
    answer = extension("answer")
    await worker.say(release=pb.ReleaseCall(call_id=caller.call_id, destination=answer))
    await until_released(worker, caller)
    await hall.scene.saw(caller, "CHANNEL_ANSWER")


async def test_a_call_goes_on_where_there_is_no_worker(hall: Hall) -> None:
    caller = await hall.scene.call_in(f"socket-async-full-{hall.place.service.outbound_port}")
    await hall.scene.goes_on(caller)


async def test_a_caller_who_hangs_up_takes_the_call_from_its_worker(hall: Hall) -> None:
    worker, caller, _ = await owned(hall)
    await caller.hangs_up()
    await until_released(worker, caller)
    async with asyncio.timeout(DEADLINE_S):
        await hall.scene.history(caller)
