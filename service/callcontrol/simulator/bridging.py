"""Two legs that hear each other: how a bridge comes about, and how it ends."""

import asyncio
from time import time
from typing import TYPE_CHECKING
from uuid import uuid4

from callcontrol.simulator.channel import State

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_SOFIA = ("mod_sofia.c", "sofia_receive_message", 2100)
_SOFT = ("switch_ivr_bridge.c", "uuid_bridge_on_soft_execute", 1236)


def uuid_bridge(leader: "Leg", follower: "Leg") -> None:
    """Take both legs out of what they do and bridge them; this only begins it."""
    for leg, other in ((leader, follower), (follower, leader)):
        leave_bridge(leg)
        leg.bridge_peer = other
    pair(leader, follower)
    leader.channel.set("uuid_bridge", follower.channel.call_id)
    for leg, other in ((leader, follower), (follower, leader)):
        profile = leg.channel.profile
        _set_partner(leg, other)
        source = f"{int(time())}:{uuid4()}:uuid_br:{other.channel.call_id}"
        leg.channel.set("original_destination_number", profile.destination_number)
        leg.channel.set("original_caller_id_name", profile.caller_id_name)
        leg.channel.set("original_caller_id_number", profile.caller_id_number)
        leg.channel.push("transfer_history", source)
        leg.channel.set("transfer_source", source)
        leg.channel.change_profile(
            transfer_source=source,
            index=profile.index + 1,
            created_us=leg.switch.clock.tick_us(),
            logical_direction="inbound",
        )
        leg.actions = []
        in_bridge = leg.channel.running is State.SOFT_EXECUTE
        leg.channel.target = State.RESET if in_bridge else State.HIBERNATE
    leader.changed()
    follower.changed()


def pair(leader: "Leg", follower: "Leg") -> None:
    """They are partners from now on: what `Other-Leg-…` tells."""
    leader.leads_bridge, follower.leads_bridge = True, False
    leader.bridge_peer, follower.bridge_peer = follower, leader
    leader.channel.originatee, leader.channel.originator = follower.channel, None
    follower.channel.originator, follower.channel.originatee = leader.channel, None
    leader.channel.partner_profile = follower.channel.profile
    follower.channel.partner_profile = leader.channel.profile


def _set_partner(leg: "Leg", other: "Leg") -> None:
    leg.channel.set("bridge_channel", other.channel.name)
    leg.channel.set("bridge_uuid", other.channel.call_id)
    leg.channel.set("signal_bond", other.channel.call_id)


def leave_bridge(leg: "Leg") -> None:
    """The leg is taken away from its partner, who ends or parks."""
    other = leg.bridge_peer
    if other is None or leg.channel.target in (State.HANGUP, State.REPORTING):
        return
    leg.bridge_peer = None
    leg.channel.originator = leg.channel.originatee = None
    if other.bridge_peer is leg and not leg.leads_bridge:
        other.wake.set()


async def soft_execute(leg: "Leg") -> None:
    """The step in which uuid_bridge brings both together."""
    other = leg.bridge_peer
    if other is None:
        leg.hang_up("NORMAL_CLEARING")
        return
    leg.channel.set("uuid_bridge", None)
    if not leg.leads_bridge:
        leg.channel.set("call_uuid", other.channel.call_uuid or other.channel.call_id)
    about = [("Application", "uuid_bridge"), ("Application-Data", other.channel.call_id)]
    leg.tell("CHANNEL_EXECUTE", after=about, called_from=_SOFT)
    leg.is_in_bridge = True
    other.wake.set()
    if not leg.leads_bridge:
        await leg.idle()
        return
    await leg.idle(None, lambda: other.is_in_bridge or other.channel.is_down)
    if leg.is_ready and not other.channel.is_down:
        await hold_bridge(leg, other)
    if leg.is_ready:
        _continue_after_bridge(leg)


async def exchange_media(leg: "Leg") -> None:
    """The follower only listens until its leader lets it go."""
    await leg.idle()


async def hold_bridge(leader: "Leg", follower: "Leg") -> None:
    """Bridge two legs, from CHANNEL_BRIDGE to CHANNEL_UNBRIDGE; runs on the leader's thread."""
    a, b = leader.channel, follower.channel
    ends = [("Bridge-A-Unique-ID", a.call_id), ("Bridge-B-Unique-ID", b.call_id)]
    a.times.bridged = b.times.bridged = leader.switch.clock.tick_us()
    b.call_uuid = a.call_uuid or a.call_id
    leader.tell("CHANNEL_BRIDGE", before=ends)
    for leg, other in ((leader, follower), (follower, leader)):
        leg.channel.set("bridge_to", other.channel.call_id)
        leg.channel.set("last_bridge_to", other.channel.call_id)
        _set_partner(leg, other)
    follower.go(State.EXCHANGE_MEDIA)
    await asyncio.sleep(0)
    _tell_display(leader, follower)
    follower.observers.append(leader.wake.set)
    try:
        await leader.idle(None, lambda: follower.channel.target is not State.EXCHANGE_MEDIA)
    finally:
        if leader.wake.set in follower.observers:
            follower.observers.remove(leader.wake.set)
    b.set("bridge_to", None)
    if a.is_down:
        a.set("last_bridge_role", "originator")
        b.set("last_bridge_hangup_cause", a.cause)
    if b.target is State.EXCHANGE_MEDIA and not follower.is_consulting:
        _release(follower)
    leader.is_in_bridge = follower.is_in_bridge = False
    a.set("bridge_to", None)
    a.set("bridge_hangup_cause", b.cause or a.cause or "NORMAL_CLEARING")
    leader.tell("CHANNEL_UNBRIDGE", before=ends)
    if b.call_id == a.get("uuid_bridge") or a.call_id == b.get("uuid_bridge"):
        return  # they are about to be bridged anew
    if leader.bridge_peer is follower:
        leader.bridge_peer = None
    if follower.bridge_peer is leader:
        follower.bridge_peer = None


def _release(follower: "Leg") -> None:
    """The leader is gone: the follower is parked if it asked for that, else it ends."""
    follower.bridge_peer = None
    if follower.channel.is_true("park_after_bridge"):
        follower.go(State.PARK)
    else:
        follower.hang_up("NORMAL_CLEARING")


def _continue_after_bridge(leader: "Leg") -> None:
    """The follower is gone: the leader parks, or goes on in its extension, which ends it."""
    if leader.is_redirected:
        leader.go(State.CONSUME_MEDIA)
    elif leader.channel.is_true("park_after_bridge"):
        leader.go(State.PARK)
    elif leader.channel.is_true("hangup_after_bridge"):
        leader.hang_up("NORMAL_CLEARING")
    else:
        leader.go(State.EXECUTE)


def _tell_display(leader: "Leg", follower: "Leg") -> None:
    """SIP legs are told whom they speak with."""
    for leg, other in ((leader, follower), (follower, leader)):
        profile = leg.channel.profile
        sent = [
            ("Sent-Callee-ID-Name", profile.callee_id_name or profile.callee_id_number),
            ("Sent-Callee-ID-Number", profile.callee_id_number),
        ]
        leg.channel.set("last_sent_callee_id_name", sent[0][1])
        leg.channel.set("last_sent_callee_id_number", sent[1][1])
        if not leg.channel.kind.is_sofia:
            continue
        before = [("Direction", "SEND"), *sent, ("Bridged-To", other.channel.call_id)]
        leg.tell("CALL_UPDATE", before=before, called_from=_SOFIA)
