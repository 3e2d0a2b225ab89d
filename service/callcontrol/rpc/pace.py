"""How long streams wait for more events before they send: not at all, until messages are many."""

import time
from collections.abc import Callable
from typing import Final

MAX_LINGER_S: Final = 0.025

_WINDOW_S: Final = 0.25
_QUIET: Final = 2_000.0
_BUSY: Final = 8_000.0
"""Messages a second. One core sends about 10 000, whatever their size."""


class Pace:
    """Counts the messages of all streams and says how long each should linger now."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._window_began_s = clock()
        self._in_window = 0
        self._rate = 0.0

    @property
    def messages_per_s(self) -> float:
        """The rate in the last whole window, a quarter of a second; 0 after silence."""
        self._turn()
        return self._rate

    def sent(self) -> None:
        """A message left."""
        self._turn()
        self._in_window += 1

    def linger_s(self) -> float:
        """Seconds to wait for more events: 0 while messages are few, 25 ms near the ceiling."""
        share = (self.messages_per_s - _QUIET) / (_BUSY - _QUIET)
        return MAX_LINGER_S * min(1.0, max(0.0, share))

    def _turn(self) -> None:
        passed_s = self._clock() - self._window_began_s
        if passed_s < _WINDOW_S:
            return
        self._rate = self._in_window / passed_s if passed_s < 2 * _WINDOW_S else 0.0
        self._window_began_s += passed_s
        self._in_window = 0
