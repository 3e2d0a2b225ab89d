"""Events of this service's own: what it found out by asking, and nodes that come and go.

They are named CUSTOM, with a subclass of ours, and not after the switch's event that was missed:
that event may have been seen by others, has an id and headers of its own, and must not be told
apart from this one by a flag alone. What they mean is in the payload, as with any other event.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID, uuid4, uuid5

from callcontrol.calls.call import Call
from callcontrol.calls.payloads import (
    CallBridged,
    CallCreated,
    CallEnded,
    CallSnapshot,
    CallStateChanged,
    CallUnbridged,
    NodeChanged,
)
from callcontrol.calls.picture import fields
from callcontrol.events.event import NOTHING, Event, Position
from callcontrol.ids import CallId, CoreUuid, EventId

_NAMESPACE: Final = UUID("0b1f6f0e-6d0b-5f44-9a43-6f6d8f0f6a11")

Finding = CallCreated | CallStateChanged | CallEnded | CallBridged | CallUnbridged


def finding(
    found: Finding,
    core_uuid: CoreUuid,
    position: Position,
    *,
    now_us: int,
    seen: int = 0,
    labels: Mapping[str, str] = NOTHING,
) -> Event:
    """The event for a difference between our picture and the switch.

    Its id is made from the call and the switch process, so that each replica that finds the same
    gives it the same id. A call is found once and ends once; what can happen to it several times
    is told apart by `seen`, the sequence number of the answer that showed it. `labels` are those
    of the leg that the event is about.
    """
    call_id, peers = concerned(found)
    what = f"{core_uuid}/{call_id}/{type(found).__name__}"
    if not isinstance(found, CallCreated | CallEnded):
        what += f"/{'/'.join(peers)}/{seen}"
    return Event(
        event_id=EventId(str(uuid5(_NAMESPACE, what))),
        position=position,
        name=fields.CUSTOM,
        subclass=fields.RECONCILED_SUBCLASS,
        call_id=call_id,
        peer_call_ids=peers,
        labels=labels,
        received_us=now_us,
        synthetic=True,
        payload=found,
    )


def concerned(found: Finding) -> tuple[CallId, tuple[CallId, ...]]:
    """The leg that a finding is about, and others that it concerns."""
    match found:
        case CallBridged(call_id=call_id, peer_call_id=peer):
            return call_id, (peer,)
        case CallUnbridged(call_id=call_id, peer_call_id=peer):
            return call_id, (peer,)
        case CallCreated(call=call) | CallStateChanged(call=call) | CallEnded(call=call):
            peers = (call.bridged_call_id,) if call.bridged_call_id else ()
            return call.call_id, peers


def snapshot_event(call: Call, now_us: int) -> Event:
    """The event that shows a call as it is. It is for one stream, so its id is new each time."""
    nowhere = Position(node_id=call.node_id, core_uuid=CoreUuid(""), sequence=0, time_us=0)
    return Event(
        event_id=EventId(str(uuid4())),
        position=call.position or nowhere,
        name=fields.CUSTOM,
        subclass=fields.SNAPSHOT_SUBCLASS,
        call_id=call.call_id,
        labels=call.labels,
        received_us=now_us,
        synthetic=True,
        payload=CallSnapshot(call),
    )


def node_event(change: NodeChanged, now_us: int) -> Event:
    """The event for a node that came or went. Each replica tells of its own connection, so the
    id is new each time.
    """
    core_uuid = change.core_uuid or CoreUuid("")
    position = Position(node_id=change.node_id, core_uuid=core_uuid, sequence=0, time_us=now_us)
    return Event(
        event_id=EventId(str(uuid4())),
        position=position,
        name=fields.CUSTOM,
        subclass=fields.NODE_SUBCLASS,
        received_us=now_us,
        synthetic=True,
        payload=change,
    )
