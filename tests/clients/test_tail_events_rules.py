"""`tail_events` keeps to the rules of docs/events.md, in each language: a service that says what a
test wants plays to each of them."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import grpc
from tests.support.scripted_service import HOLD, Asked, Script, scripted_service
from tests.support.small_programs import LANGUAGES, Ended, alike, started

from callcontrol.v1.common_pb2 import NodePosition
from callcontrol.v1.event_pb2 import CallCreated, Event
from callcontrol.v1.event_service_pb2 import (
    EventsResponse,
    Gap,
    GoingAway,
    Heartbeat,
    SubscriptionStarted,
)

STARTED = EventsResponse(started=SubscriptionStarted(subscription_id="1"))
END = Script(end=grpc.StatusCode.PERMISSION_DENIED)


def event(number: int) -> Event:
    return Event(
        event_id=f"e{number}",
        position=NodePosition(node_id="fs1"),
        name="CUSTOM",
        call_id=f"call-{number}",
        call_created=CallCreated(),
    )


def events(token: str, *numbers: int) -> EventsResponse:
    return EventsResponse(events=[event(number) for number in numbers], resume_token=token)


def lines(*numbers: int) -> list[str]:
    return [f"fs1 CUSTOM call-{number} call_created" for number in numbers]


async def tail(*scripts: Script) -> tuple[dict[str, Ended], list[list[Asked]]]:
    """What the programs say to these streams, and what they asked for."""
    asked: list[list[Asked]] = []

    async def run(language: str) -> Ended:
        async with scripted_service(*scripts) as service:
            asked.append(service.asked)
            async with started(language, "tail_events", target=service.target) as running:
                return await running.end()

    async with asyncio.TaskGroup() as runs:
        tasks = {language: runs.create_task(run(language)) for language in LANGUAGES}
    return {language: task.result() for language, task in tasks.items()}, asked


def tokens(asked: Sequence[Asked]) -> list[str]:
    return [each.token for each in asked]


async def test_a_stream_that_breaks_goes_on_where_it_was_and_repeats_are_left_out():
    ran, asked = await tail(
        Script([STARTED, events("t1", 1, 2)], grpc.StatusCode.UNAVAILABLE),
        Script([STARTED, events("t2", 2, 3)], grpc.StatusCode.INTERNAL),
        Script([STARTED, EventsResponse(resume_token="t3", heartbeat=Heartbeat()), events("", 4)]),
        END,
    )
    assert ran == alike(1, *lines(1, 2, 3, 4))
    for each in asked:
        assert tokens(each) == ["", "t1", "t2", "t3"]
        assert len({one.peer for one in each}) == len(each)


async def test_gaps_stand_where_events_are_missing():
    lost = Gap(reason=Gap.REASON_NODE_CONNECTION_LOST, node_id="fs1")
    ran, _ = await tail(
        Script(
            [
                STARTED,
                EventsResponse(events=[event(1)], gap=lost, resume_token="t1"),
                EventsResponse(gap=Gap(reason=Gap.REASON_SLOW_CONSUMER), resume_token="t2"),
                events("t3", 2),
            ],
            grpc.StatusCode.PERMISSION_DENIED,
        )
    )
    missing = [
        "events are missing: fs1 NODE_CONNECTION_LOST",
        "events are missing: - SLOW_CONSUMER",
    ]
    assert ran == alike(1, *lines(1), *missing, *lines(2))


async def test_a_place_that_is_not_held_any_more_is_a_gap_once_the_next_stream_is_in_place():
    ran, asked = await tail(
        Script([STARTED, events("t1", 1)], grpc.StatusCode.UNAVAILABLE),
        Script(end=grpc.StatusCode.OUT_OF_RANGE),
        Script(end=grpc.StatusCode.UNAVAILABLE),
        Script([STARTED, events("t2", 2)], grpc.StatusCode.OUT_OF_RANGE),
        Script(end=grpc.StatusCode.OUT_OF_RANGE),
    )
    missing = "events are missing: - HISTORY_EXPIRED"
    assert ran == alike(1, *lines(1), missing, *lines(2))
    for each in asked:
        assert tokens(each) == ["", "t1", "", "", ""]


async def test_a_stream_that_breaks_without_a_token_leaves_a_gap():
    ran, asked = await tail(
        Script(end=grpc.StatusCode.UNAVAILABLE),
        Script([STARTED, events("", 1)], grpc.StatusCode.UNAVAILABLE),
        Script([STARTED], grpc.StatusCode.PERMISSION_DENIED),
    )
    assert ran == alike(1, *lines(1), "events are missing: - UNSPECIFIED")
    for each in asked:
        assert tokens(each) == ["", "", ""]


async def test_it_moves_before_the_stream_ends():
    leaving = EventsResponse(events=[event(1)], resume_token="t1", going_away=GoingAway())
    ran, asked = await tail(
        Script([STARTED, leaving], HOLD),
        Script([STARTED, events("t2", 2)], grpc.StatusCode.PERMISSION_DENIED),
    )
    assert ran == alike(1, *lines(1, 2))
    for each in asked:
        assert tokens(each) == ["", "t1"]
        assert each[0].peer != each[1].peer
        await asyncio.wait_for(each[0].ended.wait(), 5)


async def test_where_it_cannot_move_it_reads_the_old_stream_to_its_end():
    leaving = EventsResponse(resume_token="t1", going_away=GoingAway())
    ran, asked = await tail(
        Script([STARTED, leaving, events("t2", 1)], grpc.StatusCode.UNAVAILABLE),
        Script(end=grpc.StatusCode.PERMISSION_DENIED),
        Script([STARTED, events("t3", 2)], grpc.StatusCode.PERMISSION_DENIED),
    )
    assert ran == alike(1, *lines(1, 2))
    for each in asked:
        assert tokens(each) == ["", "t1", "t2"]


async def test_what_is_not_known_is_passed_over():
    strange = Event(event_id="e1", position=NodePosition(node_id="fs1"), name="NEW_ONE")
    strange.MergeFromString(b"\xa2\x1f\x00")  # field 500
    unknown_notice = EventsResponse(resume_token="t1")
    unknown_notice.MergeFromString(b"\xa2\x1f\x00")
    unknown_reason = EventsResponse(gap=Gap(reason=99))  # type: ignore[arg-type]  # of a later version
    ran, _ = await tail(
        Script(
            [STARTED, EventsResponse(events=[strange]), unknown_notice, unknown_reason],
            grpc.StatusCode.PERMISSION_DENIED,
        )
    )
    assert ran == alike(1, "fs1 NEW_ONE - -", "events are missing: - 99")


async def test_it_waits_as_long_as_it_is_asked_to():
    busy = Script(end=grpc.StatusCode.RESOURCE_EXHAUSTED, retry_in_s=1)
    _, asked = await tail(busy, busy, END)
    for each in asked:
        assert all(later.at_s - one.at_s >= 1 for one, later in pairwise(each))


async def test_a_stream_that_is_silent_is_dead():
    _, asked = await tail(Script([STARTED, events("t1", 1)], HOLD), END)
    for each in asked:
        assert tokens(each) == ["", "t1"]
        assert 9 <= each[1].at_s - each[0].at_s < 20
