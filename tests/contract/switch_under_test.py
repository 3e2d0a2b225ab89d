"""Which switch the contract suite speaks to."""

from dataclasses import dataclass

from callcontrol.simulator import Simulator


@dataclass(frozen=True)
class SwitchUnderTest:
    """A simulator that the suite started, or a real FreeSWITCH that somebody else did."""

    host: str
    port: int
    password: str
    is_real: bool
    simulator: Simulator | None = None
    """For what a real switch does by calling itself: a telephone that calls in."""
