"""Server reflection, v1alpha and v1: the same messages under two names.

The stock servicer only speaks v1alpha. Clients that ask for v1 get the same bytes, and find a
description of that service too, in a pool of our own beside the process's.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Final, cast

import grpc
import grpc.aio
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio

from callcontrol.rpc.aio import Context, MethodHandler

_V1ALPHA: Final = "grpc.reflection.v1alpha"
_V1: Final = "grpc.reflection.v1"
SERVICE_NAMES: Final = (f"{_V1ALPHA}.ServerReflection", f"{_V1}.ServerReflection")

_Request = reflection_pb2.ServerReflectionRequest
_Response = reflection_pb2.ServerReflectionResponse


class Reflection:
    """What the server tells of itself: its services, and the files that describe them and the
    details of its errors.
    """

    def __init__(self, services: tuple[str, ...], files: tuple[FileDescriptor, ...]) -> None:
        pool = DescriptorPool()
        # cast: stubs that are older than these say a type of another implementation of protobuf.
        own = (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR, error_details_pb2.DESCRIPTOR)
        for file in (*files, *cast("tuple[FileDescriptor, ...]", own)):
            _add(pool, file)
        pool.Add(_v1_description())
        self._servicer = aio.ReflectionServicer((*services, *SERVICE_NAMES), pool)

    def handlers(self) -> Mapping[str, MethodHandler]:
        """What grpc.aio is to call, by method name; the same for each of SERVICE_NAMES."""
        return {"ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(self._serve)}

    async def _serve(self, raw_requests: AsyncIterator[bytes], context: Context) -> None:
        async def requests() -> AsyncIterator[_Request]:
            async for raw in raw_requests:
                try:
                    yield _Request.FromString(raw)
                except DecodeError:
                    problem = "not a ServerReflectionRequest"
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, problem)

        # cast: the type stubs take this asynchronous generator for a coroutine.
        answers = cast(
            "AsyncIterator[_Response]", self._servicer.ServerReflectionInfo(requests(), context)
        )
        async for answer in answers:
            await context.write(answer.SerializeToString())


def _add(pool: DescriptorPool, file: FileDescriptor) -> None:
    for dependency in file.dependencies:
        _add(pool, dependency)
    pool.AddSerializedFile(file.serialized_pb)


def _v1_description() -> FileDescriptorProto:
    """reflection.proto of v1: that of v1alpha but for the names."""
    file = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    file.name = file.name.replace("v1alpha", "v1")
    file.package = _V1
    for message in file.message_type:
        for field in message.field:
            if field.type_name:  # to set an empty one is to say that there is one
                field.type_name = field.type_name.replace(_V1ALPHA, _V1)
    for service in file.service:
        for method in service.method:
            method.input_type = method.input_type.replace(_V1ALPHA, _V1)
            method.output_type = method.output_type.replace(_V1ALPHA, _V1)
    return file
