"""How long a client waits before it opens a stream anew."""

import random
from collections.abc import Callable
from typing import Final

from callcontrol.client.failure import Failure

FIRST_DELAY_S: Final = 0.5
LONGEST_DELAY_S: Final = 10.0
LIVED_S: Final = 10.0
"""A stream that lived so long was a good one: the next pause is a short one again."""


class Backoff:
    """The longer the oftener streams break, and never less than the server asks."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` tells monotonic seconds."""
        self._clock = clock
        self._delay_s = FIRST_DELAY_S
        self._opened_s = 0.0

    def opened(self) -> None:
        """A stream was asked for."""
        self._opened_s = self._clock()

    def after(self, failure: Failure) -> float:
        """Seconds to wait now that a stream broke."""
        if self._clock() - self._opened_s >= LIVED_S:
            self._delay_s = FIRST_DELAY_S
        pause_s = (failure.retry_in_s or 0.0) + random.uniform(0, self._delay_s)
        self._delay_s = min(self._delay_s * 2, LONGEST_DELAY_S)
        return pause_s
