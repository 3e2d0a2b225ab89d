"""What the switch has put off: a task of its scheduler, as `show tasks` lists it."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One task. Those of a group named by a call end with the call."""

    description: str
    group: str
    due_s: int
    task: asyncio.Task[None]
