"""What it costs to hand calls to workers, as one JSON object a line.

    python -m tests.bench.bench_offers [names of measurements]

The simulated switch, the service and the workers are programs of their own; a bare client of the
switch places the calls, which are parked under an application name, and looks at the same events.
`offers_per_s` is how fast calls that wait are given to 50 workers that come, from the first
registration to the last assignment, beside `rpcs_per_s`, commands of the same workers' machine that
cost one round trip to the switch as an assignment does. `doorbell_to_offer_p99_ms` is from the time
that the switch gives its CHANNEL_PARK to the offer in a worker's hands, 50 workers, beside
`doorbell_to_bare_p99_ms`, what that event takes to a bare client in the same run.
`owned_call_kib` is what the service grows by for each of 1,000 calls owned at once, beside
`parked_call_kib`, the same for calls that are nobody's. A figure that misses its target says so,
and the exit status is 1.
"""

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Final

from tests.bench.bench_rpc import bare_link, cpu_s, free_port, wait_until_listening
from tests.support.figures import Figures
from tests.support.offer_takers import Hire, RunningTakers, offer_takers
from tests.support.programs import program, wait_until_ready

from callcontrol.client.client import Client
from callcontrol.esl.commands import Api, BackgroundApi, Subscribe
from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch.link import ArrivedEvent, Link
from callcontrol.ids import JobId
from callcontrol.v1 import call_control_service_pb2 as pb

APPLICATION: Final = "bench"
WORKERS: Final = 50
WAITING: Final = 1_000
"""Calls that wait for workers, and that are owned at once."""
ARRIVING: Final = 500
ARRIVE_PER_S: Final = 50
PATIENCE_S: Final = 30.0
ROUNDS: Final = 3
ASKERS: Final = 16

MOST: Final[Mapping[str, float]] = {"doorbell_ratio": 2, "owned_call_kib": 40}
LEAST: Final[Mapping[str, float]] = {"offers_ratio": 0.3}

figures = Figures(most=MOST, least=LEAST)
report = figures.report


@dataclass
class Doorbells:
    """A bare client that sees which calls were parked when, and when it heard of it."""

    parked_us: dict[str, int] = field(default_factory=dict)
    """By the clock of the switch."""
    heard_us: dict[str, int] = field(default_factory=dict)

    def on_event(self, event: ArrivedEvent) -> None:
        """An event came."""
        if isinstance(event, SwitchEvent) and event.text("Event-Name") == "CHANNEL_PARK":
            call_id = event.text("Unique-ID")
            self.heard_us[call_id] = time.time_ns() // 1_000
            self.parked_us[call_id] = int(event.text("Event-Date-Timestamp"))


@dataclass(frozen=True)
class Scene:
    """A switch with a bare client, the service on it, and a process for workers."""

    link: Link
    bells: Doorbells
    takers: RunningTakers
    pid: int
    target: str

    async def place(self, count: int, *, application: str = APPLICATION, per_s: float = 0) -> None:
        """So many calls that are answered and parked; returns when all are."""
        due, began_s = len(self.bells.parked_us) + count, time.monotonic()
        for number in range(count):
            if per_s:
                await asyncio.sleep(max(0.0, began_s + number / per_s - time.monotonic()))
            named = f",callcontrol_application={application}" if application else ""
            dial = f"{{origination_uuid={uuid.uuid4()}{named}}}sofia/internal/answer@example.org"
            originate = BackgroundApi("originate", f"{dial} &park()", JobId(str(uuid.uuid4())))
            await self.link.request(originate)
        await self._until(lambda: len(self.bells.parked_us) >= due, f"{count} calls to be parked")

    async def assigned(self, count: int) -> None:
        """Return when workers have so many calls."""
        give_up_s = time.monotonic() + PATIENCE_S
        while len((await self.takers.count()).assigned_us) < count:
            assert time.monotonic() < give_up_s, "calls were not given to workers"
            await asyncio.sleep(0.05)

    async def _until(self, holds: Callable[[], bool], what: str) -> None:
        give_up_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < give_up_s, f"waited in vain for {what}"
            await asyncio.sleep(0.01)

    @property
    def memory_kib(self) -> int:
        """Resident memory of the service that is its own."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """Three programs until the end of the block."""
    switch_port, bells = free_port(), Doorbells()
    target = f"127.0.0.1:{free_port()}"
    quiet = ("--log-level", "error")
    settings: dict[str, int] = {"outbound_offer_wait_s": 600, "event_log_max_events": 1_000}
    async with program("simulate", "--listen", f"127.0.0.1:{switch_port}", *quiet):
        await wait_until_listening(switch_port)
        service = ("serve", "--node", f"fs1=127.0.0.1:{switch_port}", "--listen", target, *quiet)
        async with (
            program(*service, log=subprocess.DEVNULL, **settings) as process,
            bare_link(switch_port, bells.on_event) as link,
            offer_takers() as takers,
        ):
            for unlimited in ("sps 10000", "max_sessions 10000"):  # not what is measured
                await link.request(Api("fsctl", unlimited))
            await link.request(Subscribe(("CHANNEL_PARK",)))
            await wait_until_ready(target)
            yield Scene(link, bells, takers, process.pid, target)


def percentile(values: Sequence[float], percent: int) -> float:
    """What so many percent of the values are at most."""
    return quantiles(values, n=100)[percent - 1]


async def rpcs_per_s(scene: Scene) -> float:
    """Commands a second that cost one round trip to the switch."""
    call_ids = list(scene.bells.parked_us)

    async def ask(client: Client, some: Sequence[str]) -> None:
        for call_id in some:
            request = pb.SetVariablesRequest(call_id=call_id, variables={"bench": "1"})
            await client.calls.SetVariables(request, timeout=10)

    began_s = time.monotonic()
    async with Client(scene.target) as client, asyncio.TaskGroup() as askers:
        for first in range(ASKERS):
            askers.create_task(ask(client, call_ids[first::ASKERS]))
    return len(call_ids) / (time.monotonic() - began_s)


@dataclass(frozen=True)
class Given:
    """One round of calls that waited and were given to workers."""

    offers_per_s: float
    rpcs_per_s: float
    cpu_ms: float
    worker_cpu_ms: float


async def given() -> Given:
    """Calls that wait are given to workers that come."""
    async with scene() as place:
        await place.place(WAITING)
        unary = await rpcs_per_s(place)
        began_s, cpu, worker_cpu = time.time(), cpu_s(place.pid), cpu_s(place.takers.pid)
        await place.takers.hire(Hire(place.target, APPLICATION, WORKERS, WAITING // WORKERS))
        await place.assigned(WAITING)
        taken = await place.takers.count()
        return Given(
            WAITING / (max(taken.assigned_us.values()) / 1e6 - began_s),
            unary,
            (cpu_s(place.pid) - cpu) / WAITING * 1e3,
            (cpu_s(place.takers.pid) - worker_cpu) / WAITING * 1e3,
        )


async def offers() -> None:
    """The best of several rounds, as the machine may have other work."""
    rounds = [await given() for _ in range(ROUNDS)]
    best = max(each.offers_per_s for each in rounds)
    unary = max(each.rpcs_per_s for each in rounds)
    report("offers_per_s", best, "offers taken/s")
    report("rpcs_per_s", unary, "RPCs/s")
    report("offers_ratio", best / unary, "times rpcs_per_s")
    report("offer_cpu_ms", min(each.cpu_ms for each in rounds), "ms of CPU/offer")
    report("offer_worker_cpu_ms", min(each.worker_cpu_ms for each in rounds), "ms of CPU/offer")


async def latency() -> None:
    """Calls arrive one after the other, and workers wait for them; the best of several rounds."""
    async with scene() as place:
        await place.takers.hire(Hire(place.target, APPLICATION, WORKERS, ARRIVING))
        bells, done = place.bells, set[str]()
        offered: list[list[float]] = []
        heard: list[list[float]] = []
        for _ in range(ROUNDS):
            await place.place(ARRIVING, per_s=ARRIVE_PER_S)
            await place.assigned(len(done) + ARRIVING)
            taken = await place.takers.count()
            new = {call: at for call, at in bells.parked_us.items() if call not in done}
            offered.append([(taken.offered_us[call] - at) / 1e3 for call, at in new.items()])
            heard.append([(bells.heard_us[call] - at) / 1e3 for call, at in new.items()])
            done |= set(new)
    least = min(percentile(each, 99) for each in offered)
    bare = min(percentile(each, 99) for each in heard)
    report("doorbell_to_offer_p50_ms", min(percentile(each, 50) for each in offered), "ms")
    report("doorbell_to_offer_p99_ms", least, "ms")
    report("doorbell_to_bare_p99_ms", bare, "ms")
    report("doorbell_ratio", least / bare, "times doorbell_to_bare_p99_ms")


async def memory() -> None:
    """Many calls are owned at once, and nobody's calls beside."""
    async with scene() as place:
        await place.takers.hire(Hire(place.target, APPLICATION, WORKERS, WAITING // WORKERS * 2))
        await place.place(200)
        await place.assigned(200)  # by now what is needed once is there
        before = place.memory_kib
        await place.place(WAITING)
        await place.assigned(200 + WAITING)
        owned = (place.memory_kib - before) / WAITING
        before = place.memory_kib
        await place.place(WAITING, application="")
        await asyncio.sleep(1.0)
        parked = (place.memory_kib - before) / WAITING
        report("owned_call_kib", owned, "KiB/call")
        report("parked_call_kib", parked, "KiB/call")


MEASUREMENTS: Final[Mapping[str, Callable[[], Coroutine[None, None, None]]]] = {
    each.__name__: each for each in (offers, latency, memory)
}


def main() -> None:
    """Measure, and say what missed its target."""
    os.environ["CALLCONTROL_MAX_STREAMS_PER_PEER"] = "0"  # of the service, as all are of one host
    for name in sys.argv[1:] or MEASUREMENTS:
        asyncio.run(MEASUREMENTS[name]())
    figures.conclude()


if __name__ == "__main__":
    main()
