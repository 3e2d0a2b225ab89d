"""Deflect and SendMessage: what is asked of the far end by SIP, and what it says to it."""

import asyncio

import grpc
import pytest
from tests.contract.phone import (
    DEADLINE_S,
    SIP_PORT,
    SWITCH_HOSTS,
    Phone,
    State,
    new_id,
    reason_of,
    sip,
    violated_fields,
)
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import common_pb2, event_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
ACCEPTED = common_pb2.CONFIRMATION_ACCEPTED
METHOD_MESSAGE = calls_pb2.SendMessageRequest.METHOD_MESSAGE


def uri(user: str) -> str:
    return f"sip:{user}@{SWITCH_HOSTS[-1]}:{SIP_PORT}"


async def deflect(phone: Phone, call_id: str, to: str) -> calls_pb2.DeflectResponse:
    request = calls_pb2.DeflectRequest(call_id=call_id, uri=to)
    return await phone.calls.Deflect(request, timeout=DEADLINE_S)


async def send(
    phone: Phone,
    call_id: str,
    body: str = "hello",
    method: calls_pb2.SendMessageRequest.Method.ValueType = (
        calls_pb2.SendMessageRequest.METHOD_UNSPECIFIED
    ),
    content_type: str = "",
) -> calls_pb2.SendMessageResponse:
    request = calls_pb2.SendMessageRequest(
        call_id=call_id, body=body, method=method, content_type=content_type
    )
    return await phone.calls.SendMessage(request, timeout=DEADLINE_S)


async def calls_in(phone: Phone, switch: SwitchUnderTest, dialled: str) -> str:
    """A telephone calls the switch over SIP; the id of the inbound leg."""
    if switch.simulator is not None:
        switch.simulator.call_in(dialled)
    else:
        await phone.originate(sip(dialled), wait_until=calls_pb2.WAIT_UNTIL_ACCEPTED)

    def is_inbound(event: event_pb2.Event) -> bool:
        return event.call_created.call.direction == event.call_created.call.DIRECTION_INBOUND

    return (await phone.tape.event("call_created", where=is_inbound)).call_id


async def test_an_answered_call_is_deflected(phone: Phone) -> None:
    call_id = await phone.answered("connect-answer", over=sip)
    deflected = await deflect(phone, call_id, uri("ring"))
    ended = await phone.tape.event("call_ended", call_id)

    assert deflected.status.confirmation == CONFIRMED
    assert (deflected.sip_code, deflected.sip_phrase) == (200, "OK")
    assert ended.call_ended.cause.name == "BLIND_TRANSFER"


async def test_a_far_end_that_refuses_to_call_elsewhere_is_an_outcome(phone: Phone) -> None:
    # the switch ends the call all the same
    call_id = await phone.answered(over=sip)
    deflected = await deflect(phone, call_id, uri("ring"))
    ended = await phone.tape.event("call_ended", call_id)

    assert deflected.status.confirmation == CONFIRMED
    assert (deflected.sip_code, deflected.sip_phrase) == (403, "Forbidden")
    assert ended.call_ended.cause.name == "BLIND_TRANSFER"


@pytest.mark.parametrize("dialled", ["inbound-park", "early"])
async def test_an_inbound_call_is_turned_elsewhere_before_the_answer(
    phone: Phone, switch: SwitchUnderTest, dialled: str
) -> None:
    call_id = await calls_in(phone, switch, dialled)
    await phone.tape.event("call_state_changed", call_id)
    deflected = await deflect(phone, call_id, f"{uri('answer')};transport=udp")
    ended = await phone.tape.event("call_ended", call_id)

    assert deflected.status.confirmation == CONFIRMED
    assert deflected.sip_code == 0
    assert deflected.call.state == State.STATE_ENDED
    assert ended.call_ended.cause.name == "NORMAL_UNSPECIFIED"


async def test_who_was_turned_elsewhere_calls_there(phone: Phone, switch: SwitchUnderTest) -> None:
    if not switch.is_real:
        return  # its telephones do not follow
    response = await phone.originate(sip("inbound-park"), wait_until=calls_pb2.WAIT_UNTIL_RINGING)
    far = await calls_in_event(phone)
    await deflect(phone, far, uri("answer"))
    answered = await phone.tape.event(
        "call_state_changed",
        response.call.call_id,
        lambda e: e.call_state_changed.call.state == State.STATE_ACTIVE,
    )
    await phone.hang_up(response.call.call_id)

    assert answered.call_state_changed.call.HasField("answer_time")


async def calls_in_event(phone: Phone) -> str:
    created = await phone.tape.event(
        "call_created",
        where=lambda e: e.call_created.call.direction == e.call_created.call.DIRECTION_INBOUND,
    )
    return created.call_id


async def test_an_outbound_call_cannot_be_deflected_before_the_answer(phone: Phone) -> None:
    # the switch would end it
    response = await phone.originate(sip("ring"), wait_until=calls_pb2.WAIT_UNTIL_RINGING)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await deflect(phone, response.call.call_id, uri("answer"))
    await phone.hang_up(response.call.call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"


async def test_a_call_without_sip_is_neither_deflected_nor_written_to(phone: Phone) -> None:
    call_id = await phone.answered()
    reasons = []
    for request in (deflect(phone, call_id, uri("answer")), send(phone, call_id)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await request
        reasons.append((refused.value.code(), reason_of(refused.value)))
    await phone.hang_up(call_id)

    assert reasons == [(grpc.StatusCode.FAILED_PRECONDITION, "CALL_STATE")] * 2


@pytest.mark.parametrize(
    "to",
    [
        "",
        "1000",
        "sip:1000",
        "http://example.org",
        "sip:1000@example.org?Replaces=a",
        "sip:1000@example.org;method=INVITE",
        "sip:1000@example.org;transport=udp;transport=tcp",
        "sip:1000@example.org,sip:1@example.org",
        "<sip:1000@example.org>",
        "sip:1000@example.org USER_BUSY",
        "sip:1000@example.org\nSubject: x",
        "sip:${uuid}@example.org",
        "tel:12;phone-context=x",
    ],
)
async def test_an_uri_that_could_say_more_is_refused(phone: Phone, to: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await deflect(phone, new_id(), to)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["uri"]


BODIES = [
    "hello",
    " a  blank at each end ",
    'it\'s "quoted" \\ and ${uuid}, ^^: ünïcödé',
    "Signal=5\r\nDuration=160\r\n",
    "\tlines\n\nof\rall kinds",
    "-flag",
]


@pytest.mark.parametrize("body", BODIES)
async def test_an_info_arrives_as_it_was_given(
    phone: Phone, switch: SwitchUnderTest, body: str
) -> None:
    call_id = await phone.answered(over=sip)
    async with await RawClient.connect(switch.host, switch.port) as listener:
        await listener.log_in(switch.password)
        await listener.ask("event json RECV_INFO")
        sent = await send(phone, call_id, body, content_type="application/x-test")
        if switch.simulator is not None:
            arrived = switch.simulator.far_end(call_id).messages[-1]
        else:
            async with asyncio.timeout(DEADLINE_S):
                event = await listener.event(SIP_Content_Type="application/x-test")
            arrived = (event["SIP-Content-Type"], event["_body"])
    await phone.hang_up(call_id)

    assert arrived == ("application/x-test", body)
    # the switch does not tell what became of it
    assert sent.status.confirmation == ACCEPTED


async def test_a_message_arrives_and_the_call_goes_on(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    call_id = await phone.answered(over=sip)
    async with await RawClient.connect(switch.host, switch.port) as listener:
        await listener.log_in(switch.password)
        await listener.ask("event json MESSAGE")
        sent = await send(phone, call_id, "hello you", METHOD_MESSAGE)
        if switch.simulator is not None:
            arrived = switch.simulator.far_end(call_id).messages[-1][1]
        else:
            async with asyncio.timeout(DEADLINE_S):
                arrived = (await listener.event(Event_Name="MESSAGE"))["_body"]
    call = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=call_id), timeout=DEADLINE_S)
    await phone.hang_up(call_id)

    assert arrived == "hello you"
    assert sent.status.confirmation == ACCEPTED
    assert call.call.state == State.STATE_PARKED


@pytest.mark.parametrize("body", ["", "a\0b", "bell\a", "x" * 4097])
async def test_a_body_that_cannot_be_carried_is_refused(phone: Phone, body: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await send(phone, new_id(), body)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["body"]


@pytest.mark.parametrize(
    "content_type", ["text", "text/", "/plain", "text/plain; charset=utf-8", "text/pla in", "a/b\n"]
)
async def test_a_malformed_content_type_is_refused(phone: Phone, content_type: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await send(phone, new_id(), content_type=content_type)

    assert violated_fields(refused.value) == ["content_type"]


async def test_a_message_is_plain_text(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await send(phone, new_id(), method=METHOD_MESSAGE, content_type="application/json")

    assert violated_fields(refused.value) == ["content_type"]


async def test_a_call_nobody_knows_is_not_found(phone: Phone) -> None:
    reasons = []
    for request in (deflect(phone, new_id(), uri("answer")), send(phone, new_id())):
        with pytest.raises(grpc.aio.AioRpcError) as missing:
            await request
        reasons.append((missing.value.code(), reason_of(missing.value)))

    assert reasons == [(grpc.StatusCode.NOT_FOUND, "CALL_NOT_FOUND")] * 2


async def test_a_call_that_has_ended_is_over_for_both(phone: Phone) -> None:
    call_id = await phone.answered(over=sip)
    await phone.hang_up(call_id)
    reasons = []
    for request in (deflect(phone, call_id, uri("answer")), send(phone, call_id)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await request
        reasons.append((refused.value.code(), reason_of(refused.value)))

    assert reasons == [(grpc.StatusCode.FAILED_PRECONDITION, "CALL_ENDED")] * 2
