"""A thread that does one thing after the other, for code that must not wait for a disk."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Worker:
    """One thread. It never keeps the process from ending: a disk may not answer any more."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    async def do(self, job: Callable[[], T]) -> T:
        """Have the thread do it, after what was asked before, and return or raise what it does.

        Cancelled, it is done all the same, and nobody hears of it.
        """
        if not self._thread.is_alive():
            self._thread.start()
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = job()
            except Exception as error:  # noqa: BLE001  raised where it is awaited
                settle, value = _fail, error
            else:
                settle, value = _succeed, result  # type: ignore[assignment]  # goes with it
            with suppress(RuntimeError):  # the loop ended meanwhile
                loop.call_soon_threadsafe(settle, outcome, value)

        self._jobs.put(work)
        return await outcome

    def _work(self) -> None:
        while True:
            self._jobs.get()()


def _succeed(outcome: asyncio.Future[T], result: T) -> None:
    if not outcome.done():
        outcome.set_result(result)


def _fail(outcome: asyncio.Future[T], error: Exception) -> None:
    if not outcome.done():
        outcome.set_exception(error)
