"""A stream that is read with an end to patience."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from google.protobuf.duration_pb2 import Duration
from tests.support.scripted_streams import Script, ScriptedStream, told

from callcontrol.client.event_stream import EventStream, event_stream
from callcontrol.client.patient_stream import LEAST_SILENCE_S, OPENING_S
from callcontrol.v1.event_service_pb2 import EventsResponse, SubscriptionStarted


def beginning(heartbeat_s: int) -> EventsResponse:
    interval = Duration(seconds=heartbeat_s)
    return EventsResponse(started=SubscriptionStarted(heartbeat_interval=interval))


def patient(*messages: EventsResponse) -> EventStream:
    return event_stream(ScriptedStream(Script(messages)), resumes=False)


class Slow:
    """A connection that stays, and by which a message comes only when a test says so."""

    def __init__(self) -> None:
        self.has_come = asyncio.Event()
        self.reads_begun = self.reads_ended = 0

    async def read(self) -> EventsResponse | None:
        self.reads_begun += 1
        try:
            await self.has_come.wait()
        finally:
            self.reads_ended += 1
        return told("a")

    async def close(self) -> None:
        pass


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
async def mute(slow: Slow) -> AsyncIterator[EventStream]:
    stream = event_stream(slow, resumes=False)
    yield stream
    await stream.close()


async def cancel_a_read(stream: EventStream) -> None:
    reading = asyncio.ensure_future(stream.read())
    await asyncio.wait([reading], timeout=0.001)
    reading.cancel()
    await asyncio.wait([reading])
    assert reading.cancelled()


@pytest.mark.parametrize(
    ("heartbeat_s", "patience_s"), [(1, LEAST_SILENCE_S), (15, 45), (300, 900)]
)
async def test_patience_lasts_for_three_heartbeats_and_ten_seconds(heartbeat_s, patience_s):
    stream = patient(beginning(heartbeat_s))
    assert stream.patience_s == OPENING_S
    await stream.read()
    assert stream.patience_s == patience_s


async def test_silence_ends_a_stream(mute):
    mute.patience_s = 0.001
    with pytest.raises(TimeoutError):
        await mute.read()
    assert mute.is_over


async def test_what_a_cancelled_read_would_have_given_the_next_one_gives(mute, slow):
    await cancel_a_read(mute)
    await cancel_a_read(mute)
    slow.has_come.set()
    message = await mute.read()
    assert message is not None
    assert message.events[0].event_id == "a"
    assert (mute.is_over, slow.reads_begun) == (False, 1)


async def test_reads_that_are_cancelled_again_and_again_do_not_make_patience_longer(mute):
    mute.patience_s = 0.001
    await cancel_a_read(mute)
    mute.patience_s = 1000
    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            await mute.read()
    assert mute.is_over


async def test_the_end_of_a_stream_ends_a_read_that_was_cancelled(mute, slow):
    await cancel_a_read(mute)
    await mute.close()
    assert (slow.reads_begun, slow.reads_ended) == (1, 1)


async def test_what_was_looked_at_is_still_to_be_read():
    stream = patient(told("a"), told("b"))
    assert await stream.look(1.0)
    assert not stream.is_over
    ids = [message.events[0].event_id for _ in "ab" if (message := await stream.read())]
    assert ids == ["a", "b"]


async def test_a_look_at_a_stream_that_ends_finds_nothing():
    assert not await patient().look(1.0)


async def test_a_look_has_a_patience_of_its_own(mute):
    with pytest.raises(TimeoutError):
        await mute.look(0.001)
