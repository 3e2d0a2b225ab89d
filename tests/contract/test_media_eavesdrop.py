"""Listening in: what proves it, how it ends, and who cannot."""

from collections.abc import Callable

import grpc
import pytest
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    loopback,
    new_id,
    parked,
    reason_of,
    sip,
    violated_fields,
)

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED


async def listen(
    phone: Phone, call_id: str, listener: str, mode: str = "LISTEN"
) -> calls_pb2.EavesdropResponse:
    request = calls_pb2.EavesdropRequest(
        call_id=call_id,
        listener_call_id=listener,
        mode=calls_pb2.EavesdropRequest.Mode.Value(f"MODE_{mode}"),
    )
    return await phone.calls.Eavesdrop(request, timeout=DEADLINE_S)


async def conversation(
    phone: Phone, over: Callable[[str], call_pb2.Endpoint] = loopback
) -> tuple[str, str, str]:
    """Two legs that talk, and a third one."""
    first, second, third = [await phone.answered(over=over) for _ in range(3)]
    await phone.calls.Bridge(
        calls_pb2.BridgeRequest(call_id=first, peer_call_id=second), timeout=DEADLINE_S
    )
    return first, second, third


async def end(phone: Phone, *call_ids: str) -> None:
    for call_id in call_ids:
        await phone.hang_up(call_id)


@pytest.mark.parametrize("over", [loopback, sip])
@pytest.mark.parametrize("mode", ["LISTEN", "WHISPER", "JOIN"])
async def test_a_leg_is_let_in_and_stops_when_it_is_parked(
    phone: Phone, mode: str, over: Callable[[str], call_pb2.Endpoint]
) -> None:
    first, second, third = await conversation(phone, over)
    begun = await listen(phone, first, third, mode)
    started = await phone.tape.event(
        "application_started",
        third,
        lambda e: e.application_started.operation_id == begun.operation_id,
    )
    await phone.calls.Park(calls_pb2.ParkRequest(call_id=third), timeout=DEADLINE_S)
    finished = await phone.tape.event(
        "application_finished",
        third,
        lambda e: e.application_finished.operation_id == begun.operation_id,
    )
    await end(phone, first, second, third)

    assert begun.status.confirmation == CONFIRMED
    assert started.application_started.application.name == "eavesdrop"
    assert started.application_started.application.data == first
    assert finished.application_finished.application.name == "eavesdrop"


async def test_it_ends_with_the_leg_that_is_listened_to(phone: Phone) -> None:
    first, second, third = await conversation(phone)
    begun = await listen(phone, first, third)
    await end(phone, first)
    await phone.tape.event(
        "application_finished",
        third,
        lambda e: e.application_finished.operation_id == begun.operation_id,
    )
    await phone.tape.event("call_ended", second)
    left = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=third), timeout=DEADLINE_S)
    await end(phone, third)

    assert left.call.state == call_pb2.Call.STATE_PARKED


async def test_two_listen_to_one(phone: Phone) -> None:
    first, second, third = await conversation(phone)
    fourth = await phone.answered()
    both = [await listen(phone, first, each) for each in (third, fourth)]
    await end(phone, first, second, third, fourth)

    assert [each.status.confirmation for each in both] == [CONFIRMED, CONFIRMED]


async def test_the_keys_of_the_listener_do_nothing(phone: Phone) -> None:
    first, second, third = await conversation(phone)
    begun = await listen(phone, first, third)
    await phone.calls.SendDtmf(
        calls_pb2.SendDtmfRequest(call_id=third, digits="*", as_received=True), timeout=DEADLINE_S
    )
    others = [e for e in phone.tape.events if e.WhichOneof("payload") == "application_finished"]
    await end(phone, first, second, third)

    assert begun.operation_id not in [e.application_finished.operation_id for e in others]


async def test_a_leg_cannot_listen_to_itself(phone: Phone) -> None:
    call_id = new_id()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await listen(phone, call_id, call_id)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["listener_call_id"]


@pytest.mark.parametrize("target", ["all", "${uuid}", "a b", ""])
async def test_only_a_leg_can_be_listened_to(phone: Phone, target: str) -> None:
    listener = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await listen(phone, target, listener)
    await end(phone, listener)

    # `all` could be the id of a call, and is looked for among those that are known
    expected = grpc.StatusCode.NOT_FOUND if target == "all" else grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.code() == expected


@pytest.mark.parametrize("unanswered", ["call_id", "listener_call_id"])
async def test_a_leg_that_rings_neither_listens_nor_is_listened_to(
    phone: Phone, unanswered: str
) -> None:
    answered = await phone.answered()
    rings = await phone.originate(
        loopback("ring"), destination=parked(), wait_until=calls_pb2.WAIT_UNTIL_RINGING
    )
    ids = {"call_id": answered, "listener_call_id": answered, unanswered: rings.call.call_id}
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await listen(phone, ids["call_id"], ids["listener_call_id"])
    await end(phone, answered, rings.call.call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"


@pytest.mark.parametrize("missing", ["call_id", "listener_call_id"])
async def test_a_leg_nobody_knows_is_not_found(phone: Phone, missing: str) -> None:
    answered = await phone.answered()
    ids = {"call_id": answered, "listener_call_id": answered, missing: new_id()}
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await listen(phone, ids["call_id"], ids["listener_call_id"])
    await end(phone, answered)

    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(refused.value) == "CALL_NOT_FOUND"
