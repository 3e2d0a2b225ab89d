"""What the switch knows of one conference and of those who are in it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.switch import Switch


class Sounds:
    """What plays and waits to play, one after the other; `on_done` hears of the end of each."""

    def __init__(self, switch: "Switch", on_done: Callable[[str], None], name: str) -> None:
        self._switch, self._on_done, self._name = switch, on_done, name
        self._queue: list[tuple[str, float]] = []
        self._stopped = asyncio.Event()
        self._is_running = False

    def add(self, path: str, seconds: float) -> None:
        """Play this after what is there already."""
        self._queue.append((path, seconds))
        if not self._is_running:
            self._is_running = True
            self._stopped.clear()
            self._switch.tasks.start(self._run(), f"sounds of {self._name}")

    def stop(self) -> int:
        """Stop all; how many there were. They end with the next turn."""
        stopped = len(self._queue)
        self._queue = [(path, 0.0) for path, _ in self._queue]
        self._stopped.set()
        return stopped

    def close(self) -> None:
        """Stop all at once."""
        ended, self._queue = self._queue, []
        self._stopped.set()
        for path, _ in ended:
            self._on_done(path)

    async def _run(self) -> None:
        while self._queue:
            path, seconds = self._queue[0]
            await self._switch.clock.wait(self._stopped, None if seconds == inf else seconds)
            if not self._queue:
                break
            self._queue.pop(0)
            if not self._queue or self._queue[0][1]:
                self._stopped.clear()
            self._on_done(path)
        self._is_running = False


@dataclass(slots=True, eq=False)
class Member:
    """A leg in a conference."""

    number: int
    leg: "Leg"
    joined_s: float
    sounds: Sounds = field(init=False)
    can_speak: bool = True
    can_hear: bool = True
    is_moderator: bool = False
    is_leaving: bool = False
    volume_in: int = 0
    volume_out: int = 0
    energy: int = 100

    def leave(self) -> None:
        """Go on in the dialplan."""
        self.is_leaving = True
        self.leg.wake.set()


@dataclass(slots=True, eq=False)
class RoomRecording:
    """A file that a conference is recorded in."""

    path: str
    began_s: float


@dataclass(slots=True, eq=False)
class Conference:
    """A room; it exists while somebody is in it."""

    switch: "Switch"
    name: str
    profile: str
    began_s: float
    conference_id: str = field(default_factory=lambda: str(uuid4()))
    members: list[Member] = field(default_factory=list)
    """In the order in which they came."""
    floor: Member | None = None
    is_locked: bool = False
    pin: str = ""
    recordings: list[RoomRecording] = field(default_factory=list)
    sounds: Sounds = field(init=False)

    def find(self, number: str) -> Member | None:
        """The member of that number."""
        return next((each for each in self.members if str(each.number) == number), None)
