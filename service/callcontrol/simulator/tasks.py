"""The owner of the simulator's tasks: none outlives it, and no failure goes unheard."""

import asyncio
from collections.abc import Coroutine


class Tasks:
    """Starts tasks, hears of their death, and ends what is left when it is stopped."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._failures: list[Exception] = []

    def start(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        """Run `work` until it ends or the owner stops."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        failure = task.exception()
        if isinstance(failure, Exception):
            self._failures.append(failure)
            task.get_loop().call_exception_handler(
                {"message": f"{task.get_name()} failed", "exception": failure, "task": task}
            )

    async def stop(self) -> None:
        """Cancel what runs and wait for it. Raises ExceptionGroup of all failures ever heard of."""
        while self._running:
            for task in self._running:
                task.cancel()
            await asyncio.wait(self._running)
        if self._failures:
            raise ExceptionGroup("the simulator failed", self._failures)
