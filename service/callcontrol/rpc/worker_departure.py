"""When a worker's stream is to end though its worker has more to do: for the age of its connection,
or as the replica goes. It is announced first, and cut off when the worker's time is over.
"""

import asyncio
import math
from collections.abc import Callable

from callcontrol.rpc.stream_tools import Departure


class WorkerDeparture:
    """The end of one stream; `clock` is that of the stream's tools. Nothing is kept here that leads
    to the stream once it is cancelled.
    """

    def __init__(self, planned: Departure | None, clock: Callable[[], float]) -> None:
        self._planned, self._clock = planned, clock
        self._timer: asyncio.TimerHandle | None = None

    @property
    def announce_s(self) -> float:
        """When it is to be announced, on that clock; never where it is not, or was already."""
        return math.inf if self._planned is None else self._planned.announce_s

    def left_s(self) -> float | None:
        """How much time the worker has once that is to be announced; None before."""
        now_s = self._clock()
        if self._planned is None or now_s < self._planned.announce_s:
            return None
        return self._planned.end_s - now_s

    def begin(self, grace_s: float, cut_off: Callable[[], None]) -> None:
        """The stream ends in so many seconds, whatever was said before, and that is announced."""
        self._planned = None
        self.cancel()
        self._timer = asyncio.get_running_loop().call_later(grace_s, cut_off)

    def cancel(self) -> None:
        """Cut nothing off any more."""
        if self._timer is not None:
            self._timer.cancel()
