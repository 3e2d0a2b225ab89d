"""grpc.health.v1 as probes and balancers use it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from tests.support.raw_http2 import peer_without_window
from tests.support.rpc import Replica, replica

from callcontrol.rpc.methods import SERVICES

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
WATCH = "/grpc.health.v1.Health/Watch"


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Replica]:
    async with replica() as running:
        yield running


def health_of(served: Replica) -> Any:  # Any: the stubs of grpc_health know no methods
    return HealthStub(served.channel)


async def check(served: Replica, name: str) -> int:
    request = health_pb2.HealthCheckRequest(service=name)
    answer = await health_of(served).Check(request, timeout=5)
    return int(answer.status)


async def test_a_process_that_is_not_ready_is_alive_all_the_same(served):
    assert await check(served, "") == SERVING
    assert await check(served, "liveness") == SERVING
    assert await check(served, "readiness") == NOT_SERVING
    for service in SERVICES:
        assert await check(served, service) == NOT_SERVING


async def test_each_service_can_become_ready_by_itself(served):
    served.server.health.set_serving("callcontrol.v1.NodeService", serving=True)
    assert await check(served, "callcontrol.v1.NodeService") == SERVING
    assert await check(served, "callcontrol.v1.EventService") == NOT_SERVING
    served.server.health.set_all_ready(serving=True)
    assert await check(served, "readiness") == SERVING
    assert await check(served, "callcontrol.v1.EventService") == SERVING


async def test_a_service_nobody_knows_is_not_found(served):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await check(served, "no.such.Service")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def message_class(name: str) -> Any:  # Any: the type stubs do not have List yet
    return getattr(health_pb2, name)


async def test_a_list_has_every_name(served):
    list_all = served.channel.unary_unary(
        "/grpc.health.v1.Health/List",
        request_serializer=Message.SerializeToString,
        response_deserializer=message_class("HealthListResponse").FromString,
    )
    answer = await list_all(message_class("HealthListRequest")(), timeout=5)
    assert set(answer.statuses) == {"", "liveness", "readiness", *SERVICES}
    assert answer.statuses["liveness"].status == SERVING


async def test_a_watcher_sees_each_change_and_the_end(served):
    health = served.server.health
    stream = health_of(served).Watch(health_pb2.HealthCheckRequest(service="readiness"))
    assert (await stream.read()).status == NOT_SERVING
    health.set_all_ready(serving=True)
    assert (await stream.read()).status == SERVING
    health.leave()
    assert (await stream.read()).status == NOT_SERVING
    health.close()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stream.read()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_watcher_of_an_unknown_service_is_told_so_and_waits(served):
    stream = health_of(served).Watch(health_pb2.HealthCheckRequest(service="none"))
    assert (await stream.read()).status == SERVICE_UNKNOWN
    stream.cancel()


async def test_when_the_process_leaves_only_liveness_still_serves(served):
    served.server.health.set_all_ready(serving=True)
    served.server.health.leave()
    assert await check(served, "") == NOT_SERVING
    assert await check(served, "readiness") == NOT_SERVING
    assert await check(served, "liveness") == SERVING


async def test_a_node_that_comes_back_while_the_process_leaves_makes_nothing_ready(served):
    served.server.health.leave()
    served.server.health.set_serving("readiness", serving=True)
    served.server.health.set_all_ready(serving=True)
    assert await check(served, "readiness") == NOT_SERVING
    assert await check(served, "callcontrol.v1.CallControlService") == NOT_SERVING


async def test_a_watcher_that_does_not_read_blocks_nobody(served):
    health = served.server.health
    request = health_pb2.HealthCheckRequest(service="readiness")
    deaf = peer_without_window(served.port, WATCH, request.SerializeToString())
    other = health_of(served).Watch(request)
    assert (await other.read()).status == NOT_SERVING
    async with deaf as peer:
        for serving in (True, False) * 20:
            health.set_all_ready(serving=serving)
            assert (await other.read()).status == (SERVING if serving else NOT_SERVING)
            assert await check(served, "readiness") == (SERVING if serving else NOT_SERVING)
        health.leave()
        health.close()
        with pytest.raises(grpc.aio.AioRpcError):
            await other.read()
        async with asyncio.timeout(5):
            await served.server.stop(0)
        assert peer.data_frames == 0


async def test_bytes_that_are_no_request_are_refused(served):
    for name in ("Check", "Watch"):
        method = served.channel.unary_stream(f"/grpc.health.v1.Health/{name}")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(b"\xff\xff").read()
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
