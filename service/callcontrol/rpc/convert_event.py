"""Events and gaps as the API's messages, and as bytes that are made once and shared by streams.

An encoded event is a field of EventsResponse with its tag and length, so that a message of a
stream is a join of such pieces: an encoded message is the concatenation of its fields, in any
order. The view and the projection decide the bytes; each kind is made on first need and kept
with the entry of the log. The parts of the BASIC view are made once for all of them.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from callcontrol.calls import payloads
from callcontrol.events.event import Event, Gap, GapReason, HeaderValue, spelled
from callcontrol.events.ring import Entry
from callcontrol.rpc import convert
from callcontrol.rpc.answers import MAX_RESPONSE_BYTES
from callcontrol.v1 import call_pb2, common_pb2, event_pb2, event_service_pb2

log: Final = logging.getLogger(__name__)

_EVENTS_TAG: Final = bytes(
    [(event_service_pb2.EventsResponse.EVENTS_FIELD_NUMBER << 3) | 2]  # 2: length-delimited
)
_TOKEN_TAG: Final = bytes([(event_service_pb2.EventsResponse.RESUME_TOKEN_FIELD_NUMBER << 3) | 2])
_BASIC_BODY: Final = "basic body"

MAX_EVENT_BYTES: Final = MAX_RESPONSE_BYTES - 4096
"""Of an encoded event: the rest of its message must pass with it."""

_GAP_REASONS: Final[Mapping[GapReason, event_service_pb2.Gap.Reason.ValueType]] = {
    GapReason.SLOW_CONSUMER: event_service_pb2.Gap.REASON_SLOW_CONSUMER,
    GapReason.NODE_CONNECTION_LOST: event_service_pb2.Gap.REASON_NODE_CONNECTION_LOST,
    GapReason.NODE_RESTARTED: event_service_pb2.Gap.REASON_NODE_RESTARTED,
    GapReason.HISTORY_EXPIRED: event_service_pb2.Gap.REASON_HISTORY_EXPIRED,
    GapReason.SWITCH_OVERLOADED: event_service_pb2.Gap.REASON_SWITCH_OVERLOADED,
    GapReason.UNREADABLE_EVENT: event_service_pb2.Gap.REASON_UNREADABLE_EVENT,
}


@dataclass(frozen=True, slots=True)
class Projection:
    """How much of an event a stream gets. Equal ones share their bytes."""

    is_full: bool = False
    """Every header and the body."""
    names: frozenset[str] = frozenset()
    """Headers to include by name."""
    prefixes: tuple[str, ...] = ()
    """Headers to include by how their name begins."""

    def choose(self, headers: Mapping[str, HeaderValue]) -> Iterable[tuple[str, HeaderValue]]:
        """The headers to include."""
        if self.is_full:
            return headers.items()
        found = [(name, headers[name]) for name in self.names if name in headers]
        if self.prefixes:
            found += [
                (name, value)
                for name, value in headers.items()
                if name.startswith(self.prefixes) and name not in self.names
            ]
        return found


_BASIC: Final = Projection()


def encode_entry(entry: Entry, projection: Projection) -> bytes:
    """The event of an entry as a field of EventsResponse, for a stream with that projection.

    Empty for a gap, and for an event that cannot be told: too large for a message, or a fault of
    ours, which is logged. A stream says in its place that an event is missing.
    """
    return entry.encoded(projection, lambda item: _encode(entry, item, projection))


def encode_token(token: str) -> bytes:
    """A resume token as a field of EventsResponse."""
    text = token.encode()
    return _TOKEN_TAG + _varint(len(text)) + text


def _encode(entry: Entry, item: Event | Gap, projection: Projection) -> bytes:
    if isinstance(item, Gap):
        return b""
    try:
        body = entry.encoded(_BASIC_BODY, _encode_basic) + _extras(item, projection)
    except ValueError:  # a text that is no Unicode, a number that does not fit its field
        log.exception("event cannot be encoded", extra={"event_id": item.event_id})
        return b""
    if len(body) > MAX_EVENT_BYTES:
        log.warning("event too large", extra={"event_id": item.event_id, "bytes": len(body)})
        return b""
    return _EVENTS_TAG + _varint(len(body)) + body


def _encode_basic(item: Event | Gap) -> bytes:
    return basic_event(item).SerializeToString() if isinstance(item, Event) else b""


def _extras(event: Event, projection: Projection) -> bytes:
    if projection == _BASIC:
        return b""
    headers: dict[str, str] = {}
    arrays: dict[str, common_pb2.StringList] = {}
    for name, value in projection.choose(event.headers):
        if isinstance(value, str):
            headers[name] = value
        else:
            headers[name] = spelled(value)
            arrays[name] = common_pb2.StringList(values=value)
    if not headers and not projection.is_full:
        return b""
    body = event.body.encode(errors="surrogateescape") if projection.is_full else b""
    return event_pb2.Event(headers=headers, array_headers=arrays, body=body).SerializeToString()


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def basic_event(event: Event) -> event_pb2.Event:
    """The event as the BASIC view has it."""
    # What is empty is left out by hand: to give it to protobuf costs as much as what is not.
    message = event_pb2.Event(event_id=event.event_id, name=event.name)
    convert.fill_position(message.position, event.position)
    convert.fill_timestamp(message.receive_time, event.received_us)
    if event.subclass:
        message.subclass = event.subclass
    if event.call_id:
        message.call_id = event.call_id
    if event.labels:
        message.labels.update(event.labels)
    if event.synthetic:
        message.synthetic = True
    if event.payload is not None and isinstance(event.payload, payloads.Payload):
        _set_payload(message, event.payload)
    return message


def gap(missing: Gap) -> event_service_pb2.Gap:
    """A gap as a stream tells it."""
    return event_service_pb2.Gap(
        reason=_GAP_REASONS[missing.reason],
        node_id=missing.node_id or "",
        last_before=convert.position(missing.last_before),
        first_after=convert.position(missing.first_after),
        count=missing.count,
    )


def _set_payload(message: event_pb2.Event, payload: payloads.Payload) -> None:
    match payload:
        case payloads.CallCreated():
            message.call_created.call.CopyFrom(convert.call(payload.call))
        case payloads.CallStateChanged():
            changed = message.call_state_changed
            changed.call.CopyFrom(convert.call(payload.call))
            changed.previous_state = convert.CALL_STATES[payload.previous_state]
        case payloads.CallEnded():
            message.call_ended.CopyFrom(_call_ended(payload))
        case payloads.CallBridged():
            message.call_bridged.call_id = payload.call_id
            message.call_bridged.peer_call_id = payload.peer_call_id
        case payloads.CallUnbridged():
            message.call_unbridged.call_id = payload.call_id
            message.call_unbridged.peer_call_id = payload.peer_call_id
        case payloads.ConferenceChanged():
            message.conference_changed.CopyFrom(_conference_changed(payload))
        case payloads.NodeChanged():
            message.node_changed.CopyFrom(_node_changed(payload))
        case _:
            _set_operation(message, payload)


Operation = (
    payloads.DtmfReceived
    | payloads.PlaybackStarted
    | payloads.PlaybackStopped
    | payloads.RecordingStarted
    | payloads.RecordingStopped
    | payloads.ApplicationStarted
    | payloads.ApplicationFinished
)


def _set_operation(message: event_pb2.Event, payload: Operation) -> None:
    match payload:
        case payloads.DtmfReceived():
            message.dtmf_received.digit = payload.digit
            message.dtmf_received.source = payload.source
            message.dtmf_received.duration.CopyFrom(convert.duration(payload.duration_us))
        case payloads.PlaybackStarted():
            message.playback_started.playback_id = payload.playback_id
            message.playback_started.uri = payload.uri
        case payloads.PlaybackStopped():
            message.playback_stopped.playback_id = payload.playback_id
            message.playback_stopped.uri = payload.uri
            message.playback_stopped.completed = payload.completed
        case payloads.RecordingStarted():
            message.recording_started.recording_id = payload.recording_id
            message.recording_started.path = payload.path
        case payloads.RecordingStopped():
            stopped = message.recording_stopped
            stopped.recording_id, stopped.path = payload.recording_id, payload.path
            stopped.duration.CopyFrom(convert.duration(payload.duration_us))
            stopped.reason = payload.reason
        case payloads.ApplicationStarted():
            started = message.application_started
            started.application.CopyFrom(_application(payload.name, payload.data))
            started.operation_id = payload.operation_id
        case payloads.ApplicationFinished():
            finished = message.application_finished
            finished.application.CopyFrom(_application(payload.name, payload.data))
            finished.operation_id, finished.response = payload.operation_id, payload.response
        case _:
            assert_never(payload)


def _application(name: str, data: str) -> call_pb2.Application:
    return call_pb2.Application(name=name, data=data)


def _call_ended(ended: payloads.CallEnded) -> event_pb2.CallEnded:
    message = event_pb2.CallEnded(
        call=convert.call(ended.call),
        cause=convert.hangup_cause(ended.cause),
        total_duration=convert.duration(ended.total_us),
    )
    if ended.call.answered_us:
        message.billable_duration.CopyFrom(convert.duration(ended.billable_us))
    return message


def _node_changed(changed: payloads.NodeChanged) -> event_pb2.NodeChanged:
    return event_pb2.NodeChanged(
        node_id=changed.node_id,
        connected=changed.connected,
        session_count=changed.session_count,
        core_uuid=changed.core_uuid or "",
        reason=changed.reason,
        draining=changed.draining,
    )


def _conference_changed(changed: payloads.ConferenceChanged) -> event_pb2.ConferenceChanged:
    return event_pb2.ConferenceChanged(
        conference_name=changed.conference_name,
        action=changed.action,
        member_id=changed.member_id,
        member_count=changed.member_count,
        conference_uuid=changed.conference_uuid,
        playback_id=changed.playback_id,
        recording_id=changed.recording_id,
        file=changed.file,
        error=changed.error,
    )
