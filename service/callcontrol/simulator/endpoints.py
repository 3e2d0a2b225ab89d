"""Makes the legs of a call: loopback pairs, SIP legs out and in, null legs."""

import itertools
from dataclasses import dataclass, field
from uuid import uuid4

from callcontrol.simulator import sip
from callcontrol.simulator.channel import L16, Channel, Kind, Profile, State, Times
from callcontrol.simulator.events import Header
from callcontrol.simulator.far_end import FarEnd
from callcontrol.simulator.headers import channel_headers
from callcontrol.simulator.leg import Leg
from callcontrol.simulator.scenario import Script
from callcontrol.simulator.switch import Switch

_session_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Order:
    """What originate wants to have in the new leg."""

    call_id: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    caller_id_name: str = ""
    caller_id_number: str = "0000000000"


class CannotCall(Exception):
    """The endpoint refuses before there is a leg to speak of."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def start(leg: Leg) -> None:
    """Let the leg live; its thread belongs to the switch."""
    leg.switch.tasks.start(leg.live(), f"channel {leg.channel.name}")


def loopback(switch: Switch, target: str, order: Order) -> Leg:
    """`loopback/EXTENSION[/CONTEXT]`: the leg that is originated; its peer runs the extension."""
    extension, _, context = target.partition("/")
    context = context or "default"
    a = _local(switch, Kind.LOOPBACK_A, f"loopback/{target}-a")
    _announce_local(a)
    name = f"loopback/{extension}-a"
    _outgoing_profile(a, order, name=name, number=extension, context=context, callee=context)
    a.channel.change_profile(dialplan="xml", source="mod_loopback")
    _rename(a, order)
    a.on_init = lambda: _loopback_peer(a, order, extension, context)
    _finish_outgoing(a, order, "loopback")
    return a


def _loopback_peer(a: Leg, order: Order, extension: str, context: str) -> None:
    switch = a.switch
    b = _local(switch, Kind.LOOPBACK_B, f"loopback/{extension}-b")
    b.channel.hits_dialplan = True
    _announce_local(b)
    b.channel.profile = a.channel.profile
    a.loopback_peer, b.loopback_peer = b, a
    b.actions = switch.scenarios.extension(extension, context) or []
    _set_ordered(b, order)
    for leg, other, side in ((a, b, "A"), (b, a, "B")):
        leg.channel.set("other_loopback_leg_uuid", other.channel.call_id)
        leg.channel.set("loopback_leg", side)
    b.channel.target = State.INIT
    if a.channel.is_down:
        b.hang_up(a.channel.cause)
    start(b)


def null(switch: Switch, target: str, order: Order) -> Leg:
    """`null/ANYTHING`: answers at once, and nobody is there."""
    leg = _local(switch, Kind.NULL, f"null/{target}")
    _announce_local(leg)
    _outgoing_profile(
        leg, order, name=leg.channel.name, number=target, context="default", callee=target
    )
    leg.channel.change_profile(source="mod_loopback")
    _rename(leg, order)
    _finish_outgoing(leg, order, "null")

    def answer() -> None:
        switch.tasks.start(_answer_soon(leg), "null answer")

    leg.on_init = answer
    return leg


async def _answer_soon(leg: Leg) -> None:
    leg.mark_answered()


def sofia(switch: Switch, target: str, order: Order) -> Leg:
    """`sofia/PROFILE/NUMBER@HOST` or `sofia/gateway/NAME/NUMBER`. Raises CannotCall."""
    profile, separator, address = target.partition("/")
    if not separator:
        raise CannotCall("INVALID_URL")
    if profile == "gateway":
        gateway, _, address = address.partition("/")
        if gateway not in switch.settings.gateways:
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
    _set_identity(leg)
    channel.set("sip_local_network_addr", "127.0.0.1")
    channel.set("sip_profile_name", "gateway" if profile == "external" else profile)
    channel.set("video_media_flow", "disabled")
    channel.set("text_media_flow", "disabled")
    name = f"sofia/{profile}/{address}"
    _outgoing_profile(leg, order, name=name, number=number, context="default", callee=number)
    channel.change_profile(source="src/switch_ivr_originate.c")
    channel.set("channel_name", name)
    sip.set_destination(channel)
    _set_ordered(leg, order)
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
        channel.set("session_id", str(next(_session_ids)))
        sip.set_on_invite_received(channel)

    leg.on_init = read_invite
    start(leg)
    if script is not None:
        switch.tasks.start(far_end.follow(script), f"caller {from_}")
    return far_end


def _local(switch: Switch, kind: Kind, name: str) -> Leg:
    now = switch.clock.tick_us()
    channel = Channel(str(uuid4()), kind, name, Profile(), Times(created=now))
    leg = Leg(switch, channel)
    _set_identity(leg)
    return leg


def _set_identity(leg: Leg) -> None:
    channel = leg.channel
    direction = channel.kind.direction
    channel.times.created = leg.switch.clock.tick_us()
    channel.set("direction", direction)
    if direction == "outbound":
        channel.set("is_outbound", "true")
    channel.set("uuid", channel.call_id)
    channel.set("call_uuid", channel.call_id)
    channel.set("session_id", str(next(_session_ids)))
    if channel.kind is Kind.LOOPBACK_B:
        channel.set("channel_name", channel.name)


def _announce_local(leg: Leg) -> None:
    """The CODEC events of a leg without a network, which come before its profile."""
    channel = leg.channel
    channel.read_codec = L16
    leg.tell_codecs("read")
    channel.set("read_codec", "L16")
    channel.set("read_rate", "8000")
    channel.set("write_codec", "L16")
    channel.set("write_rate", "8000")


def _outgoing_profile(
    leg: Leg, order: Order, *, name: str, number: str, context: str, callee: str
) -> None:
    channel = leg.channel
    channel.name = name
    channel.profile = Profile(
        caller_id_name=order.caller_id_name,
        caller_id_number=order.caller_id_number,
        orig_caller_id_name=order.caller_id_name,
        orig_caller_id_number=order.caller_id_number,
        callee_id_name=order.variables.get("origination_callee_id_name", "Outbound Call"),
        callee_id_number=order.variables.get("origination_callee_id_number", callee),
        ani=order.caller_id_number,
        destination_number=number,
        context=context,
        created_us=channel.times.created,
    )


def _rename(leg: Leg, order: Order) -> None:
    """Give a leg its ordered id, which it only gets after it was made; taken ids are not given."""
    channel = leg.channel
    channel.set("channel_name", channel.name)
    channel.target = State.INIT
    if not order.call_id or order.call_id in leg.switch.legs:
        return
    before: list[Header] = [("Old-Unique-ID", channel.call_id)]
    leg.switch.rename(leg, order.call_id)
    channel.set("uuid", order.call_id)
    channel.set("call_uuid", order.call_id)
    leg.tell("CHANNEL_UUID", before=before)


def _set_ordered(leg: Leg, order: Order) -> None:
    for name, value in order.variables.items():
        leg.channel.set(name, value)


def _finish_outgoing(leg: Leg, order: Order, endpoint: str) -> None:
    _set_ordered(leg, order)
    leg.channel.set("originate_early_media", "true")
    leg.channel.set("originate_endpoint", endpoint)
    leg.tell("CHANNEL_OUTGOING")


def _abort(switch: Switch) -> None:
    """A SIP session that ends before it has a profile: only its destruction is told."""
    channel = Channel(str(uuid4()), Kind.SOFIA_OUTBOUND, "", Profile(), Times())
    for name in ("CHANNEL_DESTROY", "CHANNEL_STATE"):
        if name == "CHANNEL_STATE":
            channel.running = State.DESTROY
        headers = [h for h in channel_headers(name, channel) if h[0] != "Channel-Name"]
        switch.tell(name, headers)
