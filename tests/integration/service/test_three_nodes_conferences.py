"""Conferences on three switches: each is on one node, and is found there."""

import grpc
import pytest
from tests.support.trio import ANSWER, Trio, failed

from callcontrol.cli.options import read_endpoint
from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2
from callcontrol.v1 import conference_service_pb2 as pb


def room(name: str) -> call_pb2.Destination:
    return call_pb2.Destination(conference=call_pb2.JoinConference(name=name))


async def open_room(trio: Trio, name: str, node_id: str) -> str:
    """A conference on that node, with one member; the id of its leg."""
    request = calls_pb2.OriginateRequest(
        endpoints=[read_endpoint(ANSWER)],
        destination=room(name),
        node_id=node_id,
        wait_until=calls_pb2.WAIT_UNTIL_ANSWERED,
    )
    placed = await trio.stage.client.calls.Originate(request)
    await trio.until_in_conference(placed.call.call_id)
    return placed.call.call_id


def dial(name: str, node_id: str = "") -> pb.DialMemberRequest:
    return pb.DialMemberRequest(
        name=name,
        endpoint=read_endpoint(ANSWER),
        node_id=node_id,
        wait_until=calls_pb2.WAIT_UNTIL_ANSWERED,
    )


async def test_a_conference_is_found_on_its_node(trio: Trio):
    for node_id in ("fs1", "fs3"):
        await open_room(trio, f"room-{node_id}", node_id)
    conferences = trio.stage.client.conferences
    page = await conferences.ListConferences(pb.ListConferencesRequest())
    found = await conferences.GetConference(pb.GetConferenceRequest(name="room-fs3"))
    assert [(each.name, each.node_id) for each in page.conferences] == [
        ("room-fs1", "fs1"),
        ("room-fs3", "fs3"),
    ]
    assert found.conference.node_id == "fs3"


async def test_who_is_dialled_comes_to_the_node_of_the_conference(trio: Trio):
    await open_room(trio, "room", "fs2")
    dialled = await trio.stage.client.conferences.DialMember(dial("room"))
    found = await trio.stage.client.conferences.GetConference(pb.GetConferenceRequest(name="room"))
    assert dialled.node_id == "fs2"
    assert len(found.conference.members) == 2


async def test_one_name_on_two_nodes_needs_the_node_to_be_named(trio: Trio):
    for node_id in ("fs1", "fs2"):
        await open_room(trio, "room", node_id)
    conferences = trio.stage.client.conferences
    ambiguous = await failed(conferences.GetConference(pb.GetConferenceRequest(name="room")))
    named = await conferences.GetConference(pb.GetConferenceRequest(name="room", node_id="fs2"))
    assert ambiguous.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [field for field, _ in ambiguous.violations] == ["node_id"]
    assert named.conference.node_id == "fs2"


async def test_a_conference_of_one_that_drains_goes_on_and_nobody_is_dialled_into_it(trio: Trio):
    call_id = await open_room(trio, "room", "fs3")
    await trio.drain("fs3")
    conferences = trio.stage.client.conferences
    refused = await failed(conferences.DialMember(dial("room")))
    muted = await conferences.UpdateMembers(
        pb.UpdateMembersRequest(
            name="room",
            members=pb.MemberSelector(call_ids=pb.CallIds(values=[call_id])),
            can_speak=False,
        )
    )
    assert refused.reason == "NODE_DRAINING"
    assert muted.status.confirmation == common_pb2.CONFIRMATION_CONFIRMED


@pytest.mark.parametrize("node_id", ["", "fs2"])
async def test_a_conference_of_the_killed_one_cannot_be_reached(trio: Trio, node_id: str):
    await open_room(trio, "room", "fs2")
    await trio.kill("fs2")
    request = pb.EndConferenceRequest(name="room", node_id=node_id)
    refused = await failed(trio.stage.client.conferences.EndConference(request))
    expected = "NODE_UNREACHABLE" if node_id else "CONFERENCE_NOT_FOUND"
    assert refused.reason == expected
