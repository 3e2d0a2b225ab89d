"""Repeating an Originate: in the same service, in one that was restarted, and beside each other."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.phone import (
    CONTEXT,
    DEADLINE_S,
    Phone,
    State,
    loopback,
    new_id,
    parked,
    reason_of,
    sip,
)
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.app import running_service
from callcontrol.config_sources import load
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2, event_pb2


def request(endpoint: call_pb2.Endpoint, **fields: object) -> pb.OriginateRequest:
    """A request with an id of its own."""
    made = pb.OriginateRequest(
        request_id=new_id(),
        endpoints=[endpoint],
        destination=parked(),
        wait_until=pb.WAIT_UNTIL_ANSWERED,
    )
    made.MergeFrom(pb.OriginateRequest(**fields))  # type: ignore[arg-type]  # test sugar
    return made


async def originate(phone: Phone, wanted: pb.OriginateRequest) -> pb.OriginateResponse:
    return await phone.calls.Originate(wanted, timeout=DEADLINE_S)


@asynccontextmanager
async def another(switch: SwitchUnderTest) -> AsyncIterator[Phone]:
    """A client of another service, which remembers nothing of what the first was asked."""
    settings: Mapping[str, object] = {
        "nodes": f"switch={switch.host}:{switch.port}",
        "password": switch.password,
        "listen": "127.0.0.1:0",
        "default_context": CONTEXT,
        "stream_notice_s": 0,
        "stream_spread_s": 0,
    }
    async with running_service(load(dict(settings))) as service:
        async with asyncio.timeout(DEADLINE_S):
            await service.wait_ready()
        async with Phone.connect(f"127.0.0.1:{service.port}") as phone:
            yield phone


def calls_made(phone: Phone) -> set[str]:
    """Legs that we made and that this client has heard of."""
    return {
        event.call_id
        for event in phone.tape.events
        if event.WhichOneof("payload") == "call_created"
        and event.call_created.call.direction == call_pb2.Call.DIRECTION_OUTBOUND
    }


async def our_leg(phone: Phone) -> event_pb2.Event:
    """The beginning of the first leg that we make, not of its other half in the switch."""
    return await phone.tape.event(
        "call_created",
        where=lambda e: e.call_created.call.direction == call_pb2.Call.DIRECTION_OUTBOUND,
    )


async def test_a_repeat_gets_the_same_call_and_is_told_so(phone: Phone) -> None:
    wanted = request(loopback("answer"))
    first, second = await originate(phone, wanted), await originate(phone, wanted)
    await phone.hang_up(first.call.call_id)

    assert first.call.call_id == second.call.call_id
    assert (first.status.replayed, second.status.replayed) == (False, True)
    assert calls_made(phone) == {first.call.call_id}


async def test_another_service_finds_the_call_of_the_first(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    wanted = request(sip("answer"), labels={"team": "a"})
    first = await originate(phone, wanted)
    async with another(switch) as other:
        second = await originate(other, wanted)
    await phone.hang_up(first.call.call_id)

    assert second.status.replayed
    assert second.disposition == pb.DISPOSITION_ANSWERED
    assert second.call.call_id == first.call.call_id
    assert dict(second.call.labels) == {"team": "a"}
    assert calls_made(phone) == {first.call.call_id}


async def test_another_service_waits_for_the_answer_to_the_first(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    async with another(switch) as other:
        wanted = request(loopback("ring-answer-2"))
        first = asyncio.create_task(originate(phone, wanted))
        await our_leg(phone)
        second = await originate(other, wanted)
        answered = await first
    await phone.hang_up(answered.call.call_id)

    assert second.status.replayed
    assert second.disposition == pb.DISPOSITION_ANSWERED
    assert second.call.call_id == answered.call.call_id


async def test_another_service_hears_how_the_first_attempt_failed(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    async with another(switch) as other:
        wanted = request(loopback("ring"), ring_timeout=Duration(seconds=2))
        first = asyncio.create_task(originate(phone, wanted))
        await our_leg(phone)
        second = await originate(other, wanted)
        await first

    assert second.status.replayed
    assert second.disposition == pb.DISPOSITION_NO_ANSWER
    assert second.hangup_cause.name == "NO_ANSWER"


async def test_another_service_follows_all_legs_of_the_first(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    wanted = request(loopback("ring"), strategy=pb.OriginateRequest.STRATEGY_SEQUENTIAL)
    wanted.endpoints[0].ring_timeout.FromSeconds(1)
    wanted.endpoints.append(loopback("ring-answer"))
    async with another(switch) as other:
        first = asyncio.create_task(originate(phone, wanted))
        await our_leg(phone)
        second = await originate(other, wanted)
        answered = await first
    await phone.hang_up(answered.call.call_id)

    assert second.disposition == pb.DISPOSITION_ANSWERED
    assert second.call.call_id == answered.legs[1].call_id


async def test_after_a_restart_another_request_with_the_id_is_told_apart(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    wanted = request(loopback("answer"))
    first = await originate(phone, wanted)
    other_request = pb.OriginateRequest()
    other_request.CopyFrom(wanted)
    other_request.labels["team"] = "b"
    async with another(switch) as other:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await originate(other, other_request)
    await phone.hang_up(first.call.call_id)

    assert refused.value.code() == grpc.StatusCode.ABORTED
    assert reason_of(refused.value) == "REQUEST_ID_REUSED"


async def test_a_chosen_id_is_found_again_by_a_repeat_alone(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    wanted = request(loopback("answer"), call_id=new_id())
    first = await originate(phone, wanted)
    stranger = pb.OriginateRequest()
    stranger.CopyFrom(wanted)
    stranger.ClearField("request_id")
    async with another(switch) as other:
        second = await originate(other, wanted)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await originate(other, stranger)
    await phone.hang_up(first.call.call_id)

    assert second.status.replayed
    assert second.call.call_id == wanted.call_id
    assert reason_of(refused.value) == "CALL_ID_TAKEN"


async def test_a_chosen_id_of_a_call_without_a_request_is_taken(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await originate(phone, request(loopback("answer"), call_id=call_id))
    await phone.hang_up(call_id)

    assert reason_of(refused.value) == "CALL_ID_TAKEN"


async def test_who_went_away_gets_the_call_by_repeating(phone: Phone) -> None:
    wanted = request(loopback("ring-answer-2"))
    first = asyncio.create_task(originate(phone, wanted))
    created = await our_leg(phone)
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    second = await originate(phone, wanted)
    third = await originate(phone, wanted)
    await phone.hang_up(second.call.call_id)

    assert second.call.call_id == created.call_id == third.call.call_id
    assert second.disposition == pb.DISPOSITION_ANSWERED
    assert second.status.replayed
    assert calls_made(phone) == {created.call_id}


async def test_who_ran_out_of_time_gets_the_call_by_repeating(phone: Phone) -> None:
    wanted = request(loopback("ring-answer-2"))
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await phone.calls.Originate(wanted, timeout=1.0)
    second = await originate(phone, wanted)
    await phone.hang_up(second.call.call_id)

    assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert second.disposition == pb.DISPOSITION_ANSWERED
    assert calls_made(phone) == {second.call.call_id}


async def test_who_went_away_hears_of_a_failure_by_repeating(phone: Phone) -> None:
    wanted = request(loopback("hangup-USER_BUSY"))
    first = asyncio.create_task(originate(phone, wanted))
    ended = await phone.tape.event(
        "call_ended",
        where=lambda e: e.call_ended.call.direction == call_pb2.Call.DIRECTION_OUTBOUND,
    )
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    second = await originate(phone, wanted)

    assert second.disposition == pb.DISPOSITION_BUSY
    assert second.call.call_id == ended.call_id


async def test_who_waits_for_nothing_gets_the_call_by_repeating(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    wanted = request(loopback("ring"), wait_until=pb.WAIT_UNTIL_ACCEPTED)
    first = await originate(phone, wanted)
    await phone.tape.event("call_created", first.call.call_id)
    async with another(switch) as other:
        second = await originate(other, wanted)
    await phone.hang_up(first.call.call_id)

    assert second.status.replayed
    assert second.status.confirmation == common_pb2.CONFIRMATION_CONFIRMED
    assert second.call.call_id == first.call.call_id


async def test_the_id_of_the_call_follows_from_that_of_the_request(phone: Phone) -> None:
    wanted = request(loopback("busy"), request_id="of-this-test-" + new_id())
    first = await originate(phone, wanted)

    assert uuid.UUID(first.call.call_id).version == 5
    assert first.call.state == State.STATE_ENDED
