"""Calls, nodes and what they are made of, as the API's messages."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from callcontrol.calls.call import (
    Call,
    CallState,
    Codecs,
    Direction,
    HangupCause,
    HangupSide,
    Party,
)
from callcontrol.calls.outcome import Disposition, LegOutcome, Outcome
from callcontrol.events.event import Position
from callcontrol.freeswitch.status import ConnectionStatus, NodeState, NodeStatus
from callcontrol.v1 import call_control_service_pb2, call_pb2, common_pb2, node_service_pb2

_US: Final = 1_000_000
_LONGEST_US: Final = 315_576_000_000 * _US
"""Ten thousand years (duration.proto). Clients cannot read a longer one, which may be forged."""

CALL_STATES: Final[Mapping[CallState, call_pb2.Call.State.ValueType]] = {
    CallState.CREATING: call_pb2.Call.STATE_CREATING,
    CallState.RINGING: call_pb2.Call.STATE_RINGING,
    CallState.EARLY_MEDIA: call_pb2.Call.STATE_EARLY_MEDIA,
    CallState.ACTIVE: call_pb2.Call.STATE_ACTIVE,
    CallState.HELD: call_pb2.Call.STATE_HELD,
    CallState.PARKED: call_pb2.Call.STATE_PARKED,
    CallState.ENDING: call_pb2.Call.STATE_ENDING,
    CallState.ENDED: call_pb2.Call.STATE_ENDED,
}
_DIRECTIONS: Final = {
    None: call_pb2.Call.DIRECTION_UNSPECIFIED,
    Direction.INBOUND: call_pb2.Call.DIRECTION_INBOUND,
    Direction.OUTBOUND: call_pb2.Call.DIRECTION_OUTBOUND,
}
_SIDES: Final = {
    None: common_pb2.HANGUP_SIDE_UNSPECIFIED,
    HangupSide.REMOTE: common_pb2.HANGUP_SIDE_REMOTE,
    HangupSide.LOCAL: common_pb2.HANGUP_SIDE_LOCAL,
}
_NODE_STATES: Final = {
    NodeState.CONNECTING: node_service_pb2.Node.STATE_CONNECTING,
    NodeState.ACTIVE: node_service_pb2.Node.STATE_ACTIVE,
    NodeState.DRAINING: node_service_pb2.Node.STATE_DRAINING,
    NodeState.FAILED: node_service_pb2.Node.STATE_FAILED,
}
_PURPOSES: Final = {
    "events": node_service_pb2.NodeConnection.PURPOSE_EVENTS,
    "commands": node_service_pb2.NodeConnection.PURPOSE_COMMANDS,
}
_DISPOSITIONS: Final = {
    None: call_control_service_pb2.DISPOSITION_UNSPECIFIED,
    Disposition.ANSWERED: call_control_service_pb2.DISPOSITION_ANSWERED,
    Disposition.BUSY: call_control_service_pb2.DISPOSITION_BUSY,
    Disposition.NO_ANSWER: call_control_service_pb2.DISPOSITION_NO_ANSWER,
    Disposition.REJECTED: call_control_service_pb2.DISPOSITION_REJECTED,
    Disposition.UNREACHABLE: call_control_service_pb2.DISPOSITION_UNREACHABLE,
    Disposition.CANCELED: call_control_service_pb2.DISPOSITION_CANCELED,
    Disposition.FAILED: call_control_service_pb2.DISPOSITION_FAILED,
}


def timestamp(time_us: int) -> Timestamp | None:
    """A moment; None, which leaves a field unset, for 0."""
    if not time_us:
        return None
    seconds, micros = divmod(time_us, _US)
    return Timestamp(seconds=seconds, nanos=micros * 1000)


def fill_timestamp(message: Timestamp, time_us: int) -> None:
    """Write a moment into a message that is there already, which is cheaper."""
    if time_us:
        message.seconds, micros = divmod(time_us, _US)
        message.nanos = micros * 1000


def duration(length_us: int) -> Duration:
    """A length of time that is not negative."""
    seconds, micros = divmod(min(max(0, length_us), _LONGEST_US), _US)
    return Duration(seconds=seconds, nanos=micros * 1000)


def duration_s(length_s: float) -> Duration:
    """A length of time given in seconds."""
    return duration(round(length_s * _US))


def position(place: Position | None) -> common_pb2.NodePosition | None:
    """A place in a switch's event stream."""
    if place is None:
        return None
    message = common_pb2.NodePosition()
    fill_position(message, place)
    return message


def fill_position(message: common_pb2.NodePosition, place: Position) -> None:
    """Write a place into a message that is there already."""
    message.node_id, message.core_uuid = place.node_id, place.core_uuid
    message.sequence = place.sequence
    fill_timestamp(message.time, place.time_us)


def hangup_cause(cause: HangupCause | None) -> common_pb2.HangupCause | None:
    """Why a leg ended; None when that is not known."""
    if cause is None:
        return None
    return common_pb2.HangupCause(
        name=cause.name, q850_code=cause.q850_code, sip_code=cause.sip_code, side=_SIDES[cause.side]
    )


def call(leg: Call, *, with_variables: bool = False) -> call_pb2.Call:
    """A leg as it is known; channel variables only where they are asked for."""
    return call_pb2.Call(
        call_id=leg.call_id,
        node_id=leg.node_id,
        state=CALL_STATES[leg.state],
        direction=_DIRECTIONS[leg.direction],
        caller=_party(leg.caller),
        callee=_party(leg.callee),
        bridged_call_id=leg.bridged_call_id or "",
        conference_name=leg.conference_name,
        channel_name=leg.channel_name,
        context=leg.context,
        create_time=timestamp(leg.created_us),
        answer_time=timestamp(leg.answered_us),
        end_time=timestamp(leg.ended_us),
        hangup_cause=hangup_cause(leg.hangup_cause),
        codecs=_codecs(leg.codecs),
        labels=leg.labels or None,
        variables=leg.variables if with_variables else None,
        position=position(leg.position),
        correlation_id=leg.correlation_id,
    )


def _party(party: Party) -> call_pb2.Party | None:
    if not (party.number or party.name):
        return None
    return call_pb2.Party(number=party.number, name=party.name)


def _codecs(codecs: Codecs) -> call_pb2.Codecs | None:
    if not (codecs.read or codecs.write):
        return None
    return call_pb2.Codecs(
        read=codecs.read,
        write=codecs.write,
        read_rate_hz=codecs.read_rate_hz,
        write_rate_hz=codecs.write_rate_hz,
    )


def disposition(outcome: Disposition | None) -> call_control_service_pb2.Disposition.ValueType:
    """How an attempt to reach somebody came out."""
    return _DISPOSITIONS[outcome]


def dialled_leg(leg: LegOutcome) -> call_control_service_pb2.DialledLeg:
    """One leg of an attempt."""
    return call_control_service_pb2.DialledLeg(
        call_id=leg.call_id,
        disposition=disposition(leg.disposition),
        hangup_cause=hangup_cause(leg.cause),
    )


def command_status(outcome: Outcome) -> common_pb2.CommandStatus:
    """How far a command was seen through."""
    confirmed = common_pb2.CONFIRMATION_CONFIRMED
    accepted = common_pb2.CONFIRMATION_ACCEPTED
    return common_pb2.CommandStatus(confirmation=confirmed if outcome.confirmed else accepted)


def node(status: NodeStatus, call_count: int) -> node_service_pb2.Node:
    """A node at one moment, and how many calls it has."""
    return node_service_pb2.Node(
        node_id=status.node_id,
        state=_NODE_STATES[status.state],
        core_uuid=status.core_uuid or "",
        version=status.version,
        hostname=status.hostname,
        start_time=timestamp(status.started_us),
        connect_time=timestamp(status.connected_us),
        session_count=status.session_count,
        max_sessions=status.max_sessions,
        sessions_per_second=status.sessions_per_second,
        idle_cpu_percent=status.idle_cpu_percent,
        command_latency=duration_s(status.command_latency_s),
        connections=[_connection(link) for link in status.connections],
        last_error=status.last_error,
        max_calls=status.max_calls,
        call_count=call_count,
    )


def _connection(link: ConnectionStatus) -> node_service_pb2.NodeConnection:
    return node_service_pb2.NodeConnection(
        purpose=_PURPOSES[link.purpose],
        connected=link.connected,
        pending_commands=link.pending_commands,
        received_events=link.received_events,
        covers_events=link.covers_events,
    )
