"""A client that follows events from the real server, over wires that break and through restarts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from tests.support.channels import CORE, NODE
from tests.support.cutting_proxy import Chances, CuttingProxy
from tests.support.rpc import CALL_ID, PEER_ID, Replica, replica
from tests.support.streams import until

from callcontrol.client.client import Client
from callcontrol.client.endless import Expired, Manners
from callcontrol.client.following import Following, Item, SnapshotStarted, follow
from callcontrol.events.event import Gap as LogGap
from callcontrol.events.event import GapReason, Position
from callcontrol.events.log import EventLog
from callcontrol.events.ring import LogLimits
from callcontrol.events.token import TokenKey
from callcontrol.ids import CoreUuid
from callcontrol.v1.event_pb2 import Event
from callcontrol.v1.event_service_pb2 import (
    Batching,
    EventsRequest,
    Gap,
    SnapshotCompleted,
    StartPosition,
)

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


def pictured(items: list[Item]) -> list[str]:
    """The calls of the last snapshot that began."""
    begun = max(at for at, item in enumerate(items) if isinstance(item, SnapshotStarted))
    events = [item for item in items[begun:] if isinstance(item, Event)]
    return [event.call_snapshot.call.call_id for event in events]


async def a_snapshot(following: Following, proxy: CuttingProxy, begun: int = 1) -> list[Item]:
    """Items up to the end of a snapshot; the wire is a good one once so many have begun."""
    items: list[Item] = []
    while not items or not isinstance(items[-1], SnapshotCompleted):
        items.append(await anext(following))
        begun -= isinstance(items[-1], SnapshotStarted)
        proxy.is_calm = begun <= 0
    return items


@pytest.mark.parametrize("seed", range(3))
async def test_a_snapshot_over_a_wire_that_breaks_is_whole_in_the_end(seed: int):
    calls = [CALL_ID[:-4] + f"{number:04}" for number in range(1_000)]
    request = EventsRequest(start=StartPosition(snapshot=True), batching=Batching(max_events=50))
    async with replica() as served:
        for call_id in calls:
            served.place(call_id)
        proxy = CuttingProxy(served.port, Random(seed), Chances(cut=0.1, swallow=0))
        proxy.is_calm = False
        async with (
            proxy.listening(),
            at(proxy.port) as client,
            follow(client, request, HASTY) as following,
        ):
            items = await a_snapshot(following, proxy, begun=3)
            assert pictured(items) == calls
            served.end(served.place(PEER_ID))
            ids = [item.call_id for item in await take(following, 4) if isinstance(item, Event)]
            assert ids == [PEER_ID] * 4


async def test_a_place_that_is_no_longer_held_is_a_snapshot_where_that_was_chosen():
    how = Manners(pause=soon, expired=Expired.SNAPSHOT)
    async with replica(limits=LogLimits(max_events=10)) as served:
        proxy = CuttingProxy(served.port, Random(1), Chances(cut=1, on_event_link=1))
        async with (
            proxy.listening(),
            at(proxy.port) as client,
            follow(client, EventsRequest(), how) as following,
            followed(served, following),
        ):
            proxy.is_calm = False
            reading = asyncio.ensure_future(following.__anext__())
            tell(served, 1)
            await until(lambda: not served.log.subscriptions)
            served.place(CALL_ID)
            tell(served, 100)
            proxy.is_calm = True
            gap = await reading
            assert isinstance(gap, Gap)
            assert gap.reason == Gap.REASON_HISTORY_EXPIRED
            assert pictured(await a_snapshot(following, proxy)) == [CALL_ID]
            tell(served, 1)
            assert numbers(await take(following, 1)) == [105]


async def test_another_replica_goes_on_where_one_that_was_killed_stopped():
    key = TokenKey(b"shared by the replicas")
    one, two = EventLog(key=key), EventLog(key=key)
    async with (
        replica(history=one) as first,
        replica(history=two) as second,
        at(first.port, second.port) as client,
        follow(client, EventsRequest(), HASTY) as following,
    ):
        heard = Position(node_id=NODE, core_uuid=CoreUuid(CORE), sequence=1, time_us=1)
        for log in (one, two):
            log.node_linked(heard)
        second.switch = first.switch

        def tell_both(count: int) -> None:
            for _ in range(count):
                event = first.switch.event("CUSTOM")
                for each in (first, second):
                    each.tell(event)

        reading = asyncio.ensure_future(following.__anext__())
        await until(lambda: one.subscriptions)
        tell_both(1_000)
        items = [await reading, *await take(following, 700)]
        await first.server.stop(0)
        tell_both(500)
        items += await take(following, 1_500 - len(items))
    assert numbers(items) == list(range(1, 1_501))
