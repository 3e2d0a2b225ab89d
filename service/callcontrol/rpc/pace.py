"""How long streams wait for more events before they send: as little as leaves the loop some time.

A message costs the same whatever is in it, some 50 us of the loop's thread. While the thread has
time to spare each event is sent at once; as it gets busy streams linger, so that messages get
fewer and larger and commands do not wait behind them.
"""

import time
from collections.abc import Callable
from typing import Final

MAX_LINGER_S: Final = 0.025

_WINDOW_S: Final = 0.1
_BUSY: Final = 0.75
"""Share of its time that the thread works, from which streams linger more and more."""
_IDLE: Final = 0.55
"""And below which they linger less. Between the two nothing changes, so it settles there."""
_RISE_S: Final = 0.012
"""What a window adds in which the thread did nothing but work."""
_DECAY: Final = 0.75
"""What a window leaves of the linger in which the thread had time."""
_LEAST_S: Final = 0.001
"""A shorter linger saves nothing."""


class Pace:
    """Watches how busy the loop's thread is, and says how long each stream should linger now."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        worked_s: Callable[[], float] = time.thread_time,
    ) -> None:
        """`worked_s` is the processor time that the calling thread, the loop's, has had."""
        self._clock, self._worked_s = clock, worked_s
        self._began_s, self._worked_before_s = clock(), worked_s()
        self._linger_s = 0.0

    def linger_s(self) -> float:
        """Seconds to wait for more events: 0 while the thread has time, up to 25 ms."""
        passed_s = self._clock() - self._began_s
        if passed_s >= _WINDOW_S:
            self._turn(passed_s)
        return self._linger_s if self._linger_s >= _LEAST_S else 0.0

    def _turn(self, passed_s: float) -> None:
        worked_s = self._worked_s()
        share = (worked_s - self._worked_before_s) / passed_s
        self._began_s += passed_s
        self._worked_before_s = worked_s
        if share > _BUSY:
            rise_s = _RISE_S * (min(share, 1.0) - _BUSY) / (1.0 - _BUSY)
            self._linger_s = min(MAX_LINGER_S, max(_LEAST_S, self._linger_s + rise_s))
        elif share < _IDLE:
            self._linger_s *= _DECAY ** (passed_s / _WINDOW_S)
