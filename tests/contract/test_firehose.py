"""A subscriber to everything gets what a bare client of the switch gets, in order and once."""

import asyncio
from collections import Counter

from tests.contract.firehose import (
    BURSTS,
    CALLS,
    connected,
    fire,
    found_by_asking,
    listening,
    place_calls,
    seen_bare,
    seen_by_subscriber,
)
from tests.contract.phone import DEADLINE_S, Phone, Tape
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import common_pb2
from callcontrol.v1 import event_service_pb2 as events_pb2


async def test_a_firehose_gives_the_events_of_200_calls_that_a_bare_client_gets(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    tape = Tape()
    stream = phone.events.Events(events_pb2.EventsRequest(view=common_pb2.VIEW_FULL))
    async with (
        asyncio.timeout(2 * DEADLINE_S),
        listening(switch) as listener,
        connected(switch) as client,
        asyncio.TaskGroup() as tasks,
    ):
        recording = tasks.create_task(tape.record(stream))
        await tape.notice("started")
        await fire(client, "begin")
        await place_calls(client, listener)
        await fire(client, "end")
        await listener.until(lambda: "end" in listener.marks)
        await tape.where(lambda event: event.headers.get("Mark") == "end")
        recording.cancel()
    bare, told = seen_bare(listener.events), seen_by_subscriber(tape)

    assert len(bare) > 40 * BURSTS * CALLS
    assert set(told) == set(bare)
    assert Counter(told).most_common(1)[0][1] == 1
    assert told == bare
    assert not any(notice.HasField("gap") for notice in tape.notices)
    assert not found_by_asking(tape.events)
