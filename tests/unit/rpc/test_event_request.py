"""What a subscriber may ask for."""

from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from callcontrol.errors import InvalidFilter, InvalidRequest
from callcontrol.events.filter import EventFilter
from callcontrol.events.subscription import Overflow
from callcontrol.ids import CallId, NodeId
from callcontrol.rpc.convert_event import Projection
from callcontrol.rpc.event_filter import FilterReader
from callcontrol.rpc.event_request import StreamRequest, read_events_request
from callcontrol.rpc.event_start import StartRequest
from callcontrol.v1 import common_pb2
from callcontrol.v1.event_service_pb2 import (
    Batching,
    EventsRequest,
    OverflowPolicy,
    StartPosition,
)
from callcontrol.v1.event_service_pb2 import EventFilter as Filter


def read(**facts: Any) -> StreamRequest:  # Any: fields of EventsRequest
    return read_events_request(EventsRequest(**facts), FilterReader())


def test_an_empty_request_is_everything_from_now_on_with_the_defaults():
    asked = read()
    assert asked.filters == ()
    assert asked.projection == Projection()
    assert asked.overflow is Overflow.SKIP
    assert (asked.max_events, asked.max_bytes, asked.max_delay_s) == (512, 1024 * 1024, None)
    assert asked.heartbeat_s == 15


def test_filters_become_conditions():
    asked = read(
        filters=[
            Filter(names=["CHANNEL_ANSWER"], node_ids=["east"], call_ids=["c-1"]),
            Filter(subclasses=["sofia::*"], invert=True),
        ]
    )
    assert asked.filters == (
        EventFilter(
            names=frozenset({"CHANNEL_ANSWER"}),
            node_ids=frozenset({NodeId("east")}),
            call_ids=frozenset({CallId("c-1")}),
        ),
        EventFilter(subclasses=frozenset({"sofia::*"}), invert=True),
    )


def test_names_of_headers_become_a_projection_and_the_full_view_has_them_all():
    asked = read(header_names=["Unique-ID", "variable_*", "variable_*"])
    assert asked.projection == Projection(names=frozenset({"Unique-ID"}), prefixes=("variable_",))
    full = read(view=common_pb2.VIEW_FULL, header_names=["Unique-ID"])
    assert full.projection == Projection(is_full=True)


def test_too_much_is_cut_to_what_the_server_gives():
    asked = read(
        batching=Batching(max_events=10_000, max_bytes=1 << 30, max_delay=Duration(seconds=60)),
        heartbeat_interval=Duration(nanos=1),
    )
    assert (asked.max_events, asked.max_bytes, asked.max_delay_s) == (512, 1024 * 1024, 1.0)
    assert asked.heartbeat_s == 1
    assert read(heartbeat_interval=Duration(seconds=86_400)).heartbeat_s == 300


def test_no_delay_is_not_the_same_as_no_word_about_it():
    assert read(batching=Batching(max_delay=Duration())).max_delay_s == 0
    assert read(batching=Batching(max_events=1)).max_delay_s is None


BAD_FILTERS: dict[str, dict[str, Any]] = {
    "filters": {"filters": [Filter()] * 17},
    "filters[0].names[1]": {"filters": [Filter(names=["CHANNEL_ANSWER", "channel answer"])]},
    "filters[0].names": {"filters": [Filter(names=["CHANNEL_ANSWER"], subclasses=["a::b"])]},
    "filters[0].subclasses[0]": {"filters": [Filter(subclasses=["a*b"])]},
    "filters[0].call_ids[0]": {"filters": [Filter(call_ids=["a\nb"])]},
    "filters[1].node_ids[0]": {"filters": [Filter(), Filter(node_ids=[""])]},
}


@pytest.mark.parametrize("field", BAD_FILTERS)
def test_a_filter_that_cannot_be_used_is_named(field):
    with pytest.raises(InvalidFilter) as caught:
        read(**BAD_FILTERS[field])
    assert [each.field for each in caught.value.violations] == [field]


def test_conditions_are_bounded_over_all_filters_together():
    two = [Filter(call_ids=[f"a-{n}" for n in range(32)]), Filter(call_ids=["b"] * 33)]
    with pytest.raises(InvalidFilter, match="65"):
        read(filters=two)
    read(filters=[two[0], Filter(call_ids=["b"] * 32)])


BAD_REST: dict[str, dict[str, Any]] = {
    "view": {"view": 99},
    "overflow_policy": {"overflow_policy": 99},
    "header_names": {"header_names": ["X"] * 65},
    "header_names[0]": {"header_names": ["a b"]},
    "batching.max_events": {"batching": Batching(max_events=-1)},
    "batching.max_bytes": {"batching": Batching(max_bytes=-1)},
    "batching.max_delay": {"batching": Batching(max_delay=Duration(seconds=-1))},
    "heartbeat_interval": {"heartbeat_interval": Duration(seconds=10**18, nanos=-1)},
    "subscriber_name": {"subscriber_name": "a\nb"},
}


@pytest.mark.parametrize("field", BAD_REST)
def test_a_setting_that_makes_no_sense_is_named(field):
    with pytest.raises(InvalidRequest) as caught:
        read(**BAD_REST[field])
    assert not isinstance(caught.value, InvalidFilter)
    assert [each.field for each in caught.value.violations] == [field]


def test_everything_wrong_is_told_at_once():
    with pytest.raises(InvalidRequest) as caught:
        read(view=99, overflow_policy=99, subscriber_name="x" * 129)
    assert len(caught.value.violations) == 3


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (StartPosition(resume_token="x"), StartRequest(token="x")),
        (
            StartPosition(time=Timestamp(seconds=1, nanos=2_000), snapshot_if_expired=True),
            StartRequest(time_us=1_000_002, snapshot_if_expired=True),
        ),
        (StartPosition(snapshot=True), StartRequest(snapshot=True)),
    ],
)
def test_a_stream_may_begin_elsewhere_than_now(start, expected):
    assert read(start=start).start == expected
    assert read().start is None


@pytest.mark.parametrize(
    ("start", "field"),
    [
        (StartPosition(), "start"),
        (StartPosition(snapshot_if_expired=True), "start"),
        (StartPosition(snapshot=False), "start.snapshot"),
        (StartPosition(time=Timestamp(nanos=-1)), "start.time"),
        (StartPosition(time=Timestamp(seconds=1 << 60)), "start.time"),
    ],
)
def test_a_start_that_is_none_is_refused(start, field):
    with pytest.raises(InvalidRequest) as caught:
        read(start=start)
    assert [each.field for each in caught.value.violations] == [field]


def test_the_policy_for_slow_subscribers_is_theirs_to_choose():
    asked = read(overflow_policy=OverflowPolicy.OVERFLOW_POLICY_DISCONNECT)
    assert asked.overflow is Overflow.DISCONNECT
