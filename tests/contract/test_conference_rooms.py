"""Conferences as a whole: reading them, lock and pin, their end, and names that want to be more."""

import grpc
import pytest
from google.protobuf.message import Message
from tests.contract.hall import CONFIRMED, Hall, by_id, everybody, hall_of, refused
from tests.contract.phone import Phone, new_id, reason_of, violated_fields

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2
from callcontrol.v1 import conference_service_pb2 as pb


@pytest.fixture
async def hall(phone: Phone):
    async with hall_of(phone) as hall:
        yield hall


def every_request(name: str) -> dict[str, Message]:
    """One good request of each kind about the conference of that name."""
    tone = common_pb2.MediaSource(tone_stream="%(100,0,440)")
    return {
        "GetConference": pb.GetConferenceRequest(name=name),
        "UpdateMembers": pb.UpdateMembersRequest(name=name, members=everybody(), can_speak=False),
        "KickMembers": pb.KickMembersRequest(name=name, members=everybody()),
        "MoveMembers": pb.MoveMembersRequest(
            name=name, members=everybody(), target_name="elsewhere"
        ),
        "UpdateConference": pb.UpdateConferenceRequest(name=name, locked=True),
        "PlayToConference": pb.PlayToConferenceRequest(name=name, source=tone),
        "StopConferencePlayback": pb.StopConferencePlaybackRequest(name=name),
        "StartConferenceRecording": pb.StartConferenceRecordingRequest(name=name),
        "StopConferenceRecording": pb.StopConferenceRecordingRequest(name=name),
        "EndConference": pb.EndConferenceRequest(name=name),
    }


@pytest.mark.parametrize("method", every_request("room"))
async def test_a_conference_that_nobody_is_in_is_not_found(hall: Hall, method: str) -> None:
    error = await refused(hall, method, every_request(hall.name)[method])
    assert error.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(error) == "CONFERENCE_NOT_FOUND"


@pytest.mark.parametrize("name", ["list", "json_list", "count", "help", "xml_list", "all", "3000"])
async def test_a_name_that_is_a_word_of_the_switch_is_a_name_like_any_other(
    hall: Hall, name: str
) -> None:
    hall.name = name
    error = await refused(hall, "GetConference", pb.GetConferenceRequest(name=name))
    await hall.filled(1)
    there = await hall.get()
    request = pb.UpdateConferenceRequest(name=name, locked=True)
    locked = await hall.stub.UpdateConference(request)
    ended = await hall.stub.EndConference(pb.EndConferenceRequest(name=name))

    assert reason_of(error) == "CONFERENCE_NOT_FOUND"
    assert there.name == name
    assert locked.conference.locked
    assert ended.status.confirmation == CONFIRMED


@pytest.mark.parametrize(
    "name",
    [
        "",
        "two words",
        "room@profile",
        "room+1234",
        "room+flags{moderator}",
        "room\n\nbgapi status",
        "room'",
        '"room"',
        "-room",
        "${hostname}",
        "room,park",
        "r" * 65,
        "zimmer-ä",
    ],
)
@pytest.mark.parametrize("method", [*every_request("room"), "AddMembers", "DialMember"])
async def test_a_name_that_could_be_more_than_a_name_is_refused(
    hall: Hall, method: str, name: str
) -> None:
    joining = call_pb2.JoinConference(name=name)
    requests: dict[str, Message] = {
        **every_request(name),
        "AddMembers": pb.AddMembersRequest(conference=joining, call_ids=[new_id()]),
        "DialMember": pb.DialMemberRequest(
            name=name, endpoint=call_pb2.Endpoint(loopback=call_pb2.Loopback(extension="answer"))
        ),
    }
    error = await refused(hall, method, requests[method])
    field = "conference.name" if method == "AddMembers" else "name"
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(error) == [field]


async def test_a_node_that_is_none_is_told(hall: Hall) -> None:
    request = pb.GetConferenceRequest(name=hall.name, node_id="nowhere")
    assert reason_of(await refused(hall, "GetConference", request)) == "NODE_NOT_FOUND"


async def test_conferences_are_listed_page_by_page_by_name(hall: Hall) -> None:
    names = [f"{hall.name}-{letter}" for letter in "cab"]
    for name in names:
        leg = await hall.phone.answered()
        joining = call_pb2.JoinConference(name=name)
        request = pb.AddMembersRequest(conference=joining, call_ids=[leg])
        await hall.ask("AddMembers", request)
    seen: list[str] = []
    token, pages = "", 0
    while token or not pages:
        page = await hall.stub.ListConferences(
            pb.ListConferencesRequest(page_size=1, page_token=token, node_id="switch")
        )
        seen += [each.name for each in page.conferences]
        token, pages = page.next_page_token, pages + 1
    whole = await hall.stub.ListConferences(pb.ListConferencesRequest())

    assert [name for name in seen if name.startswith(hall.name)] == sorted(names)
    assert [each.name for each in whole.conferences] == seen
    assert all(each.members for each in whole.conferences if each.name in names)


async def test_a_page_of_another_list_is_refused(hall: Hall) -> None:
    request = pb.ListConferencesRequest(page_size=-1, page_token="nonsense")
    error = await refused(hall, "ListConferences", request)
    assert sorted(violated_fields(error)) == ["page_size", "page_token"]


async def test_a_conference_is_locked_and_unlocked(hall: Hall) -> None:
    await hall.filled(1)
    for locked, action in ((True, "lock"), (False, "unlock")):
        request = pb.UpdateConferenceRequest(name=hall.name, locked=locked)
        response = await hall.stub.UpdateConference(request)
        again = await hall.stub.UpdateConference(request)
        await hall.changed(action)

        assert response.status.confirmation == CONFIRMED
        assert response.conference.locked is locked
        assert again.status.confirmation == CONFIRMED
    assert hall.actions() == ["conference-create", "add-member", "lock", "unlock"]


async def test_a_pin_is_set_and_removed(hall: Hall) -> None:
    await hall.filled(1)
    for pin in ("4711", ""):
        request = pb.UpdateConferenceRequest(name=hall.name, pin=pin)
        response = await hall.stub.UpdateConference(request)
        assert response.status.confirmation == CONFIRMED
    # nothing keeps an inbound leg out any more
    response_of_leg = await hall.add(await hall.inbound())
    assert response_of_leg.status.confirmation == CONFIRMED


@pytest.mark.parametrize("pin", ["mod", "12 34", "1234 5", "x", "1" * 33])
async def test_a_pin_is_digits(hall: Hall, pin: str) -> None:
    request = pb.UpdateConferenceRequest(name=hall.name, pin=pin)
    assert violated_fields(await refused(hall, "UpdateConference", request)) == ["pin"]


async def test_a_change_of_nothing_is_refused(hall: Hall) -> None:
    request = pb.UpdateConferenceRequest(name=hall.name)
    error = await refused(hall, "UpdateConference", request)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_the_end_of_a_conference_ends_the_calls_in_it(hall: Hall) -> None:
    members = await hall.filled(3)
    response = await hall.stub.EndConference(pb.EndConferenceRequest(name=hall.name))
    gone = await refused(hall, "GetConference", pb.GetConferenceRequest(name=hall.name))
    for member in members:
        await hall.phone.tape.event("call_ended", member.call_id)
    await hall.changed("conference-destroy")

    assert response.status.confirmation == CONFIRMED
    assert reason_of(gone) == "CONFERENCE_NOT_FOUND"
    assert hall.actions("hup-member") == [
        "conference-create",
        *["add-member"] * 3,
        *["del-member"] * 3,
        "conference-destroy",
    ]


async def test_the_end_of_a_conference_may_leave_the_calls(hall: Hall) -> None:
    await hall.phone.answered(f"conf-park-{hall.name}")
    leg = (await hall.changed("add-member")).call_id
    request = pb.EndConferenceRequest(name=hall.name, keep_calls=True)
    response = await hall.stub.EndConference(request)
    await hall.changed("hup-member")
    parked = await hall.phone.tape.event(
        "call_state_changed",
        leg,
        lambda e: e.call_state_changed.call.state == call_pb2.Call.STATE_PARKED,
    )
    assert response.status.confirmation == CONFIRMED
    assert parked.call_state_changed.call.conference_name == ""


async def test_the_last_to_leave_ends_the_conference(hall: Hall) -> None:
    (member,) = await hall.filled(1)
    request = pb.KickMembersRequest(name=hall.name, members=by_id(member.member_id))
    await hall.stub.KickMembers(request)
    gone = await hall.changed("conference-destroy")
    assert gone.conference_changed.member_count == 0
    assert not gone.call_id


async def test_a_repeat_of_a_request_id_gets_the_first_answer_and_does_nothing(hall: Hall) -> None:
    await hall.filled(1)
    request = pb.UpdateConferenceRequest(request_id=new_id(), name=hall.name, locked=True)
    first = await hall.stub.UpdateConference(request)
    await hall.stub.UpdateConference(pb.UpdateConferenceRequest(name=hall.name, locked=False))
    again = await hall.stub.UpdateConference(request)

    assert not first.status.replayed
    assert again.status.replayed
    assert not (await hall.get()).locked


async def test_a_leg_that_a_transfer_sends_into_a_conference_is_found_there(hall: Hall) -> None:
    leg = await hall.phone.answered()
    request = calls_pb2.TransferRequest(
        call_id=leg,
        destination=call_pb2.Destination(conference=call_pb2.JoinConference(name=hall.name)),
    )
    await hall.phone.calls.Transfer(request)
    await hall.changed("add-member")
    assert [member.call_id for member in (await hall.get()).members] == [leg]
