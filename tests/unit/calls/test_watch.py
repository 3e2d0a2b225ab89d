"""Waiting for events of calls: every wait ends."""

import asyncio

import pytest
from tests.support.channels import NODE, Switch, apply_all

from callcontrol.calls.payloads import CallEnded
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.errors import CallHasEnded, OutcomeUnknown
from callcontrol.events.event import Event
from callcontrol.ids import NodeId


@pytest.fixture
def switch():
    return Switch()


@pytest.fixture
def ann(switch: Switch):
    return switch.channel("ann")


@pytest.fixture
def tracker():
    return CallTracker()


def named(name: str):
    return lambda event: event if event.name == name else None


async def turn() -> None:
    """Let tasks run as far as they get."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_an_event_that_came_before_the_wait_is_found(tracker, ann):
    with tracker.watch(ann.call_id, node_id=NODE) as watch:
        apply_all(tracker, ann.event("CHANNEL_CREATE"), ann.event("CHANNEL_ANSWER"))
        assert (await watch.until(named("CHANNEL_ANSWER"))).call_id == "ann"


async def test_an_event_that_comes_during_the_wait_ends_it(tracker, ann):
    with tracker.watch(ann.call_id, node_id=NODE) as watch:
        waiting = asyncio.create_task(watch.until(lambda event: event.name == "CHANNEL_PARK"))
        await turn()
        apply_all(tracker, ann.event("CHANNEL_CREATE"), ann.event("CHANNEL_PARK"))
        assert await waiting is True


async def test_events_before_entering_are_not_seen(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    with tracker.watch(ann.call_id) as watch, pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await watch.until(named("CHANNEL_CREATE"))


async def test_waits_go_on_where_the_last_one_stopped(tracker, ann):
    with tracker.watch(ann.call_id, node_id=NODE) as watch:
        apply_all(tracker, ann.event("CHANNEL_CREATE"), ann.event("CHANNEL_ANSWER"))
        await watch.until(named("CHANNEL_ANSWER"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await watch.until(named("CHANNEL_ANSWER"))


async def test_hanging_up_ends_a_wait_with_the_cause(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    with tracker.watch(ann.call_id) as watch:
        waiting = asyncio.create_task(watch.until(named("CHANNEL_BRIDGE")))
        await turn()
        tracker.apply(NODE, ann.hangup("USER_BUSY"))
        with pytest.raises(CallHasEnded) as problem:
            await waiting
    assert (problem.value.call_id, problem.value.cause) == ("ann", "USER_BUSY")


async def test_a_wait_for_the_hangup_itself_is_not_ended_by_it(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
    with tracker.watch(ann.call_id) as watch:
        tracker.apply(NODE, ann.hangup())
        assert await watch.until(named("CHANNEL_HANGUP"))


async def test_past_the_hangup_one_can_wait_for_the_end(tracker, ann):
    tracker.apply(NODE, ann.event("CHANNEL_CREATE"))

    def end(event: Event) -> CallEnded | None:
        return event.payload if isinstance(event.payload, CallEnded) else None

    with tracker.watch(ann.call_id) as watch:
        tracker.apply(NODE, ann.hangup())
        waiting = asyncio.create_task(watch.until(end, past_hangup=True))
        await turn()
        assert not waiting.done()
        tracker.apply(NODE, ann.event("CHANNEL_HANGUP_COMPLETE"))
        assert (await waiting).call.call_id == "ann"
        with pytest.raises(CallHasEnded):
            await watch.until(end, past_hangup=True)


async def test_a_call_that_is_over_already_ends_the_wait_at_once(tracker, ann):
    apply_all(tracker, ann.event("CHANNEL_CREATE"), ann.event("CHANNEL_DESTROY"))
    with tracker.watch(ann.call_id) as watch, pytest.raises(CallHasEnded):
        await watch.until(named("CHANNEL_ANSWER"))


async def test_the_end_of_one_of_several_calls_ends_the_wait(tracker, switch, ann):
    ben = switch.channel("ben")
    apply_all(tracker, ann.event("CHANNEL_CREATE"), ben.event("CHANNEL_CREATE"))
    with tracker.watch(ann.call_id, ben.call_id) as watch:
        tracker.apply(NODE, ben.hangup())
        with pytest.raises(CallHasEnded) as problem:
            await watch.until(named("CHANNEL_BRIDGE"))
    assert problem.value.call_id == "ben"


async def test_the_end_of_a_partner_does_not_end_the_wait(tracker, switch, ann):
    ben = switch.channel("ben")
    apply_all(tracker, ann.event("CHANNEL_CREATE"), ben.event("CHANNEL_CREATE"))
    pair = {"Bridge_A_Unique_ID": "ann", "Bridge_B_Unique_ID": "ben"}
    tracker.apply(NODE, ann.event("CHANNEL_BRIDGE", **pair))
    with tracker.watch(ann.call_id) as watch:
        tracker.apply(NODE, ben.hangup())
        assert (await watch.until(named("CHANNEL_HANGUP"))).call_id == "ben"
        tracker.apply(NODE, ann.event("CHANNEL_UNBRIDGE", **pair))
        assert await watch.until(named("CHANNEL_UNBRIDGE"))


async def test_the_second_leg_sees_the_bridge_that_is_told_for_the_first(tracker, switch, ann):
    ben = switch.channel("ben")
    apply_all(tracker, ann.event("CHANNEL_CREATE"), ben.event("CHANNEL_CREATE"))
    with tracker.watch(ben.call_id) as watch, tracker.watch(ann.call_id, ben.call_id) as both:
        pair = {"Bridge_A_Unique_ID": "ann", "Bridge_B_Unique_ID": "ben"}
        tracker.apply(NODE, ann.event("CHANNEL_BRIDGE", **pair))
        assert await watch.until(named("CHANNEL_BRIDGE"))
        assert await both.until(named("CHANNEL_BRIDGE"))
        with pytest.raises(TimeoutError):  # it is told once, though it concerns both
            async with asyncio.timeout(0):
                await both.until(named("CHANNEL_BRIDGE"))


async def test_the_loss_of_the_node_ends_the_waits_for_its_calls_only(tracker, ann):
    west = NodeId("west")
    with (
        tracker.watch(ann.call_id, node_id=NODE) as watch,
        tracker.watch(ann.call_id, node_id=west) as elsewhere,
    ):
        waiting = asyncio.create_task(watch.until(named("CHANNEL_ANSWER")))
        await turn()
        tracker.node_lost(NODE, "the switch closed the link")
        with pytest.raises(OutcomeUnknown) as problem:
            await waiting
        assert problem.value.node_id == NODE
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await elsewhere.until(named("CHANNEL_ANSWER"))


async def test_what_had_come_before_the_loss_of_the_node_is_still_found(tracker, ann):
    with tracker.watch(ann.call_id, node_id=NODE) as watch:
        tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
        tracker.node_lost(NODE, "gone")
        assert await watch.until(named("CHANNEL_CREATE"))


async def test_a_watch_follows_a_call_that_is_given_another_id(tracker, switch, ann):
    with tracker.watch(switch.channel("former").call_id, node_id=NODE) as watch:
        tracker.apply(NODE, ann.event("CHANNEL_UUID", Old_Unique_ID="former"))
        tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
        assert (await watch.until(named("CHANNEL_CREATE"))).call_id == "ann"


async def test_a_cancelled_wait_loses_no_event(tracker, ann):
    with tracker.watch(ann.call_id, node_id=NODE) as watch:
        waiting = asyncio.create_task(watch.until(named("CHANNEL_ANSWER")))
        await turn()
        waiting.cancel()
        await turn()
        tracker.apply(NODE, ann.event("CHANNEL_ANSWER"))
        assert await watch.until(named("CHANNEL_ANSWER"))


async def test_a_watch_that_nobody_reads_holds_a_bounded_number_of_events(tracker, ann):
    with tracker.watch(ann.call_id, node_id=NODE) as watch:
        tracker.apply(NODE, ann.event("CHANNEL_CREATE"))
        for _ in range(1_024):
            tracker.apply(NODE, ann.event("DTMF"))
        seen: list[str] = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await watch.until(lambda event: seen.append(event.name))
    assert seen == ["DTMF"] * 1_024


async def test_nothing_is_kept_of_a_watch_that_was_left(tracker, ann):
    with tracker.watch(ann.call_id, node_id=NODE):
        assert len(tracker._watches) == 1
    assert not tracker._watches


async def test_a_call_that_is_hanging_up_can_still_be_waited_for_past_the_hangup(tracker, ann):
    apply_all(tracker, ann.event("CHANNEL_CREATE"), ann.hangup())
    with tracker.watch(ann.call_id) as watch:
        tracker.apply(NODE, ann.event("CHANNEL_HANGUP_COMPLETE"))
        assert await watch.until(named("CHANNEL_HANGUP_COMPLETE"), past_hangup=True)
