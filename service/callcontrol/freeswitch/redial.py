"""Keeps links up: a loop around "dial, prove, serve until lost", with one timer for all links of a
node.

Links of one node dial one after another, never at the same time: its switch accepts few at once,
and as long as it cannot be reached one attempt tells as much as four. What a link has to prove when
it is logged in is its own affair: a switch that fires no events may still take commands.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass

from callcontrol.freeswitch.backoff import Backoff
from callcontrol.freeswitch.link import Link
from callcontrol.freeswitch.replies import LinkLost, LinkRefused
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.freeswitch.status import NodeCounters, Purpose
from callcontrol.ids import NodeId

log = logging.getLogger(__name__)

Dial = Callable[[], AbstractAsyncContextManager[Link]]
"""Opens a link and logs in; raises LinkLost or LinkRefused."""

Prove = Callable[[Link], Awaitable[None]]
"""Prepares a link and finds out whether it works; raises LinkLost or LinkRefused."""

Serve = Callable[[Link], Awaitable[str]]
"""Uses a link until it is lost, and returns why."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no link of some purpose."""

    reason: str
    refused: bool
    """The switch refuses us; that does not mend itself soon."""


class Redial:
    """When a node may be dialled, and what prevented it last."""

    def __init__(
        self, node_id: NodeId, timings: LinkTimings, counters: NodeCounters, backoff: Backoff
    ) -> None:
        self._node_id, self._timings, self._counters = node_id, timings, counters
        self._backoff = backoff
        self._turn_lock = asyncio.Lock()
        self._due_at = 0.0
        """When the node may be dialled again."""
        self._purpose_due_at: dict[Purpose, float] = {}
        """When it may be dialled again for a purpose whose links could not prove themselves."""
        self._troubles: dict[Purpose, Trouble] = {}

    @property
    def trouble(self) -> Trouble | None:
        """What keeps links down; a refusal counts more than anything else."""
        troubles = sorted(self._troubles.values(), key=lambda trouble: not trouble.refused)
        return troubles[0] if troubles else None

    @property
    def retry_in_s(self) -> float:
        """Seconds until the next attempt; 0 when one is under way."""
        return _seconds_until(self._due_at)

    async def keep_up(
        self,
        purpose: Purpose,
        dial: Dial,
        serve: Serve,
        *,
        prove: Prove | None = None,
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Keep one link up, for ever; `after` awaits what must be there before dialling.

        Whatever goes wrong inside, a fault of our own included, ends only that one link.
        """
        task = asyncio.current_task()
        while True:
            # A task group that ends by an error drops a cancellation that comes at the same
            # moment (before Python 3.13); it must not be lost to this loop.
            if task is not None and task.cancelling():
                raise asyncio.CancelledError
            if after is not None:
                await after()
            try:
                await self._run_once(purpose, dial, prove, serve)
            except (LinkLost, LinkRefused):
                continue  # the pause before the next attempt is set

    async def _run_once(
        self, purpose: Purpose, dial: Dial, prove: Prove | None, serve: Serve
    ) -> None:
        await asyncio.sleep(_seconds_until(self._purpose_due_at.get(purpose, 0.0)))
        async with AsyncExitStack() as stack:
            async with self._turn_lock:
                await asyncio.sleep(self.retry_in_s)
                with self._noting(purpose):
                    link = await stack.enter_async_context(dial())
            if prove is not None:
                with self._noting(purpose, is_dialled=True):
                    await prove(link)
            self._troubles.pop(purpose, None)
            up_at = time.monotonic()
            try:
                reason = await serve(link)
            except LinkLost as lost:
                reason = lost.reason
            except Exception:
                log.exception("a link failed by a fault of this service", extra=self._keys(purpose))
                reason = "an internal error"
            self._on_lost(purpose, reason, time.monotonic() - up_at)

    @contextmanager
    def _noting(self, purpose: Purpose, *, is_dialled: bool = False) -> Iterator[None]:
        """Note how dialling, or what follows it, failed, and when to try again."""
        try:
            yield
        except LinkRefused as exc:
            self._on_failure(purpose, Trouble(exc.reason, refused=True), is_dialled=is_dialled)
            raise
        except LinkLost as exc:
            self._on_failure(purpose, Trouble(exc.reason, refused=False), is_dialled=is_dialled)
            raise
        except Exception as exc:
            log.exception("dialling failed by a fault of this service", extra=self._keys(purpose))
            trouble = Trouble("an internal error", refused=False)
            self._on_failure(purpose, trouble, is_dialled=is_dialled)
            raise LinkLost("an internal error", sent=False) from exc

    def _on_failure(self, purpose: Purpose, trouble: Trouble, *, is_dialled: bool) -> None:
        self._counters.failed_dials += 1
        pause_s = self._backoff.next_delay()
        if trouble.refused:
            pause_s += self._timings.permanent_retry_s
        if is_dialled:
            self._purpose_due_at[purpose] = time.monotonic() + pause_s
        else:
            self._due_at = time.monotonic() + pause_s
        known = self._troubles.get(purpose)
        self._troubles[purpose] = trouble
        if trouble != known:
            level = logging.ERROR if trouble.refused else logging.WARNING
            what = "node refuses us" if trouble.refused else "node cannot be reached"
            keys = self._keys(purpose) | {"reason": trouble.reason, "retry_in_s": round(pause_s, 3)}
            log.log(level, what, extra=keys)

    def _on_lost(self, purpose: Purpose, reason: str, lived_s: float) -> None:
        """All links of a node are often lost together; that is one reason to pause, not four."""
        self._counters.lost_links += 1
        self._troubles[purpose] = Trouble(reason, refused=False)
        if lived_s >= self._timings.stable_after_s:
            self._backoff.reset()
        if self.retry_in_s == 0.0:
            self._due_at = time.monotonic() + self._backoff.next_delay()
        keys = self._keys(purpose) | {"reason": reason, "lived_s": round(lived_s, 3)}
        log.info("link lost", extra=keys)

    def _keys(self, purpose: Purpose) -> dict[str, object]:
        return {"node": self._node_id, "link": purpose}


def _seconds_until(due_at: float) -> float:
    return max(0.0, due_at - time.monotonic())
