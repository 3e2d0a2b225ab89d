"""Workers as programs of their own, and what each says that it was told."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Line:
    """Something that a worker said."""

    at_s: float
    what: str
    call_id: str
    rest: dict[str, object]


@dataclass
class WorkerProcess:
    """One of them, which may be killed."""

    name: str
    process: asyncio.subprocess.Process
    lines: list[Line] = field(default_factory=list)
    events: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """Name and Event-Sequence of the events of each call, in order."""
    held: set[str] = field(default_factory=set)
    assigned_s: dict[str, float] = field(default_factory=dict)
    """When it was told last that a call is its own."""
    killed_s: float | None = None

    async def listen(self) -> None:
        """Take what it says until it ends."""
        assert self.process.stdout is not None
        async for text in self.process.stdout:
            said = json.loads(text)
            line = Line(said.pop("at_s"), said.pop("what"), said.pop("call_id", ""), said)
            if line.what == "event":
                event = (str(said["name"]), int(said["sequence"]))
                self.events.setdefault(line.call_id, []).append(event)
                continue
            self.lines.append(line)
            if line.what == "assigned":
                self.held.add(line.call_id)
                self.assigned_s[line.call_id] = line.at_s
            elif line.what in {"releasing", "lost", "ended"}:
                self.held.discard(line.call_id)

    def said(self, what: str) -> list[Line]:
        """All lines of a kind."""
        return [line for line in self.lines if line.what == what]

    @property
    def is_alive(self) -> bool:
        """Whether it was neither killed nor has ended."""
        return self.killed_s is None and self.process.returncode is None

    def kill(self) -> None:
        """No more of it, without a word."""
        self.killed_s = time.monotonic()
        self.process.kill()

    def release_all(self) -> None:
        """Have it give its calls back to the dialplan."""
        self.process.send_signal(signal.SIGUSR1)

    def drain(self) -> None:
        """Ask it to end when its calls are done."""
        self.process.terminate()


@asynccontextmanager
async def worker_process(
    program: str, target: str, name: str, max_calls: int, policy: str, *applications: str
) -> AsyncIterator[WorkerProcess]:
    """One worker until the end of the block: a program of this folder."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tests.support.{program}"),
        *(target, name, str(max_calls), policy, *applications),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    worker = WorkerProcess(name, process)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.listen(), name=f"{name} listens")
        try:
            yield worker
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
