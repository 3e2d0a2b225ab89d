"""Placing calls: every way an attempt can come out."""

import uuid

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    State,
    extension,
    loopback,
    new_id,
    reason_of,
    sip,
    violated_fields,
)

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2


async def test_a_call_that_is_answered(phone: Phone) -> None:
    call_id = new_id()
    response = await phone.originate(loopback("answer"), call_id=call_id)
    await phone.hang_up(call_id)

    assert response.disposition == calls_pb2.DISPOSITION_ANSWERED
    assert response.call.call_id == call_id
    assert response.call.direction == call_pb2.Call.DIRECTION_OUTBOUND
    assert response.call.HasField("answer_time")
    assert phone.tape.states(call_id) == ["ACTIVE", "PARKED", "ENDING", "ENDED"] or (
        # the switch may unpark the leg before it tells of the hangup
        phone.tape.states(call_id) == ["ACTIVE", "PARKED", "ACTIVE", "ENDING", "ENDED"]
    )


@pytest.mark.parametrize(
    ("dialled", "disposition", "cause", "q850"),
    [
        ("busy", "BUSY", "USER_BUSY", 17),
        ("reject", "REJECTED", "CALL_REJECTED", 21),
        ("unreachable", "UNREACHABLE", "NO_ROUTE_DESTINATION", 3),
        ("nobody", "UNREACHABLE", "NO_ROUTE_DESTINATION", 3),
        ("hangup-UNALLOCATED_NUMBER", "UNREACHABLE", "UNALLOCATED_NUMBER", 1),
        ("hangup-NO_USER_RESPONSE", "NO_ANSWER", "NO_USER_RESPONSE", 18),
        ("hangup-NORMAL_TEMPORARY_FAILURE", "FAILED", "NORMAL_TEMPORARY_FAILURE", 41),
    ],
)
async def test_a_call_that_fails_is_an_outcome_and_no_error(
    phone: Phone, dialled: str, disposition: str, cause: str, q850: int
) -> None:
    response = await phone.originate(loopback(dialled))

    assert response.disposition == calls_pb2.Disposition.Value(f"DISPOSITION_{disposition}")
    assert response.hangup_cause.name == cause
    assert response.hangup_cause.q850_code == q850
    ended = await phone.tape.event("call_ended", response.call.call_id)
    assert ended.call_ended.cause.name == cause
    assert not ended.call_ended.HasField("billable_duration")


async def test_nobody_answers_in_time(phone: Phone) -> None:
    response = await phone.originate(loopback("ring"), ring_timeout=Duration(seconds=2))

    assert response.disposition == calls_pb2.DISPOSITION_NO_ANSWER
    assert response.hangup_cause.name == "NO_ANSWER"


async def test_ringing_is_reached_before_the_answer(phone: Phone) -> None:
    response = await phone.originate(
        loopback("ring-answer-2"), wait_until=calls_pb2.WAIT_UNTIL_RINGING
    )
    call_id = response.call.call_id

    assert response.call.state == State.STATE_RINGING
    assert response.disposition == calls_pb2.DISPOSITION_UNSPECIFIED
    await phone.tape.event(
        "call_state_changed",
        call_id,
        lambda e: e.call_state_changed.call.state == State.STATE_ACTIVE,
    )
    await phone.hang_up(call_id)


async def test_accepted_does_not_wait_for_the_far_end(phone: Phone) -> None:
    response = await phone.originate(loopback("ring"), wait_until=calls_pb2.WAIT_UNTIL_ACCEPTED)

    assert response.disposition == calls_pb2.DISPOSITION_UNSPECIFIED
    await phone.tape.event("call_created", response.call.call_id)
    await phone.hang_up(response.call.call_id)


async def test_early_media_is_not_an_answer(phone: Phone) -> None:
    response = await phone.originate(loopback("early"), ring_timeout=Duration(seconds=3))

    assert response.disposition == calls_pb2.DISPOSITION_NO_ANSWER


async def test_an_answer_after_early_media_is_one(phone: Phone) -> None:
    response = await phone.originate(loopback("early-answer"))

    assert response.disposition == calls_pb2.DISPOSITION_ANSWERED
    await phone.hang_up(response.call.call_id)


async def test_a_ringing_call_can_be_called_off(phone: Phone) -> None:
    response = await phone.originate(loopback("ring"), wait_until=calls_pb2.WAIT_UNTIL_RINGING)
    await phone.hang_up(response.call.call_id, "ORIGINATOR_CANCEL")

    ended = await phone.tape.event("call_ended", response.call.call_id)
    assert ended.call_ended.cause.name == "ORIGINATOR_CANCEL"


async def test_labels_come_back_in_the_call_and_in_its_events(phone: Phone) -> None:
    labels = {"tenant": "acme", "campaign.id": "spring 2027"}
    response = await phone.originate(loopback("answer"), labels=labels)
    call_id = response.call.call_id
    await phone.hang_up(call_id)

    assert dict(response.call.labels) == labels
    ended = await phone.tape.event("call_ended", call_id)
    assert dict(ended.labels) == labels


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "two words",
        "O'Neil, Bob",
        'say "hi"',
        "back\\slash",
        "a=b;c|d",
        "100%41 [x] <y>",
        "ünïcode €",
        "^^:odd",
        " edges ",
        "\\n \\s",
    ],
)
async def test_a_variable_arrives_as_it_was_given(phone: Phone, value: str) -> None:
    response = await phone.originate(
        loopback("answer"), variables={"contract_value": value, "contract_next": "untouched"}
    )
    read = await phone.calls.GetVariables(
        calls_pb2.GetVariablesRequest(
            call_id=response.call.call_id, names=["contract_value", "contract_next", "not_set"]
        ),
        timeout=DEADLINE_S,
    )
    await phone.hang_up(response.call.call_id)

    assert dict(read.variables) == {"contract_value": value, "contract_next": "untouched"}


async def test_the_caller_identity_is_shown(phone: Phone) -> None:
    response = await phone.originate(
        loopback("answer"), caller=common_party("+4930123456", "Zoë O'Neil, Jr.")
    )
    far = await phone.tape.event(
        "call_created",
        where=lambda e: e.call_created.call.direction == call_pb2.Call.DIRECTION_INBOUND,
    )
    await phone.hang_up(response.call.call_id)

    assert far.call_created.call.caller.number == "+4930123456"
    assert far.call_created.call.caller.name == "Zoë O'Neil, Jr."


def common_party(number: str, name: str) -> call_pb2.Party:
    return call_pb2.Party(number=number, name=name)


async def test_a_call_over_sip(phone: Phone) -> None:
    response = await phone.originate(sip("answer"))
    assert response.disposition == calls_pb2.DISPOSITION_ANSWERED
    await phone.hang_up(response.call.call_id)


async def test_a_busy_sip_phone_has_a_sip_code(phone: Phone) -> None:
    response = await phone.originate(sip("busy"))

    assert response.disposition == calls_pb2.DISPOSITION_BUSY
    ended = await phone.tape.event("call_ended", response.call.call_id)
    assert ended.call_ended.cause.sip_code == 486


async def test_the_answered_leg_goes_to_an_extension(phone: Phone) -> None:
    response = await phone.originate(loopback("answer"), destination=extension("hangup-after-1"))

    ended = await phone.tape.event("call_ended", response.call.call_id)
    assert ended.call_ended.cause.name == "NORMAL_CLEARING"
    assert ended.call_ended.billable_duration.ToMilliseconds() >= 0


async def test_a_call_id_is_used_once(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.originate(loopback("answer"), call_id=call_id)
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert reason_of(refused.value) == "CALL_ID_TAKEN"


async def test_an_unknown_gateway_is_an_outcome(phone: Phone) -> None:
    response = await phone.originate(
        call_pb2.Endpoint(gateway=call_pb2.GatewayNumber(gateway="nosuch", number="4711"))
    )

    assert response.disposition in (
        calls_pb2.DISPOSITION_FAILED,
        calls_pb2.DISPOSITION_UNREACHABLE,
    )
    assert response.hangup_cause.name == "INVALID_GATEWAY"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"call_id": "not a uuid"}, "call_id"),
        ({"variables": {"api_hangup_hook": "status"}}, "variables"),
        ({"variables": {"execute_on_answer": "hangup"}}, "variables"),
        ({"variables": {"x": "a\nb"}}, "variables"),
        ({"variables": {"x": "}"}}, "variables"),
        ({"variables": {"x": "${uuid}"}}, "variables"),
        ({"variables": {"bad name": "x"}}, "variables"),
        ({"ring_timeout": Duration(seconds=-1)}, "ring_timeout"),
        ({"caller": common_party("12\n34", "")}, "caller"),
        ({"node_id": "bad node"}, "node_id"),
    ],
    ids=str,
)
async def test_what_cannot_be_carried_is_refused_with_the_name_of_the_field(
    phone: Phone, fields: dict[str, object], field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.originate(loopback("answer"), **fields)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(refused.value) == "INVALID_REQUEST"
    assert any(name.startswith(field) for name in violated_fields(refused.value))


@pytest.mark.parametrize(
    "dialled",
    [
        "answer,loopback/busy",
        "answer|busy",
        "answer &echo",
        "answer}x",
        "answer:_:busy",
        "[a=b]answer",
        "answer\nfoo",
        "",
    ],
)
async def test_nothing_breaks_out_of_the_dial_string(phone: Phone, dialled: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.originate(loopback(dialled))

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["endpoints[0].loopback.extension"]


async def test_an_unknown_node_is_not_found(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.originate(loopback("answer"), node_id="nowhere")

    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(refused.value) == "NODE_NOT_FOUND"


async def test_validate_only_places_no_call(phone: Phone) -> None:
    call_id = str(uuid.uuid4())
    await phone.originate(loopback("answer"), call_id=call_id, validate_only=True)

    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=call_id), timeout=DEADLINE_S)
    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(missing.value) == "CALL_NOT_FOUND"


async def test_the_full_view_has_the_variables(phone: Phone) -> None:
    call_id = await phone.answered(variables={"contract_value": "seen"})
    full = await phone.calls.GetCall(
        calls_pb2.GetCallRequest(call_id=call_id, view=common_pb2.VIEW_FULL), timeout=DEADLINE_S
    )
    basic = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=call_id), timeout=DEADLINE_S)
    await phone.hang_up(call_id)

    assert full.call.variables["contract_value"] == "seen"
    assert not basic.call.variables


async def test_a_call_that_was_accepted_can_be_read_and_ended_at_once(phone: Phone) -> None:
    for _ in range(5):
        response = await phone.originate(loopback("ring"), wait_until=calls_pb2.WAIT_UNTIL_ACCEPTED)
        call_id = response.call.call_id
        read = await phone.calls.GetCall(
            calls_pb2.GetCallRequest(call_id=call_id), timeout=DEADLINE_S
        )
        ended = await phone.calls.Hangup(
            calls_pb2.HangupRequest(call_id=call_id), timeout=DEADLINE_S
        )
        await phone.tape.event("call_ended", call_id)

        assert read.call.call_id == call_id
        assert ended.status.confirmation == common_pb2.CONFIRMATION_CONFIRMED


async def test_a_call_that_never_becomes_a_channel_ends_all_the_same(phone: Phone) -> None:
    call_id = new_id()
    response = await phone.originate(
        call_pb2.Endpoint(gateway=call_pb2.GatewayNumber(gateway="nosuch", number="4711")),
        call_id=call_id,
        wait_until=calls_pb2.WAIT_UNTIL_ACCEPTED,
        labels={"tenant": "acme"},
    )
    ended = await phone.tape.event("call_ended", call_id)

    assert response.disposition == calls_pb2.DISPOSITION_UNSPECIFIED
    assert ended.call_ended.cause.name == "INVALID_GATEWAY"
    assert dict(ended.labels) == {"tenant": "acme"}
