"""The whole API is there: each RPC is registered and reflected, served or refused with a reason."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as reflected
from tests.support.rpc import Refused, Replica, refusal_of, replica

from callcontrol.rpc.methods import SERVICES, Method

METHODS = [method for methods in SERVICES.values() for method in methods]
VERSIONS = ("grpc.reflection.v1alpha", "grpc.reflection.v1")


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Replica]:
    async with replica() as running:
        yield running


async def call(channel: Any, method: Method) -> Refused | None:  # Any: it deals in bytes
    """Send an empty request; what it was told, or None if it succeeded."""
    try:
        match method.streams_requests, method.streams_responses:
            case False, False:
                await channel.unary_unary(method.path)(b"", timeout=5)
            case False, True:
                stream = channel.unary_stream(method.path)(b"")
                await stream.read()
                stream.cancel()
            case _:
                both = channel.stream_stream(method.path)(timeout=5)
                await both.done_writing()
                await both.read()
    except grpc.aio.AioRpcError as error:
        return await refusal_of(_raised(error))
    return None


async def _raised(error: grpc.aio.AioRpcError) -> None:
    raise error


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)
async def test_each_rpc_is_served_or_says_that_it_is_to_come(served, method):
    told = await call(served.channel, method)
    if method in served.server.served:
        assert told is None or told.code is not grpc.StatusCode.UNIMPLEMENTED
        assert told is None or told.reason != "INTERNAL"
        return
    assert told is not None
    assert told.code is grpc.StatusCode.UNIMPLEMENTED
    assert (told.reason, told.domain) == ("NOT_IMPLEMENTED", "callcontrol.v1")
    assert told.metadata == {"feature": method.label}


async def test_what_is_to_come_is_of_two_services(served):
    """So that nothing else falls out of the server's table unseen."""
    missing = {method.label for method in METHODS if method not in served.server.served}
    assert {label.partition("/")[0] for label in missing} <= {
        "CallHandlingService",
        "EventService",
    }
    assert "EventService/Events" not in missing


async def test_a_method_that_does_not_exist_is_refused_with_a_reason_too(served):
    nowhere = served.channel.unary_unary("/callcontrol.v1.CallControlService/Explode")
    told = await refusal_of(nowhere(b"", timeout=5))
    assert (told.code, told.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED")


async def ask(
    served: Replica, version: str, *requests: reflected.ServerReflectionRequest
) -> list[reflected.ServerReflectionResponse]:
    talk = served.channel.stream_stream(
        f"/{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflected.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflected.ServerReflectionResponse.FromString,
    )(timeout=5)
    for request in requests:
        await talk.write(request)
    await talk.done_writing()
    return [response async for response in talk]


@pytest.mark.parametrize("version", VERSIONS)
async def test_reflection_lists_all_services(served, version):
    (answer,) = await ask(served, version, reflected.ServerReflectionRequest(list_services="*"))
    names = {service.name for service in answer.list_services_response.service}
    assert names == {
        *SERVICES,
        "grpc.health.v1.Health",
        *(f"{each}.ServerReflection" for each in VERSIONS),
    }


@pytest.mark.parametrize("version", VERSIONS)
async def test_reflection_describes_each_service_with_each_rpc_and_all_it_depends_on(
    served, version
):
    (answer,) = await ask(served, version, reflected.ServerReflectionRequest(list_services="*"))
    for service in answer.list_services_response.service:
        symbol = reflected.ServerReflectionRequest(file_containing_symbol=service.name)
        (found,) = await ask(served, version, symbol)
        files = [
            FileDescriptorProto.FromString(raw)
            for raw in found.file_descriptor_response.file_descriptor_proto
        ]
        known = {file.name for file in files}
        assert all(needed in known for file in files for needed in file.dependency)
        described = {
            f"{file.package}.{each.name}": {method.name for method in each.method}
            for file in files
            for each in file.service
        }
        if service.name in SERVICES:
            expected = {method.name for method in SERVICES[service.name]}
            assert described[service.name] == expected
        else:
            assert service.name in described


@pytest.mark.parametrize("version", VERSIONS)
async def test_reflection_describes_the_details_of_errors_and_survives_what_it_cannot_find(
    served, version
):
    request = reflected.ServerReflectionRequest
    answers = await ask(
        served,
        version,
        request(file_containing_symbol="google.rpc.ErrorInfo"),
        request(file_containing_symbol="no.such.Thing"),
        request(file_by_filename="no/such/file.proto"),
        request(),
        request(file_by_filename="callcontrol/v1/call.proto"),
    )
    assert [answer.WhichOneof("message_response") for answer in answers] == [
        "file_descriptor_response",
        "error_response",
        "error_response",
        "error_response",
        "file_descriptor_response",
    ]


async def test_reflection_refuses_bytes_that_are_no_request(served):
    talk = served.channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    )(timeout=5)
    await talk.write(b"\xff\xff\xff")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await talk.read()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
