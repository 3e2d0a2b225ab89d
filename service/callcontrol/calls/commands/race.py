"""Waiting for two things, of which the first decides."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Ended(Generic[T]):
    result: T | None = None
    error: Exception | None = None

    def value(self) -> T:
        if self.error is not None:
            raise self.error
        # An ended wait without an error has the result that its type says, which may be None.
        return self.result  # type: ignore[return-value]


async def first_of(first: Coroutine[None, None, A], second: Coroutine[None, None, B]) -> A | B:
    """The result, or the exception, of what ends first; of both at once, of `first`.

    The other one is cancelled and has ended when this returns. Cancelled itself, both are.
    """
    async with asyncio.TaskGroup() as tasks:
        racing: list[asyncio.Task[_Ended[A] | _Ended[B]]] = [
            tasks.create_task(_ended(first), name="first"),
            tasks.create_task(_ended(second), name="second"),
        ]
        await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
        winner = next(task for task in racing if task.done())
        for task in racing:
            task.cancel()
    return winner.result().value()


async def _ended(wait: Coroutine[None, None, T]) -> _Ended[T]:
    """An exception as a value, so that the group does not take it for a failure of its own."""
    try:
        return _Ended(result=await wait)
    except Exception as error:  # noqa: BLE001 - it is raised again for whoever waits
        return _Ended(error=error)
