"""Entries of the log as bytes on disk, and back.

    for each entry: length of the fields (4 bytes, little-endian) | length of what it tells (4)
                    | the fields as JSON | what it tells

What an event tells, its payload above all, is packed and read by who knows such things: it stays
bytes here, before and after.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from callcontrol.events.event import Event, Gap, GapReason, Position, Told
from callcontrol.ids import CallId, CoreUuid, EventId, NodeId

_HEAD: Final = struct.Struct("<II")
_EVENT: Final = "event"
_GAP: Final = "gap"


def pack(item: Event | Gap, told: bytes) -> bytes:
    """An entry as bytes. Any text goes, also such that is no Unicode."""
    fields = _event_fields(item) if isinstance(item, Event) else _gap_fields(item)
    try:
        written = orjson.dumps(fields)
    except TypeError:  # a lone surrogate, for a byte that is no UTF-8
        written = json.dumps(fields).encode()
    return _HEAD.pack(len(written), len(told)) + written + told


def unpack(data: bytes) -> Iterator[Event | Gap]:
    """The entries in order. Raises ValueError where the bytes are not what `pack` made."""
    at = 0
    while at < len(data):
        try:
            written_length, told_length = _HEAD.unpack_from(data, at)
        except struct.error as error:
            raise ValueError("cut off") from error
        middle = at + _HEAD.size + written_length
        end = middle + told_length
        if end > len(data):
            raise ValueError("cut off")
        yield _read(data[at + _HEAD.size : middle], data[middle:end])
        at = end


def _event_fields(event: Event) -> Sequence[object]:
    return (
        _EVENT,
        event.event_id,
        tuple(event.position),
        event.name,
        event.received_us,
        event.subclass,
        event.call_id,
        event.peer_call_ids,
        dict(event.labels) if event.labels else None,
        event.headers if isinstance(event.headers, dict) else dict(event.headers),
        event.body,
        event.synthetic,
        event.size,
    )


def _gap_fields(gap: Gap) -> Sequence[object]:
    before = None if gap.last_before is None else tuple(gap.last_before)
    after = None if gap.first_after is None else tuple(gap.first_after)
    return (_GAP, gap.reason.value, gap.node_id, before, after, gap.count)


def _read(written: bytes, told: bytes) -> Event | Gap:
    try:
        fields = orjson.loads(written)
    except orjson.JSONDecodeError:
        fields = json.loads(written)
    try:
        kind, *rest = fields
        return _read_event(rest, told) if kind == _EVENT else _read_gap(rest)
    except (TypeError, IndexError) as error:
        raise ValueError("no entry") from error


def _read_event(fields: list[Any], told: bytes) -> Event:  # Any: JSON, checked by a checksum
    (
        event_id,
        position,
        name,
        received_us,
        subclass,
        call_id,
        peer_call_ids,
        labels,
        headers,
        body,
        synthetic,
        size,
    ) = fields
    return Event(
        event_id=EventId(event_id),
        position=_position(position),
        name=name,
        received_us=received_us,
        subclass=subclass,
        call_id=None if call_id is None else CallId(call_id),
        peer_call_ids=tuple(map(CallId, peer_call_ids)),
        labels=labels or {},
        headers=headers,
        body=body,
        synthetic=synthetic,
        payload=Told(told),
        size=size,
    )


def _read_gap(fields: list[Any]) -> Gap:  # Any: as above
    reason, node_id, before, after, count = fields
    return Gap(
        reason=GapReason(reason),
        node_id=None if node_id is None else NodeId(node_id),
        last_before=None if before is None else _position(before),
        first_after=None if after is None else _position(after),
        count=count,
    )


def _position(fields: list[Any]) -> Position:  # Any: as above
    node_id, core_uuid, sequence, time_us = fields
    return Position(NodeId(node_id), CoreUuid(core_uuid), sequence, time_us)
