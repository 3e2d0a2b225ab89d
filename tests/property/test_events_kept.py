"""A log on disk through writes, kills and failing disks: whatever a client resumes is whole, or a
gap says where it is not."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.errors import ResumeTokenExpired
from callcontrol.events.event import Event, Gap, Position
from callcontrol.events.keeper import Keeper
from callcontrol.events.log import EventLog
from callcontrol.events.ring import LogLimits
from callcontrol.events.store import EventStore, StoreFailed
from callcontrol.events.worker import Worker
from callcontrol.ids import CoreUuid, EventId, NodeId

HELD = 30


class Disk(EventStore):
    """A file that may be full for a while, and may break when the process is killed."""

    is_full = False

    def write(self, first_number: int, count: int, entries: bytes, first_held: int) -> None:
        if self.is_full:
            raise StoreFailed("full")
        super().write(first_number, count, entries, first_held)

    def begin_again(self, *args: object) -> None:
        if self.is_full:
            raise StoreFailed("full")
        super().begin_again(*args)  # type: ignore[arg-type]  # handed on


@dataclass
class World:
    """What the switch said, and what clients hold of it. One thread writes for all its lives."""

    path: Path
    worker: Worker
    said: int = 0
    tokens: list[tuple[str, int]] = field(default_factory=list)
    """Each with the last number that had been told by then."""

    async def begin(self) -> None:
        self.log = EventLog(LogLimits(max_events=HELD), clock=lambda: 0.0)
        self.disk = Disk(self.path, 64 << 20, lock_timeout_s=0)
        self.keeper = Keeper(self.log, self.disk, lambda _: b"", now_us=lambda: 0)
        self.keeper._worker = self.worker
        await self.keeper.restore()

    def tell(self, count: int) -> None:
        for _ in range(count):
            self.said += 1
            self.log.append(
                Event(
                    event_id=EventId(str(self.said)),
                    position=Position(NodeId("n"), CoreUuid("core"), self.said, 1),
                    name="E",
                    received_us=0,
                    size=100,
                )
            )
            if self.said % 3 == 0:
                self.tokens.append((self.log.token_at(self.log.next_number), self.said))

    async def kill(self, unheard: int) -> None:
        """End without a word; the switch goes on, and nobody hears it."""
        await self.worker.do(self.disk.close)
        self.said += unheard
        await self.begin()

    def check(self) -> None:
        for token, told in self.tokens:
            last = told
            try:
                start = self.log.start_after(token)
            except ResumeTokenExpired:
                continue
            with self.log.subscribe(start=start) as subscription:
                is_announced = False
                while True:
                    batch = subscription.take()
                    assert not batch.overtaken
                    if not batch.entries:
                        break
                    for entry in batch.entries:
                        if isinstance(entry.item, Gap):
                            is_announced = True
                            continue
                        number = entry.item.position.sequence
                        assert number > last
                        assert number == last + 1 or is_announced
                        last, is_announced = number, False
                assert last == self.said or is_announced


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.integers(1, 2 * HELD)),
        st.tuples(st.just("write"), st.just(0)),
        st.tuples(st.just("full"), st.just(0)),
        st.tuples(st.just("room"), st.just(0)),
        st.tuples(st.just("kill"), st.integers(0, 3)),
        st.tuples(st.just("break"), st.just(0)),
    ),
    max_size=25,
)


async def play(steps: list[tuple[str, int]], path: Path, worker: Worker) -> None:
    world = World(path, worker)
    await world.begin()
    for step, number in steps:
        match step:
            case "tell":
                world.tell(number)
            case "write":
                await world.keeper.write()
            case "full":
                world.disk.is_full = True
            case "room":
                world.disk.is_full = False
            case "kill":
                await world.kill(number)
            case "break":
                await world.worker.do(world.disk.close)
                await world.worker.do(lambda: path.write_bytes(b"\xff" * 5_000))
                await world.begin()
        world.check()
    await world.worker.do(world.disk.close)


@pytest.fixture(scope="module")
def worker() -> Worker:
    """Workers live as long as their process, and a machine has no room for thousands of them."""
    return Worker("event store")


@given(steps=STEPS)
def test_whatever_befalls_the_log_on_disk_nothing_is_missing_without_a_gap(steps, worker):
    with TemporaryDirectory() as directory:
        asyncio.run(play(steps, Path(directory) / "events.db", worker))
