"""Events, a clock that stands still, and a log that uses it."""

from collections.abc import Callable

import pytest

from callcontrol.events.event import Event, Position
from callcontrol.events.log import EventLog
from callcontrol.events.ring import LogLimits
from callcontrol.ids import CallId, CoreUuid, EventId, NodeId


def make_event(
    name: str = "CHANNEL_ANSWER",
    *,
    node: str = "east",
    call: str | None = None,
    peers: tuple[str, ...] = (),
    subclass: str = "",
    size: int = 100,
    core: str = "core",
    sequence: int = 1,
    synthetic: bool = False,
) -> Event:
    return Event(
        event_id=EventId("core:1"),
        position=Position(
            node_id=NodeId(node), core_uuid=CoreUuid(core), sequence=sequence, time_us=1
        ),
        name=name,
        subclass=subclass,
        call_id=None if call is None else CallId(call),
        peer_call_ids=tuple(CallId(peer) for peer in peers),
        received_us=1,
        size=size,
        synthetic=synthetic,
    )


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def event() -> Callable[..., Event]:
    return make_event


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> EventLog:
    """Holds ten events of any size for a minute."""
    return EventLog(LogLimits(max_events=10, max_age_s=60.0), clock)
