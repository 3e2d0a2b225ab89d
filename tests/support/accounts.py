"""What a subscriber of a replay got, was told it missed, and how long it waited."""

from collections import Counter as Tally
from dataclasses import dataclass, field
from enum import Enum
from math import exp, log
from typing import Final

_STEP: Final = 0.02
"""Latencies are counted in classes of 2 %."""
_MOST_PROBLEMS: Final = 5


class Manner(Enum):
    """How a subscriber reads."""

    READS = "reads"
    AT_A_TENTH = "at a tenth"
    """Of what it should get, until the feed is over."""
    STOPS = "stops"
    """After the first message, until the feed is over."""


@dataclass
class Account:
    """What one subscriber got."""

    name: str
    manner: Manner
    received: int = 0
    announced: int = 0
    gaps: Tally[str] = field(default_factory=Tally)
    others: Tally[str] = field(default_factory=Tally)
    """Events that are not of the replay."""
    problems: list[str] = field(default_factory=list)
    latencies: dict[int, Tally[int]] = field(default_factory=dict)
    """For each stage, how many events had a latency of that class."""

    def note(self, problem: str) -> None:
        """Something is wrong; the first few are told."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(f"{self.name} ({self.manner.value}): {problem}")


def class_of(seconds: float) -> int:
    """The class of a latency."""
    return round(log(max(seconds, 1e-5)) / _STEP)


def percentile_ms(tally: Tally[int], share: float) -> float:
    """The latency that this share of events stayed under."""
    left = share * tally.total()
    for each in sorted(tally):
        left -= tally[each]
        if left <= 0:
            return exp(each * _STEP) * 1e3
    return 0.0
