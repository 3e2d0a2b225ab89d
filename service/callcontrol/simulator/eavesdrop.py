"""The application that listens in on another leg."""

from typing import TYPE_CHECKING

from callcontrol.simulator.bugs import Bug, attach, detach

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_END = "*"


async def eavesdrop(leg: "Leg", data: str) -> None:
    """Listen until one of both legs is gone, or the listener presses `*`, unless keys are off.

    It ends at once, with nothing said, where there is nobody to listen to.
    """
    target = leg.switch.locate(data)
    if target is None or target is leg or not target.channel.has_media:
        return
    keys = leg.channel.get("eavesdrop_enable_dtmf")
    has_keys = not keys or leg.channel.is_true("eavesdrop_enable_dtmf")
    bug, heard = Bug("eavesdrop", data), len(leg.heard)
    attach(target, bug)
    target.observers.append(leg.wake.set)

    def is_over() -> bool:
        return target.channel.is_down or _END in leg.heard[heard:]

    await leg.idle(None, is_over, reads_digits=has_keys)
    if leg.wake.set in target.observers:
        target.observers.remove(leg.wake.set)
    detach(target, bug)
