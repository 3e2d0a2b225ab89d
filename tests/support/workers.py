"""Workers for tests, and what their handlers tell."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.support.fake_handing import HandingService, WorkerAtTheDoor

from callcontrol.client.call_handler import Handler
from callcontrol.client.worker import Worker, WorkerManners


async def soon(seconds: float) -> None:
    """A pause that is shorter than it should be."""
    await asyncio.sleep(min(seconds, 0.005))


MANNERS = WorkerManners(pause=soon)


class Story:
    """What the handlers of a worker have lived through."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[object] = asyncio.Queue()

    def tell(self, what: object) -> None:
        self._told.put_nowait(what)

    async def next(self) -> object:
        async with asyncio.timeout(10):
            return await self._told.get()


@asynccontextmanager
async def working(
    service: HandingService,
    handler: Handler,
    manners: WorkerManners = MANNERS,
    event_names: Sequence[str] = (),
) -> AsyncIterator[Worker]:
    """A worker until the end of the block, when it is cancelled."""
    worker = Worker(
        service.target,
        ["ivr"],
        handler,
        name="w-1",
        max_calls=7,
        event_names=event_names,
        manners=manners,
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run(signals=()))
        yield worker
        running.cancel()


@asynccontextmanager
async def with_a_call(
    service: HandingService, handler: Handler, manners: WorkerManners = MANNERS
) -> AsyncIterator[WorkerAtTheDoor]:
    """A worker that has the call `a`."""
    async with working(service, handler, manners):
        door = await service.door()
        await door.welcome(token="t0")
        await door.give("a")
        yield door
