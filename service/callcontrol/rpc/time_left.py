"""How much of a caller's deadline an RPC may use, so that the answer arrives before it."""

from dataclasses import dataclass
from typing import Final

_MARGIN_S: Final = 0.25
_MARGIN_SHARE: Final = 0.1
"""What is kept of a deadline, the lesser of the two: once for an answer at all, and once more for
those who hold theirs back to be surer of it."""
_TOO_LATE_S: Final = 0.01
"""With less left no answer can arrive, so nothing is begun that would change something."""


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Seconds from now, None for an RPC without a deadline."""

    answer_s: float | None
    """Until there must be an answer."""
    certain_s: float | None
    """Until who holds an answer back, to be surer of it, gives it."""
    is_too_late: bool
    """Nothing is to be begun."""


def time_left(remaining_s: float | None, *, is_mutating: bool) -> TimeLeft:
    """What may be used of what remains until the deadline."""
    if remaining_s is None:
        return TimeLeft(None, None, is_too_late=False)
    margin_s = min(_MARGIN_S, remaining_s * _MARGIN_SHARE)
    is_too_late = remaining_s <= (_TOO_LATE_S if is_mutating else 0.0)
    return TimeLeft(remaining_s - margin_s, remaining_s - 2 * margin_s, is_too_late)
