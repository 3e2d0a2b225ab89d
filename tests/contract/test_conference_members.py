"""Those who are in a conference: what they may do there, going, and being sent elsewhere."""

import grpc
import pytest
from tests.contract.hall import (
    CONFIRMED,
    Hall,
    by_call,
    by_id,
    everybody,
    hall_of,
    refused,
)
from tests.contract.phone import Phone, new_id, reason_of, violated_fields

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2
from callcontrol.v1 import conference_service_pb2 as pb


@pytest.fixture
async def hall(phone: Phone):
    async with hall_of(phone) as hall:
        yield hall


@pytest.mark.parametrize(
    ("change", "actions", "field"),
    [
        ({"can_speak": False}, ["mute-member"], "can_speak"),
        ({"can_hear": False}, ["deaf-member"], "can_hear"),
        ({"volume_in": 3}, ["volume-in-member"], "volume_in"),
        ({"volume_out": -4}, ["volume-out-member"], "volume_out"),
        ({"energy_level": 300}, ["energy-level-member"], "energy_level"),
    ],
)
async def test_a_member_is_changed_and_nobody_else(
    hall: Hall, change: dict[str, object], actions: list[str], field: str
) -> None:
    first, second = await hall.filled(2)
    reached = await hall.update(by_id(second.member_id), **change)
    event = await hall.changed(actions[0])
    there = await hall.get()

    assert reached == [second.member_id]
    assert event.call_id == second.call_id
    assert hall.actions()[3:] == actions
    assert [getattr(member, field) for member in there.members] == [
        getattr(first, field),
        change[field],
    ]


async def test_what_is_so_already_is_not_asked_for_again(hall: Hall) -> None:
    first, second = await hall.filled(2)
    await hall.update(by_call(first.call_id), can_speak=False)
    again = await hall.update(by_call(first.call_id), can_speak=False)
    back = await hall.update(everybody(), can_speak=True, can_hear=True)
    await hall.changed("unmute-member")
    await hall.update(everybody(), can_speak=True)
    await hall.update(everybody(), volume_in=1)
    await hall.changed("volume-in-member", lambda told: told.member_id == first.member_id)
    await hall.changed("volume-in-member", lambda told: told.member_id == second.member_id)

    assert again == [first.member_id]
    assert len(back) == 2
    # the switch is told of all at a time, where one of them needs it
    assert hall.actions("conference-create", "add-member") == [
        "mute-member",
        "unmute-member",
        "unmute-member",
        "volume-in-member",
        "volume-in-member",
    ]


async def test_moderators_are_left_out_where_they_are_not_meant(hall: Hall) -> None:
    (moderator,) = await hall.filled(1, flags=["moderator"])
    (plain,) = (await hall.add(await hall.phone.answered())).members
    reached = await hall.update(pb.MemberSelector(non_moderators=True), can_speak=False)
    there = await hall.get()

    assert reached == [plain.member_id]
    assert {each.member_id: each.can_speak for each in there.members} == {
        moderator.member_id: True,
        plain.member_id: False,
    }


async def test_the_last_is_the_one_with_the_highest_number(hall: Hall) -> None:
    _, last = await hall.filled(2)
    assert await hall.update(pb.MemberSelector(last=True), can_hear=False) == [last.member_id]


async def test_the_floor_is_given_to_a_member(hall: Hall) -> None:
    members = await hall.filled(2)
    await hall.changed("floor-change")
    for member in (*members, *members):
        assert await hall.update(by_id(member.member_id), floor=True) == [member.member_id]
        there = await hall.get()
        assert [each.member_id for each in there.members if each.has_floor] == [member.member_id]


async def test_changes_that_make_no_sense_are_refused(hall: Hall) -> None:
    first, _ = await hall.filled(2)
    for fields, violated in (
        ({"volume_in": 5}, ["volume_in"]),
        ({"energy_level": -1}, ["energy_level"]),
        ({}, [""]),
    ):
        request = pb.UpdateMembersRequest(
            name=hall.name,
            members=by_id(first.member_id),
            **fields,  # type: ignore[arg-type]
        )
        assert violated_fields(await refused(hall, "UpdateMembers", request)) == violated
    both = pb.UpdateMembersRequest(name=hall.name, members=everybody(), floor=True)
    assert violated_fields(await refused(hall, "UpdateMembers", both)) == ["floor"]
    nobody = pb.UpdateMembersRequest(name=hall.name, can_speak=True)
    assert violated_fields(await refused(hall, "UpdateMembers", nobody)) == ["members"]


@pytest.mark.parametrize("method", ["UpdateMembers", "KickMembers", "MoveMembers"])
async def test_a_member_that_is_not_there_is_not_found_and_nothing_is_sent(
    hall: Hall, method: str
) -> None:
    (member,) = await hall.filled(1)
    selectors = (by_id(member.member_id, 999_999), by_call(member.call_id, new_id()))
    for selector in selectors:
        request = {
            "UpdateMembers": pb.UpdateMembersRequest(
                name=hall.name, members=selector, can_speak=False
            ),
            "KickMembers": pb.KickMembersRequest(name=hall.name, members=selector),
            "MoveMembers": pb.MoveMembersRequest(
                name=hall.name, members=selector, target_name="elsewhere"
            ),
        }[method]
        error = await refused(hall, method, request)
        assert error.code() == grpc.StatusCode.NOT_FOUND
        assert reason_of(error) == "MEMBER_NOT_FOUND"
    assert hall.actions() == ["conference-create", "add-member"]


async def test_a_kicked_member_leaves_and_its_call_ends(hall: Hall) -> None:
    first, second = await hall.filled(2)
    request = pb.KickMembersRequest(name=hall.name, members=by_id(first.member_id))
    response = await hall.stub.KickMembers(request)
    left = await hall.changed("del-member")
    ended = await hall.phone.tape.event("call_ended", first.call_id)

    assert response.status.confirmation == CONFIRMED
    assert list(response.member_ids) == [first.member_id]
    assert (left.call_id, left.conference_changed.member_count) == (first.call_id, 1)
    assert ended.call_ended.cause.name == "NORMAL_CLEARING"
    assert [member.call_id for member in (await hall.get()).members] == [second.call_id]


async def test_a_kicked_member_may_keep_its_call_as_far_as_its_dialplan_goes(hall: Hall) -> None:
    await hall.phone.answered(f"conf-park-{hall.name}")
    leg = (await hall.changed("add-member")).call_id
    request = pb.KickMembersRequest(name=hall.name, members=everybody(), keep_calls=True)
    response = await hall.stub.KickMembers(request)
    await hall.changed("kick-member")
    await hall.changed("conference-destroy")
    parked = await hall.phone.tape.event(
        "call_state_changed",
        leg,
        lambda e: e.call_state_changed.call.state == call_pb2.Call.STATE_PARKED,
    )

    assert response.status.confirmation == CONFIRMED
    assert parked.call_state_changed.call.conference_name == ""


async def test_nobody_is_kicked_where_nobody_is_meant(hall: Hall) -> None:
    await hall.filled(1, flags=["moderator"])
    request = pb.KickMembersRequest(name=hall.name, members=pb.MemberSelector(non_moderators=True))
    response = await hall.stub.KickMembers(request)
    assert response.status.confirmation == CONFIRMED
    assert not response.member_ids


async def test_members_are_moved_to_another_conference(hall: Hall) -> None:
    first, second = await hall.filled(2)
    other = hall.name + "-other"
    request = pb.MoveMembersRequest(
        name=hall.name, members=by_id(second.member_id), target_name=other
    )
    response = await hall.stub.MoveMembers(request)
    arrived = await hall.changed("add-member", name=other)
    await hall.changed("transfer")
    await hall.changed("del-member")
    call = await hall.phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=second.call_id))

    assert response.status.confirmation == CONFIRMED
    assert list(response.member_ids) == [second.member_id]
    assert arrived.conference_changed.member_id == second.member_id
    assert call.call.conference_name == other
    assert [member.call_id for member in (await hall.get()).members] == [first.call_id]


async def test_nobody_is_moved_into_a_locked_conference_who_would_be_lost(hall: Hall) -> None:
    await hall.filled(1)
    await hall.ask("UpdateConference", pb.UpdateConferenceRequest(name=hall.name, locked=True))
    leg, other = await hall.inbound(), hall.name + "-other"
    joining = call_pb2.JoinConference(name=other)
    added = await hall.stub.AddMembers(pb.AddMembersRequest(conference=joining, call_ids=[leg]))
    request = pb.MoveMembersRequest(name=other, members=everybody(), target_name=hall.name)
    error = await refused(hall, "MoveMembers", request)

    assert added.status.confirmation == CONFIRMED
    assert reason_of(error) == "CONFERENCE_STATE"


async def test_members_cannot_be_moved_to_where_they_are(hall: Hall) -> None:
    request = pb.MoveMembersRequest(name=hall.name, members=everybody(), target_name=hall.name)
    assert violated_fields(await refused(hall, "MoveMembers", request)) == ["target_name"]


async def test_a_member_whose_call_ends_has_left(hall: Hall) -> None:
    first, second = await hall.filled(2)
    await hall.phone.hang_up(first.call_id)
    left = await hall.changed("del-member")
    assert left.call_id == first.call_id
    assert [member.call_id for member in (await hall.get()).members] == [second.call_id]
