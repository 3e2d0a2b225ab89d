"""How events read on a terminal."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from callcontrol.cli.words import age, cause, event_line, node_cells, notice_line, party, printable
from callcontrol.v1 import call_pb2, common_pb2, event_pb2, event_service_pb2, node_service_pb2

State = call_pb2.Call


def event(**fields: object) -> event_pb2.Event:
    return event_pb2.Event(
        name="CHANNEL_X",
        call_id="0123456789",
        position=common_pb2.NodePosition(node_id="fs1"),
        **fields,  # type: ignore[arg-type]  # fields of the message
    )


@pytest.mark.parametrize(
    ("told", "what", "detail"),
    [
        (
            event(
                call_created=event_pb2.CallCreated(
                    call=call_pb2.Call(
                        caller=call_pb2.Party(number="1000", name="Ann"),
                        callee=call_pb2.Party(number="1001"),
                        channel_name="sofia/internal/1001",
                    )
                )
            ),
            "call created",
            '"Ann" 1000 -> 1001  sofia/internal/1001',
        ),
        (
            event(
                call_state_changed=event_pb2.CallStateChanged(
                    previous_state=State.STATE_RINGING,
                    call=call_pb2.Call(state=State.STATE_ACTIVE),
                )
            ),
            "call state changed",
            "RINGING -> ACTIVE",
        ),
        (
            event(
                conference_changed=event_pb2.ConferenceChanged(
                    conference_name="staff", action="add-member", member_id=3, member_count=2
                )
            ),
            "conference changed",
            "staff add-member member 3 (2 in it)",
        ),
        (
            event(
                conference_changed=event_pb2.ConferenceChanged(
                    conference_name="staff", action="start-recording", file="/a.wav", error="no"
                )
            ),
            "conference changed",
            "staff start-recording /a.wav no",
        ),
        (
            event(
                registration_changed=event_pb2.RegistrationChanged(
                    kind=event_pb2.RegistrationChanged.KIND_EXPIRED,
                    user="1000",
                    domain="example.org",
                    contact="sip:1000@192.0.2.1",
                )
            ),
            "registration changed",
            "expired 1000@example.org  sip:1000@192.0.2.1",
        ),
        (
            event(
                gateway_changed=event_pb2.GatewayChanged(
                    gateway="carrier", state="FAILED", sip_code=503, reason="Gone"
                )
            ),
            "gateway changed",
            "carrier FAILED down  503 Gone",
        ),
        (
            event(
                gateway_changed=event_pb2.GatewayChanged(
                    gateway="carrier", kind=event_pb2.GatewayChanged.KIND_ADDED
                )
            ),
            "gateway changed",
            "carrier added",
        ),
        (
            event(
                message_waiting=event_pb2.MessageWaiting(
                    mailbox="1000@example.org", waiting=True, new_messages=2, new_urgent_messages=1
                )
            ),
            "message waiting",
            "1000@example.org messages wait (3 new, 0 old)",
        ),
        (
            event(detection_reported=event_pb2.DetectionReported(detector="tone", result="busy")),
            "detection reported",
            "tone busy",
        ),
        (
            event(operation_finished=event_pb2.OperationFinished(reply="-ERR no\n")),
            "operation finished",
            "-ERR no",
        ),
        (event(), "CHANNEL_X", ""),
        (
            event(synthetic=True, call_bridged=event_pb2.CallBridged(peer_call_id="abcdefghij")),
            "call bridged (found)",
            "with abcdefgh",
        ),
    ],
)
def test_an_event_is_a_line(told: event_pb2.Event, what: str, detail: str):
    line = event_line(told)
    assert (line.node, line.call, line.what, line.detail) == ("fs1", "01234567", what, detail)


def test_every_payload_of_the_api_has_a_line():
    for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["payload"].fields:
        one = event()
        getattr(one, field.name).SetInParent()
        assert event_line(one).what == field.name.replace("_", " ")


def test_a_gap_says_what_is_missing():
    gap = event_service_pb2.Gap(
        reason=event_service_pb2.Gap.REASON_NODE_RESTARTED, node_id="fs1", count=3
    )
    line = notice_line(event_service_pb2.EventsResponse(gap=gap), "now")
    assert line is not None
    assert (line.node, line.detail) == ("fs1", "3 events missing: node restarted")


def test_a_heartbeat_says_nothing():
    response = event_service_pb2.EventsResponse(heartbeat=event_service_pb2.Heartbeat())
    assert notice_line(response, "now") is None


def test_a_reason_newer_than_the_program_is_shown_by_its_number():
    gap = event_service_pb2.Gap(reason=99)  # type: ignore[arg-type]  # not known here
    line = notice_line(event_service_pb2.EventsResponse(gap=gap), "now")
    assert line is not None
    assert "99" in line.detail


def test_a_name_cannot_drive_the_terminal():
    assert party(call_pb2.Party(number="1", name="\x1b[2J")) == '"\\x1b[2J" 1'
    assert printable("a\nb") == "a\\nb"


def test_a_cause_tells_what_is_known():
    told = common_pb2.HangupCause(
        name="USER_BUSY", q850_code=17, sip_code=486, side=common_pb2.HANGUP_SIDE_REMOTE
    )
    assert cause(told) == "USER_BUSY (17, SIP 486, remote)"
    assert cause(common_pb2.HangupCause()) == "cause unknown"


def test_an_age_is_minutes_and_seconds():
    assert age(Timestamp(seconds=100), 175_000_000) == "1:15"


def test_what_has_no_beginning_yet_has_no_age():
    assert age(Timestamp(), 175_000_000) == "-"


def test_a_switch_that_has_told_nothing_yet_has_no_figures():
    state = node_service_pb2.Node.STATE_CONNECTING
    node = node_service_pb2.Node(node_id="fs1", state=state, version="1.10")
    assert node_cells(node) == ("fs1", "CONNECTING", "1.10", "0", "-", "-", "-", "0/0", "")


def test_an_idle_switch_has_figures_also_where_they_are_zero():
    node = node_service_pb2.Node(
        version="1.10", max_sessions=1000, start_time=Timestamp(seconds=100)
    )
    node.command_latency.FromMicroseconds(1_500)
    assert node_cells(node)[2:7] == ("1.10", "0", "0/1000", "0 %", "1.5 ms")


def test_calls_are_shown_beside_the_most_that_there_may_be():
    assert node_cells(node_service_pb2.Node(call_count=3, max_calls=40))[3] == "3/40"


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        ("heartbeat", "connected, 5 sessions  heartbeat"),
        ("restarted", "connected  restarted"),
        ("connected", "connected"),
    ],
)
def test_sessions_are_told_only_by_who_has_counted_them(reason: str, detail: str):
    change = event_pb2.NodeChanged(connected=True, session_count=5, reason=reason)
    assert event_line(event(node_changed=change)).detail == detail
