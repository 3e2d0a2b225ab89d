"""Workers in a process of their own, which take every offer and note when it came."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from tests.support.piped_process import piped_process
from tests.support.raw_worker import RawWorker, Told

from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1 import call_pb2


@dataclass(frozen=True)
class Hire:
    """Register so many workers, each on a connection of its own; answered when all are."""

    target: str
    application: str
    workers: int
    max_calls: int


@dataclass(frozen=True)
class Count:
    """Tell what has come so far."""


@dataclass
class Taken:
    """What came to all workers together, by call, with the wall clock in microseconds."""

    offered_us: dict[str, int] = field(default_factory=dict)
    assigned_us: dict[str, int] = field(default_factory=dict)
    ended: int = 0
    broken: list[str] = field(default_factory=list)


def now_us() -> int:
    """The clock by which a switch dates its events."""
    return time.time_ns() // 1_000


class Takers:
    """The workers of this process."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.taken = Taken()
        self._tasks = tasks
        self._working: list[asyncio.Task[None]] = []

    async def hire(self, asked: Hire) -> None:
        """Let them register."""
        names = [f"taker-{len(self._working) + each}" for each in range(asked.workers)]
        registered = [asyncio.Event() for _ in names]
        for name, is_there in zip(names, registered, strict=True):
            registration = pb.RegisterWorker(
                worker_name=name, applications=[asked.application], max_calls=asked.max_calls
            )
            worker = RawWorker(registration, self._told(is_there))
            self._working.append(self._tasks.create_task(worker.run(asked.target), name=name))
        for is_there in registered:
            await is_there.wait()

    def _told(self, is_there: asyncio.Event) -> Told:
        taken = self.taken

        def offered(offer: pb.OfferCall) -> None:
            taken.offered_us.setdefault(offer.call.call_id, now_us())

        def assigned(call: call_pb2.Call, _: bool) -> None:
            taken.assigned_us.setdefault(call.call_id, now_us())

        def ended(_: str) -> None:
            taken.ended += 1

        return Told(
            registered=lambda _: is_there.set(),
            offered=offered,
            assigned=assigned,
            ended=ended,
            broken=taken.broken.append,
        )

    def dismiss(self) -> None:
        """No more of them."""
        for working in self._working:
            working.cancel()


async def _run(orders: Connection) -> None:
    async with asyncio.TaskGroup() as tasks:
        takers = Takers(tasks)
        with suppress(EOFError):
            while True:
                match await asyncio.to_thread(orders.recv):
                    case Hire() as asked:
                        await takers.hire(asked)
                        orders.send(None)
                    case Count():
                        orders.send(takers.taken)
        takers.dismiss()


def _main(orders: Connection) -> None:
    asyncio.run(_run(orders))


class RunningTakers:
    """Workers in a process of their own."""

    def __init__(self, pid: int, orders: Connection) -> None:
        self.pid, self._orders = pid, orders

    async def hire(self, asked: Hire) -> None:
        """Register workers; returns when the service has all of them."""
        self._orders.send(asked)
        await asyncio.to_thread(self._orders.recv)

    async def count(self) -> Taken:
        """What has come so far."""
        self._orders.send(Count())
        taken: Taken = await asyncio.to_thread(self._orders.recv)
        assert not taken.broken, taken.broken
        return taken


@asynccontextmanager
async def offer_takers() -> AsyncIterator[RunningTakers]:
    """A process that takes offers until the end of the block."""
    async with piped_process(_main) as (pid, orders):
        yield RunningTakers(pid, orders)
