"""Listening in: what is sent, what proves it, and who is refused."""

import asyncio

import pytest
from tests.support.call_node import A, B, Desk, until

from callcontrol.calls.media.eavesdropping import EavesdropMode, EavesdropSpec, eavesdrop
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallHasEnded,
    CallStateConflict,
    InvalidRequest,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.ids import CallId

C = CallId("cccccccc-0000-4000-8000-000000000003")


@pytest.fixture
def desk() -> Desk:
    desk = Desk(ControlSettings(confirm_timeout_s=0.5))
    desk.parked(A)
    desk.parked(B)
    return desk


def spec(mode: EavesdropMode = EavesdropMode.LISTEN) -> EavesdropSpec:
    return EavesdropSpec(call_id=A, listener_call_id=B, mode=mode)


def sent_id(desk: Desk) -> str:
    return desk.node.sent[-1].partition("Event-UUID: ")[2].split()[0]


@pytest.mark.parametrize(
    ("mode", "by_partner", "by_leg"),
    [
        (EavesdropMode.LISTEN, "false", "false"),
        (EavesdropMode.WHISPER, "false", "true"),
        (EavesdropMode.JOIN, "true", "true"),
    ],
)
async def test_who_hears_the_listener_is_said_for_this_run_alone(
    desk: Desk, mode: EavesdropMode, by_partner: str, by_leg: str
) -> None:
    listening = asyncio.create_task(eavesdrop(desk.control.commander, spec(mode)), name="listen")
    await until(lambda: bool(desk.node.sent))
    operation_id = sent_id(desk)
    desk.happen("CHANNEL_EXECUTE", B, Application="eavesdrop", Application_UUID=operation_id)
    desk.happen("MEDIA_BUG_START", A, Media_Bug_Function="eavesdrop", Media_Bug_Target=A)
    outcome = await listening

    options = (
        f"%[eavesdrop_whisper_aleg={by_partner},eavesdrop_whisper_bleg={by_leg},"
        "eavesdrop_enable_dtmf=false]"
    )
    assert outcome.confirmed
    assert outcome.operation_id == operation_id
    (sent,) = desk.node.sent
    assert sent == (
        f"sendmsg {B} | call-command: execute | execute-app-name: eavesdrop | execute-app-arg:"
        f" {options}{A} | Event-UUID: {operation_id} | event-lock: true"
    )


async def test_the_tap_of_another_listener_proves_nothing() -> None:
    desk = Desk(ControlSettings(confirm_timeout_s=0.01))
    desk.parked(A)
    desk.parked(B)
    listening = asyncio.create_task(eavesdrop(desk.control.commander, spec()), name="listen")
    await until(lambda: bool(desk.node.sent))
    desk.happen("MEDIA_BUG_START", A, Media_Bug_Function="eavesdrop", Media_Bug_Target=A)

    assert not (await listening).confirmed


async def test_an_application_that_ends_before_it_listens_was_refused(desk: Desk) -> None:
    listening = asyncio.create_task(eavesdrop(desk.control.commander, spec()), name="listen")
    await until(lambda: bool(desk.node.sent))
    own = {"Application": "eavesdrop", "Application_UUID": sent_id(desk)}
    desk.happen("CHANNEL_EXECUTE", B, **own)
    desk.happen("CHANNEL_EXECUTE_COMPLETE", B, Application_Response="_none_", **own)
    with pytest.raises(SwitchRefused):
        await listening


async def test_the_wait_ends_with_either_leg_and_with_the_node(desk: Desk) -> None:
    listening = asyncio.create_task(eavesdrop(desk.control.commander, spec()), name="listen")
    await until(lambda: bool(desk.node.sent))
    desk.hang_up(A)
    with pytest.raises(CallHasEnded):
        await listening
    desk.parked(C)
    again = EavesdropSpec(call_id=C, listener_call_id=B)
    listening = asyncio.create_task(eavesdrop(desk.control.commander, again), name="listen")
    await until(lambda: len(desk.node.sent) == 2)
    desk.lose_node()
    with pytest.raises(OutcomeUnknown):
        await listening


async def test_legs_on_different_nodes_cannot_hear_each_other() -> None:
    desk = Desk(nodes=2)
    desk.active(A)
    desk.active(B, node=1)
    with pytest.raises(CallStateConflict):
        await eavesdrop(desk.control.commander, spec())

    assert desk.node.sent == []


async def test_a_leg_that_rings_has_nothing_to_listen_to(desk: Desk) -> None:
    desk = Desk()
    desk.ringing(A)
    desk.active(B)
    with pytest.raises(CallStateConflict):
        await eavesdrop(desk.control.commander, spec())


async def test_nobody_listens_to_himself(desk: Desk) -> None:
    with pytest.raises(InvalidRequest):
        await eavesdrop(desk.control.commander, EavesdropSpec(call_id=A, listener_call_id=A))
