"""What asking filters takes in truth, for the few that take far longer than their cost says.

The cost of a filter is an estimate for usual texts. A pattern made to be slow takes as long as its
steps times the bytes of a text, and who calls decides how long a header is.
"""

import logging
import time
from typing import Final

from callcontrol.errors import InvalidFilter, Violation
from callcontrol.events.event import Event
from callcontrol.events.filter import Test

SLOW_S: Final = 0.005
"""Of all filters for one event: what they may cost at most, so that beyond it it is looked who took
it. The wall's clock, which also runs while the processor is elsewhere."""

_AT_LEAST_S: Final = 0.0005
_TIMES_ITS_COST: Final = 10
_UNITS_A_SECOND: Final = 10_000_000
_TRIALS: Final = 3
"""Slow in each: a collection of garbage or a cold cache makes one slow that is not."""

log: Final = logging.getLogger(__name__)


def problem_of(accepts: Test, cost: int, event: Event) -> str:
    """Why filters of that cost are refused after they were asked about an event; mostly empty.

    They are asked again, and the time is that of the processor: a busy machine accuses nobody.
    """
    most_s = max(_AT_LEAST_S, _TIMES_ITS_COST * cost / _UNITS_A_SECOND)
    took_s = most_s
    for _ in range(_TRIALS):
        began_s = time.thread_time()
        accepts(event)
        took_s = time.thread_time() - began_s
        if took_s < most_s:
            return ""
    log.warning("filter too slow", extra={"cost": cost, "took_ms": round(took_s * 1_000, 1)})
    return (
        f"took {took_s * 1_000:.1f} ms for one event, far more than their cost of {cost} says: "
        "ask for less of long texts, above all without patterns that repeat"
    )


def refused(problem: str) -> InvalidFilter:
    """What the readers of such filters are told."""
    return InvalidFilter([Violation("filters", problem)])
