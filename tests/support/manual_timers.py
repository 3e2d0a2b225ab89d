"""Timers on a clock that the test moves."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count


@dataclass
class Clock:
    """The time, in seconds."""

    now_s: float = 0.0


@dataclass
class ManualAlarm:
    when: float
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualTimers:
    """Timers of one replica."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._order = clock, count()
        self._heap: list[tuple[float, int, ManualAlarm]] = []

    def time(self) -> float:
        return self._clock.now_s

    def call_later(self, delay: float, callback: Callable[[], None], /) -> ManualAlarm:
        alarm = ManualAlarm(self.time() + max(0.0, delay), callback)
        heapq.heappush(self._heap, (alarm.when, next(self._order), alarm))
        return alarm

    def next_s(self) -> float | None:
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def ring_due(self) -> bool:
        """Ring one alarm that is due; whether there was one."""
        due = self.next_s()
        if due is None or due > self.time():
            return False
        heapq.heappop(self._heap)[2].callback()
        return True
