"""Kills one of two replicas with SIGKILL, again and again under load; no follower loses an event.

    PYTHONPATH=. python tests/soak/replicas.py [--kills 20] [--followers 10]

Both replicas follow one simulated switch, on which calls come and go. The followers are told to
resume by their tokens and nothing else. What each has heard is compared by event_id with what a
bare client of the switch heard. Prints a JSON object for each kill and one at the end. Exit status
1 if an event is missing or came twice, or if a gap was told.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from tests.contract.raw_client import RawClient
from tests.support.programs import free_port, program, wait_until_ready

from callcontrol.client.client import Client
from callcontrol.client.endless import Manners
from callcontrol.client.following import follow
from callcontrol.v1.event_pb2 import Event
from callcontrol.v1.event_service_pb2 import EventsRequest, Gap

HOST: Final = "127.0.0.1"
CALL: Final = "bgapi originate sofia/internal/short@example.org &park()"
CALL_EVERY_S: Final = 0.05
START_S: Final = 30.0
SETTLE_S: Final = 12.0
"""Between two kills. A replica knows nothing of what was before it began, so a follower that was
away for longer than the other one lived would be told of a gap, and rightly: those whose streams
lived ten seconds come back within half a second."""
LAST_S: Final = 10.0
"""The longest that a follower may take to have heard everything at the end."""
CANARY: Final = "callcontrol::canary"


@dataclass
class Heard:
    """What a follower was told, in order."""

    ids: list[str] = field(default_factory=list)
    gaps: Counter[str] = field(default_factory=Counter)
    breaks: int = 0
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, target: str) -> None:
        """Follow until cancelled."""
        manners = Manners(on_break=self._on_break)
        async with Client(target) as client, follow(client, EventsRequest(), manners) as items:
            async for item in items:
                match item:
                    case Event() if item.position.sequence and not item.synthetic:
                        self.ids.append(item.event_id)
                        self.has_begun.set()
                    case Gap():
                        self.gaps[Gap.Reason.Name(item.reason)] += 1

    def _on_break(self, _: object) -> None:
        self.breaks += 1


@dataclass
class Replica:
    """One place where a service runs, one process after the other."""

    switch_port: int
    key: str
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    @property
    def target(self) -> str:
        return f"{HOST}:{self.port}"

    async def run(self) -> None:
        """Start again whenever it was killed, until cancelled."""
        words = ("serve", "--node", f"fs1={HOST}:{self.switch_port}", "--listen", self.target)
        while True:
            async with program(*words, log_level="error", token_key=self.key) as process:
                self.process = process
                await process.wait()

    async def kill(self) -> None:
        """Kill the process; return when the next one is ready."""
        former = self.process
        assert former is not None
        former.kill()
        while self.process is former:  # noqa: ASYNC110  no event tells
            await asyncio.sleep(0.05)
        await wait_until_ready(self.target)


async def hear_bare(client: RawClient, ids: list[str]) -> None:
    """The ids of all events that the switch pushes, but those that services fire at themselves."""
    while True:
        frame = await client.frame()
        if frame.kind != "text/event-json":
            continue
        event = frame.event
        if event.get("Event-Subclass") != CANARY:
            ids.append(f"{event['Core-UUID']}:{event['Event-Sequence']}")


async def keep_calling(client: RawClient) -> None:
    """A new call every now and then; each ends by itself."""
    while True:
        assert (await client.ask(CALL)).startswith("+OK")
        await asyncio.sleep(CALL_EVERY_S)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[RawClient]:
    """A bare client that is logged in."""
    async with asyncio.timeout(START_S):
        client = await dialled(port)
    async with client:
        await client.log_in("ClueCon")
        yield client


async def dialled(port: int) -> RawClient:
    """A connection, as soon as somebody listens there."""
    while True:
        with suppress(OSError):
            return await RawClient.connect(HOST, port)
        await asyncio.sleep(0.1)


async def soak(kills: int, followers: int) -> list[str]:
    """What is wrong at the end."""
    port, key = free_port(), os.urandom(24).hex()
    ids: list[str] = []
    heard = [Heard() for _ in range(followers)]
    simulate = ("simulate", "--listen", f"{HOST}:{port}", "--log-level", "error")
    async with (
        program(*simulate),
        connected(port) as bare,
        connected(port) as caller,
        asyncio.TaskGroup() as tasks,
    ):
        await bare.ask("event json ALL")
        replicas = [Replica(port, key) for _ in range(2)]
        running = [
            tasks.create_task(hear_bare(bare, ids)),
            *(tasks.create_task(replica.run()) for replica in replicas),
        ]
        for replica in replicas:
            await wait_until_ready(replica.target)
        calling = tasks.create_task(keep_calling(caller))
        for number, each in enumerate(heard):
            first, second = replicas if number % 2 else reversed(replicas)
            target = f"ipv4:{first.target},{second.target}"
            running.append(tasks.create_task(each.listen(target)))
        await kill_by_turns(replicas, kills, heard, ids)
        calling.cancel()
        await until_all_is_heard(heard, ids)
        for task in running:
            task.cancel()
    return judge(heard, ids, kills)


async def kill_by_turns(
    replicas: list[Replica], kills: int, heard: list[Heard], ids: list[str]
) -> None:
    """Kill one, wait until it is back, go on with the other."""
    for each in heard:
        await each.has_begun.wait()
    for number in range(kills):
        await asyncio.sleep(SETTLE_S)
        began_s = time.monotonic()
        await replicas[number % 2].kill()
        figures = {
            "kill": number + 1,
            "events": len(ids),
            "back_after_s": round(time.monotonic() - began_s, 1),
            "breaks": sum(each.breaks for each in heard),
            "gaps": dict(sum((each.gaps for each in heard), Counter())),
        }
        print(json.dumps(figures), flush=True)


async def until_all_is_heard(heard: list[Heard], ids: list[str]) -> None:
    """Wait for the last calls to end, and for everyone to have heard of it."""
    give_up_s = time.monotonic() + LAST_S
    while time.monotonic() < give_up_s:
        before = len(ids)
        await asyncio.sleep(1.0)
        if len(ids) == before and all(each.ids and each.ids[-1] == ids[-1] for each in heard):
            return


def judge(heard: list[Heard], ids: list[str], kills: int) -> list[str]:
    """What should not be, a line each; prints the figures."""
    places = {event_id: place for place, event_id in enumerate(ids)}
    lost = repeated = unordered = 0
    found = []
    for number, each in enumerate(heard):
        own = set(each.ids)
        missing = [event_id for event_id in ids[places[each.ids[0]] :] if event_id not in own]
        lost += len(missing)
        repeated += len(each.ids) - len(own)
        order = [places[event_id] for event_id in each.ids]
        unordered += sum(later < sooner for sooner, later in pairwise(order))
        if missing or each.gaps:
            found.append(f"follower {number}: {len(missing)} lost, gaps {dict(each.gaps)}")
    figures = {
        "kills": kills,
        "events": len(ids),
        "followers": len(heard),
        "delivered": sum(len(each.ids) for each in heard),
        "breaks": sum(each.breaks for each in heard),
        "lost": lost,
        "repeated": repeated,
        "out_of_order": unordered,
        "gaps": sum(each.gaps.total() for each in heard),
    }
    print(json.dumps(figures), flush=True)
    if repeated or unordered:
        found.append(f"{repeated} events came twice, {unordered} out of order")
    if kills > 1 and figures["breaks"] == 0:
        found.append("no stream broke, which proves nothing")
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=int(os.environ.get("KILLS", "20")))
    parser.add_argument("--followers", type=int, default=10)
    options = parser.parse_args()
    if problems := asyncio.run(soak(options.kills, options.followers)):
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
