"""What the desk does to calls: the commands for it, word by word."""

import asyncio
import json
from contextlib import suppress

import pytest
from tests.support.call_node import A, Desk

from callcontrol.calls.offers.hands import SwitchHands
from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.offers.ports_switch import Standing
from callcontrol.calls.requests import ExtensionDestination, WorkerDestination
from callcontrol.errors import CallHasEnded, InvalidRequest

ANN = Standing(
    application="ivr",
    worker_name="ann",
    worker_id="w-1",
    lost_policy=LostWorkerPolicy.HANGUP,
)


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.parked(A)
    return desk


@pytest.fixture
def hands(desk: Desk) -> SwitchHands:
    return SwitchHands(desk.control)


async def test_the_owner_is_noted_by_one_command(desk: Desk, hands: SwitchHands):
    await hands.note_owner(A, ANN)
    pairs = (
        "callcontrol_application=ivr;callcontrol_worker=ann;callcontrol_worker_id=w-1;"
        "callcontrol_lost_worker=hangup;callcontrol_onward=;"
        "execute_on_blind_transfer_callcontrol="
    )
    assert desk.node.sent == [f"uuid_setvar_multi {A} {pairs}"]


async def test_who_is_free_has_no_owner_and_was_not_sent_on(desk: Desk, hands: SwitchHands):
    await hands.note_free(A, "ivr")
    assert desk.node.sent == [
        f"uuid_setvar_multi {A} callcontrol_application=ivr;callcontrol_worker=;callcontrol_onward="
    ]


@pytest.mark.parametrize("name", ["a;callcontrol_onward=true", "a=b", "a b", "${x}"])
async def test_a_name_that_would_set_more_than_itself_is_refused(
    desk: Desk, hands: SwitchHands, name: str
):
    with pytest.raises(InvalidRequest):
        await hands.note_free(A, name)
    assert not desk.node.sent


async def test_nothing_is_noted_of_a_call_that_has_ended(desk: Desk, hands: SwitchHands):
    desk.end(A)
    with pytest.raises(CallHasEnded):
        await hands.note_owner(A, ANN)
    assert not desk.node.sent


async def test_what_waits_hears_music_once(desk: Desk, hands: SwitchHands):
    desk.happen(
        "CHANNEL_EXECUTE",
        A,
        Application="playback",
        Application_Data="local_stream://moh",
        Application_UUID="p-1",
    )
    await hands.play_music(A, "local_stream://moh")
    assert not desk.node.sent


async def test_music_that_nobody_hears_is_not_stopped(desk: Desk, hands: SwitchHands):
    await hands.stop_music(A)
    assert not desk.node.sent


def variables(**values: str) -> str:
    """What the switch answers to `uuid_dump`."""
    return json.dumps({f"variable_callcontrol_{name}": value for name, value in values.items()})


async def test_a_guard_is_taken_off_by_its_number_and_then_forgotten(
    desk: Desk, hands: SwitchHands
):
    desk.node.answers["uuid_dump"] = variables(guard="42")
    assert await hands.take_off_guard(A)
    assert desk.node.sent[1:] == ["sched_del 42", f"uuid_setvar_multi {A} callcontrol_guard="]


async def test_a_guard_that_is_not_there_any_more_is_left_alone(desk: Desk, hands: SwitchHands):
    desk.node.answers["uuid_dump"] = variables(application="ivr")
    assert not await hands.take_off_guard(A)
    assert desk.node.sent == [f"uuid_dump {A} json"]


@pytest.mark.parametrize("number", ["true", "0", "all", A])
async def test_a_guard_that_names_no_schedule_is_told(
    desk: Desk, hands: SwitchHands, number: str, caplog: pytest.LogCaptureFixture
):
    desk.node.answers["uuid_dump"] = variables(guard=number)
    assert await hands.take_off_guard(A)
    assert desk.node.sent[1:] == [f"uuid_setvar_multi {A} callcontrol_guard="]
    assert "a guard cannot be taken off" in caplog.messages


async def test_a_call_that_is_released_is_forgotten_where_it_arrives(
    desk: Desk, hands: SwitchHands
):
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await hands.transfer(A, ExtensionDestination(extension="9000"))
    forgets = (
        "multiunset ^^:callcontrol_application:callcontrol_worker:callcontrol_worker_id"
        ":callcontrol_lost_worker:callcontrol_onward:execute_on_blind_transfer_callcontrol"
    )
    assert desk.node.sent == [
        f"uuid_setvar {A} execute_on_blind_transfer_callcontrol {forgets}",
        f"uuid_transfer {A} 9000 XML default",
    ]


async def test_a_call_for_workers_is_not_forgotten(desk: Desk, hands: SwitchHands):
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await hands.transfer(A, WorkerDestination(application="ivr"))
    assert [each.split()[0] for each in desk.node.sent] == ["uuid_transfer"]
