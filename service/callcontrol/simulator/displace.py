"""Sounds that play over a conversation, by their paths: one of the same for each leg."""

from math import inf
from typing import TYPE_CHECKING

from callcontrol.simulator import media
from callcontrol.simulator.bugs import Bug, attach, detach

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_FUNCTION = "displace"


def start(leg: "Leg", path: str, *, is_endless: bool = False) -> bool:
    """Begin to play; False without media, for what plays already and for what is not found.
    Parameters in braces before the path are part of its name.
    """
    bug = Bug(_FUNCTION, path)
    sound = path.partition("}")[2] if path.startswith("{") else path
    seconds = media.duration_s(sound, leg.switch.files)
    if seconds is None or bug in leg.bugs or not leg.channel.has_media:
        return False
    attach(leg, bug)
    if seconds != inf and not is_endless:
        leg.switch.tasks.start(_end_later(leg, bug, seconds), f"displace {path}")
    return True


def stop(leg: "Leg", path: str) -> bool:
    """Stop one; False when it does not play."""
    return detach(leg, Bug(_FUNCTION, path))


async def _end_later(leg: "Leg", bug: Bug, seconds: float) -> None:
    await leg.switch.clock.sleep(seconds)
    detach(leg, bug)
