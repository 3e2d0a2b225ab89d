"""Places calls for a while and looks at what is left over: memory, tasks, calls, subscriptions.

    python tests/soak/soak.py [--minutes 10] [--callers 20]

Prints a JSON object every ten seconds. Exit status 1 if memory grew beyond the bound after the
warm-up, a call was not ended, or a task is left.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.stage import Stage, settings_for

from callcontrol.app import Service, running_service
from callcontrol.client.client import Client
from callcontrol.simulator import Simulator
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import common_pb2, event_service_pb2

DIALLED: Final = ("answer", "ring-answer", "busy", "reject", "short", "early-answer")
REPORT_S: Final = 10.0
WARM_UP_S: Final = 90.0
"""By then everything that is kept for a while, ended calls for a minute, is there in full."""
ALLOWED_GROWTH_MIB: Final = 48.0
LOG: Final = {"event_log_max_events": 5_000, "event_log_max_bytes": 32 * 1024 * 1024}


@dataclass
class Tally:
    """What was done so far."""

    calls: int = 0
    answered: int = 0
    delivered: int = 0


async def keep_calling(stage: Stage, tally: Tally, number: int, until_s: float) -> None:
    """One caller: a call after the other."""
    while time.monotonic() < until_s:
        whom = DIALLED[(tally.calls + number) % len(DIALLED)]
        placed = await stage.call(f"sofia/internal/{whom}@example.org", labels={"n": str(number)})
        tally.calls += 1
        if placed.disposition != pb.DISPOSITION_ANSWERED or whom == "short":
            continue
        tally.answered += 1
        call_id = placed.call.call_id
        tone = common_pb2.MediaSource(tone_stream="%(1000,0,440)")
        await stage.client.calls.Play(pb.PlayRequest(call_id=call_id, sources=[tone]))
        await stage.client.calls.Hold(pb.HoldRequest(call_id=call_id))
        await stage.client.calls.Hangup(pb.HangupRequest(call_id=call_id))


async def keep_listening(client: Client, tally: Tally) -> None:
    """One subscriber, who counts and keeps nothing."""
    async for response in client.events.Events(event_service_pb2.EventsRequest()):
        tally.delivered += len(response.events)


async def report(service: Service, tally: Tally, samples: list[float]) -> None:
    """Print how it goes, until cancelled."""
    while True:
        await asyncio.sleep(REPORT_S)
        samples.append(resident_mib())
        figures = {
            "calls": tally.calls,
            "answered": tally.answered,
            "delivered": tally.delivered,
            "events": service.log.next_number - 1,
            "memory_mib": round(samples[-1], 1),
            "tasks": len(asyncio.all_tasks()),
            "live_calls": sum(service.tracker.count(node.node_id) for node in service.fleet.nodes),
        }
        print(json.dumps(figures), flush=True)


async def soak(minutes: float, callers: int) -> list[str]:
    """What is wrong at the end."""
    tally, samples = Tally(), [resident_mib()]
    before = len(asyncio.all_tasks())
    async with (
        Simulator(time_scale=0.05) as simulator,
        running_service(settings_for(simulator, **LOG)) as service,
        Client(f"127.0.0.1:{service.port}") as client,
    ):
        await service.wait_ready()
        stage = Stage(simulator, service, client)
        until_s = time.monotonic() + minutes * 60
        async with asyncio.TaskGroup() as tasks:
            reporter = tasks.create_task(report(service, tally, samples))
            subscriber = tasks.create_task(keep_listening(client, tally))
            async with asyncio.TaskGroup() as calling:
                for number in range(callers):
                    calling.create_task(keep_calling(stage, tally, number, until_s))
            reporter.cancel()
            subscriber.cancel()
        await wait_until_idle(service)
        live = service.tracker.calls()
    return problems(samples, live, len(asyncio.all_tasks()) - before)


async def wait_until_idle(service: Service) -> None:
    """Give the last calls the time to end, but no more than a few seconds."""
    for _ in range(50):
        if not service.tracker.calls():
            return
        await asyncio.sleep(0.1)


def problems(samples: Sequence[float], live: Sequence[object], tasks: int) -> list[str]:
    """What should not be, a line each."""
    found = []
    warm = samples[int(WARM_UP_S / REPORT_S)]
    if samples[-1] - warm > ALLOWED_GROWTH_MIB:
        found.append(f"memory grew from {warm:.0f} to {samples[-1]:.0f} MiB after the warm-up")
    if live:
        found.append(f"{len(live)} calls were not ended")
    if tasks > 0:
        found.append(f"{tasks} tasks are left")
    return found


def resident_mib() -> float:
    """Memory of this process: simulator, service and client together."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    minutes = float(os.environ.get("MINUTES", "10"))
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--callers", type=int, default=20)
    options = parser.parse_args()
    if options.minutes * 60 < 2 * WARM_UP_S:
        parser.error(
            f"--minutes: at least {WARM_UP_S / 30:g}, as the first {WARM_UP_S:g} s warm up"
        )
    if found := asyncio.run(soak(options.minutes, options.callers)):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
