"""Dialling somebody into a conference."""

import pytest
from tests.contract.hall import ACCEPTED, CONFIRMED, Hall, hall_of, refused
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    loopback,
    new_id,
    reason_of,
    sip,
    violated_fields,
)
from tests.contract.switch_under_test import SwitchUnderTest
from tests.contract.test_originate_repeats import another

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2
from callcontrol.v1 import conference_service_pb2 as pb
from callcontrol.v1.conference_service_pb2_grpc import ConferenceServiceStub


@pytest.fixture
async def hall(phone: Phone):
    async with hall_of(phone) as hall:
        yield hall


async def dialled(
    hall: Hall, endpoint: call_pb2.Endpoint, **fields: object
) -> pb.DialMemberResponse:
    request = pb.DialMemberRequest(
        name=hall.name, endpoint=endpoint, wait_until=calls_pb2.WAIT_UNTIL_ANSWERED
    )
    request.MergeFrom(pb.DialMemberRequest(**fields))  # type: ignore[arg-type]  # test sugar
    return await hall.stub.DialMember(request, timeout=DEADLINE_S)


@pytest.mark.parametrize("over", [loopback, sip])
async def test_who_answers_is_in_the_conference(hall: Hall, over) -> None:
    response = await dialled(hall, over("answer"), flags=["mute"])
    there = await hall.get()

    assert response.status.confirmation == CONFIRMED
    assert response.disposition == calls_pb2.DISPOSITION_ANSWERED
    assert response.node_id == "switch"
    assert response.member.call_id == response.call_id
    assert not response.member.can_speak
    assert [member.call_id for member in there.members] == [response.call_id]


async def test_a_second_comes_into_the_same_conference(hall: Hall) -> None:
    (member,) = await hall.filled(1)
    call_id = new_id()
    response = await dialled(hall, loopback("answer"), call_id=call_id)
    there = await hall.get()

    assert response.call_id == call_id
    assert [each.call_id for each in there.members] == [member.call_id, call_id]


@pytest.mark.parametrize(
    ("far_end", "disposition"),
    [
        ("busy", calls_pb2.DISPOSITION_BUSY),
        ("reject", calls_pb2.DISPOSITION_REJECTED),
        ("unreachable", calls_pb2.DISPOSITION_UNREACHABLE),
    ],
)
async def test_who_does_not_answer_is_an_outcome_and_begins_no_conference(
    hall: Hall, far_end: str, disposition: int
) -> None:
    response = await dialled(hall, sip(far_end))

    assert response.disposition == disposition
    assert response.hangup_cause.name
    assert not response.HasField("member")
    assert not hall.actions()


async def test_early_media_does_not_come_in(hall: Hall) -> None:
    await hall.filled(1)
    response = await dialled(hall, sip("early"), wait_until=calls_pb2.WAIT_UNTIL_RINGING)
    there = await hall.get()
    await hall.phone.hang_up(response.call_id)

    assert len(there.members) == 1
    assert not response.HasField("member")


async def test_it_returns_at_once_where_that_is_asked_for(hall: Hall) -> None:
    response = await dialled(hall, loopback("answer"), wait_until=calls_pb2.WAIT_UNTIL_ACCEPTED)
    assert response.status.confirmation in (ACCEPTED, CONFIRMED)
    assert response.disposition == calls_pb2.DISPOSITION_UNSPECIFIED
    came = await hall.changed("add-member")
    assert came.call_id == response.call_id


async def test_a_lock_does_not_keep_out_who_is_dialled(hall: Hall) -> None:
    await hall.filled(1)
    await hall.ask("UpdateConference", pb.UpdateConferenceRequest(name=hall.name, locked=True))
    response = await dialled(hall, loopback("answer"))
    assert response.member.call_id == response.call_id


async def test_what_is_wrong_is_told_by_the_names_of_this_request(hall: Hall) -> None:
    request = pb.DialMemberRequest(
        name=hall.name,
        endpoint=call_pb2.Endpoint(
            gateway=call_pb2.GatewayNumber(gateway="a b", number="1,2"), variables={"exec_x": "1"}
        ),
        flags=["endless"],
        call_id="x",
    )
    error = await refused(hall, "DialMember", request)
    assert sorted(violated_fields(error)) == [
        "call_id",
        "endpoint.gateway.gateway",
        "endpoint.gateway.number",
        "endpoint.variables[exec_x]",
        "flags[0]",
    ]


async def test_nobody_to_dial_is_refused(hall: Hall) -> None:
    error = await refused(hall, "DialMember", pb.DialMemberRequest(name=hall.name))
    assert violated_fields(error)[0] == "endpoint"


async def test_an_id_that_is_taken_is_refused(hall: Hall) -> None:
    leg = await hall.phone.answered()
    request = pb.DialMemberRequest(name=hall.name, endpoint=loopback("answer"), call_id=leg)
    assert reason_of(await refused(hall, "DialMember", request)) == "CALL_ID_TAKEN"


async def test_a_repeat_dials_nobody_a_second_time(hall: Hall, switch: SwitchUnderTest) -> None:
    request: dict[str, object] = {"request_id": new_id(), "flags": ["mute"]}
    first = await dialled(hall, loopback("answer"), **request)
    again = await dialled(hall, loopback("answer"), **request)
    async with another(switch) as phone:  # of a service that knows nothing of the first
        elsewhere = Hall(phone, ConferenceServiceStub(phone.channel), hall.name)
        third = await dialled(elsewhere, loopback("answer"), **request)
    there = await hall.get()

    assert not first.status.replayed
    assert again.status.replayed
    assert third.status.replayed
    assert first.call_id == again.call_id == third.call_id
    assert third.member.call_id == first.call_id
    assert [member.call_id for member in there.members] == [first.call_id]
