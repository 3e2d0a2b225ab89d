"""Conferences on several nodes: which one is meant, and what a service finds that comes later."""

import grpc
from tests.support.stage import QUICK, settings_for
from tests.support.trio import Trio, failed

from callcontrol.app import running_service
from callcontrol.client.client import Client
from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2
from callcontrol.v1 import conference_service_pb2 as pb
from callcontrol.v1.conference_service_pb2_grpc import ConferenceServiceStub

ROOM = call_pb2.JoinConference(name="staff")


async def test_a_conference_is_found_on_the_one_node_that_has_it(trio: Trio):
    leg = await trio.place("fs2")
    async with trio.stage.channel() as channel:
        rooms = ConferenceServiceStub(channel)
        added = await rooms.AddMembers(
            pb.AddMembersRequest(conference=ROOM, call_ids=[leg.call_id])
        )
        found = await rooms.GetConference(pb.GetConferenceRequest(name="staff"))
        elsewhere = await failed(
            rooms.GetConference(pb.GetConferenceRequest(name="staff", node_id="fs1"))
        )
        dialled = await rooms.DialMember(
            pb.DialMemberRequest(
                name="staff",
                endpoint=call_pb2.Endpoint(
                    sip=call_pb2.SipAddress(profile="internal", address="answer@example.org")
                ),
                wait_until=calls_pb2.WAIT_UNTIL_ANSWERED,
            )
        )
    assert [member.call_id for member in added.members] == [leg.call_id]
    assert found.conference.node_id == "fs2"
    assert elsewhere.reason == "CONFERENCE_NOT_FOUND"
    assert dialled.node_id == "fs2"
    assert dialled.member.call_id == dialled.call_id


async def test_a_name_on_two_nodes_needs_the_node(trio: Trio):
    async with trio.stage.channel() as channel:
        rooms = ConferenceServiceStub(channel)
        for node_id in ("fs1", "fs3"):
            leg = await trio.place(node_id)
            await rooms.AddMembers(
                pb.AddMembersRequest(conference=ROOM, call_ids=[leg.call_id], node_id=node_id)
            )
        ambiguous = await failed(rooms.GetConference(pb.GetConferenceRequest(name="staff")))
        end = await failed(rooms.EndConference(pb.EndConferenceRequest(name="staff")))
        listed = await rooms.ListConferences(pb.ListConferencesRequest())
        await rooms.EndConference(pb.EndConferenceRequest(name="staff", node_id="fs3"))
        left = await rooms.GetConference(pb.GetConferenceRequest(name="staff"))
    for failure in (ambiguous, end):
        assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
        ((field, problem),) = failure.violations
        assert field == "node_id"
        assert "fs1, fs3" in problem
    assert sorted(each.node_id for each in listed.conferences) == ["fs1", "fs3"]
    assert left.conference.node_id == "fs1"


async def test_legs_of_two_nodes_do_not_meet(trio: Trio):
    legs = [(await trio.place(node_id)).call_id for node_id in ("fs1", "fs2")]
    async with trio.stage.channel() as channel:
        rooms = ConferenceServiceStub(channel)
        refused = await failed(
            rooms.AddMembers(pb.AddMembersRequest(conference=ROOM, call_ids=legs))
        )
        await rooms.AddMembers(pb.AddMembersRequest(conference=ROOM, call_ids=legs[:1]))
        split = await failed(
            rooms.AddMembers(pb.AddMembersRequest(conference=ROOM, call_ids=legs[1:]))
        )
    assert refused.reason == "CALL_STATE"
    assert [field for field, _ in split.violations] == ["node_id"]


async def test_a_node_that_is_gone_is_not_looked_at(trio: Trio):
    leg = await trio.place("fs2")
    async with trio.stage.channel() as channel:
        rooms = ConferenceServiceStub(channel)
        await rooms.AddMembers(pb.AddMembersRequest(conference=ROOM, call_ids=[leg.call_id]))
        await trio.kill("fs2")
        unknown = await failed(rooms.GetConference(pb.GetConferenceRequest(name="staff")))
        named = await failed(
            rooms.GetConference(pb.GetConferenceRequest(name="staff", node_id="fs2"))
        )
    assert unknown.reason == "CONFERENCE_NOT_FOUND"
    assert named.reason == "NODE_UNREACHABLE"


async def test_a_service_that_comes_later_knows_in_which_conference_a_call_is(trio: Trio):
    leg = await trio.place("fs1")
    async with trio.stage.channel() as channel:
        await ConferenceServiceStub(channel).AddMembers(
            pb.AddMembersRequest(conference=ROOM, call_ids=[leg.call_id])
        )
    async with running_service(settings_for(trio.switches["fs1"]), QUICK) as later:
        await later.wait_ready()
        async with Client(f"127.0.0.1:{later.port}") as client:
            request = calls_pb2.GetCallRequest(call_id=leg.call_id)
            call = (await client.calls.GetCall(request)).call
    assert call.conference_name == "staff"
