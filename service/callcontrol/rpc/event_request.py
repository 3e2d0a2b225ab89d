"""What a subscriber asks for: EventsRequest checked, and turned into filters and settings."""

from dataclasses import dataclass
from typing import Final

from callcontrol.errors import InvalidRequest, Violation
from callcontrol.events.filter import EventFilter
from callcontrol.events.subscription import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, Overflow
from callcontrol.rpc.convert_event import Projection
from callcontrol.rpc.event_filter import FilterReader, header_name_problem, list_violations
from callcontrol.rpc.event_start import StartRequest, read_start
from callcontrol.rpc.validate import DURATION_PROBLEM, microseconds
from callcontrol.v1 import call_handling_service_pb2, common_pb2, event_service_pb2

MAX_HEADER_NAMES: Final = 64
MAX_DELAY_S: Final = 1.0
DEFAULT_HEARTBEAT_S: Final = 15.0
MIN_HEARTBEAT_S: Final = 1.0
MAX_HEARTBEAT_S: Final = 300.0

_MAX_NAME_LENGTH: Final = 128

_Overflows = event_service_pb2.OverflowPolicy

Viewer = event_service_pb2.EventsRequest | call_handling_service_pb2.RegisterWorker
"""Who says how much of events it wants to see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """A stream as it will be served, after limits and defaults."""

    filters: tuple[EventFilter, ...]
    projection: Projection
    overflow: Overflow
    max_events: int
    max_bytes: int
    max_delay_s: float | None
    """How long to wait for more events; None lets the server choose by how busy it is."""
    heartbeat_s: float
    name: str
    start: StartRequest | None = None
    """Where to begin; None is now."""


def read_events_request(
    request: event_service_pb2.EventsRequest, filters: FilterReader
) -> StreamRequest:
    """The stream that is asked for.

    Raises InvalidFilter or InvalidRequest with every violation, NotImplementedYet for what this
    version does not serve: nothing is silently left out.
    """
    wanted = filters.read(request.filters)
    bad = _other_violations(request)
    start = read_start(request, bad)
    if bad:
        raise InvalidRequest(bad)
    batching = request.batching
    return StreamRequest(
        filters=wanted,
        projection=projection_of(request),
        overflow=Overflow.DISCONNECT
        if request.overflow_policy == event_service_pb2.OVERFLOW_POLICY_DISCONNECT
        else Overflow.SKIP,
        max_events=min(batching.max_events or MAX_BATCH_EVENTS, MAX_BATCH_EVENTS),
        max_bytes=min(batching.max_bytes or MAX_BATCH_BYTES, MAX_BATCH_BYTES),
        max_delay_s=_max_delay_s(batching),
        heartbeat_s=heartbeat_s(request),
        name=request.subscriber_name,
        start=start,
    )


def _other_violations(request: event_service_pb2.EventsRequest) -> list[Violation]:
    bad = view_violations(request)
    if request.overflow_policy not in _Overflows.values():
        bad.append(Violation("overflow_policy", "must be SKIP, DISCONNECT or left out"))
    batching = request.batching
    for field, value in (
        ("max_events", batching.max_events),
        ("max_bytes", batching.max_bytes),
    ):
        if value < 0:
            bad.append(Violation(f"batching.{field}", "must not be negative"))
    if microseconds(batching.max_delay) is None:
        bad.append(Violation("batching.max_delay", DURATION_PROBLEM))
    name = request.subscriber_name
    if len(name) > _MAX_NAME_LENGTH or not (name or "x").isprintable():
        problem = f"may have at most {_MAX_NAME_LENGTH} printable characters"
        bad.append(Violation("subscriber_name", problem))
    return bad


def view_violations(request: Viewer, prefix: str = "") -> list[Violation]:
    """What is wrong with how much of events a request wants to see, and how often something."""
    bad: list[Violation] = []
    if request.view not in common_pb2.View.values():
        bad.append(Violation(f"{prefix}view", "must be BASIC, FULL or left out"))
    names = f"{prefix}header_names"
    if len(request.header_names) > MAX_HEADER_NAMES:
        bad.append(Violation(names, f"may be at most {MAX_HEADER_NAMES}"))
    bad += list_violations(names, request.header_names[:MAX_HEADER_NAMES], _header_name_problem)
    if microseconds(request.heartbeat_interval) is None:
        bad.append(Violation(f"{prefix}heartbeat_interval", DURATION_PROBLEM))
    return bad


def _header_name_problem(name: str) -> str | None:
    if name == "*" or header_name_problem(name.removesuffix("*")) is None:
        return None
    return "must be the name of a header, with * only at the end"


def projection_of(request: Viewer) -> Projection:
    """How much of each event it wants."""
    if request.view == common_pb2.VIEW_FULL:
        return Projection(is_full=True)
    names = set(request.header_names)
    prefixes = {name[:-1] for name in names if name.endswith("*")}
    exact = {name for name in names if not name.endswith("*")}
    return Projection(names=frozenset(exact), prefixes=tuple(sorted(prefixes)))


def _max_delay_s(batching: event_service_pb2.Batching) -> float | None:
    if not batching.HasField("max_delay"):
        return None
    return min((microseconds(batching.max_delay) or 0) / 1e6, MAX_DELAY_S)


def heartbeat_s(request: Viewer) -> float:
    """The heartbeat in force."""
    if not request.HasField("heartbeat_interval"):
        return DEFAULT_HEARTBEAT_S
    asked_s = (microseconds(request.heartbeat_interval) or 0) / 1e6
    return min(max(asked_s, MIN_HEARTBEAT_S), MAX_HEARTBEAT_S)
