"""Replays a million events to a hundred subscribers, two of whom are slow, and accounts for all.

    PYTHONPATH=. python tests/soak/events.py [--events 1000000]

The events are those of a recording, at full speed, over a socket. The service, the switch and the
subscribers are processes of their own. There are ten filters. For a tenth of the events the 98
that read are alone; then one that stops reading and one that reads at a tenth join them for all
events; then the 98 are alone again. JSON lines; exit status 1 if an event was lost and no gap of
the right size told it, one who reads was told of a gap, memory was not flat, or the 98 suffered.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Final

from tests.support.accounts import Account, Manner, percentile_ms
from tests.support.audiences import Audience, Part, Stages
from tests.support.corpus_replay import recorded
from tests.support.interests import INTERESTS
from tests.support.programs import cpu_s, free_port, program, resident_mib, wait_until_ready
from tests.support.replaying_switch import Feed, replaying

READERS: Final = 98
ALONE: Final = 10
"""The share of the events for which they are alone, before and after; a round comes before all, so
that everything has run once."""
PROCESSES: Final = 2
MAX_BYTES: Final = 64 * 1024 * 1024
MEMORY_PER_BYTE: Final = 2.5
"""Memory that a byte of the log's bound takes at most; the objects are larger than the wire."""
REST_MIB: Final = 128
"""Memory of a hundred streams, each with a message on its way, and of the calls that ended within a
minute, some thousands at this speed."""
FLAT_MIB: Final = 24
LATENCY_FACTOR: Final = 2.0
LATENCY_FLOOR_MS: Final = 50.0
PATIENCE_S: Final = 60.0


@dataclass
class Trial:
    """The conductor of one run."""

    target: str
    pid: int
    feed: Feed
    stages: Stages = field(default_factory=Stages)
    memory: list[tuple[int, float]] = field(default_factory=list)
    """Events fed, and MiB of the service at that moment."""
    problems: list[str] = field(default_factory=list)
    events_per_s: dict[str, float] = field(default_factory=dict)
    cpu_us_per_event: dict[str, float] = field(default_factory=dict)

    def audience(self, parts: list[Part]) -> AbstractContextManager[Audience]:
        """A process with subscribers."""
        return Audience(parts, self.target, self.feed, self.stages).listening()

    async def until(self, holds: Callable[[], bool], what: str, patience_s: float) -> bool:
        """Wait for it, looking at the memory meanwhile; a problem if it does not come."""
        give_up_s = time.monotonic() + patience_s
        while not holds():
            if time.monotonic() > give_up_s:
                self.problems.append(f"{what}: not within {patience_s:.0f} s")
                return False
            self.memory.append((self.feed.fed.value, resident_mib(self.pid)))
            await asyncio.sleep(0.25)
        return True

    async def play(self, name: str, events: int, settled: int) -> None:
        """A stage: so many events, until so many subscribers have accounted for them."""
        began_s, began_cpu_s = time.monotonic(), cpu_s(self.pid)
        before = self.stages.settled.value
        self.feed.goal.value += events
        self.stages.stage.value += 1
        patience_s = PATIENCE_S + events / 500
        await self.until(lambda: self.feed.fed.value == self.feed.goal.value, name, patience_s)
        self.events_per_s[name] = round(events / (time.monotonic() - began_s))
        await self.until(
            lambda: self.stages.settled.value - before >= READERS,
            f"{name}: accounts of those who read",
            PATIENCE_S,
        )
        self.stages.over.value = self.stages.stage.value
        await self.until(
            lambda: self.stages.settled.value - before >= settled,
            f"{name}: accounts of all",
            PATIENCE_S,
        )
        self.cpu_us_per_event[name] = round((cpu_s(self.pid) - began_cpu_s) / events * 1e6, 1)


async def soak(events: int) -> list[str]:
    """What is wrong at the end."""
    feed, port = Feed(), free_port()
    with replaying(feed):
        while not feed.port.value:  # noqa: ASYNC110  another process tells it
            await asyncio.sleep(0.05)
        target = f"127.0.0.1:{port}"
        words = ("serve", "--node", f"fs1=127.0.0.1:{feed.port.value}", "--listen", target)
        quiet = program(*words, event_log_max_bytes=MAX_BYTES, log_level="warning")
        async with quiet as service:
            await wait_until_ready(target)
            trial = Trial(target, service.pid, feed)
            fast, slow = await conduct(trial, events)
            print(json.dumps(figures(trial, events, fast, slow)), flush=True)
            return judge(trial, events, fast, slow)


async def conduct(trial: Trial, events: int) -> tuple[list[Account], list[Account]]:
    """All stages; the accounts of those who read, and of the two others."""
    warm_up, alone = len(recorded()), events // ALONE
    everyone = [(name, Manner.READS) for name in islice(cycle(INTERESTS), READERS)]
    the_slow: list[Part] = [("everything", Manner.STOPS), ("everything", Manner.AT_A_TENTH)]
    with ExitStack() as processes:
        audiences = [
            processes.enter_context(trial.audience(everyone[place::PROCESSES]))
            for place in range(PROCESSES)
        ]
        await in_place(trial, READERS)
        await trial.play("warm-up", warm_up, READERS)
        await trial.play("before", alone, READERS)
        late = processes.enter_context(trial.audience(the_slow))
        await in_place(trial, READERS + len(the_slow))
        await trial.play("with slow ones", events, READERS + len(the_slow))
        slow = late.dismiss()
        await trial.play("after", alone, READERS)
        return [account for each in audiences for account in each.dismiss()], slow


async def in_place(trial: Trial, subscribers: int) -> None:
    """Return when so many streams have begun."""
    ready = trial.stages.ready
    await trial.until(lambda: ready.value >= subscribers, "streams in place", PATIENCE_S)


def figures(
    trial: Trial, events: int, fast: list[Account], slow: list[Account]
) -> dict[str, object]:
    """What was seen."""
    return {
        "events": events,
        "subscribers": len(fast) + len(slow),
        "filters": len(INTERESTS),
        "delivered": sum(account.received for account in (*fast, *slow)),
        "events_per_s": trial.events_per_s,
        "service_cpu_us_per_event": trial.cpu_us_per_event,
        "p99_ms": {stage: round(p99, 1) for stage, p99 in latencies(fast).items()},
        "p50_ms": {stage: round(p50, 1) for stage, p50 in latencies(fast, 0.5).items()},
        "slow": {
            account.manner.value: {
                "received": account.received,
                "announced_as_missing": account.announced,
                "gaps": dict(account.gaps),
            }
            for account in slow
        },
        "others": dict(sum((account.others for account in (*fast, *slow)), Counter())),
        "memory_mib": memory(trial, events),
        "log_bound_mib": MAX_BYTES / 2**20,
    }


STAGES: Final = ("warm-up", "before", "with slow ones", "after")


def latencies(accounts: list[Account], share: float = 0.99) -> dict[str, float]:
    """Milliseconds from the service's socket to the subscribers who read, by stage."""
    merged: dict[int, Counter[int]] = {}
    for account in accounts:
        for stage, tally in account.latencies.items():
            merged.setdefault(stage, Counter()).update(tally)
    return {STAGES[stage - 1]: percentile_ms(merged[stage], share) for stage in sorted(merged)}


def memory(trial: Trial, events: int) -> dict[str, float]:
    """The service's memory at the beginning, the most of each quarter, and at the end."""
    first = trial.feed.goal.value - events - events // ALONE  # of the stage with the slow ones
    quarters: dict[str, float] = {"at the beginning": trial.memory[0][1]}
    for quarter in range(1, 5):
        begin, end = first + events * (quarter - 1) // 4, first + events * quarter // 4
        inside = [mib for fed, mib in trial.memory if begin < fed <= end]
        quarters[f"most in quarter {quarter}"] = max(inside, default=0.0)
    quarters["at the end"] = trial.memory[-1][1]
    return {name: round(mib, 1) for name, mib in quarters.items()}


def judge(trial: Trial, events: int, fast: list[Account], slow: list[Account]) -> list[str]:
    """What should not be, a line each."""
    found = list(trial.problems)
    for account in fast:
        found += account.problems
        if account.gaps:
            found.append(f"{account.name}: reads, and was told of gaps {dict(account.gaps)}")
    for account in slow:
        found += account.problems
        if not account.announced and events >= 200_000:
            found.append(f"{account.manner.value}: was never behind, which proves nothing")
    seen = memory(trial, events)
    bound = seen["at the beginning"] + MAX_BYTES / 2**20 * MEMORY_PER_BYTE + REST_MIB
    if max(seen.values()) > bound:
        found.append(f"memory: {max(seen.values())} MiB are beyond {bound:.0f}")
    if events >= 200_000 and seen["most in quarter 4"] > seen["most in quarter 1"] + FLAT_MIB:
        found.append(f"memory is not flat: {seen}")
    p99 = latencies(fast)
    alone = max(p99.get("before", 0.0), p99.get("after", 0.0), LATENCY_FLOOR_MS)
    if p99.get("with slow ones", 0.0) > LATENCY_FACTOR * alone:
        found.append(f"those who read suffered from those who did not: p99 {p99}")
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=int(os.environ.get("EVENTS", "1000000")))
    options = parser.parse_args()
    if problems := asyncio.run(soak(options.events)):
        sys.exit("\n".join(problems[:50]))


if __name__ == "__main__":
    main()
