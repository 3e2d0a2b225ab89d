"""Bringing legs into a conference: who comes in, and who is kept out by lock and pin."""

import grpc
import pytest
from tests.contract.hall import (
    ACCEPTED,
    CONFIRMED,
    Hall,
    hall_of,
    refused,
)
from tests.contract.phone import DEADLINE_S, Phone, new_id, reason_of

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, error_reason_pb2
from callcontrol.v1 import conference_service_pb2 as pb


@pytest.fixture
async def hall(phone: Phone):
    async with hall_of(phone) as hall:
        yield hall


async def test_legs_are_brought_into_a_conference_that_begins_with_them(hall: Hall) -> None:
    first, second = [await hall.phone.answered() for _ in range(2)]
    response = await hall.add(first, second)
    there = await hall.get()
    call = await hall.phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=first))

    assert response.status.confirmation == CONFIRMED
    assert not response.failures
    assert {member.call_id for member in response.members} == {first, second}
    assert {member.call_id for member in there.members} == {first, second}
    assert all(member.can_speak and member.can_hear for member in there.members)
    assert (there.name, there.locked, there.recording) == (hall.name, False, False)
    assert there.sample_rate_hz == 8000
    assert there.conference_uuid
    assert call.call.conference_name == hall.name
    assert hall.actions()[:2] == ["conference-create", "add-member"]


async def test_who_comes_in_is_told_with_the_leg_and_the_size(hall: Hall) -> None:
    first, second = await hall.filled(2)
    one = await hall.changed("add-member", lambda told: told.member_id == first.member_id)
    two = await hall.changed("add-member", lambda told: told.member_id == second.member_id)

    assert (one.call_id, one.conference_changed.member_count) == (first.call_id, 1)
    assert (two.call_id, two.conference_changed.member_count) == (second.call_id, 2)
    assert one.conference_changed.conference_uuid == two.conference_changed.conference_uuid


async def test_a_leg_that_is_in_it_already_is_left_alone(hall: Hall) -> None:
    (member,) = await hall.filled(1)
    other = await hall.phone.answered()
    response = await hall.add(member.call_id, other)
    await hall.phone.tape.event("conference_changed", other)

    assert response.status.confirmation == CONFIRMED
    assert {each.call_id for each in response.members} == {member.call_id, other}
    assert hall.actions() == ["conference-create", "add-member", "add-member"]


async def test_flags_and_profile_are_those_of_the_request(hall: Hall) -> None:
    (member,) = await hall.filled(1, profile="default", flags=["mute", "moderator"])
    assert member.moderator
    assert not member.can_speak
    assert member.can_hear


async def test_a_leg_that_is_not_there_brings_nobody_in(hall: Hall) -> None:
    leg = await hall.phone.answered()
    request = pb.AddMembersRequest(
        conference=call_pb2.JoinConference(name=hall.name), call_ids=[leg, new_id()]
    )
    error = await refused(hall, "AddMembers", request)

    assert reason_of(error) == "CALL_NOT_FOUND"
    assert not hall.actions()


async def test_a_locked_conference_is_refused_to_an_inbound_leg_before_it_is_lost(
    hall: Hall,
) -> None:
    await hall.filled(1)
    leg = await hall.inbound()
    await hall.ask("UpdateConference", pb.UpdateConferenceRequest(name=hall.name, locked=True))
    joining = call_pb2.JoinConference(name=hall.name)
    error = await refused(
        hall, "AddMembers", pb.AddMembersRequest(conference=joining, call_ids=[leg])
    )
    call = await hall.phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=leg))

    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(error) == "CONFERENCE_STATE"
    assert call.call.state == call_pb2.Call.STATE_ACTIVE


async def test_a_lock_does_not_keep_out_who_was_called(hall: Hall) -> None:
    await hall.filled(1)
    await hall.ask("UpdateConference", pb.UpdateConferenceRequest(name=hall.name, locked=True))
    response = await hall.add(await hall.phone.answered())
    assert response.status.confirmation == CONFIRMED


async def test_the_right_pin_lets_an_inbound_leg_in(hall: Hall) -> None:
    await hall.filled(1)
    await hall.ask("UpdateConference", pb.UpdateConferenceRequest(name=hall.name, pin="4711"))
    response = await hall.add(await hall.inbound(), pin="4711")
    assert response.status.confirmation == CONFIRMED


async def test_a_pin_is_kept_by_nobody(hall: Hall) -> None:
    await hall.filled(1)
    await hall.ask("UpdateConference", pb.UpdateConferenceRequest(name=hall.name, pin="4711"))
    leg = await hall.inbound()
    await hall.add(leg, pin="4711", flags=["mute"])
    await hall.changed("add-member", lambda told: told.member_count == 2)
    run = [
        event.application_started
        for event in hall.phone.tape.events
        if event.call_id == leg and event.WhichOneof("payload") == "application_started"
    ]
    await hall.phone.calls.Park(calls_pb2.ParkRequest(call_id=leg), timeout=DEADLINE_S)
    asked = calls_pb2.GetVariablesRequest(call_id=leg, names=["supplied_pin"])
    kept = await hall.phone.calls.GetVariables(asked, timeout=DEADLINE_S)

    assert run
    assert not [each for each in run if "4711" in str(each)]
    assert not kept.variables


async def test_a_wrong_pin_costs_an_inbound_leg_its_call(hall: Hall) -> None:
    # there is no prompt here to ask for another, for which the switch ends the leg
    await hall.filled(1)
    leg, outbound = await hall.inbound(), await hall.phone.answered()
    await hall.ask("UpdateConference", pb.UpdateConferenceRequest(name=hall.name, pin="4711"))
    response = await hall.add(outbound, leg, pin="999")

    assert response.status.confirmation == ACCEPTED
    assert [member.call_id for member in response.members] == [outbound]
    (failure,) = response.failures
    assert failure.call_id == leg
    assert failure.reason == error_reason_pb2.ERROR_REASON_CALL_ENDED


async def test_where_all_legs_fail_it_is_an_error(hall: Hall) -> None:
    await hall.filled(1)
    leg = await hall.inbound()
    await hall.ask("UpdateConference", pb.UpdateConferenceRequest(name=hall.name, pin="4711"))
    joining = call_pb2.JoinConference(name=hall.name, pin="999")
    error = await refused(
        hall, "AddMembers", pb.AddMembersRequest(conference=joining, call_ids=[leg])
    )
    assert reason_of(error) == "CALL_ENDED"
