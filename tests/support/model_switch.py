"""Switches for models: they make events, push them to links, and remember all that they pushed."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.support.channels import START_US, Channel, Switch
from tests.support.tables import SwitchTables

from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch.fields import Place
from callcontrol.ids import CoreUuid, NodeId

NOISE = "PRESENCE_IN"
"""What happens most, and means nothing to calls."""

MOST_LATE = 400
"""How far behind its number an event may be pushed; less than what the log allows for."""


def number_of(event: SwitchEvent) -> int:
    """The switch's number of an event."""
    return int(str(event.headers["Event-Sequence"]))


@dataclass(frozen=True)
class Pushed:
    """An event that went to all links."""

    event_id: str
    name: str
    wire: SwitchEvent


@dataclass
class ModelLink:
    """A replica's connection to a switch: what was pushed to it and has not been read."""

    switch: "ModelSwitch"
    canary: Place
    read: int
    """How much of what the switch pushed has been read, or came before the link."""
    is_proven: bool = False
    was_read: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def unread(self) -> int:
        return len(self.switch.pushed) - self.read


@dataclass
class ModelSwitch:
    """A node through all its restarts."""

    node_id: NodeId
    process: int = 1
    pushed: list[Pushed] = field(default_factory=list)
    """In the order in which every link gets it."""
    late: list[SwitchEvent] = field(default_factory=list)
    """Made, and pushed after some that are made later."""
    calls: dict[str, Channel] = field(default_factory=dict)
    begun: int = 0

    def __post_init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.core_uuid = f"{self.node_id}-{self.process}"
        self.switch = Switch(self.core_uuid)
        self.tables = SwitchTables(self.node_id, self.core_uuid, self.switch.numbers)

    def restart(self) -> None:
        """Another process: no calls, and numbers from 1."""
        self.process += 1
        self.calls.clear()
        self.late.clear()
        self._start()

    def connect(self) -> ModelLink:
        """A link that has subscribed now, and fired its canary."""
        link = ModelLink(self, Place(self.node_id, CoreUuid(""), 0, 0), len(self.pushed))
        number = number_of(self.switch.event("CUSTOM"))
        core_uuid = CoreUuid(self.core_uuid)
        link.canary = Place(self.node_id, core_uuid, number, START_US + number * 20_000)
        return link

    def make_noise(self, count: int, *, is_late: bool) -> None:
        """Events of no call."""
        events = [self.switch.event(NOISE) for _ in range(count)]
        if is_late and not self.late:
            self.late += events
        else:
            self._push(events)

    def push_late(self) -> None:
        """What was held up goes out."""
        late, self.late = self.late, []
        self._push(late)

    def begin_call(self) -> None:
        self.begun += 1
        call_id = f"{self.core_uuid}-{self.begun}"
        channel = self.calls[call_id] = self.switch.channel(call_id)
        self.tables.add(call_id, "RINGING")
        self._push([channel.event("CHANNEL_CREATE"), channel.call_state("RINGING")])

    def answer_call(self, which: int) -> None:
        if not self.calls:
            return
        call_id = sorted(self.calls)[which % len(self.calls)]
        if self.tables.channels[call_id]["Channel-Call-State"] == "ACTIVE":
            return
        self.tables.add(call_id, "ACTIVE")
        channel = self.calls[call_id]
        self._push([channel.event("CHANNEL_ANSWER"), channel.call_state("ACTIVE")])

    def end_call(self, which: int) -> None:
        if not self.calls:
            return
        call_id = sorted(self.calls)[which % len(self.calls)]
        channel = self.calls.pop(call_id)
        del self.tables.channels[call_id]
        names = ("CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY")
        self._push([channel.hangup(), *map(channel.event, names)])

    def _push(self, events: Iterable[SwitchEvent]) -> None:
        for event in events:
            if self.late and number_of(event) - number_of(self.late[0]) > MOST_LATE:
                self.push_late()
            event_id = f"{self.core_uuid}:{event.headers['Event-Sequence']}"
            self.pushed.append(Pushed(event_id, str(event.headers["Event-Name"]), event))
