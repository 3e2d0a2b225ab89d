"""Event streams over gRPC: what a subscriber sees, and what it costs the others."""

import gc
from collections.abc import AsyncIterator
from itertools import pairwise

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from tests.support.channels import NODE
from tests.support.raw_http2 import peer_without_window
from tests.support.rpc import CALL_ID, PEER_ID, Replica, refused, replica
from tests.support.streams import (
    a_round_trip,
    end_of,
    names,
    read,
    read_events,
    stalled,
    subscribe,
    until,
)

from callcontrol.events.event import Gap, GapReason
from callcontrol.events.ring import Entry, LogLimits
from callcontrol.rpc.connections import ConnectionLimits
from callcontrol.rpc.convert_event import MAX_EVENT_BYTES
from callcontrol.rpc.room import MAX_UNREAD_BYTES, SMALL_BYTES
from callcontrol.rpc.server import RpcSettings
from callcontrol.v1 import common_pb2
from callcontrol.v1 import event_service_pb2 as pb

EVENTS = "/callcontrol.v1.EventService/Events"


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Replica]:
    async with replica() as running:
        yield running


async def test_a_stream_begins_with_the_settings_in_force(served):
    request = pb.EventsRequest(
        batching=pb.Batching(max_events=7), heartbeat_interval=Duration(seconds=3)
    )
    stream, started = await subscribe(served, request)
    assert started.subscription_id
    assert (started.batching.max_events, started.batching.max_bytes) == (7, 1024 * 1024)
    assert started.batching.max_delay.ToMilliseconds() == 25
    assert started.heartbeat_interval.ToSeconds() == 3
    assert started.server_version == "1.2.3"
    stream.cancel()


async def test_events_come_in_order_with_their_meaning(served):
    stream, _ = await subscribe(served)
    channel = served.place(CALL_ID)
    served.end(channel)
    messages = await read_events(stream, 4)
    assert names(messages) == [
        "CHANNEL_CREATE",
        "CHANNEL_ANSWER",
        "CHANNEL_HANGUP",
        "CHANNEL_HANGUP_COMPLETE",
    ]
    assert messages[0].events[0].call_created.call.call_id == CALL_ID
    assert messages[-1].events[-1].call_ended.cause.name == "NORMAL_CLEARING"
    stream.cancel()


async def test_events_that_are_there_together_come_together_up_to_what_was_asked(served):
    stream, _ = await subscribe(served, pb.EventsRequest(batching=pb.Batching(max_events=2)))
    for number in range(5):
        served.tell(served.switch.event("CUSTOM", {"Number": str(number)}))
    assert [len(m.events) for m in await read_events(stream, 5)] == [2, 2, 1]
    stream.cancel()


async def test_a_large_event_is_sent_alone(served):
    request = pb.EventsRequest(view=common_pb2.VIEW_FULL, batching=pb.Batching(max_bytes=2_000))
    stream, _ = await subscribe(served, request)
    for size in (10, 10_000, 10):
        served.tell(served.switch.event("CUSTOM", {"X": "x" * size}))
    assert [len(m.events) for m in await read_events(stream, 3)] == [1, 1, 1]
    stream.cancel()


async def test_only_what_matches_is_sent_and_a_heartbeat_tells_how_much_did_not(served):
    request = pb.EventsRequest(
        filters=[pb.EventFilter(call_ids=[CALL_ID])], heartbeat_interval=Duration(seconds=1)
    )
    stream, _ = await subscribe(served, request)
    served.place(PEER_ID)
    beat = await read(stream)
    assert beat.WhichOneof("notice") == "heartbeat"
    assert beat.heartbeat.filtered_count == 2
    served.place(CALL_ID, answered=False)
    messages = await read_events(stream, 1)
    assert messages[-1].events[0].call_id == CALL_ID
    stream.cancel()


async def test_the_view_and_the_names_of_headers_decide_how_much_comes(served):
    basic, _ = await subscribe(served, pb.EventsRequest(header_names=["Answer-State"]))
    full, _ = await subscribe(served, pb.EventsRequest(view=common_pb2.VIEW_FULL))
    served.place(CALL_ID, answered=False)
    (few,) = (await read_events(basic, 1))[0].events
    (all_of_it,) = (await read_events(full, 1))[0].events
    assert few.headers == {"Answer-State": "ringing"}
    assert all_of_it.headers["Unique-ID"] == CALL_ID
    assert few.event_id == all_of_it.event_id
    basic.cancel()
    full.cancel()


async def test_a_gap_stands_after_the_events_before_it(served):
    stream, _ = await subscribe(served)
    served.place(CALL_ID)
    served.log.append_gap(Gap(reason=GapReason.NODE_CONNECTION_LOST, node_id=NODE))
    served.place(PEER_ID)
    with_gap, after = await read_events(stream, 4)
    assert len(with_gap.events) == 2
    assert with_gap.gap.reason == pb.Gap.REASON_NODE_CONNECTION_LOST
    assert with_gap.gap.node_id == "east"
    assert len(after.events) == 2
    assert after.WhichOneof("notice") is None
    stream.cancel()


async def test_an_event_too_large_for_any_message_is_told_as_a_gap_and_the_stream_goes_on(served):
    stream, _ = await subscribe(served, pb.EventsRequest(view=common_pb2.VIEW_FULL))
    served.tell(served.switch.event("CUSTOM", {"X": "small"}))
    served.tell(served.switch.event("CUSTOM", {"X": "x" * MAX_EVENT_BYTES}))
    served.tell(served.switch.event("CUSTOM", {"X": "small"}))
    before, after = await read_events(stream, 2)
    assert before.gap.reason == pb.Gap.REASON_UNREADABLE_EVENT
    assert (before.gap.count, before.gap.last_before.sequence) == (1, 2)
    assert len(after.events) == 1
    stream.cancel()


async def test_a_client_that_goes_away_leaves_nothing_behind(served):
    stream, _ = await subscribe(served)
    assert len(served.log.subscriptions) == 1
    stream.cancel()
    await until(lambda: not served.log.subscriptions)
    assert served.log.distinct_filters == 0


async def test_a_filter_that_cannot_be_used_ends_the_stream_before_it_begins(served):
    bad = pb.EventsRequest(filters=[pb.EventFilter(names=["no name"])])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await subscribe(served, bad)
    told = refused(caught.value)
    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FILTER_INVALID")
    assert list(told.violations) == ["filters[0].names[0]"]


async def test_a_node_that_nobody_configured_is_not_found(served):
    request = pb.EventsRequest(filters=[pb.EventFilter(node_ids=["west"])])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await subscribe(served, request)
    assert refused(caught.value).reason == "NODE_NOT_FOUND"


@pytest.mark.parametrize(
    ("settings", "scope"),
    [
        (RpcSettings(max_streams=1), "this replica"),
        (RpcSettings(max_streams_per_peer=1), "one peer"),
    ],
)
async def test_streams_are_bounded_in_all_and_for_each_peer(settings, scope):
    async with replica(settings=settings) as served:
        stream, _ = await subscribe(served)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await subscribe(served)
        told = refused(caught.value)
        assert told.reason == "TOO_MANY_SUBSCRIPTIONS"
        assert told.metadata == {"limit": "1", "scope": scope}
        stream.cancel()
        await until(lambda: not served.log.subscriptions)
        again, _ = await subscribe(served)
        again.cancel()


async def test_a_peer_that_does_not_read_slows_nobody_and_is_forgotten_when_it_goes(served):
    request = pb.EventsRequest(view=common_pb2.VIEW_FULL)
    stream, _ = await subscribe(served, request)
    async with peer_without_window(served.port, EVENTS, request.SerializeToString()) as deaf:
        assert len(served.log.subscriptions) == 2
        for number in range(200):
            served.tell(served.switch.event("CUSTOM", {"Number": str(number)}))
        assert len(names(await read_events(stream, 200))) == 200
        assert deaf.data_frames == 0
    await until(lambda: len(served.log.subscriptions) == 1)
    stream.cancel()


async def test_a_slow_subscriber_that_was_overtaken_is_told_how_much_it_missed():
    async with replica(limits=LogLimits(max_events=20)) as served:
        stream = await stalled(served, pb.EventsRequest(view=common_pb2.VIEW_FULL))
        seen: list[int] = []
        gaps: list[pb.Gap] = []
        missed = 0
        last = served.log.next_number - 1
        while not seen or seen[-1] < last:
            message = await read(stream)
            if message.WhichOneof("notice") == "gap":
                assert message.gap.reason == pb.Gap.REASON_SLOW_CONSUMER
                assert not message.events
                missed += message.gap.count
                gaps.append(message.gap)
            seen += [int(event.position.sequence) for event in message.events]
        assert missed > 0
        assert len(seen) + missed == last
        assert [(gap.last_before.sequence, gap.first_after.sequence) for gap in gaps] == [
            (one, next_) for one, next_ in pairwise(seen) if next_ != one + 1
        ]
        stream.cancel()


async def test_a_slow_subscriber_that_asked_for_it_is_cut_off():
    async with replica(limits=LogLimits(max_events=20)) as served:
        request = pb.EventsRequest(
            view=common_pb2.VIEW_FULL, overflow_policy=pb.OVERFLOW_POLICY_DISCONNECT
        )
        stream = await stalled(served, request)
        told = await end_of(stream)
        assert (told.code, told.reason) == (grpc.StatusCode.ABORTED, "SLOW_CONSUMER")
        assert int(told.metadata["missed_events"]) > 0
        assert not served.log.subscriptions


async def test_where_much_lies_unread_messages_are_small_and_say_all_the_same(served):
    request = pb.EventsRequest(view=common_pb2.VIEW_FULL)
    stream, _ = await subscribe(served, request)
    (open_stream,) = served.server.streams
    open_stream._tools.room.used = MAX_UNREAD_BYTES
    for _ in range(50):
        served.tell(served.switch.event("CUSTOM", {"X": "x" * 10_000}))
    messages = await read_events(stream, 50)
    assert len(names(messages)) == 50
    assert max(message.ByteSize() for message in messages) <= SMALL_BYTES + 1_000
    stream.cancel()


async def test_a_client_that_reads_nothing_keeps_no_event_that_the_log_has_dropped():
    async with replica(limits=LogLimits(max_events=20)) as served:
        stream = await stalled(served, pb.EventsRequest(view=common_pb2.VIEW_FULL))
        served.log.sweep()
        gc.collect()
        held = [each.number for each in gc.get_objects() if isinstance(each, Entry)]
        assert min(held) == served.log.first_number
        stream.cancel()


async def test_a_peer_that_never_reads_is_cut_off_with_its_connection():
    limits = ConnectionLimits(max_age_s=0.3, max_age_grace_s=0.3)
    async with replica(settings=RpcSettings(connections=limits)) as served:
        request = pb.EventsRequest(view=common_pb2.VIEW_FULL)
        async with peer_without_window(served.port, EVENTS, request.SerializeToString()):
            assert served.log.subscriptions
            await until(lambda: not served.log.subscriptions)
            assert not served.server.streams


async def test_a_stream_says_that_it_ends_for_the_age_of_its_connection_and_does():
    limits = ConnectionLimits(max_age_s=0.3, max_age_grace_s=10.3)
    async with replica(settings=RpcSettings(connections=limits)) as served:
        stream, _ = await subscribe(served)
        assert (await read(stream)).WhichOneof("notice") == "going_away"
        told = await end_of(stream)
        assert (told.code, told.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
        again, _ = await subscribe(served)
        again.cancel()


async def test_a_replica_that_leaves_says_so_and_goes_on_until_the_time_it_named(served):
    stream, _ = await subscribe(served)
    assert served.server.leave(notice_s=0.2, spread_s=0) == 0.2
    notice = await read(stream)
    assert notice.WhichOneof("notice") == "going_away"
    assert notice.going_away.end_time.ToMicroseconds() > 0
    served.place(CALL_ID, answered=False)
    assert names(await read_events(stream, 1)) == ["CHANNEL_CREATE"]
    told = await end_of(stream)
    assert (told.code, told.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    assert told.retry_after_ms == 1000


async def test_a_replica_that_leaves_takes_no_new_streams(served):
    assert served.server.leave(notice_s=5, spread_s=5) == 0
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await subscribe(served)
    assert refused(caught.value).reason == "SHUTTING_DOWN"


async def test_streams_leave_one_after_the_other(served):
    streams = [(await subscribe(served))[0] for _ in range(3)]
    assert served.server.leave(notice_s=10, spread_s=20) == 30
    ends = [(await read(stream)).going_away.end_time.ToMicroseconds() / 1e6 for stream in streams]
    ends.sort()
    assert [round(end - ends[0]) for end in ends] == [0, 10, 20]
    for stream in streams:
        stream.cancel()


async def test_a_log_that_was_closed_ends_streams_after_what_it_still_holds(served):
    stream, _ = await subscribe(served)
    served.place(CALL_ID, answered=False)
    served.log.close("the replica stops")
    assert names(await read_events(stream, 1)) == ["CHANNEL_CREATE"]
    assert (await end_of(stream)).reason == "SHUTTING_DOWN"


async def test_a_client_can_ask_to_be_sent_fewer_and_larger_messages(served):
    patient = pb.EventsRequest(batching=pb.Batching(max_delay=Duration(nanos=100_000_000)))
    stream, started = await subscribe(served, patient)
    assert started.batching.max_delay.ToMilliseconds() == 100
    for number in range(3):
        served.tell(served.switch.event("CUSTOM", {"Number": str(number)}))
        await a_round_trip(served)
    assert [len(m.events) for m in await read_events(stream, 3)] == [3]
    stream.cancel()
