"""Several endpoints: which leg counts, what is told of the others, and how all are ended."""

import asyncio
from dataclasses import replace

from tests.support.call_node import CORE, A, Desk, until
from tests.unit.calls.test_originate import SPEC, Placing

from callcontrol.calls.call import CallState
from callcontrol.calls.encoding.dialling import leg_ids
from callcontrol.calls.outcome import Disposition, OriginateOutcome
from callcontrol.calls.payloads import CallEnded
from callcontrol.calls.picture.service import CallService
from callcontrol.calls.requests import LoopbackEndpoint, Strategy, WaitUntil
from callcontrol.esl.messages import HeaderValue, SwitchEvent
from callcontrol.events.event import Event, Gap, Position

FIRST, SECOND, THIRD = leg_ids(A, 3)
SPEC_OF_THREE = replace(
    SPEC, endpoints=tuple(LoopbackEndpoint(extension=name) for name in ("one", "two", "three"))
)


def job_ends(desk: Desk, result: str) -> Event:
    """The result of the job, as an event; who waits for it gets it too."""
    (job_id,) = desk.node.jobs
    headers: dict[str, HeaderValue] = {
        "Event-Name": "BACKGROUND_JOB",
        "Core-UUID": CORE,
        "Job-UUID": job_id,
    }
    event = desk.tracker.apply(desk.node.node_id, SwitchEvent(headers, body=result))
    desk.node.job.outcome.set_result(result)
    return event


def dispositions(outcome: OriginateOutcome) -> list[Disposition | None]:
    return [leg.disposition for leg in outcome.legs]


async def test_the_call_is_the_leg_that_was_answered() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, SPEC_OF_THREE)
        await placing.sent()
        desk.ringing(FIRST, "outbound")
        desk.end(FIRST, "USER_BUSY")
        desk.ringing(SECOND, "outbound")
        desk.happen("CHANNEL_ANSWER", SECOND, Answer_State="answered")
    assert placing.outcome.call.call_id == SECOND
    assert placing.outcome.disposition is Disposition.ANSWERED
    assert dispositions(placing.outcome) == [Disposition.BUSY, Disposition.ANSWERED, None]


async def test_the_end_of_one_leg_is_not_the_end_of_the_attempt() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, SPEC_OF_THREE)
        await placing.sent()
        desk.ringing(FIRST, "outbound")
        desk.end(FIRST, "USER_BUSY")
        for _ in range(5):
            await asyncio.sleep(0)
        assert not placing.task.done()
        job_ends(desk, "-ERR USER_BUSY\n")
    assert placing.outcome.disposition is Disposition.BUSY


async def test_of_legs_that_failed_the_one_that_got_furthest_is_the_call() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, SPEC_OF_THREE)
        await placing.sent()
        desk.happen("CHANNEL_CREATE", FIRST)
        desk.ringing(SECOND, "outbound")
        desk.end(SECOND, "NO_ANSWER")
        desk.end(FIRST, "CALL_REJECTED")
        job_ends(desk, "-ERR NO_ANSWER\n")
    assert placing.outcome.call.call_id == SECOND
    assert placing.outcome.call.state is CallState.ENDED
    assert dispositions(placing.outcome)[:2] == [Disposition.REJECTED, Disposition.NO_ANSWER]


async def test_legs_that_were_not_tried_end_all_the_same() -> None:
    desk, told = Desk(), list[Event]()

    class History:
        def append(self, event: Event) -> int:
            told.append(event)
            return 0

        def append_gap(self, gap: Gap) -> int:
            raise AssertionError(gap)

        def node_linked(self, position: Position) -> None:
            raise AssertionError(position)

    desk.node.answers["uuid_exists"] = "false"
    service = CallService(desk.tracker, History(), lambda _: desk.node)
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, SPEC_OF_THREE)
        await placing.sent()
        desk.ringing(FIRST, "outbound")
        desk.happen("CHANNEL_ANSWER", FIRST, Answer_State="answered")
        told.append(job_ends(desk, f"+OK {FIRST}\n"))
        await service.settle(desk.node.node_id)
    ended = [event.call_id for event in told if isinstance(event.payload, CallEnded)]
    assert ended == [SECOND, THIRD]


async def test_none_of_several_became_a_call() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, SPEC_OF_THREE)
        await placing.sent()
        job_ends(desk, "-ERR INVALID_GATEWAY\n")
    causes = [leg.cause.name for leg in placing.outcome.legs if leg.cause is not None]
    assert causes == ["INVALID_GATEWAY"] * 3


async def test_called_off_every_leg_is_ended_for_the_cause_that_ends_the_attempt() -> None:
    desk = Desk()
    working = asyncio.create_task(desk.control.run())
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, replace(SPEC_OF_THREE, hangup_on_cancel=True))
        await placing.sent()
        desk.ringing(FIRST, "outbound")
        placing.task.cancel()
    await until(lambda: desk.node.sent[-1] == f"uuid_kill {FIRST} MANAGER_REQUEST")
    desk.end(FIRST, "MANAGER_REQUEST")
    desk.ringing(SECOND, "outbound")  # the switch had begun it already
    await until(lambda: desk.node.sent[-1] == f"uuid_kill {SECOND} MANAGER_REQUEST")
    desk.end(SECOND, "MANAGER_REQUEST")
    assert desk.control.late_work == 1
    job_ends(desk, "-ERR MANAGER_REQUEST\n")
    desk.tracker.expected.settled(THIRD)
    desk.ringing(FIRST)
    desk.happen("CALL_UPDATE", SECOND)
    await until(lambda: desk.control.late_work == 0)
    working.cancel()
    await asyncio.wait([working])


async def test_the_time_for_all_is_over_when_one_of_a_sequence_rings() -> None:
    desk = Desk()
    working = asyncio.create_task(desk.control.run())
    spec = replace(SPEC_OF_THREE, ring_timeout_s=0.01)
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, spec)
        await placing.sent()
        desk.ringing(FIRST, "outbound")
        assert await desk.node.arrivals.get() == f"uuid_kill {FIRST} NO_PICKUP"
        desk.end(FIRST, "NO_PICKUP")
        job_ends(desk, "-ERR NO_PICKUP\n")
    working.cancel()
    await asyncio.wait([working])
    assert placing.outcome.disposition is Disposition.NO_ANSWER


async def test_a_call_that_was_answered_in_time_is_left_alone() -> None:
    desk = Desk()
    working = asyncio.create_task(desk.control.run())
    spec = replace(SPEC_OF_THREE, ring_timeout_s=0.01, wait_until=WaitUntil.ACCEPTED)
    await desk.control.originate(spec)
    desk.active(FIRST)
    assert desk.control.ring_limits == 1
    await until(lambda: desk.control.ring_limits == 0)
    assert desk.control.late_work == 0
    working.cancel()
    await asyncio.wait([working])
    assert len(desk.node.sent) == 1


async def test_an_attempt_that_came_out_has_no_time_that_runs() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, replace(SPEC_OF_THREE, ring_timeout_s=30.0))
        await placing.sent()
        assert desk.control.ring_limits == 1
        desk.active(FIRST)
    assert desk.control.ring_limits == 0


async def test_all_at_once_leave_the_time_to_the_switch() -> None:
    desk = Desk()
    spec = replace(
        SPEC_OF_THREE,
        ring_timeout_s=1,
        strategy=Strategy.SIMULTANEOUS,
        wait_until=WaitUntil.ACCEPTED,
    )
    await desk.control.originate(spec)
    assert desk.control.ring_limits == 0
    assert "originate_timeout=2" in desk.node.sent[0]
