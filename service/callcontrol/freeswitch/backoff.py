"""How long to wait before the next attempt: exponential, capped, with full jitter."""

import random
from collections.abc import Callable
from typing import Final

_MOST_DOUBLINGS: Final = 32
"""Beyond this any cap has long been reached; it only keeps the numbers small."""


class Backoff:
    """Delays that double at each failure, each drawn from the whole range below its bound.

    So many clients of a switch that comes back do not all come at the same moment.
    """

    def __init__(
        self,
        first_s: float,
        cap_s: float,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._first_s, self._cap_s = first_s, cap_s
        self._uniform = uniform
        self._failures = 0

    def next_delay(self) -> float:
        """Seconds to wait after one more failure: 0 to `first_s`, twice that, up to `cap_s`."""
        bound_s = min(self._cap_s, self._first_s * 2**self._failures)
        self._failures = min(self._failures + 1, _MOST_DOUBLINGS)
        return self._uniform(0.0, bound_s)

    def reset(self) -> None:
        """All went well for long enough: begin with short delays again."""
        self._failures = 0
