"""Answer, hang up, hold and bridge: what is sent, what proves it, and how each wait ends."""

import asyncio

import pytest
from tests.support.call_node import A, B, Desk

from callcontrol.calls.call import CallState
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallHasEnded,
    CallNotFound,
    CallStateConflict,
    InvalidRequest,
    NodeUnavailable,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.ids import CallId

IMPATIENT = ControlSettings(confirm_timeout_s=0.01)


async def test_an_answer_is_confirmed_by_the_event() -> None:
    desk = Desk()
    desk.ringing(A)
    async with asyncio.TaskGroup() as tasks:
        answering = tasks.create_task(desk.control.answer(A))
        assert await desk.node.arrivals.get() == f"uuid_answer {A}"
        desk.happen("CHANNEL_ANSWER", A, Answer_State="answered")
    assert answering.result().confirmed
    assert answering.result().call.answered


async def test_an_event_before_the_reply_counts() -> None:
    desk = Desk()
    desk.ringing(A)

    def answered(_: str) -> str:
        desk.happen("CHANNEL_ANSWER", A, Answer_State="answered")
        return "+OK\n"

    desk.node.answers["uuid_answer"] = answered
    assert (await desk.control.answer(A)).confirmed


async def test_what_is_answered_is_not_answered_again() -> None:
    desk = Desk()
    desk.active(A)
    assert (await desk.control.answer(A)).confirmed
    assert desk.node.sent == []


async def test_without_proof_the_outcome_says_so() -> None:
    desk = Desk(IMPATIENT)
    desk.ringing(A)
    outcome = await desk.control.answer(A)
    assert not outcome.confirmed
    assert outcome.call.state is CallState.RINGING


async def test_an_outbound_call_cannot_be_answered_from_here() -> None:
    desk = Desk()
    desk.ringing(A, "outbound")
    with pytest.raises(CallStateConflict):
        await desk.control.answer(A)
    assert desk.node.sent == []


async def test_early_media_is_confirmed_by_its_event() -> None:
    desk = Desk()
    desk.ringing(A)

    def opened(_: str) -> str:
        desk.happen("CHANNEL_PROGRESS_MEDIA", A, Answer_State="early")
        return "+OK\n"

    desk.node.answers["uuid_pre_answer"] = opened
    outcome = await desk.control.answer(A, early_media_only=True)
    assert outcome.confirmed
    assert outcome.call.state is CallState.EARLY_MEDIA


async def test_a_call_that_ends_meanwhile_ends_the_wait() -> None:
    desk = Desk()
    desk.ringing(A)

    def gone(_: str) -> str:
        desk.hang_up(A, "ORIGINATOR_CANCEL")
        return "+OK\n"

    desk.node.answers["uuid_answer"] = gone
    with pytest.raises(CallHasEnded) as ended:
        await desk.control.answer(A)
    assert ended.value.cause == "ORIGINATOR_CANCEL"


async def test_a_node_that_is_lost_meanwhile_ends_the_wait() -> None:
    desk = Desk()
    desk.ringing(A)

    def lost(_: str) -> str:
        desk.lose_node()
        return "+OK\n"

    desk.node.answers["uuid_answer"] = lost
    with pytest.raises(OutcomeUnknown):
        await desk.control.answer(A)


@pytest.mark.parametrize("moment", ["the reply", "the proof"])
async def test_cancelled_in_any_wait_it_leaves_no_watch(moment: str) -> None:
    desk = Desk()
    desk.ringing(A)
    if moment == "the reply":
        desk.node.answers["uuid_answer"] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        answering = tasks.create_task(desk.control.answer(A))
        await desk.node.arrivals.get()
        answering.cancel()
    assert not desk.tracker._watches
    assert len(desk.node.sent) == 1


async def test_a_node_that_is_down_is_told_and_nothing_is_sent() -> None:
    desk = Desk()
    desk.active(A)
    desk.node.reachable = False
    with pytest.raises(NodeUnavailable):
        await desk.control.hold(A)
    assert desk.node.sent == []


async def test_a_link_lost_after_sending_is_an_unknown_outcome() -> None:
    desk = Desk()
    desk.active(A)
    desk.node.answers["uuid_hold"] = OutcomeUnknown(desk.node.node_id, "the link was lost")
    with pytest.raises(OutcomeUnknown):
        await desk.control.hold(A)
    assert len(desk.node.sent) == 1


async def test_a_hangup_waits_for_the_whole_end() -> None:
    desk = Desk()
    desk.active(A)
    async with asyncio.TaskGroup() as tasks:
        hanging_up = tasks.create_task(desk.control.hangup(A, "CALL_REJECTED"))
        assert await desk.node.arrivals.get() == f"uuid_kill {A} CALL_REJECTED"
        desk.end(A, "CALL_REJECTED")
    outcome = hanging_up.result()
    assert outcome.confirmed
    assert outcome.call.state is CallState.ENDED
    assert outcome.call.hangup_cause is not None
    assert outcome.call.hangup_cause.name == "CALL_REJECTED"


async def test_a_hangup_of_a_call_that_has_ended_sends_nothing() -> None:
    desk = Desk()
    desk.active(A)
    desk.end(A, "USER_BUSY")
    outcome = await desk.control.hangup(A)
    assert outcome.confirmed
    assert outcome.call.state is CallState.ENDED
    assert desk.node.sent == []


async def test_a_hangup_of_a_call_that_is_ending_waits_without_sending() -> None:
    desk = Desk()
    desk.active(A)
    desk.hang_up(A)
    async with asyncio.TaskGroup() as tasks:
        hanging_up = tasks.create_task(desk.control.hangup(A))
        await asyncio.sleep(0)
        desk.happen("CHANNEL_HANGUP_COMPLETE", A, Hangup_Cause="NORMAL_CLEARING")
    assert hanging_up.result().call.state is CallState.ENDED
    assert desk.node.sent == []


async def test_a_hangup_that_comes_too_late_is_no_error() -> None:
    desk = Desk()
    desk.active(A)

    def too_late(_: str) -> str:
        desk.end(A)
        return "-ERR No such channel!\n"

    desk.node.answers["uuid_kill"] = too_late
    assert (await desk.control.hangup(A)).call.state is CallState.ENDED


async def test_a_refused_hangup_is_told() -> None:
    desk = Desk()
    desk.active(A)
    desk.node.answers["uuid_kill"] = "-ERR permission denied\n"
    with pytest.raises(SwitchRefused):
        await desk.control.hangup(A)


async def test_a_call_never_known_is_not_found() -> None:
    desk = Desk()
    with pytest.raises(CallNotFound):
        await desk.control.hangup(A)
    with pytest.raises(CallNotFound):
        await desk.control.hold(A)


async def test_hold_and_unhold() -> None:
    desk = Desk()
    desk.active(A)
    held = {"uuid_hold": "CHANNEL_HOLD"}

    def toggled(arguments: str) -> str:
        desk.happen("CHANNEL_UNHOLD" if arguments.startswith("off") else held["uuid_hold"], A)
        return "+OK Success\n"

    desk.node.answers["uuid_hold"] = toggled
    on = await desk.control.hold(A, "Please wait, O'Neil")
    again = await desk.control.hold(A)
    off = await desk.control.unhold(A)
    once_more = await desk.control.unhold(A)
    assert on.confirmed
    assert on.call.state is CallState.HELD
    assert again.confirmed
    assert off.confirmed
    assert off.call.state is CallState.ACTIVE
    assert once_more.confirmed
    assert desk.node.sent == [
        f"uuid_hold {A} Please\\swait,\\sO\\'Neil",
        f"uuid_hold off {A}",
    ]


async def test_what_is_not_answered_cannot_be_held() -> None:
    desk = Desk()
    desk.ringing(A)
    with pytest.raises(CallStateConflict):
        await desk.control.hold(A)
    with pytest.raises(CallStateConflict):
        await desk.control.unhold(A)
    assert desk.node.sent == []


@pytest.mark.parametrize("name", ["loopback/answer-a", "null/x"])
async def test_a_call_that_could_not_be_taken_back_is_not_put_on_hold(name: str) -> None:
    desk = Desk()
    desk.happen("CHANNEL_CREATE", A, Channel_Name=name)
    desk.happen("CHANNEL_ANSWER", A, Answer_State="answered", Channel_Name=name)
    with pytest.raises(CallStateConflict):
        await desk.control.hold(A)
    assert desk.node.sent == []


async def test_a_bridge_is_confirmed_by_its_event() -> None:
    desk = Desk()
    desk.parked(A)
    desk.parked(B)

    def connected(_: str) -> str:
        desk.bridge(A, B)
        return f"+OK {B}\n"

    desk.node.answers["uuid_bridge"] = connected
    outcome = await desk.control.bridge(A, B)
    assert outcome.confirmed
    assert outcome.call.bridged_call_id == B
    assert outcome.peer.bridged_call_id == A
    assert desk.node.sent == [f"uuid_bridge {A} {B}"]


async def test_a_bridge_that_exists_is_left_as_it_is() -> None:
    desk = Desk()
    desk.bridged(A, B)
    assert (await desk.control.bridge(A, B)).confirmed
    assert desk.node.sent == []


async def test_the_end_of_either_call_ends_the_bridging() -> None:
    desk = Desk()
    desk.parked(A)
    desk.parked(B)

    def gone(_: str) -> str:
        desk.hang_up(B)
        return f"+OK {B}\n"

    desk.node.answers["uuid_bridge"] = gone
    with pytest.raises(CallHasEnded) as ended:
        await desk.control.bridge(A, B)
    assert ended.value.call_id == B


async def test_a_refused_bridge_blames_the_call_that_is_over() -> None:
    desk = Desk()
    desk.parked(A)
    desk.parked(B)

    def refused(_: str) -> str:
        desk.hang_up(B)
        return "-ERR Invalid uuid\n"

    desk.node.answers["uuid_bridge"] = refused
    with pytest.raises(CallHasEnded) as ended:
        await desk.control.bridge(A, B)
    assert ended.value.call_id == B


async def test_calls_of_two_nodes_cannot_be_bridged() -> None:
    desk = Desk(nodes=2)
    desk.active(A)
    desk.active(B, node=1)
    with pytest.raises(CallStateConflict):
        await desk.control.bridge(A, B)
    assert desk.node.sent == []


async def test_two_calls_without_media_cannot_be_bridged() -> None:
    desk = Desk()
    desk.ringing(A)
    desk.ringing(B)
    with pytest.raises(CallStateConflict):
        await desk.control.bridge(A, B)


async def test_a_call_is_not_bridged_with_itself() -> None:
    desk = Desk()
    desk.active(A)
    with pytest.raises(InvalidRequest) as invalid:
        await desk.control.bridge(A, A)
    assert [violation.field for violation in invalid.value.violations] == ["peer_call_id"]


@pytest.mark.parametrize("hostile", ["all\napi status", "", "-both", "a b", "^^x", "a,b", "a'b"])
async def test_a_hostile_call_id_is_refused_before_anything_is_sent(hostile: str) -> None:
    desk = Desk()
    for attempt in (
        desk.control.answer,
        desk.control.hangup,
        desk.control.hold,
        desk.control.unhold,
        desk.control.mute,
        desk.control.unmute,
        desk.control.stop_playback,
        desk.control.get_variables,
    ):
        with pytest.raises(InvalidRequest) as invalid:
            await attempt(CallId(hostile))
        assert invalid.value.violations[0].field == "call_id"
    assert desk.node.sent == []


async def test_an_unknown_cause_is_refused_as_the_switch_would_take_another() -> None:
    desk = Desk()
    desk.active(A)
    with pytest.raises(InvalidRequest):
        await desk.control.hangup(A, "BECAUSE")
