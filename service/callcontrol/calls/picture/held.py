"""What has happened and was not looked at yet, and how one task waits for more of it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

E = TypeVar("E")
T = TypeVar("T")

_MAX_HELD: Final = 1_024


class Held(Generic[E]):
    """Happenings in order, at most 1 024 of them, the oldest going first. One task waits."""

    def __init__(self) -> None:
        self._held: deque[E] = deque(maxlen=_MAX_HELD)
        self._waiting: asyncio.Future[None] | None = None

    def take(self, happened: E) -> None:
        """Keep it; `wake` lets the waiting task look at it."""
        self._held.append(happened)

    def wake(self) -> None:
        """Let the waiting task look again."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def first(self, found: Callable[[E], T | None], end_if_over: Callable[[], None]) -> T:
        """What `found` gives for the first one for which it is neither None nor False. None is
        looked at twice. `end_if_over` is called when all were looked at: it raises when no
        more are worth waiting for.
        """
        while True:
            while self._held:
                result = found(self._held.popleft())
                if result is not None and result is not False:
                    return result
            end_if_over()
            # Cancelled here, nothing is half done: they gather until somebody looks again.
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
