"""A release that will not be, as the error that a refused request fails with."""

from typing import Final

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from callcontrol.client.enum_names import name_of
from callcontrol.v1.call_handling_service_pb2 import ReleaseCall, ReleaseRefused
from callcontrol.v1.error_reason_pb2 import ErrorReason

DOMAIN: Final = "callcontrol.v1"

MOST_BYTES: Final = 256 * 1024
"""No message to the service may be larger; one that is ends its stream."""

_FRAME_BYTES: Final = 8
"""What a message has around it in its request, at most."""
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


def error_of(refused: ReleaseRefused) -> grpc.aio.AioRpcError:
    """The same error, for `callcontrol.client.failure.failure_of` too."""
    code = _CODES.get(refused.code, grpc.StatusCode.UNKNOWN)
    reason = name_of(ErrorReason, refused.reason, "ERROR_REASON_")
    info = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=refused.metadata)
    details = [_packed(info)]
    if refused.violations:
        request = error_details_pb2.BadRequest()
        for each in refused.violations:
            request.field_violations.add(field=each.field, description=each.description)
        details.append(_packed(request))
    status = status_pb2.Status(code=code.value[0], message=refused.message, details=details)
    trailers = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, details=refused.message)


def require_room(release: ReleaseCall) -> None:
    """Raise AioRpcError, as for a request, where a release is too large to be said at all."""
    size = release.ByteSize() + _FRAME_BYTES
    if size > MOST_BYTES:
        details = f"a release of {size} bytes is more than the {MOST_BYTES} that the service takes"
        code, none = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.aio.Metadata()
        raise grpc.aio.AioRpcError(code, none, none, details=details)


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
