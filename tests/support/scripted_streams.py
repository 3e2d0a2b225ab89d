"""Streams of events that do what a test says, in the order in which they are opened."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc
import grpc.aio
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from callcontrol.v1 import event_pb2
from callcontrol.v1 import event_service_pb2 as pb


@dataclass(frozen=True)
class Silence:
    """Nothing comes from here on; patience is over at once."""


End = grpc.aio.AioRpcError | Silence | None
"""How a stream ends; None is an end without an error."""


@dataclass(frozen=True)
class Script:
    """One stream: its messages, then how it ends."""

    messages: Sequence[pb.EventsResponse] = ()
    end: End = None


@dataclass
class ScriptedStreams:
    """A source of streams; remembers what it was asked for."""

    scripts: Sequence[Script]
    requests: list[pb.EventsRequest] = field(default_factory=list)
    opened: list["ScriptedStream"] = field(default_factory=list)

    def open_events(self, request: pb.EventsRequest) -> "ScriptedStream":
        self.requests.append(request)
        self.opened.append(ScriptedStream(self.scripts[len(self.opened)]))
        return self.opened[-1]

    @property
    def tokens(self) -> list[str]:
        """Where each stream was asked to begin."""
        return [request.start.resume_token for request in self.requests]


class ScriptedStream:
    """One of them."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.messages_read = 0
        self.is_closed = False

    async def read(self) -> pb.EventsResponse | None:
        assert not self.is_closed
        if self.messages_read < len(self._script.messages):
            self.messages_read += 1
            message = pb.EventsResponse()
            message.CopyFrom(self._script.messages[self.messages_read - 1])
            return message
        match self._script.end:
            case grpc.aio.AioRpcError() as error:
                raise error
            case Silence():
                raise TimeoutError
            case _:
                return None

    async def close(self) -> None:
        self.is_closed = True


def failed(code: grpc.StatusCode, retry_s: int | None = None) -> grpc.aio.AioRpcError:
    """A status as the service sends it."""
    details = []
    if retry_s is not None:
        details.append(any_pb2.Any())
        retry_delay = duration_pb2.Duration(seconds=retry_s)
        details[-1].Pack(error_details_pb2.RetryInfo(retry_delay=retry_delay))
    status = status_pb2.Status(code=code.value[0], message="over", details=details)
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details="over")


def started(token: str = "") -> pb.EventsResponse:
    return pb.EventsResponse(started=pb.SubscriptionStarted(), resume_token=token)


def told(*event_ids: str, token: str = "") -> pb.EventsResponse:
    """A message with events of these ids."""
    events = [event_pb2.Event(event_id=event_id, name="E") for event_id in event_ids]
    return pb.EventsResponse(events=events, resume_token=token)


def going_away(token: str = "") -> pb.EventsResponse:
    return pb.EventsResponse(going_away=pb.GoingAway(), resume_token=token)


def pictured(*call_ids: str) -> pb.EventsResponse:
    """A piece of a snapshot; its events have ids of their own each time."""
    events = [event_pb2.Event(event_id=str(uuid.uuid4()), name="E") for _ in call_ids]
    for event, call_id in zip(events, call_ids, strict=True):
        event.call_snapshot.call.call_id = call_id
    return pb.EventsResponse(events=events)


def completed(count: int, token: str) -> pb.EventsResponse:
    return pb.EventsResponse(
        snapshot_completed=pb.SnapshotCompleted(call_count=count), resume_token=token
    )
