"""What the desk does to calls: the commands for it, word by word."""

import pytest
from tests.support.call_node import A, Desk

from callcontrol.calls.offers.hands import SwitchHands
from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.offers.ports_switch import Standing
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
        "callcontrol_lost_worker=hangup;callcontrol_onward="
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
