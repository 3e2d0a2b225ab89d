"""What a failed RPC tells, taken out of its status details."""

import re
from dataclasses import dataclass
from typing import Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2
from grpc_status import rpc_status

_NO_CONNECTION: Final = re.compile(
    r"failed to connect to all addresses; last error: \w+: "
    r"(?:(?:ipv4|ipv6):)?(?P<where>\S+): (?:Failed to connect to remote host: )?"
    r"(?:connect: )?(?P<why>.*?)(?: \(\d+\))?"
)
"""How gRPC says that nobody listens there."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an RPC failed, for programs and for people."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    """A name of `ErrorReason` without its prefix; empty when the failure is not the service's."""
    metadata: dict[str, str] | None = None
    violations: tuple[tuple[str, str], ...] = ()
    """Field and problem of each thing that is wrong with the request."""
    retry_in_s: float | None = None
    """When the same request may be sent again; None when it should not be."""

    def __str__(self) -> str:
        """One line, and one for each violation that is not in it."""
        name = f"{self.code.name} {self.reason}".rstrip()
        lines = [f"{name}: {self.message}"]
        lines += [
            f"  {field}: {problem}"
            for field, problem in self.violations
            if f"{field}: {problem}" not in self.message
        ]
        if self.retry_in_s is not None:
            lines.append(f"  may be tried again in {self.retry_in_s:.1f} s")
        return "\n".join(lines)


def failure_of(error: grpc.aio.AioRpcError) -> Failure:
    """What an error of the gRPC library says; details that cannot be read are left out."""
    code, message = error.code(), _in_short(error.details() or "")
    try:
        status = rpc_status.from_call(error)  # type: ignore[arg-type]  # has what is asked of a Call
    except (ValueError, DecodeError):
        status = None
    if status is None:
        return Failure(code, message)
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    retry_in_s = None
    for detail in status.details:
        if detail.Unpack(retry):
            retry_in_s = retry.retry_delay.ToTimedelta().total_seconds()
        elif not detail.Unpack(info):
            detail.Unpack(request)
    return Failure(
        code,
        message,
        reason=info.reason,
        metadata=dict(info.metadata),
        violations=tuple((v.field, v.description) for v in request.field_violations),
        retry_in_s=retry_in_s,
    )


def _in_short(message: str) -> str:
    """What gRPC says of a failed connection, as `no connection to ...: connection refused`."""
    found = _NO_CONNECTION.fullmatch(message)
    if found is None:
        return message
    return f"no connection to {found['where']}: {found['why'].lower()}"
