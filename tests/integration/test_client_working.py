"""A worker of the client and the real server, over wires that break and replicas that leave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from tests.support.cutting_proxy import Chances, CuttingProxy
from tests.support.rpc import CALL_ID, Replica, replica
from tests.support.streams import until
from tests.support.workers import MANNERS, Story

from callcontrol.calls.call import HangupCause, HangupSide
from callcontrol.client.call_handler import Handler
from callcontrol.client.worker import ActiveCall, Ended, Worker
from callcontrol.events.log import EventLog
from callcontrol.ids import CallId
from callcontrol.v1.event_pb2 import Event

CLEARED = HangupCause(name="NORMAL_CLEARING", q850_code=16, sip_code=0, side=HangupSide.REMOTE)


@pytest.fixture
def story() -> Story:
    return Story()


@asynccontextmanager
async def working(handler: Handler, *ports: int) -> AsyncIterator[Worker]:
    """A worker until the end of the block."""
    target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    worker = Worker(target, ["menu"], handler, name="w-1", manners=MANNERS)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run(signals=()))
        yield worker
        running.cancel()


async def hand_over(served: Replica) -> None:
    """The worker that came last gets the call."""
    served.place(CALL_ID)
    served.desk.make_offer(CALL_ID)
    await until(lambda: any(said[0] == "accept" for said in served.desk.said))


def teller(story: Story) -> Handler:
    """Tells every event, and the ending."""

    async def handler(call: ActiveCall) -> None:
        story.tell(call.call_id)
        async for item in call.events():
            story.tell(item.name if isinstance(item, Event) else item)
        story.tell(call.ending)

    return handler


async def test_a_worker_gets_a_call_its_events_and_its_end(story: Story):
    async with replica() as served, working(teller(story), served.port):
        await until(lambda: served.desk.streams)
        await hand_over(served)
        assert await story.next() == CALL_ID
        channel = served.switch.channel(CALL_ID)
        served.tell(channel.event("CHANNEL_HOLD"))
        served.end(channel)
        served.desk.newest.released(CallId(CALL_ID), CLEARED)
        told = [await story.next() for _ in range(4)]
    assert told[:3] == ["CHANNEL_HOLD", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE"]
    assert told[3] == Ended("NORMAL_CLEARING")


@pytest.mark.parametrize("seed", range(3))
async def test_a_wire_that_breaks_at_random_loses_no_event_of_a_call_and_brings_none_twice(
    story: Story, seed: int
):
    random = Random(seed)

    async def handler(call: ActiveCall) -> None:
        story.tell(call.call_id)
        async for item in call.events():
            assert isinstance(item, Event), item
            story.tell(int(item.position.sequence))

    async with replica() as served:
        proxy = CuttingProxy(served.port, random, Chances(cut=0.3, delay=0.05, swallow=0))
        async with proxy.listening(), working(handler, proxy.port):
            await until(lambda: served.desk.streams)
            served.desk.back_at_once = frozenset({CALL_ID})
            await hand_over(served)
            assert await story.next() == CALL_ID
            channel = served.switch.channel(CALL_ID)
            proxy.is_calm = False
            fired = []
            numbers = []
            for _ in range(25):
                for _ in range(20):
                    event = channel.event("CHANNEL_HOLD")
                    fired.append(int(str(event.headers["Event-Sequence"])))
                    served.tell(event)
                numbers += [await story.next() for _ in range(20)]
    assert numbers == fired
    assert proxy.seen.faults["cut command link"] > 3


async def test_at_a_replica_that_leaves_a_worker_goes_to_another_one_with_its_calls(story: Story):
    history = EventLog()
    async with (
        replica(history=history) as one,
        replica(history=history) as two,
        working(teller(story), one.port, two.port),
    ):
        one.place(CALL_ID)
        two.place(CALL_ID)
        await until(lambda: one.desk.streams or two.desk.streams)
        leaving, other = (one, two) if one.desk.streams else (two, one)
        leaving.desk.make_offer(CALL_ID)
        assert await story.next() == CALL_ID
        channel = leaving.switch.channel(CALL_ID)
        leaving.tell(channel.event("CHANNEL_HOLD"))
        assert await story.next() == "CHANNEL_HOLD"
        other.desk.back_at_once = frozenset({CALL_ID})
        leaving.server.leave(notice_s=0.2, spread_s=0)
        leaving.desk.drain(5)
        await until(lambda: other.desk.streams and not leaving.desk.streams)
        leaving.tell(channel.event("CHANNEL_UNHOLD"))
        assert await story.next() == "CHANNEL_UNHOLD"
        [registration] = other.desk.registered.values()
        assert registration.resume_call_ids == (CALL_ID,)
