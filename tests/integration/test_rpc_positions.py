"""Streams that begin elsewhere than now, over gRPC."""

import asyncio
import gc
import time
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
from callcontrol.events.log import EventLog
from callcontrol.events.ring import LogLimits
from callcontrol.rpc.convert_event import MAX_EVENT_BYTES
from callcontrol.rpc.opening import Opening
from callcontrol.v1 import call_pb2, common_pb2
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


def at(time_us: int, **rest: object) -> pb.EventsRequest:
    """A request to begin with what is held since a time."""
    request = pb.EventsRequest(**rest)  # type: ignore[arg-type]  # fields as the test names them
    request.start.time.FromMicroseconds(time_us)
    return request


def snapshot(**rest: object) -> pb.EventsRequest:
    """A request to begin with a picture of the calls."""
    request = pb.EventsRequest(**rest)  # type: ignore[arg-type]  # fields as the test names them
    request.start.snapshot = True
    return request


async def read_snapshot(stream: Stream) -> list[pb.EventsResponse]:
    """Messages up to the end of a snapshot."""
    messages = [await read(stream)]
    while not messages[-1].HasField("snapshot_completed"):
        messages.append(await read(stream))
    return messages


async def test_a_stream_begins_with_what_came_at_a_time_or_later(served):
    for _ in range(3):
        served.tell(served.switch.event("CUSTOM"))
        await asyncio.sleep(0.002)  # the time of day is to move on
    stream, _ = await subscribe(served, after(served.log.token_at(1)))
    told = [each for message in await read_events(stream, 3) for each in message.events]
    stream.cancel()
    stream, started = await subscribe(served, at(told[1].receive_time.ToMicroseconds()))
    again = [each for message in await read_events(stream, 2) for each in message.events]
    assert again == told[1:]
    assert 0 < started.oldest_time.ToMicroseconds() < told[0].receive_time.ToMicroseconds()
    stream.cancel()


async def test_the_oldest_time_that_is_told_can_be_begun_from():
    async with replica(limits=LogLimits(max_events=2)) as served:
        for _ in range(5):
            served.tell(served.switch.event("CUSTOM"))
            await asyncio.sleep(0.002)  # the time of day is to move on
        stream, started = await subscribe(served)
        stream.cancel()
        stream, _ = await subscribe(served, at(started.oldest_time.ToMicroseconds()))
        assert len(names(await read_events(stream, 2))) == 2
        stream.cancel()


async def test_a_time_since_which_not_everything_is_held_is_too_old(served):
    told = await refusal(served, at(1_000_000))
    assert (told.code, told.reason) == (grpc.StatusCode.OUT_OF_RANGE, "RESUME_TOKEN_EXPIRED")


@pytest.mark.parametrize("seconds", [120, 10**11])
async def test_a_time_that_has_not_come_yet_or_is_none_is_refused(served, seconds):
    request = pb.EventsRequest()
    request.start.time.seconds = seconds if seconds > 10**10 else int(time.time()) + seconds
    told = await refusal(served, request)
    assert told.code == grpc.StatusCode.INVALID_ARGUMENT
    assert list(told.violations) == ["start.time"]


async def test_a_clock_that_is_a_little_ahead_is_taken_for_now(served):
    stream, _ = await subscribe(served, at(time.time_ns() // 1_000 + 5_000_000))
    served.place(CALL_ID, answered=False)
    assert names(await read_events(stream, 1)) == ["CHANNEL_CREATE"]
    stream.cancel()


async def test_a_snapshot_has_the_calls_there_are_and_what_follows_comes_after_it(served):
    ann = served.place(CALL_ID)
    served.place(PEER_ID, answered=False)
    served.end(served.place("7c3e0b52-5c0a-4a3f-9a39-0d3d0f6a5b03"))
    stream, _ = await subscribe(served, snapshot())
    served.end(ann)
    (picture, completed) = await read_snapshot(stream)
    messages = await read_events(stream, 2)
    stream.cancel()
    shown = [event.call_snapshot.call for event in picture.events]
    assert {call.call_id: call.state for call in shown} == {
        CALL_ID: call_pb2.Call.STATE_ACTIVE,
        PEER_ID: call_pb2.Call.STATE_CREATING,
    }
    assert all(event.synthetic and event.call_id for event in picture.events)
    assert completed.snapshot_completed.call_count == 2
    assert names(messages) == ["CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE"]


async def test_a_call_that_will_still_be_told_to_be_new_is_not_in_a_snapshot(served):
    ann = served.switch.channel(CALL_ID)
    served.tell(ann.event("CHANNEL_EXECUTE"))
    stream, _ = await subscribe(served, snapshot())
    (completed,) = await read_snapshot(stream)
    served.tell(ann.event("CHANNEL_CREATE"))
    (created,) = (await read_events(stream, 1))[0].events
    assert completed.snapshot_completed.call_count == 0
    assert created.WhichOneof("payload") == "call_created"
    stream.cancel()


async def test_only_the_end_of_a_snapshot_has_a_token_and_it_is_that_of_the_picture(served):
    served.place(CALL_ID)
    stream = EventServiceStub(served.channel).Events(snapshot())
    started = await read(stream)
    served.tell(served.switch.event("CUSTOM"))
    (picture, completed) = await read_snapshot(stream)
    stream.cancel()
    assert (started.resume_token, picture.resume_token) == ("", "")
    assert await sequences_after(served, completed.resume_token, 1) == [3]


async def test_a_snapshot_of_no_calls_is_complete_at_once(served):
    stream, _ = await subscribe(served, snapshot())
    (completed,) = await read_snapshot(stream)
    assert completed.snapshot_completed.call_count == 0
    assert completed.resume_token
    stream.cancel()


async def test_a_snapshot_has_only_calls_that_the_filters_may_concern(served):
    for call_id in (CALL_ID, PEER_ID):
        served.place(call_id)
    wanted = pb.EventFilter(call_ids=[PEER_ID], names=["CHANNEL_HANGUP"])
    stream, _ = await subscribe(served, snapshot(filters=[wanted]))
    (picture, completed) = await read_snapshot(stream)
    assert [event.call_id for event in picture.events] == [PEER_ID]
    assert completed.snapshot_completed.call_count == 1
    stream.cancel()


async def test_a_large_snapshot_comes_in_messages_of_the_size_that_was_asked_for(served):
    for number in range(250):
        served.place(f"7c3e0b52-5c0a-4a3f-9a39-{number:012}", answered=False)
    for asked, sizes in ((0, [100, 100, 50]), (60, [60] * 4 + [10])):
        request = snapshot(batching=pb.Batching(max_events=asked))
        stream, _ = await subscribe(served, request)
        *pictures, completed = await read_snapshot(stream)
        stream.cancel()
        assert [len(each.events) for each in pictures] == sizes
        assert completed.snapshot_completed.call_count == 250


async def test_who_was_told_of_the_calls_holds_no_picture_of_them_any_more(served):
    served.place(CALL_ID)
    stream, _ = await subscribe(served, snapshot())
    await read_snapshot(stream)
    openings = (each for each in gc.get_objects() if isinstance(each, Opening))
    assert not any(each.calls for each in openings)
    stream.cancel()


async def test_variables_are_in_a_snapshot_where_the_view_is_full(served):
    served.place(CALL_ID)
    for view, has in ((common_pb2.VIEW_FULL, True), (common_pb2.VIEW_BASIC, False)):
        stream, _ = await subscribe(served, snapshot(view=view))
        (picture, _) = await read_snapshot(stream)
        stream.cancel()
        assert bool(picture.events[0].call_snapshot.call.variables) is has


async def test_a_token_that_is_too_old_gives_a_gap_and_a_snapshot_where_that_was_asked_for():
    async with replica(limits=LogLimits(max_events=2)) as served:
        token = served.log.token_at(1)
        served.place(CALL_ID)
        served.tell(served.switch.event("CUSTOM"))
        request = after(token)
        request.start.snapshot_if_expired = True
        stream, _ = await subscribe(served, request)
        gap, picture, completed = await read_snapshot(stream)
        assert gap.gap.reason == pb.Gap.REASON_HISTORY_EXPIRED
        assert [event.call_id for event in picture.events] == [CALL_ID]
        assert [bool(each.resume_token) for each in (gap, picture, completed)] == [
            False,
            False,
            True,
        ]
        served.tell(served.switch.event("CUSTOM"))
        assert len(names(await read_events(stream, 1))) == 1
        stream.cancel()


@pytest.mark.parametrize("token", ["hello", ""])
async def test_what_is_no_token_is_refused_though_a_snapshot_was_asked_for_instead(served, token):
    request = after(token)
    request.start.snapshot_if_expired = True
    assert (await refusal(served, request)).reason == "RESUME_TOKEN_INVALID"


async def test_a_token_that_is_still_good_gives_no_snapshot(served):
    request = after(served.log.token_at(1))
    request.start.snapshot_if_expired = True
    served.place(CALL_ID, answered=False)
    stream, _ = await subscribe(served, request)
    assert names(await read_events(stream, 1)) == ["CHANNEL_CREATE"]
    stream.cancel()


async def test_a_gap_before_the_stream_is_told_before_there_is_a_token(served):
    other = EventLog(key=served.log._key)
    served.tell(served.switch.event("CUSTOM"))
    stream = EventServiceStub(served.channel).Events(after(other.token_at(1)))
    started, gap, events = [await read(stream) for _ in range(3)]
    stream.cancel()
    assert (started.resume_token, bool(gap.resume_token)) == ("", True)
    assert (gap.gap.reason, gap.gap.node_id) == (pb.Gap.REASON_HISTORY_EXPIRED, "east")
    assert len(events.events) == 1


async def test_a_gap_that_the_filters_exclude_is_not_told_before_the_stream(served):
    other = EventLog(key=served.log._key)
    served.tell(served.switch.event("CUSTOM"))
    west = pb.EventFilter(node_ids=["east"], invert=True)
    stream = EventServiceStub(served.channel).Events(after(other.token_at(1), filters=[west]))
    assert (await read(stream)).resume_token
    stream.cancel()


async def test_a_stream_that_is_closed_during_its_snapshot_ends(served):
    for number in range(500):
        served.place(f"7c3e0b52-5c0a-4a3f-9a39-{number:012}", answered=False)
    stream, _ = await subscribe(served, snapshot(batching=pb.Batching(max_events=1)))
    (subscription,) = served.log.subscriptions
    subscription.close()
    assert (await end_of(stream)).reason == "SUBSCRIPTION_CLOSED"
