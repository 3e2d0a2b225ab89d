"""What the audit trail holds, and what it never holds."""

import logging
from typing import Any  # what a log record holds

import grpc
import pytest
from google.protobuf.message import Message

from callcontrol.errors import CallNotFound
from callcontrol.ids import CallId
from callcontrol.rpc import audit
from callcontrol.rpc.status import failure_of
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2, conference_service_pb2

ORIGINATE = pb.OriginateRequest(
    request_id="r-1",
    endpoints=[
        call_pb2.Endpoint(gateway=call_pb2.GatewayNumber(gateway="acme", number="+4930123456")),
        call_pb2.Endpoint(sip=call_pb2.SipAddress(profile="internal", address="alice@example.org")),
        call_pb2.Endpoint(user=call_pb2.User(id="1000", domain="example.org")),
        call_pb2.Endpoint(loopback=call_pb2.Loopback(extension="987654321")),
        call_pb2.Endpoint(raw="sofia/internal/5551234567"),
        call_pb2.Endpoint(),
    ],
    destination=call_pb2.Destination(extension=call_pb2.DialplanExtension(extension="4930999999")),
    caller=call_pb2.Party(number="+15557654321", name="Secret Name"),
    variables={"pin": "90210"},
)


def written(
    caplog: pytest.LogCaptureFixture, request: Message, ending: audit.Ending
) -> dict[str, Any]:
    with caplog.at_level(logging.INFO, logger="callcontrol.audit"):
        audit.record(
            "CallControlService/Originate", "anonymous", "ipv4:192.0.2.1:5", request, ending
        )
    (record,) = caplog.records
    return vars(record)


def test_a_record_says_who_did_what_to_which_call_and_how_it_ended(caplog):
    response = pb.OriginateResponse(
        call=call_pb2.Call(call_id="c-1", node_id="east"),
        status=common_pb2.CommandStatus(confirmation=common_pb2.CONFIRMATION_CONFIRMED),
    )
    ending = audit.Ending(code="OK", seconds=0.12345, response=response)
    facts = written(caplog, ORIGINATE, ending)
    assert facts["rpc_method"] == "CallControlService/Originate"
    assert facts["principal"] == "anonymous"
    assert facts["peer"] == "ipv4:192.0.2.1:5"
    assert facts["request_id"] == "r-1"
    assert (facts["call_id"], facts["node_id"]) == ("c-1", "east")
    assert (facts["code"], facts["confirmation"], facts["reason"]) == ("OK", "CONFIRMED", "")
    assert facts["seconds"] == 0.1235


def test_no_number_name_or_variable_is_written_whole(caplog):
    facts = written(caplog, ORIGINATE, audit.Ending(code="OK", seconds=0.1))
    assert facts["targets"] == [
        "gateway/acme/********56",
        "sip/internal/***ce@example.org",
        "user/****@example.org",
        "loopback/*******21",
        "raw",
        "none",
        "extension/********99",
    ]
    text = repr(facts)
    for secret in ("4930123456", "alice", "987654321", "5551234567", "7654321", "Secret", "90210"):
        assert secret not in text


def test_a_number_in_the_place_of_an_id_or_a_name_is_not_written_whole(caplog):
    request = pb.OriginateRequest(
        request_id="call-15551234567",
        call_id="+15551234567",
        node_id="node15551234567",
        endpoints=[
            call_pb2.Endpoint(gateway=call_pb2.GatewayNumber(gateway="15551234567", number="1")),
            call_pb2.Endpoint(user=call_pb2.User(id="1000", domain="15551234567.example.org")),
            call_pb2.Endpoint(
                sip=call_pb2.SipAddress(profile="15551234567", address="a@192.0.2.1")
            ),
        ],
    )
    facts = written(caplog, request, audit.Ending(code="INVALID_ARGUMENT", seconds=0.1))
    assert "5551234" not in repr(facts)
    assert facts["request_id"] == "call-********67"
    assert facts["targets"][2] == "sip/********67/*@192.0.2.1"


def test_an_id_is_written_where_it_is_a_uuid_or_that_of_a_known_call(caplog):
    uuid = "12345678-1234-1234-1234-123456789012"
    ending = audit.Ending(code="OK", seconds=0.1)
    facts = written(caplog, pb.HangupRequest(request_id=uuid, call_id=uuid), ending)
    assert (facts["request_id"], facts["call_id"]) == (uuid, uuid)
    caplog.clear()
    known = audit.Ending(code="OK", seconds=0.1, reached={"node_id": "east"})
    facts = written(caplog, pb.HangupRequest(call_id="98765432-sip@192.0.2.1"), known)
    assert (facts["call_id"], facts["node_id"]) == ("98765432-sip@192.0.2.1", "east")
    caplog.clear()
    failure = failure_of(CallNotFound(CallId("98765432-sip")))
    unknown = audit.Ending(code="NOT_FOUND", seconds=0.1, failure=failure)
    facts = written(caplog, pb.HangupRequest(call_id="98765432-sip"), unknown)
    assert facts["call_id"] == "******32-sip"


def test_digits_are_never_written(caplog):
    request = pb.SendDtmfRequest(call_id="c-1", digits="1234567")
    assert "1234567" not in repr(written(caplog, request, audit.Ending(code="OK", seconds=0.1)))


def test_a_failure_is_written_with_its_reason(caplog):
    failure = failure_of(CallNotFound(CallId("c-9")))
    ending = audit.Ending(code=grpc.StatusCode.NOT_FOUND.name, seconds=0.1, failure=failure)
    facts = written(caplog, pb.HangupRequest(call_id="c-9"), ending)
    assert (facts["code"], facts["reason"]) == ("NOT_FOUND", "CALL_NOT_FOUND")


def test_what_a_client_wrote_is_cut():
    assert len(audit.text_field(pb.HangupRequest(call_id="x" * 10_000), "call_id")) == 128
    assert audit.text_field(pb.MuteResponse(), "call_id") == ""


def test_a_conference_is_named_and_who_is_dialled_into_it_is_hidden(caplog):
    dial = conference_service_pb2.DialMemberRequest(
        name="room-4930123456",
        endpoint=call_pb2.Endpoint(gateway=call_pb2.GatewayNumber(gateway="g", number="4930999")),
    )
    facts = written(caplog, dial, audit.Ending(code="OK", seconds=0.1))
    assert facts["targets"] == ["gateway/g/*****99", "conference/room-********56"]


def test_the_pin_of_a_conference_is_not_written(caplog):
    add = conference_service_pb2.AddMembersRequest(
        conference=call_pb2.JoinConference(name="room", pin="90210")
    )
    facts = written(caplog, add, audit.Ending(code="OK", seconds=0.1))
    assert facts["targets"] == ["conference/room"]
    assert "90210" not in repr(facts)
