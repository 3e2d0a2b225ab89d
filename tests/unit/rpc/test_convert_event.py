"""Events as bytes: what each view has, and that pieces join into messages."""

from dataclasses import fields
from typing import get_args

import pytest

from callcontrol.calls import payloads
from callcontrol.calls.call import (
    Call,
    CallState,
    Codecs,
    Direction,
    HangupCause,
    HangupSide,
    Party,
)
from callcontrol.events.event import Event, Gap, GapReason, Position
from callcontrol.events.log import EventLog
from callcontrol.events.ring import Entry
from callcontrol.events.stored import pack, unpack
from callcontrol.ids import CallId, CoreUuid, EventId, NodeId, OperationId
from callcontrol.rpc import convert_event
from callcontrol.rpc.convert_event import MAX_EVENT_BYTES, Projection, encode_entry
from callcontrol.v1 import call_pb2, common_pb2, event_pb2, event_service_pb2

NODE = NodeId("east")
PLACE = Position(
    node_id=NODE, core_uuid=CoreUuid("core-1"), sequence=7, time_us=1_800_000_000_020_000
)
CAUSE = HangupCause(name="USER_BUSY", q850_code=17, sip_code=486, side=HangupSide.REMOTE)
CALL = Call(
    call_id=CallId("c-1"),
    node_id=NODE,
    state=CallState.ACTIVE,
    direction=Direction.OUTBOUND,
    caller=Party(number="1000", name="Ann"),
    callee=Party(number="2000"),
    bridged_call_id=CallId("c-2"),
    channel_name="sofia/internal/2000",
    context="default",
    created_us=1_800_000_000_000_000,
    answered_us=1_800_000_001_500_000,
    codecs=Codecs(read="opus", write="PCMA", read_rate_hz=48_000, write_rate_hz=8_000),
    labels={"team": "blue"},
    variables={"foo": "bar"},
    position=PLACE,
    correlation_id="c-0",
)
OPERATION = OperationId("o-1")

PAYLOADS: list[payloads.Payload] = [
    payloads.CallCreated(CALL),
    payloads.CallStateChanged(CALL, CallState.RINGING),
    payloads.CallEnded(CALL, CAUSE, 3_000_000, 1_500_000),
    payloads.CallSnapshot(CALL),
    payloads.CallBridged(CallId("c-1"), CallId("c-2")),
    payloads.CallUnbridged(CallId("c-1"), CallId("c-2")),
    payloads.DtmfReceived("5", 250_000, "RTP"),
    payloads.PlaybackStarted(OPERATION, "/sounds/a.wav"),
    payloads.PlaybackStopped(OPERATION, "/sounds/a.wav", True),
    payloads.RecordingStarted(OPERATION, "/rec/a.wav"),
    payloads.RecordingStopped(OPERATION, "/rec/a.wav", 9_000_000, "hangup"),
    payloads.ApplicationStarted("playback", "a.wav", OPERATION),
    payloads.ApplicationFinished("playback", "a.wav", OPERATION, "FILE PLAYED"),
    payloads.ConferenceChanged(
        "room", "run-1", "play-file", 7, 2, "/a.wav", OPERATION, OPERATION, "not found"
    ),
    payloads.OperationFinished(OPERATION, True, "+OK"),
    payloads.RegistrationChanged(
        payloads.RegistrationKind.EXPIRED, "internal", "1000", "example.org", "<sip:1000@10.0.0.1>"
    ),
    payloads.GatewayChanged(payloads.GatewayKind.STATE, "carrier", "FAILED", True, 503, "Gone"),
    payloads.NodeChanged(NODE, True, 12, CoreUuid("core-1"), "connected"),
    payloads.MessageWaiting("1000@example.org", True, 1, 2, 3, 4),
    payloads.DetectionReported("speech", "detected-speech", "<hello/>"),
]


def event(**facts: object) -> Event:
    defaults: dict[str, object] = {
        "event_id": EventId("core-1:7"),
        "position": PLACE,
        "name": "CHANNEL_ANSWER",
        "call_id": CallId("c-1"),
        "labels": {"team": "blue"},
        "headers": {"Unique-ID": "c-1", "variable_a": "1", "variable_b": ["x", "y"], "Other": "o"},
        "body": "some body",
        "received_us": 1_800_000_000_030_000,
    }
    return Event(**(defaults | facts))  # type: ignore[arg-type]  # checked by the dataclass's users


def entry_of(item: Event | Gap) -> Entry:
    log = EventLog()
    with log.subscribe() as subscription:
        if isinstance(item, Gap):
            log.append_gap(item)
        else:
            log.append(item)
        return subscription.take().entries[0]


def decode(*pieces: bytes) -> list[event_pb2.Event]:
    return list(event_service_pb2.EventsResponse.FromString(b"".join(pieces)).events)


def told(item: Event, projection: Projection | None = None) -> event_pb2.Event:
    (message,) = decode(encode_entry(entry_of(item), projection or Projection()))
    return message


def test_the_basic_view_has_what_is_typed_and_no_headers():
    message = told(event(payload=PAYLOADS[0]))
    assert message.event_id == "core-1:7"
    assert (message.name, message.call_id) == ("CHANNEL_ANSWER", "c-1")
    assert message.labels == {"team": "blue"}
    assert message.position == common_pb2.NodePosition(
        node_id="east", core_uuid="core-1", sequence=7, time=message.position.time
    )
    assert message.position.time.ToMicroseconds() == PLACE.time_us
    assert message.receive_time.ToMicroseconds() == 1_800_000_000_030_000
    assert not message.headers
    assert not message.body
    assert message.call_created.call.state == call_pb2.Call.STATE_ACTIVE


def test_the_full_view_has_every_header_arrays_in_both_spellings_and_the_body():
    message = told(event(), Projection(is_full=True))
    assert message.headers == {
        "Unique-ID": "c-1",
        "variable_a": "1",
        "variable_b": "ARRAY::x|:y",
        "Other": "o",
    }
    assert list(message.array_headers["variable_b"].values) == ["x", "y"]
    assert set(message.array_headers) == {"variable_b"}
    assert message.body == b"some body"


def test_a_projection_has_the_headers_that_were_named_and_no_body():
    named = Projection(names=frozenset({"Unique-ID", "Missing"}))
    assert told(event(), named).headers == {"Unique-ID": "c-1"}
    begun = Projection(names=frozenset({"variable_a"}), prefixes=("variable_",))
    assert told(event(), begun).headers == {"variable_a": "1", "variable_b": "ARRAY::x|:y"}
    assert not told(event(), begun).body


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: type(payload).__name__)
def test_every_payload_is_told_by_its_own_message_with_every_field(payload):
    message = told(event(payload=payload))
    kind = message.WhichOneof("payload")
    assert kind is not None
    inner = getattr(message, kind)
    assert inner.DESCRIPTOR.name == type(payload).__name__
    assert len(inner.ListFields()) >= len(fields(payload)) - 1


def test_there_is_a_sample_of_every_payload():
    assert {type(payload) for payload in PAYLOADS} == set(get_args(payloads.Payload))


def test_an_event_of_a_kind_nobody_knows_has_a_name_and_no_payload():
    message = told(event(name="SOMETHING_NEW", payload=None))
    assert message.name == "SOMETHING_NEW"
    assert message.WhichOneof("payload") is None


def test_a_call_that_was_not_answered_has_no_billable_duration():
    unanswered = Call(call_id=CallId("c-1"), node_id=NODE, state=CallState.ENDED)
    ended = told(event(payload=payloads.CallEnded(unanswered, None, 1_000_000, 0))).call_ended
    assert ended.total_duration.seconds == 1
    assert not ended.HasField("billable_duration")
    assert not ended.HasField("cause")


def test_encoded_events_join_with_a_notice_into_one_message():
    entry = entry_of(event())
    tail = event_service_pb2.EventsResponse(gap=event_service_pb2.Gap(count=3))
    whole = b"".join([encode_entry(entry, Projection())] * 3) + tail.SerializeToString()
    message = event_service_pb2.EventsResponse.FromString(whole)
    assert len(message.events) == 3
    assert message.gap.count == 3


def test_streams_with_equal_projections_share_the_same_bytes():
    entry = entry_of(event())
    first = encode_entry(entry, Projection(names=frozenset({"Unique-ID"})))
    assert encode_entry(entry, Projection(names=frozenset({"Unique-ID"}))) is first


def test_an_event_too_large_for_a_message_is_told_as_nothing():
    large = event(headers={"variable_x": "x" * MAX_EVENT_BYTES})
    assert encode_entry(entry_of(large), Projection(is_full=True)) == b""
    assert encode_entry(entry_of(large), Projection())


def test_a_text_that_is_no_unicode_costs_only_its_own_event(caplog):
    assert encode_entry(entry_of(event(headers={"X": "\ud800"})), Projection(is_full=True)) == b""
    assert "cannot be encoded" in caplog.text


def restored(item: Event) -> Event:
    """The event after it was kept on disk."""
    packed = pack(item, convert_event.told_by(entry_of(item)))
    (again,) = unpack(packed)
    assert isinstance(again, Event)
    return again


@pytest.mark.parametrize("payload", [*PAYLOADS, None], ids=lambda payload: type(payload).__name__)
def test_an_event_from_disk_is_told_as_it_was_in_every_view(payload):
    before = event(payload=payload)
    after = restored(before)
    for view in (Projection(), Projection(is_full=True), Projection(names=frozenset({"Other"}))):
        assert told(after, view) == told(before, view)
    assert convert_event.basic_event(after) == convert_event.basic_event(before)
    assert told(restored(after)) == told(before)


def test_an_event_that_could_not_be_told_is_missing_also_when_it_comes_from_disk():
    broken = restored(event(labels={"x": "\ud800"}))
    assert encode_entry(entry_of(broken), Projection(is_full=True)) == b""


@pytest.mark.parametrize("reason", GapReason)
def test_every_reason_of_a_gap_is_one_of_the_api(reason):
    message = convert_event.gap(Gap(reason=reason, node_id=NODE, last_before=PLACE, count=4))
    name = event_service_pb2.Gap.Reason.Name(message.reason)
    assert name == f"REASON_{reason.name}"
    assert (message.node_id, message.count, message.last_before.sequence) == ("east", 4, 7)


def test_a_gap_is_no_event():
    assert encode_entry(entry_of(Gap(reason=GapReason.NODE_RESTARTED)), Projection()) == b""
