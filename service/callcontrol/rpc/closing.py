"""Which requests are under way, and how they get an answer of ours before the server goes.

What gRPC itself cuts off is UNAVAILABLE, which meshes and clients repeat by themselves: a command
that was sent must never end so.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Closing:
    """The requests under way, by the timeouts that they run in."""

    def __init__(self, on_close: Callable[[], None] = lambda: None) -> None:
        """`on_close` is called before the first request is ended."""
        self._on_close = on_close
        self._under_way: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing new may begin."""
        return self._is_closed

    @property
    def under_way(self) -> int:
        """Requests that have no answer yet."""
        return len(self._under_way)

    @contextmanager
    def watching(self, timeout: asyncio.Timeout) -> Iterator[None]:
        """What runs inside this timeout is a request; to be entered inside of it."""
        self._under_way.add(timeout)
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way.discard(timeout)
            if not self._under_way:
                self._idle.set()

    async def wait_idle(self) -> None:
        """Return when nothing is under way."""
        await self._idle.wait()

    def close(self) -> None:
        """Let the time of every request run out now."""
        if self._is_closed:
            return
        self._is_closed = True
        self._on_close()
        now_s = asyncio.get_running_loop().time()
        for timeout in self._under_way:
            if not timeout.expired():
                timeout.reschedule(now_s)
