"""The service with its events on disk: killed, and begun again."""

import asyncio
import os
import random
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from callcontrol.client.client import Client
from callcontrol.client.endless import Manners
from callcontrol.client.following import Following, Item, follow
from callcontrol.simulator import Simulator
from callcontrol.v1 import common_pb2
from callcontrol.v1.event_pb2 import Event
from callcontrol.v1.event_service_pb2 import EventFilter, EventsRequest, Gap, StartPosition

SUBCLASS = "test::numbered"
OURS = EventFilter(subclasses=[SUBCLASS])
LIMIT_S = 40.0


async def soon(seconds: float) -> None:
    """A pause that is shorter than it should be."""
    await asyncio.sleep(min(seconds, 0.02))


HASTY = Manners(pause=soon)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Program:
    """The service as a process that is killed and begun again, and its switch."""

    def __init__(self, simulator: Simulator, store: Path) -> None:
        self.simulator, self.port, self.metrics_port = simulator, free_port(), free_port()
        self.fired = 0
        self._environ = {
            "PATH": os.environ["PATH"],
            "CALLCONTROL_NODES": f"fs1=127.0.0.1:{simulator.port}",
            "CALLCONTROL_PASSWORD": simulator.password,
            "CALLCONTROL_LISTEN": f"127.0.0.1:{self.port}",
            "CALLCONTROL_METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}",
            "CALLCONTROL_EVENT_STORE": str(store),
        }
        self._process: Process | None = None

    async def begin(self) -> None:
        """Return once it listens to the switch."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callcontrol", "serve",
            stdout=DEVNULL, stderr=PIPE, env=self._environ,
        )  # fmt: skip
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            if b'"ready"' in line:
                return
        raise AssertionError("it ended")

    async def kill(self) -> None:
        """As the system does when it needs the memory."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._process.communicate()

    async def end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    def fire(self, count: int) -> None:
        """The switch fires events that say their number."""
        for _ in range(count):
            self.fired += 1
            headers = [("Event-Subclass", SUBCLASS), ("Number", str(self.fired))]
            self.simulator.switch.tell("CUSTOM", headers, f"body {self.fired}")

    async def fire_and_write(self, count: int) -> None:
        """The same, and return when they are on disk."""
        request = EventsRequest(filters=[OURS], header_names=["Number"])
        async with Client(f"127.0.0.1:{self.port}") as client:
            stream = client.events.Events(request)
            messages = aiter(stream)
            assert (await anext(messages)).HasField("started")
            self.fire(count)
            last = 0
            while last < self.fired:
                last = max([last, *map(number_of, (await anext(messages)).events)])
            stream.cancel()
        while await self._figure("event_store_unwritten_entries"):  # noqa: ASYNC110  no event tells
            await asyncio.sleep(0.01)

    async def _figure(self, name: str) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.metrics_port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        page = (await reader.read(-1)).decode()
        writer.close()
        lines = [line.split() for line in page.splitlines()]
        (value,) = [line[1] for line in lines if line[:1] == [f"callcontrol_{name}"]]
        return float(value)


@pytest.fixture
async def program(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Program]:
    program = Program(simulator, tmp_path / "events.db")
    try:
        async with asyncio.timeout(LIMIT_S):
            yield program
    finally:
        await program.end()


@asynccontextmanager
async def followed(program: Program, token: str = "", **fields: object) -> AsyncIterator[Following]:
    request = EventsRequest(filters=[OURS], **fields)  # type: ignore[arg-type]  # as the test says
    if token:
        request.start.CopyFrom(StartPosition(resume_token=token))
    async with (
        Client(f"127.0.0.1:{program.port}") as client,
        follow(client, request, HASTY) as following,
    ):
        yield following


async def in_place(program: Program, following: Following) -> None:
    """The subscription is there: events come."""
    reading = asyncio.ensure_future(following.__anext__())
    while not reading.done():
        program.fire(1)
        await asyncio.wait([reading], timeout=0.05)
    first = await reading
    while not isinstance(first, Event) or number_of(first) < program.fired:
        first = await anext(following)


def number_of(event: Event) -> int:
    return int(event.headers["Number"])


async def take(following: Following, count: int) -> list[Item]:
    return [await anext(following) for _ in range(count)]


async def test_a_killed_service_tells_in_its_next_run_what_its_clients_had_not_read(program):
    await program.begin()
    async with followed(program, header_names=["Number"]) as following:
        await in_place(program, following)
        token, seen = following.resume_token, program.fired
    await program.fire_and_write(300)
    await program.kill()
    program.fire(10)  # to nobody
    await program.begin()
    async with followed(program, token, view=common_pb2.VIEW_FULL) as following:
        items = await take(following, 300)
        events = [item for item in items if isinstance(item, Event)]
        assert [number_of(event) for event in events] == list(range(seen + 1, seen + 301))
        assert events[0].body == f"body {seen + 1}".encode()
        gap = await anext(following)
        assert isinstance(gap, Gap)
        assert gap.reason == Gap.REASON_NODE_CONNECTION_LOST
        assert (gap.node_id, gap.last_before.core_uuid) == ("fs1", events[-1].position.core_uuid)
        # Others that no filter asked for may have come behind, say a heartbeat.
        assert gap.last_before.sequence >= events[-1].position.sequence
        program.fire(1)
        while not isinstance(item := await anext(following), Event):
            pass
        assert number_of(item) == seen + 311


async def follow_to(following: Following, last: int) -> list[int | None]:
    """The numbers that came, up to the last one, and None for each gap."""
    told: list[int | None] = []
    while not told or told[-1] != last:
        item = await anext(following)
        told.append(number_of(item) if isinstance(item, Event) else None)
    return told


async def test_a_service_that_is_killed_under_load_loses_nothing_silently(program):
    draw = random.Random(4)
    await program.begin()
    async with followed(program, header_names=["Number"]) as following:
        await in_place(program, following)
        first = program.fired
        may_be_missing: set[int] = set()
        for _ in range(3):
            await program.fire_and_write(200)
            written = program.fired
            for _ in range(draw.randrange(1, 20)):
                program.fire(20)
                await asyncio.sleep(0.005)
            await program.kill()
            program.fire(5)
            await program.begin()
            may_be_missing |= set(range(written + 1, program.fired + 1))
        program.fire(50)
        told = await follow_to(following, program.fired)
    numbers = [number for number in told if number is not None]
    assert numbers == sorted(set(numbers))
    assert set(range(first + 1, program.fired)) - set(numbers) <= may_be_missing
    for before, after in pairwise([first, *told]):
        assert before is None or after in (None, before + 1)


async def test_a_program_that_ends_well_leaves_nothing_unwritten(program):
    await program.begin()
    async with followed(program, header_names=["Number"]) as following:
        await in_place(program, following)
        token, seen = following.resume_token, program.fired
        program.fire(100)
        assert len(await take(following, 100)) == 100
    assert program._process is not None
    program._process.send_signal(signal.SIGTERM)
    await program._process.communicate()
    await program.begin()
    async with followed(program, token, header_names=["Number"]) as following:
        items = await take(following, 100)
    assert [number_of(item) for item in items if isinstance(item, Event)] == list(
        range(seen + 1, seen + 101)
    )
