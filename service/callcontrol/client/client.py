"""A connection to the service, with its stubs."""

import os
from types import TracebackType
from typing import Final, Self

import grpc.aio
from grpc_health.v1 import health_pb2

from callcontrol.client.event_call import EventCall
from callcontrol.client.worker_call import WorkerCall
from callcontrol.v1 import (
    call_control_service_pb2_grpc,
    call_handling_service_pb2,
    conference_service_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    node_service_pb2_grpc,
)

DEFAULT_TARGET: Final = "127.0.0.1:50051"

OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


class Client:
    """Stubs of the services over one channel; a context manager that closes it.

    Streams deserve a connection of their own: a server limits how many requests one may have open
    at a time, and what is beyond waits without a word. `open_events` and `open_calls`, and what is
    made of them in `callcontrol.client.following` and `worker`, see to that.
    """

    def __init__(self, target: str = "") -> None:
        """`target` is host:port; empty takes CALLCONTROL_TARGET, then this machine."""
        self.target = target or os.environ.get("CALLCONTROL_TARGET", "") or DEFAULT_TARGET
        self._channel = grpc.aio.insecure_channel(self.target, options=OPTIONS)
        self.calls = call_control_service_pb2_grpc.CallControlServiceStub(self._channel)
        self.events = event_service_pb2_grpc.EventServiceStub(self._channel)
        self.conferences = conference_service_pb2_grpc.ConferenceServiceStub(self._channel)
        self.nodes = node_service_pb2_grpc.NodeServiceStub(self._channel)
        self.admin = node_service_pb2_grpc.AdminServiceStub(self._channel)
        self._check = self._channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )

    def open_events(self, request: event_service_pb2.EventsRequest) -> EventCall:
        """One stream of events; to be closed by whoever opened it, also when the client is."""
        return EventCall(self.target, OPTIONS, request)

    def open_calls(self, registration: call_handling_service_pb2.RegisterWorker) -> WorkerCall:
        """One stream of a worker; to be closed by whoever opened it, also when the client is."""
        return WorkerCall(self.target, OPTIONS, registration)

    async def is_serving(self, service: str, timeout_s: float) -> bool:
        """Whether `liveness`, `readiness` or a service by its full name says that it serves.

        Raises AioRpcError when the service cannot be asked in time or does not know the name.
        """
        request = health_pb2.HealthCheckRequest(service=service)
        response = await self._check(request, timeout=timeout_s)
        return bool(response.status == health_pb2.HealthCheckResponse.SERVING)

    async def __aenter__(self) -> Self:
        """Nothing is sent yet; the first request connects."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the channel and end what is open on it."""
        await self._channel.close()
