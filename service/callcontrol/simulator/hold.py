"""Hold: of a leg here, whose partner then hears music."""

from typing import TYPE_CHECKING

from callcontrol.simulator.channel import CallState
from callcontrol.simulator.private_commands import HOLD_MUSIC, broadcast

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_MUSIC_DELAY_S = 0.2
_FRAME_S = 0.02


def hold(leg: "Leg") -> bool:
    """Hold; False when it is held already. Only a SIP leg knows afterwards that it is held."""
    channel = leg.channel
    if channel.is_held:
        return False
    if channel.kind.is_sofia:
        channel.is_held = True
        leg.set_call_state(CallState.HELD)
    leg.tell("CHANNEL_HOLD")
    channel.times.last_hold = leg.switch.clock.tick_us()
    if leg.bridge_peer is not None:
        music = _play_music(leg, leg.bridge_peer)
        leg.switch.tasks.start(music, f"hold music {channel.call_id}")
    return True


async def _play_music(leg: "Leg", peer: "Leg") -> None:
    command = broadcast(peer, HOLD_MUSIC, loops=-1)
    await leg.switch.clock.sleep(_MUSIC_DELAY_S)
    still_held = leg.channel.is_held or not leg.channel.kind.is_sofia
    if still_held and not peer.channel.is_down:
        peer.queue(command)


def unhold(leg: "Leg") -> bool:
    """Take it back; False when it is not held. The call state is ACTIVE with the next frame."""
    channel = leg.channel
    if not channel.is_held:
        return False
    channel.is_held = False
    channel.times.hold_accum += leg.switch.clock.tick_us() - channel.times.last_hold
    leg.set_call_state(CallState.UNHELD)
    leg.tell("CHANNEL_UNHOLD")
    if leg.bridge_peer is not None:
        leg.bridge_peer.is_break_asked = True
        leg.bridge_peer.wake.set()
    leg.switch.tasks.start(_become_active(leg), f"unhold {channel.call_id}")
    return True


async def _become_active(leg: "Leg") -> None:
    await leg.switch.clock.sleep(_FRAME_S)
    if leg.channel.call_state is CallState.UNHELD:
        leg.set_call_state(CallState.ACTIVE)


def toggle(leg: "Leg") -> bool:
    """The other of the two."""
    return unhold(leg) if leg.channel.is_held else hold(leg)
