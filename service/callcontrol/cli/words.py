"""How calls, events and nodes read on a terminal: cells of text, safe to print."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from callcontrol.client.enum_names import name_of
from callcontrol.v1 import call_pb2, common_pb2, event_pb2, event_service_pb2, node_service_pb2

T = TypeVar("T", bound=int)
_State = call_pb2.Call.State
SHOWN_OF_CALL_ID: Final = 8
"""Characters of a call's id in lines that have no room for more."""
_MAX_DETAIL: Final = 200
_HEARTBEAT: Final = "heartbeat"
"""The reason of a `NodeChanged` that brings new figures."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of `callcontrol watch`."""

    time: str
    node: str
    call: str
    what: str
    detail: str = ""
    style: str = ""
    """A colour by its name, empty for none."""


def printable(text: str) -> str:
    """The text with control characters shown instead of sent: a name must not drive a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def clock(time: Timestamp) -> str:
    """Time of day here, to the millisecond; a dash for what has not happened."""
    if not time.seconds:
        return "-"
    local = time.ToDatetime(tzinfo=UTC).astimezone()
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"


def state_name(state: _State.ValueType) -> str:
    """ACTIVE for STATE_ACTIVE."""
    return name_of(_State, state, "STATE_")


def party(who: call_pb2.Party) -> str:
    """`"Name" number`, as far as they are known."""
    name = f'"{who.name}" ' if who.name and who.name != who.number else ""
    return printable(f"{name}{who.number}".strip()) or "-"


def cause(why: common_pb2.HangupCause) -> str:
    """`NORMAL_CLEARING (16, remote)`, as far as it is known."""
    side = name_of(common_pb2.HangupSide, why.side, "HANGUP_SIDE_").lower()
    known = [
        str(why.q850_code) if why.q850_code else "",
        f"SIP {why.sip_code}" * bool(why.sip_code),
    ]
    known.append(side if side != "unspecified" else "")
    facts = ", ".join(fact for fact in known if fact)
    return printable(f"{why.name or 'cause unknown'}{f' ({facts})' if facts else ''}")


def event_line(event: event_pb2.Event) -> Line:
    """An event as a line."""
    kind = event.WhichOneof("payload")
    describe = _DETAILS.get(kind or "")
    detail = describe(event) if describe else printable(event.subclass)
    style = _STYLES.get(kind or "", "dim")
    what = kind.replace("_", " ") if kind else printable(event.name)
    if event.synthetic:
        what += " (found)"
    return Line(
        clock(event.receive_time),
        printable(event.position.node_id),
        printable(event.call_id[:SHOWN_OF_CALL_ID]),
        what,
        detail[:_MAX_DETAIL],
        style,
    )


def notice_line(response: event_service_pb2.EventsResponse, now: str) -> Line | None:
    """What a message says beside its events; None for what is of no interest to people."""
    match response.WhichOneof("notice"):
        case "started":
            version = printable(response.started.server_version)
            return Line(now, "", "", "stream started", f"server {version}", "cyan")
        case "gap":
            gap = response.gap
            reason = name_of(event_service_pb2.Gap.Reason, gap.reason, "REASON_")
            missing = f"{gap.count} events" if gap.count else "some events"
            detail = f"{missing} missing: {reason.lower().replace('_', ' ')}"
            return Line(now, printable(gap.node_id), "", "gap", detail, "bold red")
        case "going_away":
            detail = f"the server ends the stream at {clock(response.going_away.end_time)}"
            return Line(now, "", "", "going away", detail, "yellow")
        case _:
            return None


def _created(event: event_pb2.Event) -> str:
    call = event.call_created.call
    return f"{party(call.caller)} -> {party(call.callee)}  {printable(call.channel_name)}"


def _state_changed(event: event_pb2.Event) -> str:
    change = event.call_state_changed
    return f"{state_name(change.previous_state)} -> {state_name(change.call.state)}"


def _ended(event: event_pb2.Event) -> str:
    ended = event.call_ended
    seconds = ended.total_duration.ToTimedelta().total_seconds()
    return f"{cause(ended.cause)} after {seconds:.1f} s"


def _node_changed(event: event_pb2.Event) -> str:
    node = event.node_changed
    up = "connected" if node.connected else "not connected"
    # Only a heartbeat has counted; what another change says is of the last one before it.
    count = f", {node.session_count} sessions" if node.reason == _HEARTBEAT else ""
    why = "" if node.reason == up else f"  {node.reason}"
    return printable(f"{up}{count}{why}".rstrip())


def _conference_changed(event: event_pb2.Event) -> str:
    change = event.conference_changed
    member = f"member {change.member_id}" if change.member_id else ""
    count = f"({change.member_count} in it)" if change.member_count else ""
    said = (change.conference_name, change.action, member, count, change.file, change.error)
    return printable(" ".join(part for part in said if part))


def _registration_changed(event: event_pb2.Event) -> str:
    change = event.registration_changed
    kind = name_of(event_pb2.RegistrationChanged.Kind, change.kind, "KIND_").lower()
    return printable(f"{kind} {change.user}@{change.domain}  {change.contact}".rstrip())


def _gateway_changed(event: event_pb2.Event) -> str:
    change = event.gateway_changed
    if change.kind in (change.KIND_ADDED, change.KIND_REMOVED):
        kind = name_of(event_pb2.GatewayChanged.Kind, change.kind, "KIND_").lower()
        return printable(f"{change.gateway} {kind}")
    up = "up" if change.up else "down"
    why = f"{change.sip_code} {change.reason}" if change.sip_code else ""
    return printable(f"{change.gateway} {change.state} {up}  {why}".rstrip())


def _message_waiting(event: event_pb2.Event) -> str:
    box = event.message_waiting
    new, old = (
        box.new_messages + box.new_urgent_messages,
        box.saved_messages + box.saved_urgent_messages,
    )
    waiting = "messages wait" if box.waiting else "none wait"
    return printable(f"{box.mailbox} {waiting} ({new} new, {old} old)")


_DETAILS: Final[Mapping[str, Callable[[event_pb2.Event], str]]] = {
    "call_created": _created,
    "call_state_changed": _state_changed,
    "call_ended": _ended,
    "call_bridged": lambda e: f"with {printable(e.call_bridged.peer_call_id[:SHOWN_OF_CALL_ID])}",
    "call_unbridged": lambda e: (
        f"from {printable(e.call_unbridged.peer_call_id[:SHOWN_OF_CALL_ID])}"
    ),
    "dtmf_received": lambda e: printable(f"{e.dtmf_received.digit} by {e.dtmf_received.source}"),
    "playback_started": lambda e: printable(e.playback_started.uri),
    "playback_stopped": lambda e: printable(
        f"{e.playback_stopped.uri} {'to its end' if e.playback_stopped.completed else 'cut off'}"
    ),
    "recording_started": lambda e: printable(e.recording_started.path),
    "recording_stopped": lambda e: printable(e.recording_stopped.path),
    "application_started": lambda e: _application(e.application_started.application),
    "application_finished": lambda e: _application(e.application_finished.application),
    "conference_changed": _conference_changed,
    "registration_changed": _registration_changed,
    "gateway_changed": _gateway_changed,
    "message_waiting": _message_waiting,
    "detection_reported": lambda e: printable(
        f"{e.detection_reported.detector} {e.detection_reported.result}"
    ),
    "operation_finished": lambda e: printable(e.operation_finished.reply.strip()),
    "node_changed": _node_changed,
}
_STYLES: Final[Mapping[str, str]] = {
    "call_created": "cyan",
    "call_state_changed": "",
    "call_ended": "magenta",
    "call_bridged": "green",
    "call_unbridged": "green",
    "dtmf_received": "blue",
    "node_changed": "yellow",
}


def _application(application: call_pb2.Application) -> str:
    return printable(f"{application.name} {application.data}".rstrip())


def node_cells(node: node_service_pb2.Node) -> tuple[str, ...]:
    """A row of `callcontrol nodes`; a dash for what the switch has not told yet."""
    told = bool(node.start_time.seconds)  # the first heartbeat brings it, and the figures
    latency_ms = node.command_latency.ToTimedelta().total_seconds() * 1000
    return (
        node.node_id,
        name_of(node_service_pb2.Node.State, node.state, "STATE_"),
        node.version or "-",
        f"{node.call_count}/{node.max_calls}" if node.max_calls else str(node.call_count),
        f"{node.session_count}/{node.max_sessions}" if told else "-",
        f"{node.idle_cpu_percent:.0f} %" if told else "-",
        f"{latency_ms:.1f} ms" if latency_ms else "-",
        f"{sum(link.connected for link in node.connections)}/{len(node.connections)}",
        node.last_error,
    )


def direction_name(direction: call_pb2.Call.Direction.ValueType) -> str:
    """INBOUND for DIRECTION_INBOUND."""
    return name_of(call_pb2.Call.Direction, direction, "DIRECTION_").lower()


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


def age(since: Timestamp, now: int) -> str:
    """How long ago something was, as minutes and seconds; a dash for what has not happened."""
    if not since.seconds:
        return "-"
    seconds = max(0, (now - since.ToMicroseconds()) // 1_000_000)
    return f"{seconds // 60}:{seconds % 60:02}"
