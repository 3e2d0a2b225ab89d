"""An observer of nodes that writes down what it is told, for tests to wait for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch.observer import NodeUp
from callcontrol.ids import NodeId


@dataclass(frozen=True, slots=True)
class Up:
    info: NodeUp


@dataclass(frozen=True, slots=True)
class Synchronised:
    pass


@dataclass(frozen=True, slots=True)
class Down:
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    count: int


@dataclass(frozen=True, slots=True)
class Saw:
    name: str
    sequence: int


Happening = Up | Synchronised | Down | Lost | Saw


class NodeRecorder:
    """A NodeObserver."""

    def __init__(self) -> None:
        self.happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self.synchronise: Callable[[NodeUp], Awaitable[None]] | None = None
        """What `node_up` awaits, besides letting the loop turn once."""
        self.fails_on = ""
        """Name of the events that `on_event` raises for."""

    def on_event(self, node_id: NodeId, event: SwitchEvent) -> None:
        name = event.text("Event-Name")
        if name == self.fails_on:
            raise RuntimeError("the observer is at fault")
        self.happenings.put_nowait(Saw(name, int(event.text("Event-Sequence"))))

    async def node_up(self, info: NodeUp) -> None:
        self.happenings.put_nowait(Up(info))
        if self.synchronise is not None:
            await self.synchronise(info)
        await asyncio.sleep(0)
        self.happenings.put_nowait(Synchronised())

    def node_down(self, node_id: NodeId, reason: str) -> None:
        self.happenings.put_nowait(Down(reason))

    def events_lost(self, node_id: NodeId, count: int) -> None:
        self.happenings.put_nowait(Lost(count))

    async def up(self) -> NodeUp:
        """Await the next time it comes up and is synchronised."""
        info = None
        while True:
            match await self.happenings.get():
                case Up(found):
                    info = found
                case Synchronised():
                    assert info is not None
                    return info

    async def down(self) -> str:
        """Await the next time it goes down; return why."""
        while True:
            happening = await self.happenings.get()
            if isinstance(happening, Down):
                return happening.reason

    async def next(self) -> Happening:
        return await self.happenings.get()
