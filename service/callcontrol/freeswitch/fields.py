"""The few header names of events that this layer reads; all others belong to `calls.picture`."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from callcontrol.esl.messages import SwitchEvent
from callcontrol.ids import CoreUuid, JobId, NodeId

EVENT_NAME: Final = "Event-Name"
EVENT_SUBCLASS: Final = "Event-Subclass"
CANARY_ID: Final = "Canary-ID"
CANARY_SUBCLASS: Final = "callcontrol::canary"
"""Subclass of the events that we fire at ourselves to see that events come through."""


class Place(NamedTuple):
    """Where an event stands among those of its switch; what `events.event.Position` holds."""

    node_id: NodeId
    core_uuid: CoreUuid
    sequence: int
    time_us: int
    """By the switch's clock, microseconds since the epoch; 0 if the event did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a HEARTBEAT tells about a switch."""

    version: str = ""
    uptime_us: int = 0
    session_count: int = 0
    max_sessions: int = 0
    sessions_per_second: int = 0
    """Sessions begun in the second before the heartbeat."""
    idle_cpu_percent: float = 0.0


def event_name(event: SwitchEvent) -> str:
    """For example CHANNEL_ANSWER; empty for the rare events without a name."""
    return event.text(EVENT_NAME)


def canary_id(event: SwitchEvent) -> str | None:
    """The id of a canary, also of one that another replica sent; None for any other event."""
    if event.text(EVENT_SUBCLASS) != CANARY_SUBCLASS:
        return None
    return event.text(CANARY_ID)


def core_uuid(event: SwitchEvent) -> CoreUuid:
    """The switch process that fired the event."""
    return CoreUuid(event.text("Core-UUID"))


def hostname(event: SwitchEvent) -> str:
    """The switch's host name."""
    return event.text("FreeSWITCH-Hostname")


def job_id(event: SwitchEvent) -> JobId:
    """The job whose result a BACKGROUND_JOB is."""
    return JobId(event.text("Job-UUID"))


def sequence(event: SwitchEvent) -> int:
    """The number the switch gave the event, 1 or higher; 0 where it gave none."""
    return _whole(event.text("Event-Sequence"))


def place(node_id: NodeId, event: SwitchEvent) -> Place:
    """Where in its node's stream an event stands."""
    return Place(
        node_id=node_id,
        core_uuid=core_uuid(event),
        sequence=sequence(event),
        time_us=_whole(event.text("Event-Date-Timestamp")),
    )


def load(heartbeat: SwitchEvent) -> Load:
    """The figures of a HEARTBEAT; 0 for any that is missing or no number."""
    return Load(
        version=heartbeat.text("FreeSWITCH-Version"),
        uptime_us=_whole(heartbeat.text("Uptime-msec")[:13]) * 1_000,
        session_count=_count(heartbeat.text("Session-Count")),
        max_sessions=_count(heartbeat.text("Max-Sessions")),
        sessions_per_second=_count(heartbeat.text("Session-Per-Sec-Last")),
        idle_cpu_percent=_fraction(heartbeat.text("Idle-CPU")),
    )


def _whole(text: str) -> int:
    """At most 17 digits, a time that the API can tell: any client can forge an event."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 17 else 0


def _count(text: str) -> int:
    """At most what fits 31 bits, as no switch has more."""
    return min(_whole(text), 2**31 - 1)


def _fraction(text: str) -> float:
    whole, _, decimals = text.partition(".")
    digits = whole + decimals
    return float(text) if digits.isascii() and digits.isdigit() and len(text) <= 19 else 0.0
