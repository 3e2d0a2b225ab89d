"""Which switch the contract suite speaks to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SwitchUnderTest:
    """A simulator that the suite started, or a real FreeSWITCH that somebody else did."""

    host: str
    port: int
    password: str
    is_real: bool
