"""A client that follows events from the real server, over wires that break and through restarts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from tests.support.channels import NODE
from tests.support.cutting_proxy import Chances, CuttingProxy
from tests.support.rpc import Replica, replica
from tests.support.streams import until

from callcontrol.client.client import Client
from callcontrol.client.endless import Manners
from callcontrol.client.following import Following, Item, follow
from callcontrol.events.event import Gap as LogGap
from callcontrol.events.event import GapReason
from callcontrol.events.log import EventLog
from callcontrol.events.ring import LogLimits
from callcontrol.v1.event_pb2 import Event
from callcontrol.v1.event_service_pb2 import Batching, EventsRequest, Gap, StartPosition

EVENTS = 2_000


async def soon(seconds: float) -> None:
    """A pause that is shorter than it should be."""
    await asyncio.sleep(min(seconds, 0.005))


HASTY = Manners(pause=soon)


def at(*ports: int) -> Client:
    return Client("ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports))


def tell(served: Replica, count: int) -> None:
    """The switch fires so many events."""
    for _ in range(count):
        served.tell(served.switch.event("CUSTOM"))


async def take(following: Following, count: int) -> list[Item]:
    return [await anext(following) for _ in range(count)]


def numbers(items: list[Item]) -> list[int]:
    """The switch's numbers of items that are all events."""
    events = [item for item in items if isinstance(item, Event)]
    assert len(events) == len(items), [item for item in items if not isinstance(item, Event)]
    return [int(event.position.sequence) for event in events]


@asynccontextmanager
async def followed(served: Replica, following: Following) -> AsyncIterator[None]:
    """The subscription is in place; the client has seen the first event."""
    reading = asyncio.ensure_future(following.__anext__())
    await until(lambda: served.log.subscriptions)
    tell(served, 1)
    first = await reading
    assert isinstance(first, Event)
    yield


@pytest.mark.parametrize("seed", range(3))
async def test_a_wire_that_breaks_at_random_loses_no_event_and_brings_none_twice(seed: int):
    random = Random(seed)
    chances = Chances(cut=0.15, delay=0.05, swallow=0)
    async with replica() as served:
        proxy = CuttingProxy(served.port, random, chances)
        request = EventsRequest(batching=Batching(max_events=16))
        async with (
            proxy.listening(),
            at(proxy.port) as client,
            follow(client, request, HASTY) as following,
            followed(served, following),
        ):
            proxy.is_calm = False
            items: list[Item] = []

            async def fire() -> None:
                for _ in range(EVENTS // 20):
                    tell(served, 20)
                    await asyncio.sleep(random.uniform(0, 0.01))

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fire())
                items = await take(following, EVENTS)
    assert numbers(items) == list(range(2, EVENTS + 2))
    assert proxy.seen.faults["cut command link"] > 10


async def test_a_replica_that_shuts_down_is_left_without_a_hole_or_a_repeat():
    history = EventLog()
    async with (
        replica(history=history) as leaving,
        replica(history=history) as other,
        at(leaving.port, other.port) as client,
        follow(client, EventsRequest(), HASTY) as following,
        followed(leaving, following),
    ):
        tell(leaving, 50)
        items = await take(following, 20)
        leaving.server.leave(notice_s=0.2, spread_s=0)
        tell(leaving, 50)
        items += await take(following, 80)
        await leaving.server.stop(0)
        tell(leaving, 50)
        items += await take(following, 50)
    assert numbers(items) == list(range(2, 152))


async def test_a_gap_stands_where_the_events_are_missing():
    async with (
        replica() as served,
        at(served.port) as client,
        follow(client, EventsRequest(), HASTY) as following,
        followed(served, following),
    ):
        tell(served, 1)
        served.log.append_gap(LogGap(reason=GapReason.NODE_RESTARTED, node_id=NODE))
        tell(served, 1)
        before, gap, behind = await take(following, 3)
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.node_id) == (Gap.REASON_NODE_RESTARTED, NODE)
    assert isinstance(before, Event)
    assert isinstance(behind, Event)


async def test_a_program_that_begins_again_goes_on_behind_the_token_that_it_kept():
    async with (
        replica() as served,
        at(served.port) as client,
        follow(client, EventsRequest(), HASTY) as following,
        followed(served, following),
    ):
        tell(served, 30)
        await take(following, 30)
        kept = following.resume_token
        tell(served, 5)
        request = EventsRequest(start=StartPosition(resume_token=kept))
        async with follow(client, request, HASTY) as later:
            assert numbers(await take(later, 5)) == list(range(32, 37))


async def test_a_place_that_is_no_longer_held_is_a_gap_and_what_follows_now():
    async with replica(limits=LogLimits(max_events=10)) as served:
        proxy = CuttingProxy(served.port, Random(1), Chances(cut=1, on_event_link=1))
        async with (
            proxy.listening(),
            at(proxy.port) as client,
            follow(client, EventsRequest(), HASTY) as following,
            followed(served, following),
        ):
            proxy.is_calm = False
            reading = asyncio.ensure_future(following.__anext__())
            tell(served, 1)
            await until(lambda: not served.log.subscriptions)
            tell(served, 100)
            proxy.is_calm = True
            gap = await reading
            assert isinstance(gap, Gap)
            assert gap.reason == Gap.REASON_HISTORY_EXPIRED
            reading = asyncio.ensure_future(following.__anext__())
            await until(lambda: served.log.subscriptions)
            tell(served, 1)
            assert numbers([await reading]) == [103]
