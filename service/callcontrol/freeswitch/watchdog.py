"""Notices that something has been waited for too long, with one lazy timer by the loop's clock."""

import asyncio
from collections.abc import Callable


class Watchdog:
    """Calls `on_late` when what `since` tells of is older than `limit_s` seconds.

    The timer is not moved at each sign of life, which would cost a heap operation for each event;
    when it fires it looks, and sleeps on for the rest of the time.
    """

    def __init__(
        self, limit_s: float, since: Callable[[], float | None], on_late: Callable[[], None]
    ) -> None:
        """`since` gives a time of the loop's clock, which is monotonic, or None for "nothing"."""
        self._limit_s, self._since, self._on_late = limit_s, since, on_late
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """Watch, if there is something to watch and the timer does not run yet. Cheap."""
        if self._timer is not None:
            return
        since = self._since()
        if since is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(since + self._limit_s, self._look)

    def disarm(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        since = self._since()
        if since is None:
            return
        if asyncio.get_running_loop().time() - since >= self._limit_s:
            self._on_late()
        else:
            self.arm()
