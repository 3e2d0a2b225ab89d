"""What the switch's events say, as values of ours: ids, positions, partners, causes."""

from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from callcontrol.calls.call import HangupCause, HangupSide
from callcontrol.calls.causes import q850_of
from callcontrol.calls.picture import fields
from callcontrol.events.event import HeaderValue, Position
from callcontrol.ids import CallId, CoreUuid, EventId, NodeId

Headers = Mapping[str, HeaderValue]

CREATE: Final = "CHANNEL_CREATE"
DESTROY: Final = "CHANNEL_DESTROY"
RENAME: Final = "CHANNEL_UUID"
BRIDGES: Final = frozenset({"CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE"})
# What is looked up in every event: a name of this module is found quicker than one of another.
_EVENT_NAME: Final = fields.EVENT_NAME
_CORE_UUID: Final = fields.CORE_UUID
_EVENT_SEQUENCE: Final = fields.EVENT_SEQUENCE
_EVENT_TIMESTAMP: Final = fields.EVENT_TIMESTAMP
_CALL_ID: Final = fields.CALL_ID
_OTHER_LEG_ID: Final = fields.OTHER_LEG_ID
_FIRED_AGAIN: Final = frozenset({fields.CUSTOM, "DETECTED_TONE", "TEXT"})
_TOO_LARGE: Final = 253_402_300_800_000_000
"""Microseconds up to the year 10000, which the API's timestamps cannot tell any more."""
_NAME_OTHERS: Final = BRIDGES | {RENAME}


def text(headers: Headers, name: str, default: str = "") -> str:
    """A header as text; the first element of an array."""
    value = headers.get(name)
    if isinstance(value, str):
        return value
    return value[0] if value else default


def number(headers: Headers, name: str) -> int:
    """A header as a whole number that could be a time in microseconds; 0 when it is absent, or no
    such number, as a client may have forged it.
    """
    try:
        found = int(headers[name])  # type: ignore[arg-type]  # a list raises TypeError: no number
    except (KeyError, ValueError, TypeError):
        return 0
    return found if 0 < found < _TOO_LARGE else 0


def small_number(headers: Headers, name: str) -> int:
    """A number of at most 31 bits, which is all that the API has room for; 0 for another."""
    found = number(headers, name)
    return found if found < 1 << 31 else 0


def core_uuid_of(headers: Headers) -> CoreUuid:
    """The switch process the event is from; empty for the rare event that does not say."""
    value = headers.get(_CORE_UUID)
    return CoreUuid(value if isinstance(value, str) else text(headers, _CORE_UUID))


def position_of(headers: Headers, node_id: NodeId, core_uuid: CoreUuid) -> Position:
    """Where the event is in its switch's stream."""
    try:
        # Nearly all events have both, and to look twice at each costs as much as to read it.
        sequence, time_us = int(headers[_EVENT_SEQUENCE]), int(headers[_EVENT_TIMESTAMP])  # type: ignore[arg-type]  # as in number
    except (KeyError, ValueError, TypeError):
        sequence = time_us = 0
    if not (0 < sequence < _TOO_LARGE and 0 < time_us < _TOO_LARGE):
        sequence, time_us = number(headers, _EVENT_SEQUENCE), number(headers, _EVENT_TIMESTAMP)
    return Position(node_id, core_uuid, sequence, time_us)


def event_id_of(position: Position, name: str, headers: Headers) -> EventId:
    """The same on every replica; made up for an event that the switch did not number.

    Those are events a client sent to a call: the switch never fired them, and numbers none. What
    a leg fires again that a detector fired before has the number of that (see `detections`), and
    is told apart by what the leg added to it.
    """
    if not position.sequence:
        return EventId(str(uuid4()))
    if name in _FIRED_AGAIN and fields.CHANNEL_STATE in headers:
        return EventId(f"{position.core_uuid}:{position.sequence}:leg")
    return EventId(f"{position.core_uuid}:{position.sequence}")


def name_of(headers: Headers) -> str:
    """The event's name; an event without one was made up by a client, so it is CUSTOM."""
    name = headers.get(_EVENT_NAME)
    return name if name and isinstance(name, str) else text(headers, _EVENT_NAME) or fields.CUSTOM


def call_id_of(headers: Headers) -> CallId | None:
    """The leg the event is about."""
    value = headers.get(_CALL_ID)
    return CallId(value) if value and isinstance(value, str) else None


def former_call_id_of(headers: Headers) -> CallId | None:
    """The id a leg had before CHANNEL_UUID."""
    former = text(headers, fields.OLD_CALL_ID)
    return CallId(former) if former else None


def peers_of(
    headers: Headers, name: str, call_id: CallId | None, partner: CallId | None
) -> tuple[CallId, ...]:
    """Other legs the event concerns: its partner as far as known, or as the event tells."""
    if headers.get(_OTHER_LEG_ID) is None and partner is None and name not in _NAME_OTHERS:
        return ()
    found = [text(headers, fields.OTHER_LEG_ID), partner or ""]
    if name in BRIDGES:
        found += [text(headers, fields.BRIDGE_A_ID), text(headers, fields.BRIDGE_B_ID)]
    elif name == RENAME:
        found.append(text(headers, fields.OLD_CALL_ID))
    return tuple(CallId(peer) for peer in dict.fromkeys(found) if peer and peer != call_id)


def subclass_of(headers: Headers) -> str:
    """The subclass of a CUSTOM event."""
    return text(headers, fields.EVENT_SUBCLASS)


def hangup_time_of(headers: Headers) -> int:
    """When the leg hung up, microseconds since the epoch; 0 if the event does not say."""
    return number(headers, fields.HANGUP_TIME)


def bridge_of(headers: Headers) -> tuple[CallId, CallId] | None:
    """Both legs of a bridge, the leading one first."""
    first, second = text(headers, fields.BRIDGE_A_ID), text(headers, fields.BRIDGE_B_ID)
    return (CallId(first), CallId(second)) if first and second and first != second else None


def hangup_cause_of(headers: Headers) -> HangupCause | None:
    """Why a leg ended; None if the event does not say."""
    name = text(headers, fields.HANGUP_CAUSE)
    if not name:
        return None
    q850 = number(headers, fields.VARIABLE_Q850)
    disposition = text(headers, fields.VARIABLE_SIP_DISPOSITION)
    side = None
    if disposition.startswith("recv_"):
        side = HangupSide.REMOTE
    elif disposition.startswith("send_"):
        side = HangupSide.LOCAL
    return HangupCause(
        name=name,
        q850_code=q850 if 0 < q850 <= 127 else q850_of(name),
        sip_code=_sip_code_of(headers),
        side=side,
    )


def _sip_code_of(headers: Headers) -> int:
    code = small_number(headers, fields.VARIABLE_SIP_STATUS)
    if code:
        return code
    protocol, _, status = text(headers, fields.VARIABLE_PROTOCOL_CAUSE).partition(":")
    if protocol == "sip" and len(status) == 3 and status.isascii() and status.isdecimal():
        return int(status)
    return 0


def was_never_made(headers: Headers) -> bool:
    """Whether a CHANNEL_DESTROY is of a channel that no call came of: an originate to an unknown
    gateway or profile makes such a channel and ends it before it has a name.
    """
    return text(headers, fields.CHANNEL_STATE) == "CS_NONE"
