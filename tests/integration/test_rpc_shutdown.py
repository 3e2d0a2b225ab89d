"""What becomes of requests that are under way when the server has to go."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from tests.support.rpc import CALL_ID, Replica, refusal_of, replica

from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2
from callcontrol.v1.call_control_service_pb2_grpc import CallControlServiceStub


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Replica]:
    async with replica() as running:
        yield running


@pytest.fixture
def calls(served: Replica) -> CallControlServiceStub:
    return CallControlServiceStub(served.channel)


def originate_request() -> pb.OriginateRequest:
    gateway = call_pb2.GatewayNumber(gateway="acme", number="+4930123456")
    return pb.OriginateRequest(
        request_id="r-1",
        endpoints=[call_pb2.Endpoint(gateway=gateway)],
        destination=call_pb2.Destination(park=call_pb2.Park()),
        wait_until=pb.WAIT_UNTIL_ANSWERED,
        hangup_on_cancel=True,
    )


@pytest.mark.parametrize("grace_s", [0.0, 0.2])
async def test_a_call_that_still_rings_when_the_grace_ends_is_not_told_to_be_unsent(
    served, calls, grace_s
):
    asked = calls.Originate(originate_request(), timeout=30)
    await served.node.job_began.wait()
    await served.server.stop(grace_s)
    told = await refusal_of(asked)
    assert (told.code, told.reason) == (grpc.StatusCode.UNKNOWN, "OUTCOME_UNKNOWN")
    assert f"origination_uuid={told.metadata['call_id']}" in served.node.sent[-1]


async def test_our_end_ends_no_call_even_where_a_client_that_goes_would(served, calls):
    asked = calls.Originate(originate_request(), timeout=30)
    await served.node.job_began.wait()
    await served.server.stop(0)
    await refusal_of(asked)
    assert served.control.late_work == 0


async def test_a_client_that_goes_in_the_grace_has_its_call_ended(served, calls):
    asked = calls.Originate(originate_request(), timeout=30)
    await served.node.job_began.wait()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(served.server.stop(10))
        await asyncio.sleep(0)
        asked.cancel()
    assert served.control.late_work == 1


async def test_a_repeat_that_waits_for_the_first_is_told_the_same(served, calls):
    served.place(CALL_ID)
    served.node.hold = asyncio.Event()
    request = pb.SendDtmfRequest(request_id="r-1", call_id=CALL_ID, digits="1")
    asked = [calls.SendDtmf(request, timeout=30) for _ in range(2)]
    await served.node.arrived.wait()
    await served.server.stop(0.2)
    told = [await refusal_of(each) for each in asked]
    assert {each.code for each in told} == {grpc.StatusCode.UNKNOWN}


async def test_a_question_may_be_asked_of_another_replica(served, calls):
    served.place(CALL_ID)
    served.node.hold = asyncio.Event()
    asked = calls.GetVariables(pb.GetVariablesRequest(call_id=CALL_ID), timeout=30)
    await served.node.arrived.wait()
    await served.server.stop(0)
    told = await refusal_of(asked)
    assert (told.code, told.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")


async def test_what_is_done_within_the_grace_has_its_answer(served, calls):
    served.place(CALL_ID)
    served.node.hold = asyncio.Event()
    asked = calls.SendDtmf(pb.SendDtmfRequest(call_id=CALL_ID, digits="1"), timeout=30)
    await served.node.arrived.wait()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(served.server.stop(10))
        await asyncio.sleep(0)
        served.node.hold.set()
    assert (await asked).HasField("status")
