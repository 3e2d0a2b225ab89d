"""AttendedTransfer: a bridged leg asks somebody first, and both ways in which that ends."""

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

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
ANSWERED = calls_pb2.WAIT_UNTIL_ANSWERED


async def consult(
    phone: Phone, call_id: str, dialled: str, **fields: object
) -> calls_pb2.AttendedTransferResponse:
    request = calls_pb2.AttendedTransferRequest(
        call_id=call_id, endpoint=loopback(dialled), wait_until=ANSWERED
    )
    request.MergeFrom(calls_pb2.AttendedTransferRequest(**fields))  # type: ignore[arg-type]  # test sugar
    return await phone.calls.AttendedTransfer(request, timeout=DEADLINE_S)


async def connected(phone: Phone, first: str, second: str, after: int) -> None:
    """Two calls speak with each other, by an event that is not among the first so many."""
    pair = {first, second}
    known = phone.tape.events[:after]
    await phone.tape.event(
        "call_bridged",
        where=lambda e: (
            {e.call_bridged.call_id, e.call_bridged.peer_call_id} == pair and e not in known
        ),
    )


def story(phone: Phone, after: int, *call_ids: str) -> list[str]:
    """Who met and left whom, and who ended, in order, each call by its letter."""
    letters = dict(zip(call_ids, "ABC", strict=True))
    told = []
    for event in phone.tape.events[after:]:
        match event.WhichOneof("payload"):
            case "call_bridged":
                pair = (event.call_bridged.call_id, event.call_bridged.peer_call_id)
                told.append(f"{'-'.join(sorted(letters.get(each, '?') for each in pair))} meet")
            case "call_unbridged":
                pair = (event.call_unbridged.call_id, event.call_unbridged.peer_call_id)
                told.append(f"{'-'.join(sorted(letters.get(each, '?') for each in pair))} part")
            case "call_state_changed" if event.call_id in letters:
                if event.call_state_changed.call.state == State.STATE_ENDING:
                    told.append(f"{letters[event.call_id]} ends")
            case "application_finished" if event.application_finished.application.name == (
                "att_xfer"
            ):
                told.append("consulted")
    return told


async def test_the_end_of_the_leg_connects_its_partner_with_the_one_consulted(
    phone: Phone,
) -> None:
    first, second = await phone.bridged()
    response = await consult(phone, first, "ring-answer")
    third = response.consulted_call_id
    speaking = await phone.now(first)
    await connected(phone, first, third, 0)
    after = len(phone.tape.events)
    ending = phone.calls.Hangup(calls_pb2.HangupRequest(call_id=first), timeout=DEADLINE_S)
    await connected(phone, second, third, after)
    told = story(phone, after, first, second, third)
    partner = await phone.now(second)
    await phone.hang_up(second)
    await phone.tape.event("call_ended", third)
    # the switch keeps the leg at times for as long as those two speak
    await ending
    await phone.tape.event("call_ended", first)

    assert response.status.confirmation == CONFIRMED
    assert response.disposition == calls_pb2.DISPOSITION_ANSWERED
    assert speaking.bridged_call_id == third
    # the others of its events come at times with its end alone
    assert [each for each in told if each not in ("consulted", "A-B part")] == [
        "A ends",
        "A-C part",
        "B-C meet",
    ]
    assert partner.bridged_call_id == third


async def test_the_end_of_the_one_consulted_brings_the_two_together_again(phone: Phone) -> None:
    first, second = await phone.bridged()
    response = await consult(phone, first, "answer")
    third = response.consulted_call_id
    await connected(phone, first, third, 0)
    after = len(phone.tape.events)
    await phone.hang_up(third)
    await connected(phone, first, second, after)
    told = story(phone, after, first, second, third)
    call, partner = await phone.now(first), await phone.now(second)
    await phone.hang_up(first)
    await phone.tape.event("call_ended", second)

    assert [each for each in told if each != "consulted"] == [
        "C ends",
        "A-C part",
        "A-B part",
        "A-B meet",
    ]
    assert "consulted" in told
    assert (call.bridged_call_id, partner.bridged_call_id) == (second, first)


@pytest.mark.parametrize(
    ("dialled", "disposition", "cause"),
    [("busy", "BUSY", "USER_BUSY"), ("nobody", "UNREACHABLE", "NO_ROUTE_DESTINATION")],
)
async def test_one_who_does_not_answer_is_an_outcome_and_the_two_go_on(
    phone: Phone, dialled: str, disposition: str, cause: str
) -> None:
    first, second = await phone.bridged()
    response = await consult(phone, first, dialled)
    call = await phone.now(first)
    await phone.hang_up(first)
    await phone.tape.event("call_ended", second)

    assert response.disposition == calls_pb2.Disposition.Value(f"DISPOSITION_{disposition}")
    assert response.hangup_cause.name == cause
    assert call.bridged_call_id == second


async def test_nobody_answers_in_time_and_the_two_go_on(phone: Phone) -> None:
    first, second = await phone.bridged()
    response = await consult(phone, first, "ring", ring_timeout=Duration(seconds=1))
    call = await phone.now(first)
    await phone.hang_up(first)
    await phone.tape.event("call_ended", second)

    assert response.disposition == calls_pb2.DISPOSITION_NO_ANSWER
    assert call.bridged_call_id == second


async def test_it_returns_when_the_one_consulted_rings_and_is_called_off(phone: Phone) -> None:
    first, second = await phone.bridged()
    response = await consult(phone, first, "ring", wait_until=calls_pb2.WAIT_UNTIL_RINGING)
    ringing = await phone.now(response.consulted_call_id)
    await phone.hang_up(response.consulted_call_id)
    await phone.tape.event(
        "application_finished",
        first,
        lambda e: e.application_finished.operation_id == response.operation_id,
    )
    call = await phone.now(first)
    await phone.hang_up(first)
    await phone.tape.event("call_ended", second)

    assert response.disposition == calls_pb2.DISPOSITION_UNSPECIFIED
    assert ringing.state == State.STATE_RINGING
    assert call.bridged_call_id == second


async def test_the_end_of_the_leg_before_the_answer_ends_all_three(phone: Phone) -> None:
    first, second = await phone.bridged()
    response = await consult(phone, first, "ring", wait_until=calls_pb2.WAIT_UNTIL_ACCEPTED)
    await phone.tape.event("call_created", response.consulted_call_id)
    await phone.hang_up(first)
    await phone.tape.event("call_ended", second)
    await phone.tape.event("call_ended", response.consulted_call_id)

    assert response.status.confirmation == CONFIRMED


async def test_when_the_partner_ends_the_two_who_speak_go_on(phone: Phone) -> None:
    first, second = await phone.bridged()
    response = await consult(phone, first, "answer")
    await phone.hang_up(second)
    call = await phone.now(first)
    await phone.hang_up(first)
    await phone.tape.event("call_ended", response.consulted_call_id)

    assert call.bridged_call_id == response.consulted_call_id


async def test_the_other_of_the_two_consults_as_well(phone: Phone) -> None:
    first, second = await phone.bridged()
    response = await consult(phone, second, "answer")
    third = response.consulted_call_id
    after = len(phone.tape.events)
    ending = phone.calls.Hangup(calls_pb2.HangupRequest(call_id=second), timeout=DEADLINE_S)
    await connected(phone, first, third, after)
    await phone.hang_up(first)
    await phone.tape.event("call_ended", third)
    await ending
    await phone.tape.event("call_ended", second)

    assert response.disposition == calls_pb2.DISPOSITION_ANSWERED


async def test_a_leg_without_a_partner_has_nobody_to_transfer(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await consult(phone, call_id, "answer")
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"


async def test_what_is_wrong_is_told_by_the_names_of_the_fields(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await consult(phone, new_id(), "a,b", caller=call_pb2.Party(number="1 2"))
    with pytest.raises(grpc.aio.AioRpcError) as empty:
        await phone.calls.AttendedTransfer(
            calls_pb2.AttendedTransferRequest(call_id="a b"), timeout=DEADLINE_S
        )

    assert sorted(violated_fields(refused.value)) == [
        "caller.number",
        "endpoint.loopback.extension",
    ]
    assert {"call_id", "endpoint"} <= set(violated_fields(empty.value))


async def test_a_call_nobody_knows_and_one_that_has_ended(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.hang_up(call_id)
    reasons = []
    for missing in (new_id(), call_id):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await consult(phone, missing, "answer")
        reasons.append(reason_of(refused.value))

    assert reasons == ["CALL_NOT_FOUND", "CALL_ENDED"]
