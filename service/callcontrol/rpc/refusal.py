"""How a failure looks on the wire: google.rpc.Status with its details, within metadata limits."""

import asyncio
from typing import Final, Never

import grpc.aio
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from callcontrol.errors import Violation
from callcontrol.rpc.aio import Context
from callcontrol.rpc.failure import Failure

DOMAIN: Final = "callcontrol.v1"
"""The domain of every ErrorInfo of this API."""

_MAX_VIOLATION_BYTES: Final = 3_500
"""Of field violations. Peers refuse more than 8 KiB of trailers, and base64 adds a third."""
_MAX_MESSAGE_LENGTH: Final = 500
_MAX_METADATA_VALUE_LENGTH: Final = 256


def encode_failure(failure: Failure, *, replayed: bool = False) -> status_pb2.Status:
    """The failure as clients read it: always an ErrorInfo, and what else applies."""
    details: list[Message] = [error_info(failure, replayed=replayed)]
    if failure.violations:
        details.append(bad_request(failure.violations))
    if failure.retry_in_s is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(failure.retry_in_s * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return status_pb2.Status(
        code=failure.code.value[0],
        message=sentence(failure),
        details=[_pack(detail) for detail in details],
    )


async def refuse(context: Context, failure: Failure, *, replayed: bool = False) -> Never:
    """End the call with the failure. Clients that retry by themselves are told when to."""
    status = rpc_status.to_status(encode_failure(failure, replayed=replayed))
    trailers = tuple(status.trailing_metadata or ())
    if failure.retry_in_s is not None:
        pushback_ms = str(round(failure.retry_in_s * 1000))
        trailers += (("grpc-retry-pushback-ms", pushback_ms),)
    try:
        await context.abort(status.code, status.details, trailers)
    except grpc.aio.AbortError as aborted:
        # gRPC keeps it with the RPC, to which its traceback leads back: without this, only the
        # collector of cycles would let go of them and of all that the handler had at hand.
        asyncio.get_running_loop().call_soon(aborted.with_traceback, None)
        raise


def sentence(failure: Failure) -> str:
    """What it says to people, within limits."""
    return failure.message[:_MAX_MESSAGE_LENGTH]


def error_info(failure: Failure, *, replayed: bool = False) -> error_details_pb2.ErrorInfo:
    """What it says to programs, within limits."""
    metadata = {
        name: value[:_MAX_METADATA_VALUE_LENGTH] for name, value in failure.metadata.items()
    }
    if replayed:
        metadata["replayed"] = "true"
    return error_details_pb2.ErrorInfo(reason=failure.reason_name, domain=DOMAIN, metadata=metadata)


def bad_request(violations: tuple[Violation, ...]) -> error_details_pb2.BadRequest:
    """What is wrong with which fields, within limits."""
    told = error_details_pb2.BadRequest()
    for count, violation in enumerate(violations):
        told.field_violations.add(field=violation.field, description=violation.problem)
        if told.ByteSize() > _MAX_VIOLATION_BYTES:
            del told.field_violations[-1]
            told.field_violations.add(description=f"and {len(violations) - count} more")
            break
    return told


def _pack(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
