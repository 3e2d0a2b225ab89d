"""Events and gaps as the API's messages, and as bytes that are made once and shared by streams.

An encoded event is a field of EventsResponse with its tag and length, so that a message of a
stream is a join of such pieces: an encoded message is the concatenation of its fields, in any
order. The view and the projection decide the bytes; each kind is made on first need and kept
with the entry of the log. The parts of the BASIC view are made once for all of them.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from callcontrol.calls import payloads
from callcontrol.events.event import Event, Gap, GapReason, HeaderValue, Told, spelled
from callcontrol.events.ring import Entry
from callcontrol.rpc import convert
from callcontrol.rpc.answers import MAX_RESPONSE_BYTES
from callcontrol.rpc.convert_payload import set_payload
from callcontrol.v1 import common_pb2, event_pb2, event_service_pb2

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
    key: str = field(init=False, compare=False)
    """The same for equal ones, and found faster than these."""

    def __post_init__(self) -> None:
        key = repr((self.is_full, sorted(self.names), self.prefixes))
        object.__setattr__(self, "key", key)

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
    return entry.encoded(projection.key, lambda item: _encode(entry, item, projection))


def encode_token(token: str) -> bytes:
    """A resume token as a field of EventsResponse; nothing for an empty one."""
    text = token.encode()
    if not text:
        return b""
    return _TOKEN_TAG + varint(len(text)) + text


def _encode(entry: Entry, item: Event | Gap, projection: Projection) -> bytes:
    if isinstance(item, Gap):
        return b""
    if isinstance(item.payload, Told) and not item.payload.encoded:
        return b""  # it could not be encoded then either
    try:
        body = entry.encoded(_BASIC_BODY, _encode_basic) + _extras(item, projection)
    except ValueError:  # a text that is no Unicode, a number that does not fit its field
        log.exception("event cannot be encoded", extra={"event_id": item.event_id})
        return b""
    if len(body) > MAX_EVENT_BYTES:
        log.warning("event too large", extra={"event_id": item.event_id, "bytes": len(body)})
        return b""
    return _EVENTS_TAG + varint(len(body)) + body


def _encode_basic(item: Event | Gap) -> bytes:
    if isinstance(item, Gap):
        return b""
    if isinstance(item.payload, Told):
        return item.payload.encoded
    return basic_event(item).SerializeToString()


def told_by(entry: Entry) -> bytes:
    """What the event of an entry tells, as it is kept on disk; `Told` brings it back. Empty where
    it cannot be encoded.
    """
    try:
        return entry.encoded(_BASIC_BODY, _encode_basic)
    except ValueError:  # told where a stream meets it
        return b""


def _extras(event: Event, projection: Projection) -> bytes:
    if projection.key == _BASIC.key:
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


def varint(value: int) -> bytes:
    """A number as the format writes lengths."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def basic_event(event: Event) -> event_pb2.Event:
    """The event as the BASIC view has it."""
    if isinstance(event.payload, Told) and event.payload.encoded:
        return event_pb2.Event.FromString(event.payload.encoded)
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
        set_payload(message, event.payload)
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
