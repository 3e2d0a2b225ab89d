"""What is done to calls at the switches: for each call one thing after the other."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from callcontrol.errors import CallControlError
from callcontrol.ids import CallId

log: Final = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


class CallTasks:
    """Does what is given to it; calls do not wait for each other. Whoever gives something bounds
    how long it takes.

    What comes before `run` waits for it. As many calls at a time as there are; the links to the
    switches have bounds of their own.
    """

    def __init__(self) -> None:
        self._queues: dict[CallId, deque[tuple[str, Work]]] = {}
        self._new: deque[CallId] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def give(self, call_id: CallId, what: str, work: Work) -> None:
        """Do this for a call when all is done that was given for it before."""
        queue = self._queues.get(call_id)
        if queue is None:
            queue = self._queues[call_id] = deque()
            self._new.append(call_id)
            self._idle.clear()
            self._arrived.set()
        queue.append((what, work))

    async def wait_idle(self, most_s: float) -> None:
        """Return when nothing is left to do, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._idle.wait()

    async def run(self) -> None:
        """Do it until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._new:
                    tasks.create_task(self._do_all(self._new.popleft()), name="a call's tasks")

    async def _do_all(self, call_id: CallId) -> None:
        queue = self._queues[call_id]
        while queue:
            what, work = queue[0]
            try:
                await work()
            except TimeoutError:
                log.warning("a call's task took too long", extra={"what": what, "call": call_id})
            except CallControlError as error:
                keys = {"what": what, "call": call_id, "problem": type(error).__name__}
                log.info("a call's task failed", extra=keys)
            except Exception:
                log.exception("a call's task failed", extra={"what": what, "call": call_id})
            queue.popleft()
        del self._queues[call_id]
        if not self._queues:
            self._idle.set()
