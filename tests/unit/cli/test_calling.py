"""Commands on calls, as far as the words of the command line do not matter."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest

from callcontrol.cli.calling import read_calls
from callcontrol.v1 import call_control_service_pb2 as pb

Context = grpc.aio.ServicerContext[pb.ListCallsRequest, pb.ListCallsResponse]


@asynccontextmanager
async def server_that_needs(seconds: float) -> AsyncIterator[str]:
    """A server whose list has no last page, and which takes its time for each; its address."""

    async def list_calls(_: pb.ListCallsRequest, __: Context) -> pb.ListCallsResponse:
        await asyncio.sleep(seconds)
        return pb.ListCallsResponse(next_page_token="more")

    handler = grpc.unary_unary_rpc_method_handler(
        list_calls,
        request_deserializer=pb.ListCallsRequest.FromString,
        response_serializer=pb.ListCallsResponse.SerializeToString,
    )
    name = "callcontrol.v1.CallControlService"
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(name, {"ListCalls": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


@pytest.mark.parametrize("seconds", [0.05, 30], ids=["many pages", "a slow page"])
async def test_a_list_that_takes_too_long_says_that_its_time_is_over(seconds: float):
    async with server_that_needs(seconds) as target:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await read_calls(target, "", pb.ListCallsRequest(), 0.3)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
