"""Audits of the picture while the switch is busy: what they see early is not what was missed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.contract.conftest import config_for
from tests.contract.firehose import (
    MARK,
    connected,
    fire,
    found_by_asking,
    listening,
    place_calls,
)
from tests.contract.phone import DEADLINE_S, Phone
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.app import running_service
from callcontrol.calls.picture.service import CallService
from callcontrol.ids import NodeId

NODE = NodeId("switch")
AUDITS = 5


@asynccontextmanager
async def auditing(calls: CallService) -> AsyncIterator[list[NodeId]]:
    """One audit after another until the end of the block; gives those that are over."""
    audits: list[NodeId] = []

    async def audit() -> None:
        while True:
            await calls.audit(NODE)
            audits.append(NODE)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(audit())
        yield audits
        task.cancel()


@pytest.mark.parametrize("event_links", [1, 2])
async def test_audits_during_bursts_of_calls_find_nothing(
    switch: SwitchUnderTest, event_links: int
) -> None:
    config = config_for(switch, {"event_links": event_links})
    async with (
        asyncio.timeout(2 * DEADLINE_S),
        running_service(config) as service,
        listening(switch) as listener,
        connected(switch) as client,
    ):
        await service.wait_ready()
        await service.calls.audit(NODE)  # what it may find belongs to the gap before the link
        async with Phone.connect(f"127.0.0.1:{service.port}") as phone:
            tape = phone.tape
            await tape.notice("started")
            async with auditing(service.calls) as audits:
                while len(audits) < AUDITS:
                    await place_calls(client, listener, bursts=2)
            await fire(client, "end")
            await tape.where(lambda event: event.subclass == MARK)

    assert any(event.WhichOneof("payload") == "call_ended" for event in tape.events)
    assert not any(notice.HasField("gap") for notice in tape.notices)
    assert not found_by_asking(tape.events)
