"""What event streams are measured on: a switch, the service and its readers, each a program of its
own, and what it came to when the switch has spoken.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.bench_rpc import cpu_s, free_port, program, wait_until_ready
from tests.support.corpus_switch import Play, RunningSwitch, corpus_switch
from tests.support.event_readers import Open, RunningReaders, event_readers
from tests.support.naive_events import naive_service

from callcontrol.client.client import Client
from callcontrol.v1.event_service_pb2 import EventsRequest

PATIENCE_S: Final = 5.0
"""How long nothing may come before what has not come counts as lost."""


@dataclass(frozen=True)
class Scene:
    """A switch, the service on it, and who reads from the service."""

    switch: RunningSwitch
    readers: RunningReaders
    pid: int
    target: str

    async def open(self, *requests: EventsRequest, takes_time: bool = False) -> None:
        """Open streams."""
        encoded = tuple(request.SerializeToString() for request in requests)
        await self.readers.open(Open(self.target, encoded, takes_time))

    @property
    def memory_kib(self) -> int:
        """Resident memory of the service that is its own."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


@asynccontextmanager
async def scene(*, naive: bool = False) -> AsyncIterator[Scene]:
    """Three programs until the end of the block."""
    async with AsyncExitStack() as stack:
        switch = await stack.enter_async_context(corpus_switch())
        if naive:
            pid, target = await stack.enter_async_context(naive_service(switch.port))
        else:
            target = f"127.0.0.1:{free_port()}"
            words = ("--node", f"fs1=127.0.0.1:{switch.port}", "--listen", target)
            pid = await stack.enter_async_context(
                program("serve", *words, "--log-level", "warning")
            )
            async with Client(target) as client:
                await wait_until_ready(client)
        readers = await stack.enter_async_context(event_readers())
        yield Scene(switch, readers, pid, target)


@dataclass(frozen=True)
class Delivered:
    """What one play came to."""

    events: int
    """Said by the switch."""
    deliveries: int
    messages: int
    size: int
    cpu_s: float
    """Of the service."""
    seconds: float
    """From the first event to the last delivery."""
    reader_cpu_s: float
    ages_ms: Sequence[float]
    """Of the events when they came, where the streams take time."""
    late_ms: Sequence[float]
    """How late the switch itself was, for all that runs beside it."""

    @property
    def us(self) -> float:
        """Processor time for one delivery."""
        return self.cpu_s / self.deliveries * 1e6


async def played(scene: Scene, asked: Play, subscribers: int) -> Delivered:
    """Let the switch speak, and wait until so many have got all of it. An event may be lost to
    nobody, but the service has some of its own to tell.
    """
    before = await scene.readers.count()
    cpu, reader_cpu, began_s = cpu_s(scene.pid), cpu_s(scene.readers.pid), time.monotonic()
    said = await scene.switch.play(asked)
    after, changed_s, ages_ms = before, time.monotonic(), list[float]()
    due = before.events + asked.events * subscribers
    while after.events < due:
        assert time.monotonic() < changed_s + PATIENCE_S, f"{due - after.events} did not come"
        await asyncio.sleep(0.05)
        now = await scene.readers.count()
        ages_ms += now.ages_ms
        if now.events != after.events:
            after, changed_s = now, time.monotonic()
    return Delivered(
        events=asked.events,
        deliveries=after.events - before.events,
        messages=after.messages - before.messages,
        size=after.size - before.size,
        cpu_s=cpu_s(scene.pid) - cpu,
        seconds=changed_s - began_s,
        reader_cpu_s=cpu_s(scene.readers.pid) - reader_cpu,
        ages_ms=ages_ms,
        late_ms=said.late_ms,
    )
