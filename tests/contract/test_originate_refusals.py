"""What the switch refuses alike, told apart: a taken id, a pause, and its two limits."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.phone import DEADLINE_S, Phone, loopback, new_id, parked, reason_of
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import call_control_service_pb2 as pb


@asynccontextmanager
async def console(switch: SwitchUnderTest) -> AsyncIterator[RawClient]:
    """A client of the switch beside the service."""
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.log_in(switch.password)
        yield client


@asynccontextmanager
async def changed(switch: SwitchUnderTest, change: str, back: str) -> AsyncIterator[None]:
    """The switch is told something, and told to take it back whatever happens."""
    async with console(switch) as client:
        try:
            await client.ask(f"api fsctl {change}")
            yield
        finally:
            await client.ask(f"api fsctl {back}")


async def setting(switch: SwitchUnderTest, name: str) -> str:
    """A number of the switch."""
    async with console(switch) as client:
        return (await client.ask(f"api fsctl {name}")).split()[-1]


async def refusal(phone: Phone, call_id: str = "") -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.originate(loopback("answer"), call_id=call_id)
    return refused.value


async def refusal_by_then(phone: Phone) -> grpc.aio.AioRpcError:
    """A new rate counts from the switch's next second on; until then it calls."""
    placed: list[str] = []
    while True:
        try:
            # one half of the call may be begun in the last second that is free, the other after it
            response = await phone.originate(loopback("answer"), ring_timeout=Duration(seconds=2))
            placed.append(response.call.call_id)
        except grpc.aio.AioRpcError as error:
            for call_id in placed:
                await phone.hang_up(call_id)
            return error


async def calls_again(phone: Phone) -> None:
    """The rate that was before counts from the next second on, too."""
    while True:
        with contextlib.suppress(grpc.aio.AioRpcError):
            response = await phone.originate(loopback("answer"), ring_timeout=Duration(seconds=2))
            await phone.hang_up(response.call.call_id)
            return


@pytest.mark.parametrize("how", ["pause", "pause outbound"])
async def test_a_paused_switch_calls_nobody(
    phone: Phone, switch: SwitchUnderTest, how: str
) -> None:
    async with changed(switch, how, how.replace("pause", "resume")):
        error = await refusal(phone)

    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(error) == "NODE_PAUSED"


async def test_a_full_switch_calls_nobody(phone: Phone, switch: SwitchUnderTest) -> None:
    before = await setting(switch, "max_sessions")
    call_id = await phone.answered()
    async with changed(switch, "max_sessions 1", f"max_sessions {before}"):
        error = await refusal(phone)
    await phone.hang_up(call_id)

    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason_of(error) == "NODE_FULL"


async def test_a_switch_that_is_asked_too_fast_calls_nobody(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    before = await setting(switch, "sps")
    async with changed(switch, "sps 1", f"sps {before}"):
        error = await refusal_by_then(phone)
    await calls_again(phone)

    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason_of(error) == "NODE_RATE_LIMITED"


async def test_who_waits_for_nothing_hears_of_the_refusal_by_the_end_of_the_call(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    call_id = new_id()
    async with changed(switch, "pause", "resume"):
        response = await phone.originate(
            loopback("answer"), call_id=call_id, wait_until=pb.WAIT_UNTIL_ACCEPTED
        )
        ended = await phone.tape.event("call_ended", call_id)

    assert response.disposition == pb.DISPOSITION_UNSPECIFIED
    assert ended.call_ended.cause.name == "DESTINATION_OUT_OF_ORDER"


async def test_a_refused_request_may_be_repeated(phone: Phone, switch: SwitchUnderTest) -> None:
    request = pb.OriginateRequest(
        request_id=new_id(),
        endpoints=[loopback("answer")],
        destination=parked(),
        wait_until=pb.WAIT_UNTIL_ANSWERED,
    )
    async with changed(switch, "pause", "resume"):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await phone.calls.Originate(request, timeout=DEADLINE_S)
    response = await phone.calls.Originate(request, timeout=DEADLINE_S)
    await phone.hang_up(response.call.call_id)

    assert reason_of(refused.value) == "NODE_PAUSED"
    assert response.disposition == pb.DISPOSITION_ANSWERED
    assert not response.status.replayed


async def test_an_id_that_another_client_of_the_switch_uses_is_taken(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    call_id = new_id()
    async with console(switch) as client:
        await client.ask(
            f"api originate {{origination_uuid={call_id}}}loopback/answer/callcontrol &park"
        )
        error = await refusal(phone, call_id)
        await client.ask(f"api uuid_kill {call_id}")

    assert reason_of(error) == "CALL_ID_TAKEN"
