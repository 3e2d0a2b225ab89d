"""Two event links to one switch: whichever is lost or slow, subscribers do not see it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from random import Random

import pytest
from tests.contract.broken_wire import event_links, over_a_wire, until_links
from tests.contract.firehose import (
    connected,
    fire,
    listening,
    place_calls,
    seen_bare,
    seen_by_subscriber,
)
from tests.contract.phone import DEADLINE_S, Phone, Tape
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.cutting_proxy import CuttingProxy

from callcontrol.v1 import common_pb2
from callcontrol.v1 import event_service_pb2 as events_pb2
from callcontrol.v1 import node_service_pb2 as nodes_pb2

FULL = events_pb2.EventsRequest(view=common_pb2.VIEW_FULL)
NODE_SUBCLASS = "callcontrol::node"
MEAN_PAUSE_S = 0.05
MANY_CUTS = 20


@pytest.fixture
async def twins(switch: SwitchUnderTest) -> AsyncIterator[tuple[Phone, CuttingProxy]]:
    """A client of a service with two event links, both of which cover, and their wire."""
    async with over_a_wire(switch, {"event_links": 2}) as (phone, proxy):
        await until_links(phone, proxy, cover=2)
        yield phone, proxy


async def cut_again_and_again(phone: Phone, proxy: CuttingProxy, cuts: list[str]) -> None:
    """Cut one of the two whenever both cover."""
    random = Random(4)
    while True:
        await until_links(phone, proxy, cover=2)
        await asyncio.sleep(random.expovariate(1 / MEAN_PAUSE_S))
        place = random.randrange(2)
        proxy.event_wires[place].cut()
        cuts.append("older" if place == 0 else "newer")


def gaps(tape: Tape) -> list[events_pb2.Gap]:
    return [notice.gap for notice in tape.notices if notice.HasField("gap")]


async def test_links_cut_at_random_under_load_lose_nothing_and_repeat_nothing(
    twins: tuple[Phone, CuttingProxy], switch: SwitchUnderTest
) -> None:
    phone, proxy = twins
    tape, cuts = Tape(), list[str]()
    async with (
        asyncio.timeout(2 * DEADLINE_S),
        listening(switch) as listener,
        connected(switch) as client,
        asyncio.TaskGroup() as tasks,
    ):
        recording = tasks.create_task(tape.record(phone.events.Events(FULL)))
        await tape.notice("started")
        await fire(client, "begin")
        cutting = tasks.create_task(cut_again_and_again(phone, proxy, cuts))
        while len(cuts) < MANY_CUTS:
            await place_calls(client, listener, bursts=1)
        cutting.cancel()
        await fire(client, "end")
        await listener.until(lambda: "end" in listener.marks)
        await tape.where(lambda event: event.headers.get("Mark") == "end")
        recording.cancel()
    bare, told = seen_bare(listener.events), seen_by_subscriber(tape)

    assert set(cuts) == {"older", "newer"}
    assert Counter(told).most_common(1)[0][1] == 1
    assert told == bare
    assert gaps(tape) == []
    assert not any(event.subclass == NODE_SUBCLASS for event in tape.events)


async def test_both_links_are_shown_and_one_keeps_the_node_ready(
    twins: tuple[Phone, CuttingProxy],
) -> None:
    phone, proxy = twins
    links = await event_links(phone)
    assert [(link.connected, link.covers_events) for link in links] == [(True, True)] * 2
    proxy.is_shut = True
    proxy.event_wires[0].cut()
    await until_links(phone, proxy, cover=1)
    node = (await phone.nodes.ListNodes(nodes_pb2.ListNodesRequest())).nodes[0]
    call_id = await phone.answered()
    await phone.hang_up(call_id)

    assert node.state == nodes_pb2.Node.STATE_ACTIVE
    assert sorted(link.covers_events for link in await event_links(phone)) == [False, True]
    assert gaps(phone.tape) == []


@pytest.mark.parametrize("place", [0, 1])
async def test_a_link_that_stalls_delays_nothing(
    twins: tuple[Phone, CuttingProxy], place: int
) -> None:
    phone, proxy = twins
    proxy.event_wires[place].stall()
    call_id = await phone.answered()
    await phone.hang_up(call_id)
    assert gaps(phone.tape) == []


async def test_both_links_cut_at_once_are_a_gap(twins: tuple[Phone, CuttingProxy]) -> None:
    phone, proxy = twins
    call_id = await phone.answered()
    for wire in proxy.event_wires:
        wire.cut()
    gap = (await phone.tape.notice("gap")).gap
    await until_links(phone, proxy, cover=2)
    await phone.hang_up(call_id)

    assert gap.reason == events_pb2.Gap.REASON_NODE_CONNECTION_LOST
    assert 0 < gap.last_before.sequence < gap.first_after.sequence
    assert len(gaps(phone.tape)) == 1
