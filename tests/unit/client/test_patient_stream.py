"""A stream that is read with an end to patience."""

import asyncio

import pytest
from google.protobuf.duration_pb2 import Duration
from tests.support.scripted_streams import Script, ScriptedStream, told

from callcontrol.client.patient_stream import LEAST_SILENCE_S, OPENING_S, PatientStream
from callcontrol.v1.event_service_pb2 import EventsResponse, SubscriptionStarted


def beginning(heartbeat_s: int) -> EventsResponse:
    interval = Duration(seconds=heartbeat_s)
    return EventsResponse(started=SubscriptionStarted(heartbeat_interval=interval))


def patient(*messages: EventsResponse) -> PatientStream:
    return PatientStream(ScriptedStream(Script(messages)), resumes=False, is_after_hole=False)


class Mute:
    """A connection that stays, and by which nothing comes."""

    async def read(self) -> EventsResponse | None:
        await asyncio.Event().wait()
        return None

    async def close(self) -> None:
        pass


@pytest.fixture
def mute() -> PatientStream:
    return PatientStream(Mute(), resumes=False, is_after_hole=False)


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


async def test_a_cancelled_read_ends_a_stream(mute):
    reading = asyncio.ensure_future(mute.read())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait([reading])
    assert mute.is_over


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
