"""What the desk needs of a clock: an event loop is one."""

from collections.abc import Callable
from typing import Protocol


class Alarm(Protocol):
    """Something that will be called."""

    def cancel(self) -> None:
        """Do not call it. Also when it was called already."""


class Timers(Protocol):
    """Calls functions later, each in a turn of its own; 0 seconds is the next turn."""

    def time(self) -> float:
        """Seconds, which only go up."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Alarm:
        """Call it in so many seconds."""
