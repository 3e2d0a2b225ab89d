"""What a failed RPC tells."""

import socket

import grpc
import grpc.aio
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from callcontrol.client.client import Client
from callcontrol.client.failure import Failure, failure_of

FAILED = "failed to connect to all addresses; last error:"


def error_with(*details: Message, code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT):
    packed = []
    for detail in details:
        packed.append(Any())
        packed[-1].Pack(detail)
    status = status_pb2.Status(code=code.value[0], message="no", details=packed)
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details="no")


def test_reason_facts_violations_and_the_time_of_a_retry_are_told():
    failure = failure_of(
        error_with(
            error_details_pb2.ErrorInfo(reason="INVALID_REQUEST", metadata={"a": "b"}),
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(field="digits", description="few")
                ]
            ),
            error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
        )
    )
    assert (failure.reason, failure.metadata) == ("INVALID_REQUEST", {"a": "b"})
    assert (failure.violations, failure.retry_in_s) == ((("digits", "few"),), 1.5)
    assert str(failure).splitlines() == [
        "INVALID_ARGUMENT INVALID_REQUEST: no",
        "  digits: few",
        "  may be tried again in 1.5 s",
    ]


def test_a_violation_that_the_message_tells_is_not_told_again():
    violations = (("a", "is bad"), ("b", "is worse"))
    failure = Failure(
        grpc.StatusCode.INVALID_ARGUMENT, "malformed: a: is bad", "X", None, violations
    )
    assert str(failure).splitlines() == [
        "INVALID_ARGUMENT X: malformed: a: is bad",
        "  b: is worse",
    ]


@pytest.mark.parametrize(
    ("details", "told"),
    [
        (
            "UNKNOWN: ipv4:127.0.0.1:50051: {} connect: Connection refused (111)",
            "no connection to 127.0.0.1:50051: connection refused",
        ),
        (
            "UNAVAILABLE: ipv6:%5B::1%5D:1: {} Timeout occurred: FD Shutdown",
            "no connection to %5B::1%5D:1: timeout occurred: fd shutdown",
        ),
    ],
)
def test_that_nobody_listens_is_told_in_short(details: str, told: str):
    none = grpc.aio.Metadata()
    details = f"{FAILED} {details.format('Failed to connect to remote host:')}"
    error = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, none, none, details=details)
    assert failure_of(error).message == told


async def test_that_nobody_listens_is_told_so_by_this_grpc():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        target = f"127.0.0.1:{closed.getsockname()[1]}"
    async with Client(target) as client:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.is_serving("readiness", 5)
    assert failure_of(caught.value).message == f"no connection to {target}: connection refused"


def test_a_failure_without_details_is_its_code_and_words():
    none = grpc.aio.Metadata()
    error = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, none, none, details="refused")
    failure = failure_of(error)
    assert (failure.reason, str(failure)) == ("", "UNAVAILABLE: refused")


def test_details_that_contradict_the_status_are_left_out():
    error = error_with(error_details_pb2.ErrorInfo(reason="X"))
    other = grpc.aio.AioRpcError(
        grpc.StatusCode.ABORTED, grpc.aio.Metadata(), error.trailing_metadata(), details="no"
    )
    assert failure_of(other).reason == ""
