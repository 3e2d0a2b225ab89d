"""What an event about a leg changes in the picture, and what it so means."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from callcontrol.calls.payloads import Payload
from callcontrol.calls.picture import fields, leg_facts
from callcontrol.calls.picture.leg import Leg
from callcontrol.calls.picture.leg_facts import LIFECYCLE
from callcontrol.calls.picture.legs import Legs
from callcontrol.calls.picture.operations import OPERATIONS
from callcontrol.calls.picture.translate import BRIDGES, Headers
from callcontrol.events.event import Position


class _Kind(Enum):
    """What kind of thing an event tells about a leg."""

    LIFE = "life"
    OPERATION = "operation"
    BRIDGE = "bridge"
    PARTICULARS = "particulars"
    CUSTOM = "custom"


_KINDS: Final[Mapping[str, _Kind]] = {
    **dict.fromkeys(LIFECYCLE, _Kind.LIFE),
    **dict.fromkeys(OPERATIONS, _Kind.OPERATION),
    **dict.fromkeys(BRIDGES, _Kind.BRIDGE),
    "CALL_UPDATE": _Kind.PARTICULARS,
    "CODEC": _Kind.PARTICULARS,
    fields.CUSTOM: _Kind.CUSTOM,
}


def apply_to_leg(
    legs: Legs, leg: Leg, name: str, headers: Headers, position: Position
) -> Payload | None:
    """Bring the leg, and its partner, up to the event; None where that means nothing new."""
    kind = _KINDS.get(name)
    if kind is None:
        return None
    if kind is _Kind.LIFE:
        return legs.advance(leg, name, headers, position)
    if kind is _Kind.OPERATION:
        return OPERATIONS[name](leg, headers)
    if kind is _Kind.PARTICULARS:
        legs.refresh(leg, headers, position)
    elif kind is _Kind.CUSTOM:
        leg_facts.read_conference(leg, headers, position)
    elif name == "CHANNEL_BRIDGE":
        return legs.bridge(leg, headers, position)
    else:
        return legs.unbridge(leg, headers, position)
    return None
