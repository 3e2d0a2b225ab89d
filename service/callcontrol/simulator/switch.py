"""The state of one run of the switch: its identity, its channels, its numbering of events."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from callcontrol.simulator.clock import Clock
from callcontrol.simulator.events import CoreEvent, Header
from callcontrol.simulator.gateways import Gateway, configured
from callcontrol.simulator.headers import CALLED_FROM
from callcontrol.simulator.registrar import Registration
from callcontrol.simulator.scenarios import Scenarios
from callcontrol.simulator.scheduled import Scheduled
from callcontrol.simulator.tasks import Tasks

if TYPE_CHECKING:
    from callcontrol.simulator.conference import Conferences
    from callcontrol.simulator.far_end import FarEnd
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.outbound import OutboundConnection

VERSION = "1.10.12-release+git~20240802T210227Z~a88d069d6f~64bit"
"""The version whose behaviour was recorded, and which the simulator says it is."""
MAX_FAR_ENDS = 1_000
VERSION_TEXT = "(git a88d069 2024-08-02 21:02:27Z 64bit)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSettings:
    """What a configuration file would say."""

    hostname: str = "fs-sim"
    max_sessions: int = 1000
    sessions_per_second: int = 500
    heartbeat_interval_s: float = 20.0
    profiles: frozenset[str] = frozenset({"internal", "external"})
    gateways: frozenset[str] = frozenset({"carrier"})
    fallen_gateways: frozenset[str] = frozenset({"fallen"})
    """Gateways whose registrar is not there."""
    pinged_gateways: frozenset[str] = frozenset({"pinged"})
    """Gateways that are pinged, and do not answer yet."""
    languages: frozenset[str] = frozenset({"en"})
    """Of recorded words and phrases."""
    phrases: Mapping[str, str] = field(
        default_factory=lambda: {"contract_phrase": "tone_stream://%(200,0,440)"}
    )
    """What each macro plays."""
    speech_engines: frozenset[str] = frozenset({"tts_commandline"})
    users: frozenset[str] = frozenset(str(number) for number in range(1000, 1020))
    """Users of the directory who are not registered; scenario names are users who are."""


class Listener(Protocol):
    """Somebody who hears of every event: a connection."""

    def on_event(self, event: CoreEvent) -> None:
        """An event was fired."""


class DialOut(Protocol):
    """How the switch reaches a server of outbound mode for a call."""

    async def __call__(
        self, leg: "Leg", host: str, port: int, words: frozenset[str]
    ) -> "OutboundConnection":
        """Connect. Raises OSError."""


@dataclass(slots=True)
class Counters:
    """What `status` and HEARTBEAT tell."""

    since_startup: int = 0
    peak: int = 0
    this_second: int = 0
    last_second: int = 0
    second: int = 0
    peak_per_second: int = 0


@dataclass(slots=True)
class Switch:
    """One process of FreeSWITCH, from its start to its end. A restart makes a new one."""

    settings: SwitchSettings
    clock: Clock
    scenarios: Scenarios
    tasks: Tasks
    conferences: "Conferences"
    dial_out: DialOut
    core_uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    listeners: list[Listener] = field(default_factory=list)
    legs: dict[str, "Leg"] = field(default_factory=dict)
    schedule: dict[int, Scheduled] = field(default_factory=dict)
    """What is to be done later, by the number of its task."""
    far_ends: dict[str, "FarEnd"] = field(default_factory=dict)
    """The telephones at the other end of SIP legs, by call id; kept for the switch's life."""
    registered: dict[str, Registration] = field(default_factory=dict)
    """The telephones that are registered, by their addresses."""
    gateways: dict[str, Gateway] = field(default_factory=dict)
    global_variables: dict[str, str] = field(default_factory=dict)
    hash_table: dict[str, str] = field(default_factory=dict)
    """What `hash` keeps: for as long as this process lives."""
    files: dict[str, float] = field(default_factory=dict)
    """Sound files that exist only here, and their lengths in seconds."""
    subclasses: set[str] = field(default_factory=lambda: {"conference::maintenance"})
    counters: Counters = field(default_factory=Counters)
    is_paused: bool = False
    """Whether no calls are made."""
    takes_no_calls: bool = False
    """Whether no calls are taken in."""
    max_sessions: int = 0
    sessions_per_second: int = 0
    has_heartbeat: bool = True
    is_disordered: bool = False
    """Whether a far end may be quicker than CHANNEL_CREATE, as on a busy switch."""
    started_us: int = 0
    _sequence: int = 500

    def __post_init__(self) -> None:
        self.started_us = self.clock.now_us()
        self.gateways = configured(self.settings)
        self.max_sessions = self.settings.max_sessions
        self.sessions_per_second = self.settings.sessions_per_second
        self.global_variables |= {
            "core_uuid": self.core_uuid,
            "hostname": self.settings.hostname,
            "switchname": self.settings.hostname,
            "local_ip_v4": "127.0.0.1",
            "domain": self.settings.hostname,
        }

    # Events

    def skip_sequence(self) -> None:
        """An event is made and never fired, as for the parameters of a dialplan lookup."""
        self._sequence += 1

    def core_headers(
        self, name: str, called_from: tuple[str, str, int] | None = None
    ) -> list[Header]:
        """The headers every event has; this takes the next Event-Sequence."""
        self._sequence += 1
        tick = self.clock.tick_us()
        local, gmt = _dates(tick // 1_000_000)
        file, function, line = called_from or CALLED_FROM.get(name, ("switch_core.c", "core", 1))
        host = self.settings.hostname
        return [
            ("Event-Name", name),
            ("Core-UUID", self.core_uuid),
            ("FreeSWITCH-Hostname", host),
            ("FreeSWITCH-Switchname", host),
            ("FreeSWITCH-IPv4", "127.0.0.1"),
            ("FreeSWITCH-IPv6", "::1"),
            ("Event-Date-Local", local),
            ("Event-Date-GMT", gmt),
            ("Event-Date-Timestamp", str(tick)),
            ("Event-Calling-File", file),
            ("Event-Calling-Function", function),
            ("Event-Calling-Line-Number", str(line)),
            ("Event-Sequence", str(self._sequence)),
        ]

    def new_event(
        self, name: str, headers: Iterable[Header] = (), body: str | None = None
    ) -> CoreEvent:
        """An event with its number and time; it is not fired yet."""
        return CoreEvent(name, [*self.core_headers(name), *headers], body)

    def fire(self, event: CoreEvent) -> None:
        """Give an event to everybody who listens."""
        for listener in tuple(self.listeners):
            listener.on_event(event)

    def tell(self, name: str, headers: Iterable[Header] = (), body: str | None = None) -> None:
        """Make an event and fire it."""
        self.fire(self.new_event(name, headers, body))

    # Channels

    def add(self, leg: "Leg") -> None:
        """A channel exists from now on."""
        self.legs[leg.channel.call_id] = leg
        self.counters.since_startup += 1
        self.counters.peak = max(self.counters.peak, len(self.legs))

    def rename(self, leg: "Leg", call_id: str) -> None:
        """The channel has another id from now on."""
        del self.legs[leg.channel.call_id]
        leg.channel.call_id = call_id
        self.legs[call_id] = leg

    def locate(self, call_id: str) -> "Leg | None":
        """The channel, unless it is unknown or was hung up (switch_core_session_locate)."""
        leg = self.legs.get(call_id)
        return None if leg is None or leg.channel.is_down else leg

    def keep_far_end(self, call_id: str, far_end: "FarEnd") -> None:
        """Remember who is at the far end of a leg; of the newest MAX_FAR_ENDS, ended ones too."""
        self.far_ends[call_id] = far_end
        while len(self.far_ends) > MAX_FAR_ENDS:
            del self.far_ends[next(iter(self.far_ends))]

    def live_legs(self) -> Iterator["Leg"]:
        """Channels that were not hung up, oldest first."""
        return (leg for leg in tuple(self.legs.values()) if not leg.channel.is_down)

    def admits_session(self, *, is_throttled: bool = True) -> bool:
        """Whether the limits allow one more channel made by originate; it counts as made."""
        counters = self.counters
        if self.is_paused:
            return False
        self.count_seconds()
        counters.this_second += 1
        counters.peak_per_second = max(counters.peak_per_second, counters.this_second)
        if is_throttled and counters.this_second >= self.sessions_per_second:
            return False
        return len(self.legs) < self.max_sessions

    def count_seconds(self) -> None:
        """Begin to count anew if another second has begun."""
        second, counters = self.clock.now_us() // 1_000_000, self.counters
        if second != counters.second:
            is_next = second == counters.second + 1
            counters.last_second = counters.this_second if is_next else 0
            counters.second, counters.this_second = second, 0


@lru_cache(maxsize=16)
def _dates(second: int) -> tuple[str, str]:
    """A second of the clock in the two forms of Event-Date."""
    at = datetime.fromtimestamp(second, UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S"), at.strftime("%a, %d %b %Y %H:%M:%S GMT")
