"""SIP legs, out and in. Their far ends are telephones that follow a script."""

from uuid import uuid4

from callcontrol.simulator import sip
from callcontrol.simulator.channel import Channel, Kind, Profile, State, Times
from callcontrol.simulator.far_end import FarEnd
from callcontrol.simulator.headers import channel_headers
from callcontrol.simulator.leg import Leg
from callcontrol.simulator.outgoing import (
    CannotCall,
    Order,
    next_session_id,
    outgoing_profile,
    set_identity,
    set_ordered,
    start,
)
from callcontrol.simulator.scenario import Script
from callcontrol.simulator.switch import Switch


def sofia(switch: Switch, target: str, order: Order) -> Leg:
    """`sofia/PROFILE/NUMBER@HOST` or `sofia/gateway/NAME/NUMBER`. Raises CannotCall."""
    profile, separator, address = target.partition("/")
    if not separator:
        raise CannotCall("INVALID_URL")
    if profile == "gateway":
        gateway, _, address = address.partition("/")
        known = switch.gateways.get(gateway)
        if known is not None and not known.is_up:
            _abort(switch)
            raise CannotCall("GATEWAY_DOWN")
        if known is None:
            _abort(switch)
            raise CannotCall("INVALID_GATEWAY")
        profile = "external"
    if profile not in switch.settings.profiles:
        _abort(switch)
        raise CannotCall("INVALID_PROFILE")
    number, at, host = address.partition("@")
    if not address:
        raise CannotCall("USER_NOT_REGISTERED")
    if order.call_id in switch.legs or (at and not host):
        raise CannotCall("DESTINATION_OUT_OF_ORDER")
    return sofia_outbound(switch, profile, address, number, order)


def sofia_outbound(switch: Switch, profile: str, address: str, number: str, order: Order) -> Leg:
    """A SIP call to a far end that follows the script of its number."""
    channel = Channel(order.call_id or str(uuid4()), Kind.SOFIA_OUTBOUND, "", Profile(), Times())
    leg = Leg(switch, channel)
    set_identity(leg)
    channel.set("sip_local_network_addr", "127.0.0.1")
    channel.set("sip_profile_name", "gateway" if profile == "external" else profile)
    channel.set("video_media_flow", "disabled")
    channel.set("text_media_flow", "disabled")
    name = f"sofia/{profile}/{address}"
    outgoing_profile(leg, order, name=name, number=number, context="default", callee=number)
    channel.change_profile(source="src/switch_ivr_originate.c")
    channel.set("channel_name", name)
    sip.set_destination(channel)
    set_ordered(leg, order)
    sip.set_on_invite_sent(channel)
    channel.running, channel.target = State.NONE, State.INIT
    leg.tell("CHANNEL_OUTGOING")
    far_end, script = FarEnd(leg), switch.scenarios.find(number)
    switch.keep_far_end(channel.call_id, far_end)

    def ring_far_end() -> None:
        switch.tasks.start(far_end.follow(script), f"far end {number}")

    leg.on_init = ring_far_end
    return leg


def sofia_inbound(
    switch: Switch, to: str, from_: str, context: str, script: Script | None
) -> FarEnd:
    """A SIP call comes in, and runs the extension `to`; the caller follows `script`."""
    now = switch.clock.tick_us()
    name = f"sofia/internal/{from_}@127.0.0.1"
    profile = Profile(
        username=from_,
        dialplan="XML",
        caller_id_name=from_,
        caller_id_number=from_,
        orig_caller_id_name=from_,
        orig_caller_id_number=from_,
        network_addr="127.0.0.1",
        ani=from_,
        destination_number=to,
        source="mod_sofia",
        context=context,
        created_us=now,
    )
    channel = Channel(str(uuid4()), Kind.SOFIA_INBOUND, name, Profile(), Times(created=now))
    channel.target = State.NEW
    leg = Leg(switch, channel)
    leg.actions = switch.scenarios.extension(to, context) or []
    far_end = FarEnd(leg)
    switch.keep_far_end(channel.call_id, far_end)

    def read_invite() -> None:
        channel.hits_dialplan = True
        channel.profile, channel.presence_id = profile, f"{from_}@127.0.0.1"
        for variable, value in (("direction", "inbound"), ("uuid", channel.call_id)):
            channel.set(variable, value)
        channel.set("call_uuid", channel.call_id)
        channel.set("session_id", next_session_id())
        sip.set_on_invite_received(channel)

    leg.on_init = read_invite
    start(leg)
    if script is not None:
        switch.tasks.start(far_end.follow(script), f"caller {from_}")
    return far_end


def _abort(switch: Switch) -> None:
    """A SIP session that ends before it has a profile: only its destruction is told."""
    channel = Channel(str(uuid4()), Kind.SOFIA_OUTBOUND, "", Profile(), Times())
    for name in ("CHANNEL_DESTROY", "CHANNEL_STATE"):
        if name == "CHANNEL_STATE":
            channel.running = State.DESTROY
        headers = [h for h in channel_headers(name, channel) if h[0] != "Channel-Name"]
        switch.tell(name, headers)
