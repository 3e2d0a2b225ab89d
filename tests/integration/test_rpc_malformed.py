"""Requests that make no sense: each is refused with the fields to mend, before anything is sent."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from tests.support.rpc import CALL_ID, PEER_ID, UNKNOWN_ID, Replica, refusal_of, replica

from callcontrol.rpc.methods import SERVICES
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2, conference_service_pb2, node_service_pb2

BAD_ID = "a b"
PARK = call_pb2.Destination(park=call_pb2.Park())
GATEWAY = call_pb2.Endpoint(gateway=call_pb2.GatewayNumber(gateway="acme", number="4930"))


def extension(value: str, **more: str) -> call_pb2.Destination:
    return call_pb2.Destination(extension=call_pb2.DialplanExtension(extension=value, **more))


def gateway(number: str, **more: Any) -> call_pb2.Endpoint:  # Any: fields of Endpoint
    return call_pb2.Endpoint(gateway=call_pb2.GatewayNumber(gateway="acme", number=number), **more)


def originate(**facts: Any) -> pb.OriginateRequest:  # Any: fields of OriginateRequest
    defaults: dict[str, Any] = {"endpoints": [GATEWAY], "destination": PARK}
    return pb.OriginateRequest(**(defaults | facts))


ENDLESS = Duration(seconds=10**11)

MALFORMED: list[tuple[Message, set[str]]] = [
    (pb.GetCallRequest(call_id=BAD_ID), {"call_id"}),
    (pb.GetCallRequest(call_id="", view=common_pb2.View.ValueType(9)), {"call_id", "view"}),
    (pb.ListCallsRequest(page_size=-1, page_token="x"), {"page_size", "page_token"}),
    (pb.ListCallsRequest(node_id="a b"), {"node_id"}),
    (pb.AnswerRequest(call_id=BAD_ID), {"call_id"}),
    (pb.HangupRequest(call_id="a\nb", cause="BECAUSE"), {"call_id", "cause"}),
    (pb.TransferRequest(call_id=BAD_ID), {"call_id", "destination"}),
    (
        pb.TransferRequest(
            call_id=CALL_ID, destination=extension("1 000"), leg=common_pb2.Leg.ValueType(9)
        ),
        {"destination.extension.extension", "leg"},
    ),
    (
        pb.TransferRequest(
            call_id=CALL_ID, destination=extension("1000", dialplan="inline", context="a;b")
        ),
        {"destination.extension.dialplan", "destination.extension.context"},
    ),
    (pb.BridgeRequest(call_id=BAD_ID, peer_call_id=""), {"call_id", "peer_call_id"}),
    (pb.BridgeRequest(call_id=CALL_ID, peer_call_id=CALL_ID), {"peer_call_id"}),
    (pb.HoldRequest(call_id=BAD_ID, display="a\r\nb"), {"call_id", "display"}),
    (pb.UnholdRequest(call_id=BAD_ID), {"call_id"}),
    (
        pb.MuteRequest(
            call_id=BAD_ID,
            direction=common_pb2.MediaDirection.ValueType(9),
            comfort_noise_level=-1,
        ),
        {"call_id", "direction", "comfort_noise_level"},
    ),
    (
        pb.UnmuteRequest(call_id=BAD_ID, direction=common_pb2.MediaDirection.ValueType(-1)),
        {"call_id", "direction"},
    ),
    (pb.PlayRequest(call_id=BAD_ID), {"call_id", "sources"}),
    (
        pb.PlayRequest(
            call_id=CALL_ID,
            sources=[
                common_pb2.MediaSource(),
                common_pb2.MediaSource(uri="/etc/passwd"),
                common_pb2.MediaSource(tone_stream="path=/etc/passwd"),
                common_pb2.MediaSource(silence=ENDLESS),
                common_pb2.MediaSource(uri="local_stream://moh\nexit"),
            ],
            repeat=1_000_000,
        ),
        {
            "sources[0]",
            "sources[1].uri",
            "sources[2].tone_stream",
            "sources[3].silence",
            "sources[4].uri",
            "repeat",
        },
    ),
    (pb.StopPlaybackRequest(call_id=BAD_ID, playback_id="all"), {"call_id", "playback_id"}),
    (
        pb.SendDtmfRequest(call_id=BAD_ID, digits="12x", duration=Duration(seconds=-1)),
        {"call_id", "digits", "duration"},
    ),
    (pb.SendDtmfRequest(call_id=CALL_ID, digits="1", duration=Duration(seconds=60)), {"duration"}),
    (pb.SetVariablesRequest(call_id=BAD_ID), {"call_id", "variables"}),
    (
        pb.SetVariablesRequest(
            call_id=CALL_ID, variables={"a b": "c", "fine": "a\nb", "api_hangup_hook": "x"}
        ),
        {'variables["a b"]', "variables[fine]", "variables[api_hangup_hook]"},
    ),
    (pb.GetVariablesRequest(call_id=BAD_ID, names=["ok", "n\0k"]), {"call_id", "names[1]"}),
    (pb.OriginateRequest(), {"endpoints", "destination"}),
    (
        originate(
            call_id="not-a-uuid",
            node_id="a b",
            endpoints=[
                call_pb2.Endpoint(),
                gateway("12,34"),
                gateway("1", ring_timeout=ENDLESS, variables={"execute_on_answer": "x"}),
            ],
            strategy=pb.OriginateRequest.Strategy.ValueType(9),
            ring_timeout=Duration(nanos=-5),
            wait_until=pb.WaitUntil.ValueType(9),
            caller=call_pb2.Party(number="1 2", name="a\nb"),
            variables={"x": "}"},
            labels={"": "y"},
        ),
        {
            "call_id",
            "node_id",
            "endpoints[0]",
            "endpoints[1].gateway.number",
            "endpoints[2].ring_timeout",
            "endpoints[2].variables[execute_on_answer]",
            "strategy",
            "ring_timeout",
            "wait_until",
            "caller.number",
            "caller.name",
            "variables[x]",
            "labels[]",
        },
    ),
    (
        originate(
            endpoints=[
                call_pb2.Endpoint(sip=call_pb2.SipAddress(profile="a b", address="no address")),
                call_pb2.Endpoint(user=call_pb2.User(id="", domain="a b")),
                call_pb2.Endpoint(loopback=call_pb2.Loopback(extension="a/b", context="a b")),
            ],
            destination=call_pb2.Destination(
                conference=call_pb2.JoinConference(name="a b", flags=["fly"], pin="x", profile="-")
            ),
        ),
        {
            "endpoints[0].sip.profile",
            "endpoints[0].sip.address",
            "endpoints[1].user.id",
            "endpoints[1].user.domain",
            "endpoints[2].loopback.extension",
            "endpoints[2].loopback.context",
            "destination.conference.name",
            "destination.conference.flags[0]",
            "destination.conference.pin",
            "destination.conference.profile",
        },
    ),
    (
        originate(destination=call_pb2.Destination(applications=call_pb2.Applications())),
        {"destination.applications.items"},
    ),
    (
        originate(destination=call_pb2.Destination(worker=call_pb2.WorkerApplication(name="a b"))),
        {"destination.worker.name"},
    ),
    (
        originate(destination=call_pb2.Destination(park=call_pb2.Park(timeout=Duration(nanos=-1)))),
        {"destination.park.timeout"},
    ),
    (node_service_pb2.GetNodeRequest(node_id=""), {"node_id"}),
    (node_service_pb2.ListNodesRequest(page_size=-1, page_token="é"), {"page_size", "page_token"}),
]

NOT_SERVED: list[tuple[Message, str]] = [
    (
        conference_service_pb2.PlayToConferenceRequest(
            name="room", source=common_pb2.MediaSource(phrase=common_pb2.Phrase(name="welcome"))
        ),
        "source.phrase",
    ),
]


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Replica]:
    async with replica() as running:
        running.place(CALL_ID)
        running.place(PEER_ID)
        yield running


def rpc(served: Replica, request: Message) -> Any:  # Any: grpc.aio's calls share no useful type
    (method,) = (
        method
        for methods in SERVICES.values()
        for method in methods
        if method.request_type is type(request)
    )
    call: Any = served.channel.unary_unary(method.path)  # Any: it deals in bytes
    return call(request.SerializeToString(), timeout=5)


@pytest.mark.parametrize(
    ("request_", "fields"), MALFORMED, ids=[type(each).__name__ for each, _ in MALFORMED]
)
async def test_each_violation_is_told_at_once_and_nothing_is_sent(served, request_, fields):
    told = await refusal_of(rpc(served, request_))
    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert set(told.violations) == fields
    assert all(told.violations.values())
    assert served.node.sent == []


def test_each_unary_rpc_of_the_foundation_has_a_malformed_request_here():
    covered = {type(request) for request, _ in MALFORMED}
    foundation = {
        pb.OriginateRequest, pb.GetCallRequest, pb.ListCallsRequest, pb.AnswerRequest,
        pb.HangupRequest, pb.TransferRequest, pb.BridgeRequest, pb.HoldRequest, pb.UnholdRequest,
        pb.MuteRequest, pb.UnmuteRequest, pb.PlayRequest, pb.StopPlaybackRequest,
        pb.SendDtmfRequest, pb.SetVariablesRequest, pb.GetVariablesRequest,
        node_service_pb2.GetNodeRequest, node_service_pb2.ListNodesRequest,
    }  # fmt: skip
    assert covered == foundation


@pytest.mark.parametrize(("request_", "field"), NOT_SERVED, ids=[field for _, field in NOT_SERVED])
async def test_a_field_that_is_not_served_is_refused_and_never_left_out(served, request_, field):
    told = await refusal_of(rpc(served, request_))
    assert (told.code, told.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED")
    assert told.metadata["field"] == field
    assert served.node.sent == []


@pytest.mark.parametrize(
    "kind",
    [
        pb.GetCallRequest, pb.AnswerRequest, pb.HangupRequest, pb.HoldRequest, pb.UnholdRequest,
        pb.MuteRequest, pb.UnmuteRequest, pb.StopPlaybackRequest, pb.GetVariablesRequest,
    ],
    ids=lambda kind: kind.__name__,
)  # fmt: skip
async def test_a_call_nobody_knows_is_not_found(served, kind):
    told = await refusal_of(rpc(served, kind(call_id=UNKNOWN_ID)))
    assert (told.code, told.reason) == (grpc.StatusCode.NOT_FOUND, "CALL_NOT_FOUND")
    assert told.metadata["call_id"] == UNKNOWN_ID


@pytest.mark.parametrize(
    "kind",
    [
        pb.AnswerRequest, pb.HoldRequest, pb.UnholdRequest, pb.MuteRequest, pb.UnmuteRequest,
        pb.StopPlaybackRequest, pb.GetVariablesRequest,
    ],
    ids=lambda kind: kind.__name__,
)  # fmt: skip
async def test_a_call_that_has_ended_can_be_told_nothing_more(served, kind):
    served.end(served.place(UNKNOWN_ID))
    told = await refusal_of(rpc(served, kind(call_id=UNKNOWN_ID)))
    assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CALL_ENDED")
    assert told.metadata["cause"] == "NORMAL_CLEARING"
    assert served.node.sent == []
