"""DialAndBridge: a leg dials, is connected to who answers, and what becomes of it otherwise."""

import asyncio

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    State,
    loopback,
    new_id,
    reason_of,
    violated_fields,
)
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
ANSWERED = calls_pb2.WAIT_UNTIL_ANSWERED
SIMULTANEOUS = calls_pb2.OriginateRequest.STRATEGY_SIMULTANEOUS


async def dial(
    phone: Phone, call_id: str, *dialled: str, **fields: object
) -> calls_pb2.DialAndBridgeResponse:
    request = calls_pb2.DialAndBridgeRequest(
        call_id=call_id, endpoints=[loopback(name) for name in dialled], wait_until=ANSWERED
    )
    request.MergeFrom(calls_pb2.DialAndBridgeRequest(**fields))  # type: ignore[arg-type]  # test sugar
    return await phone.calls.DialAndBridge(request, timeout=DEADLINE_S)


def story(phone: Phone, *call_ids: str) -> list[str]:
    """What the events told of some calls, in order, each with the letter of its call."""
    letters = dict(zip(call_ids, "ABC", strict=False))
    told = []
    for event in phone.tape.events:
        if event.call_id not in letters or event.WhichOneof("payload") is None:
            continue
        what = str(event.WhichOneof("payload"))
        if what == "call_state_changed":
            what = State.Name(event.call_state_changed.call.state)[6:]
        told.append(f"{letters[event.call_id]} {what}")
    return told


async def test_a_leg_is_connected_to_who_answers(phone: Phone) -> None:
    call_id = await phone.answered()
    response = await dial(phone, call_id, "ring-answer")
    leg = response.legs[0].call_id
    call = await phone.now(call_id)
    await phone.hang_up(call_id)
    await phone.tape.event("call_ended", leg)
    told = story(phone, call_id, leg)
    begun = told[told.index("A application_started", told.index("A PARKED")) :]

    assert response.status.confirmation == CONFIRMED
    assert response.disposition == calls_pb2.DISPOSITION_ANSWERED
    assert response.legs[0].disposition == calls_pb2.DISPOSITION_ANSWERED
    assert call.bridged_call_id == leg
    assert [each for each in begun if each.startswith("B ")][:3] == [
        "B call_created",
        "B RINGING",
        "B ACTIVE",
    ]
    assert begun.index("B ACTIVE") < begun.index("A call_bridged")
    started = [
        event.application_started
        for event in phone.tape.events
        if event.call_id == call_id and event.WhichOneof("payload") == "application_started"
    ]
    assert started[-1].operation_id == response.operation_id
    assert started[-1].application.name == "bridge"


@pytest.mark.parametrize("continue_after", [False, True])
async def test_what_becomes_of_the_leg_when_the_other_ends(
    phone: Phone, *, continue_after: bool
) -> None:
    call_id = await phone.answered()
    response = await dial(phone, call_id, "short", continue_after=continue_after)
    await phone.tape.event("call_ended", response.legs[0].call_id)
    await phone.tape.event(
        "application_finished",
        call_id,
        lambda e: e.application_finished.operation_id == response.operation_id,
    )
    if continue_after:
        # it is where it was before, and takes what comes
        played = await phone.calls.Play(
            calls_pb2.PlayRequest(
                call_id=call_id, sources=[common_pb2.MediaSource(tone_stream="%(100,0,440)")]
            ),
            timeout=DEADLINE_S,
        )
        assert played.status.confirmation == CONFIRMED
        await phone.hang_up(call_id)
    ended = await phone.tape.event("call_ended", call_id)

    assert ended.call_ended.cause.name == "NORMAL_CLEARING"


@pytest.mark.parametrize(
    ("dialled", "disposition", "cause"),
    [
        ("busy", "BUSY", "USER_BUSY"),
        ("reject", "REJECTED", "CALL_REJECTED"),
        ("nobody", "UNREACHABLE", "NO_ROUTE_DESTINATION"),
    ],
)
@pytest.mark.parametrize("continue_after", [False, True])
async def test_a_far_end_that_does_not_answer_is_an_outcome(
    phone: Phone, dialled: str, disposition: str, cause: str, *, continue_after: bool
) -> None:
    call_id = await phone.answered()
    response = await dial(phone, call_id, dialled, continue_after=continue_after)
    call = await phone.now(call_id)
    if continue_after:
        await phone.hang_up(call_id)
    ended = await phone.tape.event("call_ended", call_id)

    assert response.disposition == calls_pb2.Disposition.Value(f"DISPOSITION_{disposition}")
    assert response.hangup_cause.name == cause
    assert response.legs[0].hangup_cause.name == cause
    assert (call.state in (State.STATE_PARKED, State.STATE_ACTIVE)) == continue_after
    assert ended.call_ended.cause.name == ("NORMAL_CLEARING" if continue_after else cause)


async def test_the_second_is_dialled_when_the_first_is_busy(phone: Phone) -> None:
    call_id = await phone.answered()
    response = await dial(phone, call_id, "busy", "answer")
    call = await phone.now(call_id)
    await phone.hang_up(call_id)

    assert [leg.disposition for leg in response.legs] == [
        calls_pb2.DISPOSITION_BUSY,
        calls_pb2.DISPOSITION_ANSWERED,
    ]
    assert response.disposition == calls_pb2.DISPOSITION_ANSWERED
    assert call.bridged_call_id == response.legs[1].call_id


async def test_the_first_of_several_to_answer_wins(phone: Phone) -> None:
    call_id = await phone.answered()
    response = await dial(phone, call_id, "ring", "ring-answer", strategy=SIMULTANEOUS)
    lost = await phone.tape.event("call_ended", response.legs[0].call_id)
    call = await phone.now(call_id)
    await phone.hang_up(call_id)

    assert call.bridged_call_id == response.legs[1].call_id
    assert lost.call_ended.cause.name == "LOSE_RACE"


async def test_nobody_answers_in_time(phone: Phone) -> None:
    call_id = await phone.answered()
    response = await dial(phone, call_id, "ring", ring_timeout=Duration(seconds=1))
    await phone.tape.event("call_ended", call_id)

    assert response.disposition == calls_pb2.DISPOSITION_NO_ANSWER


async def test_it_returns_when_the_far_end_rings_or_at_once(phone: Phone) -> None:
    call_id = await phone.answered()
    rung = await dial(
        phone, call_id, "ring", wait_until=calls_pb2.WAIT_UNTIL_RINGING, continue_after=True
    )
    ringing = await phone.now(rung.legs[0].call_id)
    await phone.hang_up(rung.legs[0].call_id)
    await phone.tape.event(
        "application_finished",
        call_id,
        lambda e: e.application_finished.operation_id == rung.operation_id,
    )
    accepted = await dial(phone, call_id, "ring", wait_until=calls_pb2.WAIT_UNTIL_ACCEPTED)
    await phone.tape.event("call_created", accepted.legs[0].call_id)
    await phone.hang_up(call_id)
    await phone.tape.event("call_ended", accepted.legs[0].call_id)

    assert rung.disposition == accepted.disposition == calls_pb2.DISPOSITION_UNSPECIFIED
    assert ringing.state == State.STATE_RINGING
    assert rung.status.confirmation == accepted.status.confirmation == CONFIRMED


async def test_early_media_is_no_answer(phone: Phone) -> None:
    call_id = await phone.answered()
    response = await dial(phone, call_id, "early", ring_timeout=Duration(seconds=1))
    await phone.tape.event("call_ended", call_id)

    assert response.disposition == calls_pb2.DISPOSITION_NO_ANSWER


async def test_the_leg_ends_while_it_is_dialled_for(phone: Phone) -> None:
    call_id = await phone.answered()
    dialling = dial(phone, call_id, "ring")

    async def end() -> None:
        await phone.tape.event(
            "application_started",
            call_id,
            lambda e: e.application_started.application.name == "bridge",
        )
        await phone.hang_up(call_id)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(end(), name="end")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await dialling

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_ENDED"


async def test_a_client_that_goes_away_leaves_the_dialling_alone(phone: Phone) -> None:
    call_id = await phone.answered()
    request = calls_pb2.DialAndBridgeRequest(
        call_id=call_id, endpoints=[loopback("ring")], wait_until=ANSWERED
    )
    dialling = phone.calls.DialAndBridge(request, timeout=DEADLINE_S)
    await phone.tape.event(
        "call_created",
        where=lambda e: (
            e.call_created.call.channel_name == "loopback/ring-a" and e.call_id != call_id
        ),
    )
    dialling.cancel()
    other = await phone.answered()  # the cancelling has arrived by then
    legs = await phone.calls.ListCalls(calls_pb2.ListCallsRequest(), timeout=DEADLINE_S)
    await phone.hang_up(call_id)
    await phone.hang_up(other)

    assert "loopback/ring-a" in {call.channel_name for call in legs.calls}


async def test_the_legs_have_the_caller_and_the_variables_of_the_request(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    call_id = await phone.answered()
    text = 'it\'s, "x" [y] $5 \\ |'
    caller = call_pb2.Party(number="4711", name="O'Neil, Bob")
    variables = {"contract_text": text}
    response = await dial(phone, call_id, "answer", caller=caller, variables=variables)
    leg = response.legs[0].call_id
    read = await phone.calls.GetVariables(
        calls_pb2.GetVariablesRequest(call_id=leg, names=["contract_text"]), timeout=DEADLINE_S
    )
    shown = [caller.number, caller.name]
    if switch.is_real:  # what the leg shows, and not what the one that dialled for it has
        async with await RawClient.connect(switch.host, switch.port) as listener:
            await listener.log_in(switch.password)
            asked = (f"api uuid_getvar {leg} caller_id_{part}" for part in ("number", "name"))
            shown = [await listener.ask(each) for each in asked]
    await phone.hang_up(call_id)

    assert read.variables["contract_text"] == text
    assert shown == [caller.number, caller.name]


async def test_a_bridged_leg_dials_nobody_else(phone: Phone) -> None:
    call_id = await phone.answered()
    await dial(phone, call_id, "answer")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await dial(phone, call_id, "answer")
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"


async def test_an_inbound_leg_is_answered_by_who_answers_it(phone: Phone) -> None:
    first = await phone.originate(loopback("inbound-park"), wait_until=calls_pb2.WAIT_UNTIL_RINGING)
    far = await phone.other_half(first.call.call_id)
    response = await dial(phone, far, "ring-answer")
    call = await phone.now(far)
    await phone.hang_up(first.call.call_id)

    assert response.disposition == calls_pb2.DISPOSITION_ANSWERED
    assert call.HasField("answer_time")


async def test_an_outbound_leg_that_rings_dials_nobody(phone: Phone) -> None:
    first = await phone.originate(loopback("ring"), wait_until=calls_pb2.WAIT_UNTIL_RINGING)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await dial(phone, first.call.call_id, "answer")
    await phone.hang_up(first.call.call_id)

    assert reason_of(refused.value) == "CALL_STATE"


async def test_what_is_wrong_with_the_far_ends_is_told_by_their_fields(phone: Phone) -> None:
    bad = call_pb2.Endpoint(loopback=call_pb2.Loopback(extension="a,b"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.DialAndBridge(
            calls_pb2.DialAndBridgeRequest(
                call_id="a b",
                endpoints=[bad],
                caller=call_pb2.Party(number="1 2"),
                variables={"execute_on_answer": "x"},
            ),
            timeout=DEADLINE_S,
        )

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert sorted(violated_fields(refused.value)) == [
        "call_id",
        "caller.number",
        "endpoints[0].loopback.extension",
        "variables[execute_on_answer]",
    ]


async def test_a_raw_dial_string_needs_permission(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.DialAndBridge(
            calls_pb2.DialAndBridgeRequest(
                call_id=call_id, endpoints=[call_pb2.Endpoint(raw="loopback/answer")]
            ),
            timeout=DEADLINE_S,
        )
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_a_call_nobody_knows_and_one_that_has_ended(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.hang_up(call_id)
    reasons = []
    for missing in (new_id(), call_id):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await dial(phone, missing, "answer")
        reasons.append(reason_of(refused.value))

    assert reasons == ["CALL_NOT_FOUND", "CALL_ENDED"]
