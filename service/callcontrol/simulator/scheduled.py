"""What the switch has put off: a task of its scheduler, as `show tasks` lists it."""

import asyncio
from dataclasses import dataclass

from callcontrol.simulator.events import Header


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One task. Those of a group named by a call end with the call."""

    description: str
    group: str
    due_s: int
    task: asyncio.Task[None]

    def headers(self, number: int) -> list[Header]:
        """What the SCHEDULE events say of it."""
        return [
            ("Task-ID", str(number)),
            ("Task-Desc", self.description),
            ("Task-Group", self.group),
            ("Task-Runtime", str(self.due_s)),
        ]
