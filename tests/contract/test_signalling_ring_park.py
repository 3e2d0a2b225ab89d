"""Ring and Park: what proves them, and where they make no sense."""

import grpc
import pytest
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
from callcontrol.v1 import common_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED


async def unanswered(phone: Phone, dialled: str) -> tuple[str, str]:
    """A loopback call that is not answered: our leg, and the inbound one at its far end."""
    response = await phone.originate(loopback(dialled), wait_until=calls_pb2.WAIT_UNTIL_ACCEPTED)
    call_id = response.call.call_id
    return call_id, await phone.other_half(call_id)


async def ring(phone: Phone, call_id: str) -> calls_pb2.RingResponse:
    return await phone.calls.Ring(calls_pb2.RingRequest(call_id=call_id), timeout=DEADLINE_S)


async def park(phone: Phone, call_id: str, *, both: bool = False) -> calls_pb2.ParkResponse:
    request = calls_pb2.ParkRequest(call_id=call_id, both=both)
    return await phone.calls.Park(request, timeout=DEADLINE_S)


async def bridged(phone: Phone) -> tuple[str, str]:
    first, second = await phone.answered(), await phone.answered()
    await phone.calls.Bridge(
        calls_pb2.BridgeRequest(call_id=first, peer_call_id=second), timeout=DEADLINE_S
    )
    return first, second


async def test_an_inbound_leg_rings_and_its_caller_hears_it(phone: Phone) -> None:
    call_id, far = await unanswered(phone, "answer-20")
    rung = await ring(phone, far)
    await phone.tape.event(
        "call_state_changed",
        call_id,
        lambda e: e.call_state_changed.call.state == State.STATE_RINGING,
    )
    again = await ring(phone, far)
    await phone.hang_up(call_id)

    assert rung.status.confirmation == CONFIRMED
    assert again.status.confirmation == CONFIRMED
    assert phone.tape.states(far)[0] == "RINGING"


async def test_an_outbound_leg_cannot_be_rung_from_here(phone: Phone) -> None:
    # the switch says that it is, and does nothing
    call_id, _ = await unanswered(phone, "answer-20")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ring(phone, call_id)
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"


@pytest.mark.parametrize("dialled", ["answer", "early"])
async def test_what_has_media_does_not_ring_any_more(phone: Phone, dialled: str) -> None:
    call_id, far = await unanswered(phone, dialled)
    await phone.tape.event(
        "call_state_changed",
        far,
        lambda e: e.call_state_changed.call.state in (State.STATE_ACTIVE, State.STATE_EARLY_MEDIA),
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ring(phone, far)
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"


async def test_one_of_two_is_parked_and_the_other_ends(phone: Phone) -> None:
    first, second = await bridged(phone)
    parked = await park(phone, first)
    await phone.tape.event("call_ended", second)
    await phone.hang_up(first)

    assert parked.status.confirmation == CONFIRMED
    assert parked.call.state == State.STATE_PARKED
    assert parked.call.bridged_call_id == ""


async def test_both_of_two_are_parked(phone: Phone) -> None:
    first, second = await bridged(phone)
    parked = await park(phone, first, both=True)
    other = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=second), timeout=DEADLINE_S)
    await phone.hang_up(first)
    await phone.hang_up(second)

    assert parked.status.confirmation == CONFIRMED
    assert parked.call.state == State.STATE_PARKED
    assert other.call.state == State.STATE_PARKED


async def test_what_is_parked_is_parked_again(phone: Phone) -> None:
    call_id = await phone.answered()
    parked = await park(phone, call_id)
    await phone.hang_up(call_id)

    assert parked.status.confirmation == CONFIRMED
    assert parked.call.state == State.STATE_PARKED


async def test_a_leg_that_is_not_answered_is_parked_and_keeps_its_state(phone: Phone) -> None:
    call_id, far = await unanswered(phone, "ring")
    await phone.tape.event("call_state_changed", far)
    parked = await park(phone, far)
    await phone.hang_up(call_id)

    assert parked.status.confirmation == CONFIRMED
    assert parked.call.state == State.STATE_RINGING


async def test_both_of_one_cannot_be_parked(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await park(phone, call_id, both=True)
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"


@pytest.mark.parametrize("verb", [ring, park])
async def test_a_call_nobody_knows_is_not_found(phone: Phone, verb: object) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await (ring if verb is ring else park)(phone, new_id())

    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(missing.value) == "CALL_NOT_FOUND"


@pytest.mark.parametrize("verb", [ring, park])
async def test_a_call_that_has_ended_takes_neither(phone: Phone, verb: object) -> None:
    call_id = await phone.answered()
    await phone.hang_up(call_id)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await (ring if verb is ring else park)(phone, call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) in ("CALL_ENDED", "CALL_STATE")


@pytest.mark.parametrize("verb", [ring, park])
async def test_a_malformed_call_id_is_refused(phone: Phone, verb: object) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await (ring if verb is ring else park)(phone, "all\napi status")

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["call_id"]
