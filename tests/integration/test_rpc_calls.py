"""Each RPC on calls: what is sent for it, and what its response says."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from tests.support.rpc import CALL_ID, PEER_ID, Replica, refusal_of, replica

from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2, node_service_pb2
from callcontrol.v1.call_control_service_pb2_grpc import CallControlServiceStub
from callcontrol.v1.node_service_pb2_grpc import NodeServiceStub

ACCEPTED = common_pb2.CONFIRMATION_ACCEPTED
CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Replica]:
    async with replica() as running:
        yield running


@pytest.fixture
def calls(served: Replica) -> CallControlServiceStub:
    return CallControlServiceStub(served.channel)


def originate(**facts: Any) -> pb.OriginateRequest:  # Any: fields of OriginateRequest
    number = call_pb2.GatewayNumber(gateway="acme", number="+4930123456")
    defaults: dict[str, Any] = {
        "endpoints": [call_pb2.Endpoint(gateway=number)],
        "destination": call_pb2.Destination(park=call_pb2.Park()),
    }
    return pb.OriginateRequest(**(defaults | facts))


async def test_a_call_that_was_accepted_is_told_by_the_id_its_client_chose(served, calls):
    answer = await calls.Originate(
        originate(call_id=CALL_ID, caller=call_pb2.Party(number="1000", name="Ann")), timeout=5
    )
    assert answer.call.call_id == CALL_ID
    assert answer.disposition == pb.DISPOSITION_UNSPECIFIED
    assert answer.status.confirmation == ACCEPTED
    assert "sofia/gateway/acme/+4930123456" in served.node.sent[0]
    assert f"origination_uuid={CALL_ID}" in served.node.sent[0]


async def test_a_busy_line_is_an_outcome_and_no_error(served, calls):
    request = originate(call_id=CALL_ID, wait_until=pb.WAIT_UNTIL_ANSWERED)
    placing = calls.Originate(request, timeout=5)
    await served.node.arrived.wait()
    channel = served.place(CALL_ID, answered=False, direction="outbound")
    served.tell(channel.hangup("USER_BUSY"))
    served.tell(channel.event("CHANNEL_HANGUP_COMPLETE"))
    await served.node.job_began.wait()
    served.node.jobs[0].output.set_result("-ERR USER_BUSY\n")
    answer = await placing
    assert answer.disposition == pb.DISPOSITION_BUSY
    assert (answer.hangup_cause.name, answer.hangup_cause.q850_code) == ("USER_BUSY", 17)
    assert answer.status.confirmation == CONFIRMED
    assert answer.call.state == call_pb2.Call.STATE_ENDED


async def test_an_id_that_a_call_has_is_taken(served, calls):
    served.place(CALL_ID)
    told = await refusal_of(calls.Originate(originate(call_id=CALL_ID), timeout=5))
    assert (told.code, told.reason) == (grpc.StatusCode.ALREADY_EXISTS, "CALL_ID_TAKEN")


async def test_a_call_can_be_read_with_and_without_its_variables(served, calls):
    served.place(CALL_ID)
    basic = await calls.GetCall(pb.GetCallRequest(call_id=CALL_ID), timeout=5)
    full = await calls.GetCall(
        pb.GetCallRequest(call_id=CALL_ID, view=common_pb2.VIEW_FULL), timeout=5
    )
    assert basic.call.state == call_pb2.Call.STATE_ACTIVE
    assert not basic.call.variables
    assert full.call.variables == {"uuid": CALL_ID}


async def test_a_call_that_has_ended_can_be_read_for_a_while(served, calls):
    served.end(served.place(CALL_ID))
    call = (await calls.GetCall(pb.GetCallRequest(call_id=CALL_ID), timeout=5)).call
    assert call.state == call_pb2.Call.STATE_ENDED
    assert call.hangup_cause.name == "NORMAL_CLEARING"


async def test_calls_are_listed_page_by_page_each_once_and_none_that_has_ended(served, calls):
    ids = [f"call-{number:02}" for number in range(7)]
    for call_id in ids:
        served.place(call_id, answered=False)
    served.end(served.place("ended"))
    seen: list[list[str]] = []
    token = ""
    while True:
        request = pb.ListCallsRequest(page_size=3, page_token=token)
        page = await calls.ListCalls(request, timeout=5)
        seen.append([call.call_id for call in page.calls])
        token = page.next_page_token
        if not token:
            break
    assert seen == [ids[:3], ids[3:6], ids[6:]]


async def test_a_list_gives_the_resume_token_of_its_first_page_with_every_page(served, calls):
    for number in range(5):
        served.place(f"call-{number}", answered=False)
    first = await calls.ListCalls(pb.ListCallsRequest(page_size=2), timeout=5)
    served.place("late", answered=False)
    request = pb.ListCallsRequest(page_size=2, page_token=first.next_page_token)
    second = await calls.ListCalls(request, timeout=5)
    request.page_token = second.next_page_token
    third = await calls.ListCalls(request, timeout=5)
    assert served.log.start_after(first.resume_token).number == 6
    assert first.resume_token == second.resume_token == third.resume_token
    fresh = await calls.ListCalls(pb.ListCallsRequest(), timeout=5)
    assert served.log.start_after(fresh.resume_token).number == 7


async def test_a_page_token_with_another_resume_token_is_refused(served, calls):
    for number in range(2):
        served.place(f"call-{number}")
    first = await calls.ListCalls(pb.ListCallsRequest(page_size=1), timeout=5)
    served.place("late")
    other = await calls.ListCalls(pb.ListCallsRequest(page_size=1), timeout=5)
    mixed = other.resume_token + "." + first.next_page_token.partition(".")[2]
    told = await refusal_of(calls.ListCalls(pb.ListCallsRequest(page_token=mixed), timeout=5))
    assert list(told.violations) == ["page_token"]


async def test_a_page_goes_on_where_the_last_one_ended_though_its_last_call_is_gone(served, calls):
    channels = [served.place(f"call-{number}", answered=False) for number in range(4)]
    first = await calls.ListCalls(pb.ListCallsRequest(page_size=2), timeout=5)
    served.end(channels[1])
    rest = await calls.ListCalls(pb.ListCallsRequest(page_token=first.next_page_token), timeout=5)
    assert [call.call_id for call in rest.calls] == ["call-2", "call-3"]
    assert not rest.next_page_token


async def test_a_page_token_is_good_for_its_own_list_only(served, calls):
    for number in range(2):
        served.place(f"call-{number}")
    first = await calls.ListCalls(pb.ListCallsRequest(page_size=1), timeout=5)
    request = pb.ListCallsRequest(node_id="east", page_token=first.next_page_token)
    told = await refusal_of(calls.ListCalls(request, timeout=5))
    assert list(told.violations) == ["page_token"]


async def test_a_page_is_cut_before_it_is_too_large_for_a_client(served, calls):
    for number in range(3):
        channel = served.switch.channel(f"call-{number}")
        channel.variables["variable_big"] = "x" * 1_600_000
        served.tell(channel.event("CHANNEL_CREATE"))
    request = pb.ListCallsRequest(view=common_pb2.VIEW_FULL)
    page = await calls.ListCalls(request, timeout=5)
    assert [call.call_id for call in page.calls] == ["call-0"]
    request.page_token = page.next_page_token
    assert (await calls.ListCalls(request, timeout=5)).calls[0].call_id == "call-1"


async def test_calls_of_a_node_that_nobody_configured_are_not_found(served, calls):
    told = await refusal_of(calls.ListCalls(pb.ListCallsRequest(node_id="west"), timeout=5))
    assert (told.code, told.reason) == (grpc.StatusCode.NOT_FOUND, "NODE_NOT_FOUND")


async def test_a_command_is_accepted_as_long_as_nothing_proves_it(served, calls):
    served.place(CALL_ID)
    answer = await calls.Hold(pb.HoldRequest(call_id=CALL_ID), timeout=5)
    assert answer.status.confirmation == ACCEPTED
    assert answer.call.state == call_pb2.Call.STATE_ACTIVE
    assert served.node.sent == [f"uuid_hold {CALL_ID}"]


async def test_a_command_is_confirmed_by_the_event_that_shows_it(served, calls):
    channel = served.place(CALL_ID)

    def hold(_: str) -> str:
        served.tell(channel.event("CHANNEL_HOLD"))
        return "+OK Success"

    served.node.answers["uuid_hold"] = hold
    answer = await calls.Hold(pb.HoldRequest(call_id=CALL_ID), timeout=5)
    assert answer.status.confirmation == CONFIRMED
    assert answer.call.state == call_pb2.Call.STATE_HELD


async def test_to_end_a_call_that_has_ended_is_no_error(served, calls):
    served.end(served.place(CALL_ID))
    answer = await calls.Hangup(pb.HangupRequest(call_id=CALL_ID), timeout=5)
    assert answer.status.confirmation == CONFIRMED
    assert served.node.sent == []


async def test_each_verb_sends_its_command_with_what_the_request_says(served, calls):
    served.place(CALL_ID)
    served.place(PEER_ID)
    served.place("ringing", answered=False)
    served.node.answers["uuid_dump"] = '{"variable_team": "blue", "variable_other": "x"}'
    await calls.Answer(pb.AnswerRequest(call_id="ringing"), timeout=5)
    await calls.Transfer(
        pb.TransferRequest(
            call_id=CALL_ID,
            destination=call_pb2.Destination(
                extension=call_pb2.DialplanExtension(extension="1000", context="office")
            ),
        ),
        timeout=5,
    )
    bridged = await calls.Bridge(pb.BridgeRequest(call_id=CALL_ID, peer_call_id=PEER_ID), timeout=5)
    await calls.Mute(
        pb.MuteRequest(call_id=CALL_ID, direction=common_pb2.MEDIA_DIRECTION_READ), timeout=5
    )
    await calls.Unmute(pb.UnmuteRequest(call_id=CALL_ID), timeout=5)
    await calls.SendDtmf(pb.SendDtmfRequest(call_id=CALL_ID, digits="12#"), timeout=5)
    await calls.SetVariables(
        pb.SetVariablesRequest(call_id=CALL_ID, variables={"team": "blue"}), timeout=5
    )
    read = await calls.GetVariables(
        pb.GetVariablesRequest(call_id=CALL_ID, names=["team", "missing"]), timeout=5
    )
    await calls.Hangup(pb.HangupRequest(call_id=CALL_ID, cause="CALL_REJECTED"), timeout=5)
    sent = served.node.sent
    assert (bridged.call.call_id, bridged.peer.call_id) == (CALL_ID, PEER_ID)
    assert read.variables == {"team": "blue"}
    for command in (
        "uuid_answer ringing",
        f"uuid_transfer {CALL_ID} 1000 XML office",
        f"uuid_bridge {CALL_ID} {PEER_ID}",
        f"uuid_audio {CALL_ID} start read mute 1",
        f"uuid_audio {CALL_ID} stop",
        f"uuid_send_dtmf {CALL_ID} 12#",
        f"uuid_setvar {CALL_ID} team blue",
        f"uuid_kill {CALL_ID} CALL_REJECTED",
    ):
        assert command in sent


async def test_a_playback_has_an_id_that_stops_it_once_it_has_begun(served, calls):
    channel = served.place(CALL_ID)
    tone = common_pb2.MediaSource(tone_stream="%(1000,500,440)")
    played = await calls.Play(pb.PlayRequest(call_id=CALL_ID, sources=[tone]), timeout=5)
    assert played.playback_id in served.node.sent[0]
    assert "tone_stream://%(1000,500,440)" in served.node.sent[0]
    stop = pb.StopPlaybackRequest(call_id=CALL_ID, playback_id=played.playback_id)
    assert (await refusal_of(calls.StopPlayback(stop, timeout=5))).reason == "CALL_STATE"
    begins = channel.event(
        "CHANNEL_EXECUTE", Application="playback", Application_UUID=played.playback_id
    )
    served.tell(begins)
    served.tell(channel.event("PLAYBACK_START", Playback_File_Path="x"))
    assert (await calls.StopPlayback(stop, timeout=5)).HasField("status")
    assert served.node.sent[1:] == [f"uuid_break {CALL_ID}"]


async def test_nodes_are_listed_and_read_with_their_state(served):
    nodes = NodeServiceStub(served.channel)
    listed = await nodes.ListNodes(node_service_pb2.ListNodesRequest(), timeout=5)
    assert [node.node_id for node in listed.nodes] == ["east"]
    assert not listed.next_page_token
    read = await nodes.GetNode(node_service_pb2.GetNodeRequest(node_id="east"), timeout=5)
    assert read.node.state == node_service_pb2.Node.STATE_CONNECTING
    told = await refusal_of(nodes.GetNode(node_service_pb2.GetNodeRequest(node_id="x"), timeout=5))
    assert told.reason == "NODE_NOT_FOUND"
