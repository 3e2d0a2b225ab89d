"""Filters over gRPC: who hears of expressions that fail, and when there is no room for more."""

import random
from typing import TYPE_CHECKING, Final

import grpc
import grpc.aio
import pytest
from tests.support.channels import NODE
from tests.support.rpc import CALL_ID, PEER_ID, Refused, Replica, refused, replica

from callcontrol.events.event import Event, Position
from callcontrol.events.matchers import MAX_COST
from callcontrol.ids import CoreUuid, EventId
from callcontrol.rpc.recorder import NoRecorder
from callcontrol.rpc.server import RpcSettings
from callcontrol.v1 import common_pb2, event_pb2
from callcontrol.v1 import event_service_pb2 as pb
from callcontrol.v1.event_service_pb2_grpc import EventServiceStub

if TYPE_CHECKING:
    Stream = grpc.aio.UnaryStreamCall[pb.EventsRequest, pb.EventsResponse]
else:  # at run time it takes no parameters
    Stream = grpc.aio.UnaryStreamCall


class Failures(NoRecorder):
    """Counts expressions that fail."""

    def __init__(self) -> None:
        self.count = 0

    def expression_failed(self) -> None:
        """One failed."""
        self.count += 1


async def first_event(served: Replica, *filters: pb.EventFilter) -> str:
    """The id of the call in the first event that comes, once two calls were placed."""
    stream = EventServiceStub(served.channel).Events(pb.EventsRequest(filters=filters), timeout=10)
    await stream.initial_metadata()
    served.place(PEER_ID)
    served.place(CALL_ID)
    async for message in stream:
        for event in message.events:
            stream.cancel()
            return event.call_id
    raise AssertionError("the stream ended")


async def test_expressions_that_fail_count_as_false_and_are_told_to_the_recorder():
    failures = Failures()
    mine = f'event.call_id == "{CALL_ID}" || headers["Nope"] == "x"'
    async with replica(recorder=failures) as served:
        assert await first_event(served, pb.EventFilter(expression=mine)) == CALL_ID
    assert failures.count == 2  # both events of the call placed first


@pytest.mark.parametrize(
    ("most", "limit"),
    [(5_000, MAX_COST), (1_000, MAX_COST // 5)],
    ids=["all streams are one host's", "a fifth of them"],
)
async def test_the_filters_of_one_host_cost_no_more_than_its_share(most: int, limit: int):
    settings = RpcSettings(max_streams=5_000, max_streams_per_peer=most)
    async with replica(settings=settings) as served:
        events = EventServiceStub(served.channel)
        streams = [
            events.Events(pb.EventsRequest(filters=[dear_filter(number)]), timeout=20)
            for number in range(100)
        ]
        outcomes = [await opened(stream) for stream in streams]
        cheap = pb.EventFilter(call_ids=[CALL_ID])
        assert await first_event(served, cheap) == CALL_ID
        for stream in streams:
            stream.cancel()
    told = [outcome for outcome in outcomes if outcome is not None]
    begun = len(streams) - len(told)
    assert begun == limit // int(told[0].metadata["cost"])
    assert {outcome.code for outcome in told} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert {outcome.reason for outcome in told} == {"FILTERS_TOO_COSTLY"}
    assert {int(outcome.metadata["limit"]) for outcome in told} == {limit}


def dear_filter(number: int) -> pb.EventFilter:
    """One of a cost of some 850, unlike those of other numbers."""
    return pb.EventFilter(expression=f'headers["X{number}"].matches("a{{150}}")')


async def opened(stream: Stream) -> Refused | None:
    """What a stream is told that cannot begin; nothing for one that does."""
    try:
        await stream.read()
    except grpc.aio.AioRpcError as error:
        return refused(error)
    return None


HOSTILE = pb.EventFilter(
    headers={
        f"X{number}": common_pb2.StringMatch(regex=f"(a|b)*a(a|b){{100}}{end}", invert=True)
        for number, end in enumerate("cdefghijklmnopq")
    }
)
"""What costs little and takes some milliseconds of a long text each."""
_BITS: Final = random.Random(1).randbytes(8_000)
LONG: Final = dict.fromkeys(HOSTILE.headers, "".join("ab"[bits % 2] for bits in _BITS))
"""Headers of texts that keep such patterns busy."""


async def test_a_filter_that_takes_far_longer_than_it_costs_ends_its_stream_and_no_other():
    async with replica() as served:
        events = EventServiceStub(served.channel)
        hostile = events.Events(pb.EventsRequest(filters=[HOSTILE]), timeout=20)
        honest = events.Events(pb.EventsRequest(), timeout=20)
        await hostile.read()
        await honest.read()
        position = Position(NODE, CoreUuid("core"), 1, 1)
        served.log.append(Event(EventId("core:1"), position, "CUSTOM", 1, headers=LONG))
        outcome = await opened(hostile)
        told = await honest.read()
        honest.cancel()
    assert isinstance(told, pb.EventsResponse)
    assert [event.name for event in told.events] == ["CUSTOM"]
    assert outcome is not None
    assert (outcome.code, outcome.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "FILTER_INVALID",
    )
    assert "far more than their cost" in outcome.violations["filters"]


async def test_a_condition_that_takes_far_longer_than_it_costs_is_named_when_it_is_tried():
    sample = event_pb2.Event(name="CUSTOM", headers=LONG)
    async with replica() as served:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await EventServiceStub(served.channel).CheckFilter(
                pb.CheckFilterRequest(filters=[HOSTILE], samples=[sample]), timeout=20
            )
    assert list(refused(failed.value).violations) == ["filters[0].headers[X0]"]
