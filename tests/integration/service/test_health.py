"""Health and reflection, as probes and tools see them."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import grpc
import grpc.aio
import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from tests.support.stage import LIMIT_S, Stage

from callcontrol.rpc.methods import SERVICES

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

Stream = grpc.aio.StreamStreamCall[Message, reflection_pb2.ServerReflectionResponse]

ALL_SERVICES = {*SERVICES, "grpc.health.v1.Health"}


async def watch(channel: grpc.aio.Channel, service: str) -> AsyncIterator[int]:
    """The statuses of a service, as they change."""
    stream = channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    async for response in stream(health_pb2.HealthCheckRequest(service=service)):
        yield response.status


@pytest.mark.parametrize(
    "service",
    [
        "readiness",
        "callcontrol.v1.CallControlService",
        "callcontrol.v1.CallHandlingService",
        "callcontrol.v1.ConferenceService",
    ],
)
async def test_health_follows_the_switch_going_and_coming(stage: Stage, service: str):
    async with stage.channel() as channel, asyncio.timeout(LIMIT_S):
        statuses = watch(channel, service)
        assert await anext(statuses) == SERVING
        await stage.simulator.kill()
        assert await anext(statuses) == NOT_SERVING
        await stage.simulator.start()
        assert await anext(statuses) == SERVING


async def test_the_process_lives_whatever_the_switch_does(stage: Stage):
    async with stage.channel() as channel, asyncio.timeout(LIMIT_S):
        statuses = watch(channel, "readiness")
        assert await anext(statuses) == SERVING
        await stage.simulator.kill()
        assert await anext(statuses) == NOT_SERVING
    assert await stage.client.is_serving("liveness", LIMIT_S)
    assert await stage.client.is_serving("", LIMIT_S)
    assert await stage.client.is_serving("callcontrol.v1.NodeService", LIMIT_S)


async def test_a_name_nobody_gave_is_not_found(stage: Stage):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stage.client.is_serving("nobody", LIMIT_S)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_lists_and_describes_every_service(stage: Stage, version: str):
    names: set[str] = set()
    described: set[str] = set()
    async with stage.channel() as channel, asyncio.timeout(LIMIT_S):
        ask = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        stream = ask()
        await stream.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        listed = await read(stream)
        names |= {service.name for service in listed.list_services_response.service}
        for name in names:
            request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=name)
            await stream.write(request)
            answer = (await read(stream)).file_descriptor_response
            described |= services_in(answer.file_descriptor_proto)
        await stream.done_writing()
        assert await stream.code() is grpc.StatusCode.OK
    assert names >= ALL_SERVICES
    assert described >= names


async def read(stream: Stream) -> reflection_pb2.ServerReflectionResponse:
    """The next answer."""
    answer = await stream.read()
    assert isinstance(answer, reflection_pb2.ServerReflectionResponse)
    return answer


def services_in(files: Iterable[bytes]) -> set[str]:
    """Full names of the services that files define."""
    protos = [descriptor_pb2.FileDescriptorProto.FromString(file) for file in files]
    return {f"{proto.package}.{service.name}" for proto in protos for service in proto.service}
