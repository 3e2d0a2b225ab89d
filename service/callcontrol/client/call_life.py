"""How long a call is a worker's: who waits for its end, and who is cancelled by it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc.aio

from callcontrol.client.call_endings import CallIsOver, Ending
from callcontrol.client.call_inbox import CallInbox
from callcontrol.client.failure import failure_of

NEWS_S: Final = 5.0
"""Longest wait for the news that a call is over, of which a command has said so already."""

_OVER: Final = frozenset({"CALL_ENDED", "CALL_NOT_FOUND"})


def says_it_is_over(error: grpc.aio.AioRpcError) -> bool:
    """Whether a command failed because the call is over."""
    return failure_of(error).reason in _OVER


class CallLife:
    """From the assignment of a call to its ending, which comes once."""

    def __init__(self, call_id: str, wanted: frozenset[str] = frozenset()) -> None:
        """`wanted` as for CallInbox."""
        self.call_id = call_id
        self.inbox = CallInbox(call_id, wanted)
        self.assignments = 1
        """How often the service has told that the call is the worker's."""
        self.is_away = False
        """The stream broke since then: the service may have to find the call again."""
        self._handler: asyncio.Task[None] | None = None
        self._awaited = 0
        """In so many places the handler waits for the ending."""
        loop = asyncio.get_running_loop()
        self._ending: asyncio.Future[Ending] = loop.create_future()
        self._refusal: asyncio.Future[grpc.aio.AioRpcError] = loop.create_future()
        """Done when the release that is waited for will not be."""

    @property
    def ending(self) -> Ending | None:
        """How it was over; None while it is not."""
        return self.inbox.ending

    def begin(self) -> None:
        """The task that is running now is the call's handler, to be cancelled at its ending."""
        self._handler = asyncio.current_task()

    def end(self, ending: Ending) -> None:
        """The call is over for this worker. The first ending is the one that counts."""
        if self.ending is not None:
            return
        self.inbox.close(ending)
        self._ending.set_result(ending)
        if self._handler is not None and not self._awaited:
            self._handler.cancel(f"call {self.call_id}: {ending}")

    def refuse(self, error: grpc.aio.AioRpcError) -> None:
        """The release that is waited for will not be."""
        if not self._refusal.done():
            self._refusal.set_result(error)

    def require(self) -> None:
        """Raises CallIsOver."""
        if self.ending is not None:
            raise CallIsOver(self.call_id, self.ending)

    async def over(self) -> Ending:
        """The ending, once it has come. The handler is not cancelled by it while it waits here."""
        with self.awaited():
            return await asyncio.shield(self._ending)

    async def given_away(self) -> Ending:
        """As `over`; raises AioRpcError when the newest release of those that wait is refused."""
        if self._refusal.done():
            self._refusal = asyncio.get_running_loop().create_future()
        refusal = self._refusal
        with self.awaited():
            either: list[asyncio.Future[Ending] | asyncio.Future[grpc.aio.AioRpcError]]
            either = [self._ending, refusal]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._ending.done():
            raise refusal.result()
        return self._ending.result()

    def is_back(self) -> None:
        """The call was assigned once more: commands reach it."""
        self.is_away = False
        self.assignments += 1
        self.inbox.wake()

    async def news(self, seen: int, deadline_s: float) -> bool:
        """Whether the call was assigned once more, which was done `seen` times before: then the
        service did not know it yet, as after a restart, and a command on it may be sent again.

        False when nothing comes: within a while, as long as the call is the worker's, else by the
        loop's time of `deadline_s`. An ending cancels the handler meanwhile, as any does; others
        that wait get CallIsOver.
        """
        try:
            async with asyncio.timeout(NEWS_S):
                await self.inbox.until(lambda: self.assignments != seen or self.is_away)
            async with asyncio.timeout_at(deadline_s):
                await self.inbox.until(lambda: self.assignments != seen)
        except TimeoutError:
            return False
        return True

    async def news_of_the_end(self) -> None:
        """Wait a while for an ending that is on its way, and cancels the handler."""
        await self.news(self.assignments, asyncio.get_running_loop().time() + NEWS_S)

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """The ending does not cancel the handler meanwhile, if it is the handler that waits."""
        is_handler = asyncio.current_task() is self._handler
        self._awaited += is_handler
        try:
            yield
        finally:
            self._awaited -= is_handler
