"""Streams of events that are read with an end to patience."""

from typing import Protocol

from callcontrol.client.patient_stream import OpenStream, PatientStream
from callcontrol.v1.event_service_pb2 import EventsRequest, EventsResponse

EventStream = PatientStream[EventsResponse]


class Source(Protocol):
    """Where streams come from; `callcontrol.client.client.Client` is one."""

    def open_events(self, request: EventsRequest) -> OpenStream[EventsResponse]:
        """A stream; errors are told by its first `read`."""


def event_stream(stream: OpenStream[EventsResponse], *, resumes: bool) -> EventStream:
    """A stream that was asked for; `resumes`: from a place on."""
    return PatientStream(stream, _heartbeat_s, resumes=resumes)


def _heartbeat_s(message: EventsResponse) -> float | None:
    if not message.HasField("started"):
        return None
    return message.started.heartbeat_interval.ToTimedelta().total_seconds()
