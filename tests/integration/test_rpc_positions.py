"""Streams that begin elsewhere than now, over gRPC."""

from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from tests.support.channels import NODE
from tests.support.rpc import CALL_ID, PEER_ID, Refused, Replica, refused, replica
from tests.support.streams import Stream, end_of, names, read, read_events, stalled, subscribe

from callcontrol.events.event import Gap, GapReason
from callcontrol.events.ring import LogLimits
from callcontrol.rpc.convert_event import MAX_EVENT_BYTES
from callcontrol.v1 import common_pb2
from callcontrol.v1 import event_service_pb2 as pb
from callcontrol.v1.event_service_pb2_grpc import EventServiceStub


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Replica]:
    async with replica() as running:
        yield running


def after(token: str, **rest: object) -> pb.EventsRequest:
    """A request to go on after a token."""
    request = pb.EventsRequest(**rest)  # type: ignore[arg-type]  # fields as the test names them
    request.start.resume_token = token
    return request


async def refusal(served: Replica, request: pb.EventsRequest) -> Refused:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await subscribe(served, request)
    return refused(caught.value)


async def sequences_after(served: Replica, token: str, count: int) -> list[int]:
    """The numbers of the first events that a stream is told that goes on after the token."""
    stream, _ = await subscribe(served, after(token))
    messages = await read_events(stream, count)
    stream.cancel()
    return [int(event.position.sequence) for each in messages for event in each.events]


async def test_every_message_carries_a_token_and_a_stream_goes_on_after_any_of_them(served):
    request = pb.EventsRequest(
        batching=pb.Batching(max_events=2), heartbeat_interval=Duration(seconds=1)
    )
    stream, _ = await subscribe(served, request)
    for number in range(3):
        served.tell(served.switch.event("CUSTOM", {"Number": str(number)}))
    served.log.append_gap(Gap(reason=GapReason.NODE_CONNECTION_LOST, node_id=NODE))
    served.tell(served.switch.event("CUSTOM"))
    messages = await read_events(stream, 4)
    served.server.leave(notice_s=5, spread_s=0)
    messages.append(await read(stream))
    assert messages[-1].WhichOneof("notice") == "going_away"
    messages.append(await read(stream))
    assert messages[-1].WhichOneof("notice") == "heartbeat"
    stream.cancel()
    assert all(message.resume_token for message in messages)
    numbers = [served.log.start_after(message.resume_token).number for message in messages]
    assert numbers == [3, 5, 6, 6, 6]


async def test_the_first_message_carries_one_too_so_that_no_event_is_needed_to_come_back(served):
    stream = EventServiceStub(served.channel).Events(pb.EventsRequest())
    started = await read(stream)
    stream.cancel()
    served.place(CALL_ID)
    assert await sequences_after(served, started.resume_token, 2) == [1, 2]


async def test_what_came_while_a_client_was_away_is_told_when_it_comes_back(served):
    stream, _ = await subscribe(served)
    channel = served.place(CALL_ID)
    token = (await read_events(stream, 2))[-1].resume_token
    stream.cancel()
    served.end(channel)
    assert await sequences_after(served, token, 2) == [3, 4]


async def test_a_filter_may_be_another_one_when_a_client_comes_back(served):
    served.place(CALL_ID)
    served.place(PEER_ID)
    token = served.log.token_at(1)
    request = after(token, filters=[pb.EventFilter(call_ids=[PEER_ID])])
    stream, _ = await subscribe(served, request)
    messages = await read_events(stream, 2)
    assert {event.call_id for each in messages for event in each.events} == {PEER_ID}
    stream.cancel()


async def test_of_a_batch_that_an_unreadable_event_parts_each_message_has_its_own_place(served):
    token = served.log.token_at(1)
    served.tell(served.switch.event("CUSTOM", {"X": "small"}))
    served.tell(served.switch.event("CUSTOM", {"X": "x" * MAX_EVENT_BYTES}))
    served.tell(served.switch.event("CUSTOM", {"X": "small"}))
    stream, _ = await subscribe(served, after(token, view=common_pb2.VIEW_FULL))
    messages = await read_events(stream, 2)
    stream.cancel()
    numbers = [served.log.start_after(each.resume_token).number for each in messages]
    assert numbers == [3, 4]


async def test_no_token_is_ahead_of_what_a_slow_client_was_told():
    async with replica(limits=LogLimits(max_events=20)) as served:
        stream = await stalled(served, pb.EventsRequest(view=common_pb2.VIEW_FULL))
        last = served.log.next_number - 1
        told = 0
        while told < last:
            message = await read(stream)
            if message.events:
                told = int(message.events[-1].position.sequence)
            if served.log.first_number <= told + 1:
                number = served.log.start_after(message.resume_token).number
                assert number == told + 1 or message.WhichOneof("notice") == "gap"
        stream.cancel()


async def test_after_a_gap_for_a_slow_client_the_token_stands_before_what_is_still_held():
    async with replica(limits=LogLimits(max_events=20)) as served:
        stream = await stalled(served, pb.EventsRequest(view=common_pb2.VIEW_FULL))
        message = await read(stream)
        while message.WhichOneof("notice") != "gap":
            message = await read(stream)
        number = served.log.start_after(message.resume_token).number
        following = await read(stream)
        assert following.events[0].position.sequence == number
        stream.cancel()


async def test_a_token_that_is_too_old_is_told_as_such():
    async with replica(limits=LogLimits(max_events=2)) as served:
        token = served.log.token_at(1)
        for _ in range(3):
            served.tell(served.switch.event("CUSTOM"))
        told = await refusal(served, after(token))
        assert (told.code, told.reason) == (
            grpc.StatusCode.OUT_OF_RANGE,
            "RESUME_TOKEN_EXPIRED",
        )


async def test_what_is_no_token_is_refused_with_the_field(served):
    told = await refusal(served, after("hello"))
    assert (told.code, told.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "RESUME_TOKEN_INVALID",
    )
    assert list(told.violations) == ["start.resume_token"]


async def test_a_start_that_says_nothing_is_refused(served):
    told = await refusal(served, pb.EventsRequest(start=pb.StartPosition()))
    assert told.code == grpc.StatusCode.INVALID_ARGUMENT
    assert list(told.violations) == ["start"]


async def with_a_past_that_is_dropped(served: Replica, request: pb.EventsRequest) -> Stream:
    """A stream whose client reads one message; then the log drops what it is still to be told."""
    for _ in range(400):
        served.tell(served.switch.event("CUSTOM", {"X": "x" * 60_000}))
    request.start.resume_token = served.log.token_at(1)
    stream, _ = await subscribe(served, request)
    for _ in range(400):
        served.tell(served.switch.event("CUSTOM"))
    return stream


async def test_what_is_dropped_of_the_past_before_it_was_looked_at_is_a_gap_of_unknown_size():
    async with replica(limits=LogLimits(max_events=400)) as served:
        request = pb.EventsRequest(view=common_pb2.VIEW_FULL)
        stream = await with_a_past_that_is_dropped(served, request)
        before, message = 0, await read(stream)
        while not message.HasField("gap"):
            before, message = before + len(message.events), await read(stream)
        assert (message.gap.reason, message.gap.count) == (pb.Gap.REASON_SLOW_CONSUMER, 0)
        assert before < 400
        assert len(names(await read_events(stream, 400))) == 400
        stream.cancel()


async def test_one_whose_past_is_dropped_is_cut_off_if_it_asked_for_that():
    async with replica(limits=LogLimits(max_events=400)) as served:
        request = pb.EventsRequest(
            view=common_pb2.VIEW_FULL, overflow_policy=pb.OVERFLOW_POLICY_DISCONNECT
        )
        told = await end_of(await with_a_past_that_is_dropped(served, request))
        assert (told.code, told.reason) == (grpc.StatusCode.ABORTED, "SLOW_CONSUMER")
        assert "missed_events" not in told.metadata


async def test_a_stream_that_goes_on_is_told_all_of_a_long_past_in_order(served):
    for _ in range(3_000):
        served.tell(served.switch.event("CUSTOM"))
    stream, _ = await subscribe(served, after(served.log.token_at(1)))
    served.tell(served.switch.event("CUSTOM"))
    messages = await read_events(stream, 3_001)
    stream.cancel()
    assert [int(e.position.sequence) for m in messages for e in m.events] == list(range(1, 3_002))
    assert len(names(messages)) == 3_001
