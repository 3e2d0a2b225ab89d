"""What the API consists of: every RPC of `callcontrol.v1`, read from its descriptors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from google.protobuf import message_factory
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message

from callcontrol.v1 import (
    call_control_service_pb2,
    call_handling_service_pb2,
    conference_service_pb2,
    event_service_pb2,
    node_service_pb2,
)

API_FILES: Final[tuple[FileDescriptor, ...]] = (
    call_control_service_pb2.DESCRIPTOR,
    conference_service_pb2.DESCRIPTOR,
    event_service_pb2.DESCRIPTOR,
    call_handling_service_pb2.DESCRIPTOR,
    node_service_pb2.DESCRIPTOR,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One RPC."""

    service: str
    """Full name of its service, for example callcontrol.v1.EventService."""
    name: str
    request_type: type[Message]
    response_type: type[Message]
    is_mutating: bool
    """Whether it changes something: all that the API does not mark NO_SIDE_EFFECTS."""
    streams_requests: bool
    streams_responses: bool

    @property
    def path(self) -> str:
        """What stands on the wire, for example /callcontrol.v1.EventService/Events."""
        return f"/{self.service}/{self.name}"

    @property
    def label(self) -> str:
        """Service and method without the package, for logs and metrics."""
        return f"{self.service.rpartition('.')[2]}/{self.name}"

    @property
    def tells_status(self) -> bool:
        """Whether its response has a CommandStatus, which says what was proved and replayed."""
        return "status" in self.response_type.DESCRIPTOR.fields_by_name


def _read(descriptor: MethodDescriptor) -> Method:
    return Method(
        service=descriptor.containing_service.full_name,
        name=descriptor.name,
        request_type=message_factory.GetMessageClass(descriptor.input_type),
        response_type=message_factory.GetMessageClass(descriptor.output_type),
        is_mutating=descriptor.GetOptions().idempotency_level != MethodOptions.NO_SIDE_EFFECTS,
        streams_requests=descriptor.client_streaming,
        streams_responses=descriptor.server_streaming,
    )


SERVICES: Final[Mapping[str, tuple[Method, ...]]] = {
    service.full_name: tuple(_read(method) for method in service.methods)
    for file in API_FILES
    for service in file.services_by_name.values()
}
"""Every service of the API by its full name, with its RPCs."""
