"""What the API has and this version does not serve is refused, with a reason."""

from collections.abc import AsyncIterator

import grpc
import pytest
from tests.contract.phone import DEADLINE_S, Phone, reason_of

from callcontrol.v1 import call_handling_service_pb2 as handling_pb2
from callcontrol.v1.call_handling_service_pb2_grpc import CallHandlingServiceStub


async def test_workers_cannot_register_yet(phone: Phone) -> None:
    async def nothing() -> AsyncIterator[handling_pb2.HandleCallsRequest]:
        return
        yield

    stream = CallHandlingServiceStub(phone.channel).HandleCalls(nothing(), timeout=DEADLINE_S)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await anext(aiter(stream))

    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert reason_of(refused.value) == "NOT_IMPLEMENTED"
