"""What the thread of a channel does in each state of the core's state machine."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from callcontrol.simulator import bridging
from callcontrol.simulator.channel import PCMU, CallState, Kind, State
from callcontrol.simulator.parking import park

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg


async def run_state(leg: "Leg") -> None:
    """Enter the state the channel was sent to, and stay until it is sent elsewhere."""
    channel = leg.channel
    channel.running = channel.target
    inbound = channel.kind.direction == "inbound"
    if channel.running is State.ROUTING and inbound and channel.call_state is CallState.DOWN:
        leg.set_call_state(CallState.RINGING)
    leg.tell("CHANNEL_STATE")
    await _HANDLERS[channel.running](leg)


async def _new(leg: "Leg") -> None:
    """Only inbound SIP calls are seen here: the INVITE is read."""
    channel = leg.channel
    if leg.on_init is not None:
        leg.on_init()
    channel.read_codec = channel.write_codec = PCMU
    leg.tell_codecs()
    _advance(leg, State.INIT)


async def _init(leg: "Leg") -> None:
    channel = leg.channel
    if leg.on_init is not None and channel.kind is not Kind.SOFIA_INBOUND:
        leg.on_init()
    if leg.switch.is_disordered:
        await asyncio.sleep(0)
    _advance(leg, State.ROUTING)
    leg.tell("CHANNEL_CREATE")
    if channel.kind.direction == "outbound":
        leg.tell("CHANNEL_ORIGINATE")


async def _routing(leg: "Leg") -> None:
    channel = leg.channel
    if leg.actions is None:
        _advance(leg, State.CONSUME_MEDIA)
        return
    leg.switch.skip_sequence()
    captured = leg.switch.scenarios.captured(channel.profile.destination_number)
    if captured and leg.actions:
        channel.set("DP_MATCH", captured)
    channel.set("call_uuid", channel.call_uuid or channel.call_id)
    if not leg.actions:
        leg.hang_up("NO_ROUTE_DESTINATION")
        leg.tell_presence()
        return
    _advance(leg, State.EXECUTE)
    leg.tell_presence()


async def _execute(leg: "Leg") -> None:
    """Run the extension; a channel with nothing left to do is hung up."""
    channel = leg.channel
    channel.hits_dialplan = True
    channel.set("call_uuid", channel.call_uuid or channel.call_id)
    while leg.actions and leg.is_ready:
        action = leg.actions.pop(0)
        await leg.execute(action.application, action.data)
    if leg.is_ready:
        leg.hang_up("NORMAL_CLEARING")


async def _wait(leg: "Leg") -> None:
    await leg.idle()


async def _reset(leg: "Leg") -> None:
    if leg.stays_reset:
        await _stand_still(leg)
        return
    _advance(leg, State.EXECUTE if leg.bridge_peer is None else State.SOFT_EXECUTE)


async def _hibernate(leg: "Leg") -> None:
    if leg.bridge_peer is None:
        await leg.idle()
    else:
        _advance(leg, State.RESET)


async def _park(leg: "Leg") -> None:
    """What ends the park leads nowhere: there is nothing behind it."""
    await park(leg)
    await _stand_still(leg)


async def _stand_still(leg: "Leg") -> None:
    """Neither read media nor obey anything until somebody sends it elsewhere."""
    while leg.is_ready:
        leg.wake.clear()
        await leg.wake.wait()


def _advance(leg: "Leg", state: State) -> None:
    """Go on to `state`, unless somebody sent the channel elsewhere meanwhile."""
    if leg.is_ready:
        leg.channel.target = state


_HANDLERS: dict[State, Callable[["Leg"], Awaitable[None]]] = {
    State.NEW: _new,
    State.INIT: _init,
    State.ROUTING: _routing,
    State.SOFT_EXECUTE: bridging.soft_execute,
    State.EXECUTE: _execute,
    State.EXCHANGE_MEDIA: bridging.exchange_media,
    State.PARK: _park,
    State.CONSUME_MEDIA: _wait,
    State.HIBERNATE: _hibernate,
    State.RESET: _reset,
}
