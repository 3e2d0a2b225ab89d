"""What can be seen of a node from outside: its state, its figures, its counters."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from callcontrol.freeswitch.fields import Load
from callcontrol.ids import CoreUuid, NodeId

Purpose = Literal["events", "commands"]
"""What a link is for."""


class NodeState(Enum):
    """How the service stands with a node."""

    CONNECTING = "connecting"
    """No working event link, or no command link, yet or again; or its calls are being read."""
    ACTIVE = "active"
    DRAINING = "draining"
    """Connected and used, but it takes no new calls."""
    FAILED = "failed"
    """The switch refuses us: password, access list or permission. Tried again, slowly."""


@dataclass(slots=True)
class NodeCounters:
    """What happened since this process began; plain numbers that only grow."""

    dials: int = 0
    """Attempts to open a link."""
    failed_dials: int = 0
    lost_links: int = 0
    """Links that had been up and were lost, for whatever reason."""
    reconnects: int = 0
    """Times events came again after the first time."""
    overdue_replies: int = 0
    """Links closed as a reply was overdue."""
    silent_links: int = 0
    """Event links closed as no event came any more."""
    commands: int = 0
    """Commands written."""
    unsent_commands: int = 0
    """Commands refused or withdrawn before anything was written."""
    unknown_outcomes: int = 0
    """Commands whose link was lost after they had been written."""
    jobs: int = 0
    lost_jobs: int = 0
    events: int = 0
    """Events received, canaries included, each as often as there were links that told it."""
    unreadable_events: int = 0
    mended_events: int = 0
    """Events that one of two event links left out, and the other one told."""
    observer_failures: int = 0
    """Events that the layer above failed to take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionStatus:
    """One link, up or not."""

    purpose: Purpose
    connected: bool
    pending_commands: int = 0
    """Written and not answered."""
    received_events: int = 0
    """Since the link came up."""
    covers_events: bool = False
    """It is for events, and as long as it lives none is lost, whatever becomes of another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """A picture of a node at one moment. Times are microseconds since the epoch, 0 if unknown."""

    node_id: NodeId
    state: NodeState
    ready: bool
    draining: bool
    """Whether it takes no new calls by an operator's wish, connected or not."""
    max_calls: int
    """Calls at which it gets no further one by our settings; 0 for no limit of ours."""
    call_limit: int
    """The same with the switch's own limit; 0 while neither is known."""
    core_uuid: CoreUuid | None
    version: str
    hostname: str
    started_us: int
    """When the switch process began; known from its first heartbeat on."""
    connected_us: int
    """When events last began to come; 0 while they do not."""
    load: Load
    command_latency_s: float
    """Time the last probe of a command link took; 0 before the first."""
    waiting_commands: int
    """Commands that wait for a free link."""
    jobs: int
    """bgapi commands whose result has not come."""
    connections: tuple[ConnectionStatus, ...]
    last_error: str
    """Why a link is not up; empty when all are."""
    counters: NodeCounters
    """A copy."""

    @property
    def session_count(self) -> int:
        """Sessions on the switch, ours or not."""
        return self.load.session_count

    @property
    def max_sessions(self) -> int:
        """Most sessions the switch allows."""
        return self.load.max_sessions

    @property
    def sessions_per_second(self) -> int:
        """Sessions begun in the second before the last heartbeat."""
        return self.load.sessions_per_second

    @property
    def idle_cpu_percent(self) -> float:
        """Idle processor time of the switch's machine."""
        return self.load.idle_cpu_percent
