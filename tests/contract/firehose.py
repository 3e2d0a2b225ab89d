"""A bare client of the switch that listens to everything, and load, to judge a subscriber by."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest

from tests.contract.phone import CONTEXT, Tape, new_id
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import event_pb2

BURSTS, CALLS = 10, 20
CANARY = "callcontrol::canary"
"""Fired by services at themselves, and told to nobody."""
MARK = "contract::firehose"

Position = tuple[str, int]


@dataclass
class Listener:
    """A bare client that asked for everything."""

    events: list[dict[str, str]] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)
    """Those that have ended."""
    calls: set[str] = field(default_factory=set)
    """Those that have ended."""
    marks: set[str] = field(default_factory=set)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def listen(self, client: RawClient) -> None:
        while True:
            frame = await client.frame()
            if frame.kind == "text/event-json":
                async with self._news:
                    self._take(json.loads(frame.body))
                    self._news.notify_all()

    def _take(self, event: dict[str, str]) -> None:
        self.events.append(event)
        match event["Event-Name"]:
            case "BACKGROUND_JOB":
                self.jobs.add(event["Job-UUID"])
            case "CHANNEL_DESTROY":
                self.calls.add(event["Unique-ID"])
            case "CUSTOM" if "Mark" in event:
                self.marks.add(event["Mark"])

    async def until(self, holds: Callable[[], bool]) -> None:
        async with self._news:
            await self._news.wait_for(holds)


@asynccontextmanager
async def connected(switch: SwitchUnderTest) -> AsyncIterator[RawClient]:
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.log_in(switch.password)
        yield client


@asynccontextmanager
async def listening(switch: SwitchUnderTest) -> AsyncIterator[Listener]:
    listener = Listener()
    async with connected(switch) as client, asyncio.TaskGroup() as tasks:
        assert (await client.ask("event json ALL")).startswith("+OK")
        task = tasks.create_task(listener.listen(client))
        yield listener
        task.cancel()


async def fire(client: RawClient, mark: str) -> None:
    """An event of our own: what is compared lies between two of these."""
    command = f"sendevent CUSTOM\nEvent-Subclass: {MARK}\nMark: {mark}"
    assert (await client.ask(command)).startswith("+OK")


async def place_calls(client: RawClient, listener: Listener, bursts: int = BURSTS) -> None:
    """Bursts of calls through the switch's own dialplan; each has two legs and ends by itself."""
    ended = len(listener.calls) + 2 * bursts * CALLS
    for _ in range(bursts):
        jobs = {new_id() for _ in range(CALLS)}
        for job in jobs:
            client.write(f"bgapi originate loopback/short/{CONTEXT} &park()\nJob-UUID: {job}")
        for _ in jobs:
            assert (await client.answer()).reply.startswith("+OK")
        await listener.until(partial(jobs.issubset, listener.jobs))
    await listener.until(lambda: len(listener.calls) >= ended)


def seen_bare(events: list[dict[str, str]]) -> list[Position]:
    """What the switch fired between the marks."""
    places = [place for place, event in enumerate(events) if "Mark" in event]
    return [
        (event["Core-UUID"], int(event["Event-Sequence"]))
        for event in events[places[0] : places[-1] + 1]
        if event.get("Event-Subclass") != CANARY
    ]


def seen_by_subscriber(tape: Tape) -> list[Position]:
    """The same as the service told it; what it made itself is not the switch's."""
    places = [place for place, event in enumerate(tape.events) if event.subclass == MARK]
    return [
        (event.position.core_uuid, event.position.sequence)
        for event in tape.events[places[0] : places[-1] + 1]
        if not event.synthetic
    ]


def found_by_asking(events: Sequence[event_pb2.Event]) -> list[event_pb2.Event]:
    """The synthetic events, but for legs that are told of right before their first change: on a
    busy switch CHANNEL_CREATE may come later.
    """
    found = []
    for event, following in zip_longest(events, events[1:]):
        is_told_early = (
            event.HasField("call_created")
            and following is not None
            and following.HasField("call_state_changed")
            and following.call_id == event.call_id
        )
        if event.synthetic and not is_told_early:
            found.append(event)
    return found
