"""What an operator decides about one node and its links; nothing here changes while it runs."""

from dataclasses import dataclass, field

from callcontrol.freeswitch.wanted_events import EVERYTHING, WantedEvents
from callcontrol.ids import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """Where a node is, how to log in, and what to ask of it."""

    node_id: NodeId
    host: str
    port: int = 8021
    password: str = field(repr=False)
    user: str = ""
    """`user@domain` of the switch's directory; empty logs in with the password alone."""
    command_links: int = 3
    """Connections for commands, 1 or more. Each costs the switch a thread."""
    event_links: int = 1
    """Connections for events, 1 or 2. With two, none is lost when one of them is."""
    max_waiting_commands: int = 1_000
    """Commands that may wait for a free link before further ones are refused."""
    max_jobs: int = 10_000
    """bgapi commands under way at one time before further ones are refused."""
    max_calls: int = 0
    """Calls on the switch at which it gets no further one from here; 0 leaves it to the switch."""
    draining: bool = False
    """Whether it begins without taking new calls."""
    events: WantedEvents = EVERYTHING
    """What to ask it for beside what this service itself needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTimings:
    """How long the links wait for what, in seconds. No caller's deadline is among these."""

    connect_timeout_s: float = 5.0
    """For the TCP connection."""
    handshake_timeout_s: float = 10.0
    """For logging in, and again for what proves a fresh link: the first probe or the canary."""
    reply_timeout_s: float = 30.0
    """Age of the oldest unanswered command at which its link is closed and replaced."""
    silence_timeout_s: float = 45.0
    """Time without any event, canaries included, at which the event link is closed and replaced.
    Beyond two heartbeats of the switch, which come every 20 s."""
    probe_interval_s: float = 10.0
    """Between two probes of an idle command link."""
    canary_interval_s: float = 10.0
    """Between two canary events on the event link."""
    canary_late_s: float = 25.0
    """Time since the last canary came back at which the node no longer counts as ready."""
    keepalive_idle_s: int = 15
    keepalive_interval_s: int = 5
    keepalive_probes: int = 3
    user_timeout_s: float = 20.0
    """Time for which sent bytes may stay unacknowledged before the kernel gives up the link."""
    backoff_first_s: float = 0.25
    backoff_cap_s: float = 5.0
    """Longest pause between attempts on a node that cannot be reached; on average half of it. One
    refused connection in some seconds costs a switch nothing, and an outage not much longer."""
    permanent_retry_s: float = 60.0
    """Pause after the switch refused us: a wrong password or address list mends itself rarely."""
    stable_after_s: float = 3.0
    """A link that lived so long was a good one: the next attempt after it comes soon again."""
    shutdown_grace_s: float = 10.0
    """Time in which a switch that announced its end is expected to close the links itself."""
    job_grace_s: float = 30.0
    """Time without an event link after which jobs under way count as lost."""
