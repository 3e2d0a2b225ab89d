"""Work that outlives the request it came from: clean-ups for callers who went away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from callcontrol.errors import CallControlError

log: Final = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


class LateWork:
    """Does work given to it by others, within `timeout_s` each, at most `limit` at one time.

    What comes before `run` waits for it; what is under way when `run` is cancelled is cancelled.
    """

    def __init__(self, limit: int, timeout_s: float) -> None:
        self._limit, self._timeout_s = limit, timeout_s
        self._given: list[tuple[str, Work]] = []
        self._under_way = 0
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._given) + self._under_way

    def give(self, what: str, work: Work) -> bool:
        """Take work over; False, and an error in the log, if there is too much already."""
        if len(self) >= self._limit:
            log.error("late work refused", extra={"what": what, "under_way": len(self)})
            return False
        self._given.append((what, work))
        self._arrived.set()
        return True

    async def run(self) -> None:
        """Do the work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                given, self._given = self._given, []
                for what, work in given:
                    self._under_way += 1
                    tasks.create_task(self._do(what, work), name=what)

    async def _do(self, what: str, work: Work) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await work()
        except TimeoutError:
            log.warning("late work took too long", extra={"what": what})
        except CallControlError as error:
            log.warning("late work failed", extra={"what": what, "problem": type(error).__name__})
        except Exception:
            log.exception("late work failed", extra={"what": what})
        finally:
            self._under_way -= 1
