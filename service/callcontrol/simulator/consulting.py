"""The application att_xfer: a leg consults somebody while its partner waits (mod_dptools.c)."""

import asyncio
from typing import TYPE_CHECKING

from callcontrol.simulator import bridging
from callcontrol.simulator.calling import Call, place, release, seconds
from callcontrol.simulator.channel import State
from callcontrol.simulator.dial_string import Malformed, read_targets

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg


async def att_xfer(leg: "Leg", url: str) -> None:
    """Call somebody and speak with them. The end of the leg then bridges its partner with the one
    consulted, the end of that one bridges the two again; one who is not reached changes nothing.
    """
    partner = leg.bridge_peer
    consulted = await _call(leg, url)
    if consulted is None:
        return
    if partner is not None:
        partner.is_redirected = True
    leg.is_consulting = True
    await _speak(leg, consulted)
    leg.is_consulting = False
    if partner is None or partner.channel.is_down:
        if leg.channel.is_down:
            consulted.hang_up("NORMAL_CLEARING")
        return
    if leg.channel.is_down and not consulted.channel.is_down:
        consulted.channel.set("att_xfer_result", "success")
        bridging.uuid_bridge(consulted, partner)
    elif not leg.channel.is_down:
        leg.channel.set("att_xfer_result", "success")
        bridging.uuid_bridge(leg, partner)
    partner.is_redirected = False


async def _call(leg: "Leg", url: str) -> "Leg | None":
    channel = leg.channel
    channel.set("originate_disposition", "failure")
    try:
        variables, groups = read_targets(url)
    except Malformed:
        return None
    call = Call(variables, seconds(variables.get("originate_timeout", ""), 60))
    profile = channel.profile
    call.caller_id_name = variables.get("origination_caller_id_name", profile.caller_id_name)
    call.caller_id_number = variables.get("origination_caller_id_number", profile.caller_id_number)
    consulted = await place(leg.switch, call, groups, leg)
    if consulted is None or channel.is_down:
        for attempt in call.attempts:
            attempt.leg.hang_up("ORIGINATOR_CANCEL")
        release(call)
        channel.set("originate_disposition", call.cause)
        return None
    release(call)
    channel.set("originate_disposition", "SUCCESS")
    return consulted


async def _speak(leg: "Leg", consulted: "Leg") -> None:
    """Until either ends; one consulted who is left is parked."""
    before = (leg.bridge_peer, leg.leads_bridge, leg.channel.originatee, leg.channel.originator)
    profile = leg.channel.partner_profile
    bridging.pair(leg, consulted)
    a, b = leg.channel, consulted.channel
    ends = [("Bridge-A-Unique-ID", a.call_id), ("Bridge-B-Unique-ID", b.call_id)]
    leg.tell("CHANNEL_BRIDGE", before=ends)
    consulted.go(State.EXCHANGE_MEDIA)
    consulted.observers.append(leg.wake.set)
    try:
        await leg.idle(None, lambda: b.target is not State.EXCHANGE_MEDIA)
    finally:
        if leg.wake.set in consulted.observers:
            consulted.observers.remove(leg.wake.set)
    consulted.bridge_peer = None
    consulted.go(State.PARK)
    await asyncio.sleep(0)
    leg.tell("CHANNEL_UNBRIDGE", before=ends)
    leg.bridge_peer, leg.leads_bridge, a.originatee, a.originator = before
    a.partner_profile = profile
