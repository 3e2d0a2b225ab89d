"""The park: a channel waits for orders until it is sent elsewhere, or until its control ends."""

from typing import TYPE_CHECKING

from callcontrol.simulator.causes import cause_named

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg


async def park(leg: "Leg", _: str = "") -> None:
    """Wait for what will be asked for, until a link that holds the call ends, and hang up when the
    time in `park_timeout` is over, which counts for one park. The switch compares whole seconds of
    its clock. A park within a park is none.
    """
    if leg.is_controlled:
        return
    leg.is_controlled = True
    seconds, _, cause = (leg.channel.get("park_timeout") or "").partition(":")
    leg.channel.set("park_timeout", None)
    leg.tell("CHANNEL_PARK")
    if not leg.is_ready:
        pass
    elif not seconds:
        await leg.idle(is_over=lambda: not leg.is_controlled)
    else:
        clock, here = leg.switch.clock, leg.channel.target
        ends_s = int(clock.now_s()) + int(seconds)
        await leg.idle(ends_s - clock.now_s(), lambda: not leg.is_controlled)
        if leg.channel.target is here and leg.is_controlled:
            leg.hang_up(cause_named(cause or "NORMAL_CLEARING"))
    leg.is_controlled = False
    leg.tell("CHANNEL_UNPARK")
