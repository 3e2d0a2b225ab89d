"""Media bugs: the taps on the sound of a leg, in the order in which they were attached."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callcontrol.simulator.events import Header

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg


@dataclass(frozen=True, slots=True)
class Bug:
    """One tap: what it is for, and of what."""

    function: str
    target: str

    def headers(self) -> list[Header]:
        """What the MEDIA_BUG events say of it."""
        return [("Media-Bug-Function", self.function), ("Media-Bug-Target", self.target)]

    def listed(self) -> str:
        """What `uuid_buglist` says of it; nothing is escaped."""
        return (
            f" <media-bug>\n  <function>{self.function}</function>\n"
            f"  <target>{self.target}</target>\n"
            "  <thread-locked>0</thread-locked>\n </media-bug>\n"
        )


def attach(leg: "Leg", bug: Bug) -> None:
    """Put it behind the others, and tell it."""
    leg.bugs.append(bug)
    leg.tell("MEDIA_BUG_START", before=bug.headers())


def detach(leg: "Leg", bug: Bug) -> bool:
    """Take it off, and tell it; False when it is not there."""
    if bug not in leg.bugs:
        return False
    leg.bugs.remove(bug)
    leg.tell("MEDIA_BUG_STOP", before=bug.headers())
    return True


def detach_all(leg: "Leg") -> None:
    """The call ends: all that are left."""
    for bug in tuple(leg.bugs):
        detach(leg, bug)


def listing(leg: "Leg") -> str:
    """What `uuid_buglist` answers."""
    return "<media-bugs>\n" + "".join(bug.listed() for bug in leg.bugs) + "</media-bugs>\n"
