"""Beginning with what is still held since a time."""

from bisect import bisect_left
from typing import Final

from callcontrol.errors import ResumeTokenExpired
from callcontrol.events.catch_up import Start
from callcontrol.events.event import Event
from callcontrol.events.ring import Ring

MARGIN_S: Final = 1.0
"""How far the time of day and the log's own clock may have moved against each other between two
events. Where they moved further, some events come that are older than was asked for."""

_US: Final = 1_000_000
_MARGIN_US: Final = round(MARGIN_S * _US)
_ROUNDING_US: Final = 1_000


def oldest_us(ring: Ring, now_us: int) -> int:
    """The oldest time since which everything is held, microseconds since the epoch."""
    return min(now_us, _held_us(ring, now_us) + _ROUNDING_US)


def _held_us(ring: Ring, now_us: int) -> int:
    """What came at that time or later is held, going by the log's clock; and nothing was dropped
    that told such a time, unless it was when the clock stood quite differently.
    """
    by_clock_us = now_us - int((ring.clock() - ring.held_since_s) * _US)
    by_events_us = min(ring.dropped_us + 1, by_clock_us + _MARGIN_US)
    return min(now_us, max(by_clock_us, by_events_us))


def start_since(ring: Ring, time_us: int, now_us: int) -> Start:
    """The first event that came at that time or later, and a gap right before it.

    Raises ResumeTokenExpired when not everything since then is held.
    """
    if time_us < _held_us(ring, now_us):
        raise ResumeTokenExpired("not everything since then is held")
    at_s = ring.clock() - (now_us - time_us) / _US
    numbers = range(ring.first_number, ring.next_number)
    first = bisect_left(numbers, at_s - MARGIN_S, key=lambda number: ring[number].appended_s)
    number = ring.first_number + first
    for each in range(number, ring.next_number):
        entry = ring[each]
        if entry.appended_s > at_s + MARGIN_S:
            break
        if isinstance(entry.item, Event):
            if entry.item.received_us >= time_us:
                break
            number = each + 1
    return Start(number=number)
