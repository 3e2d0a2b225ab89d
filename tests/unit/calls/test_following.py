"""What becomes of an attempt while its node is away or busy, and what its legs' ends still tell."""

import asyncio
from dataclasses import replace

import pytest
from tests.support.call_node import A, B, Desk, until
from tests.unit.calls.test_originate import SPEC, Placing
from tests.unit.calls.test_originate_legs import FIRST, SECOND, SPEC_OF_THREE, job_ends
from tests.unit.calls.test_originate_repeats import CHOSEN, MINE, REPEAT

from callcontrol.calls.call import CallState
from callcontrol.calls.outcome import Disposition
from callcontrol.calls.picture.ended import TrackerLimits
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.requests import OriginateSpec
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import CommandQueueFull, OutcomeUnknown
from callcontrol.ids import NodeId


async def test_a_node_that_is_back_and_busy_is_asked_again_after_a_pause() -> None:
    desk = Desk(ControlSettings(first_sign_timeout_s=0.0, node_return_retry_s=0.001))
    asked = 0
    others_went_on = asyncio.Event()

    def busy(_: str) -> str:
        nonlocal asked
        asked += 1
        assert asked < 100  # else nobody but this one runs, and no queue gets shorter
        if not others_went_on.is_set():
            raise CommandQueueFull(NodeId("fs1"), 1_000, 1.0)
        return "false"

    desk.node.answers["uuid_exists"] = busy
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.lose_node()
        await until(lambda: asked > 0)
        others_went_on.set()
    assert isinstance(placing.error, OutcomeUnknown)


async def test_a_repeat_that_begins_while_the_node_is_away_waits_no_longer_than_the_first() -> None:
    desk = Desk(ControlSettings(node_return_timeout_s=0.0))
    desk.ringing(A, "outbound")
    desk.happen("CHANNEL_PROGRESS", A, **MINE)
    desk.node.reachable = False
    desk.lose_node()
    with pytest.raises(OutcomeUnknown):
        await desk.control.originate(REPEAT)


async def test_what_is_known_of_a_call_is_told_though_its_node_is_away() -> None:
    desk = Desk(ControlSettings(node_return_timeout_s=0.0))
    desk.active(A)
    desk.happen("CHANNEL_EXECUTE", A, **MINE)
    desk.node.reachable = False
    desk.lose_node()
    outcome = await desk.control.originate(REPEAT)
    assert outcome.disposition is Disposition.ANSWERED


async def test_the_verdict_is_told_though_the_link_is_lost_before_the_end_is_complete() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.ringing(A, "outbound")
        desk.hang_up(A, "USER_BUSY")
        placing.result("-ERR USER_BUSY\n")
        for _ in range(5):
            await asyncio.sleep(0)
        desk.lose_node()
    assert placing.outcome.disposition is Disposition.BUSY


async def test_the_last_end_of_several_legs_is_waited_for() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, SPEC_OF_THREE)
        await placing.sent()
        desk.happen("CHANNEL_CREATE", FIRST)
        desk.end(FIRST, "CALL_REJECTED")
        desk.ringing(SECOND, "outbound")
        desk.hang_up(SECOND, "USER_BUSY")
        job_ends(desk, "-ERR USER_BUSY\n")
        for _ in range(10):
            await asyncio.sleep(0)
        assert not placing.task.done()
        desk.end(SECOND, "USER_BUSY")
    assert placing.outcome.call.call_id == SECOND
    assert placing.outcome.call.state is CallState.ENDED


@pytest.mark.parametrize("spec", [REPEAT, CHOSEN])
async def test_a_repeat_hears_of_a_call_that_never_became_one(spec: OriginateSpec) -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        first = Placing(desk, tasks, spec)
        await first.sent()
        await first.sent()
        first.task.cancel()
        await asyncio.wait([first.task])
        job_ends(desk, "-ERR USER_NOT_REGISTERED\n")
        second = Placing(desk, tasks, spec)
    assert second.outcome.replayed
    assert second.outcome.disposition is Disposition.UNREACHABLE


async def test_a_repeat_finds_its_call_after_the_variables_of_that_are_forgotten() -> None:
    desk = Desk()
    desk.control.commander.tracker = desk.tracker = CallTracker(TrackerLimits(max_with_variables=0))
    desk.ringing(A, "outbound")
    desk.end(A, "USER_BUSY", **MINE)
    outcome = await desk.control.originate(CHOSEN)
    assert outcome.replayed
    assert outcome.disposition is Disposition.BUSY


async def test_the_time_for_all_is_kept_where_the_link_was_lost_at_once() -> None:
    desk = Desk(ControlSettings(first_sign_timeout_s=0.0))
    desk.node.answers |= {
        "originate": OutcomeUnknown(NodeId("fs1"), "the link was lost"),
        "uuid_exists": "false",
    }
    spec = replace(SPEC_OF_THREE, ring_timeout_s=30.0)
    with pytest.raises(OutcomeUnknown):
        await desk.control.originate(spec)
    assert desk.control.ring_limits == 1


async def test_times_that_run_leave_room_for_calling_off() -> None:
    desk = Desk(ControlSettings(max_late_work=1))
    spec = replace(SPEC_OF_THREE, ring_timeout_s=30.0)
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, spec)
        await placing.sent()
        await until(lambda: desk.control.ring_limits == 1)
        placing.task.cancel()
        await asyncio.wait([placing.task])
        called_off = Placing(desk, tasks, replace(SPEC, call_id=B, hangup_on_cancel=True))
        await called_off.sent()
        called_off.task.cancel()
        await asyncio.wait([called_off.task])
    assert desk.control.late_work == 1
