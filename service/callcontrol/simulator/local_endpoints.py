"""Legs without a network: loopback pairs, which run a dialplan opposite, and null legs."""

from uuid import uuid4

from callcontrol.simulator.channel import L16, Channel, Kind, Profile, State, Times
from callcontrol.simulator.events import Header
from callcontrol.simulator.leg import Leg
from callcontrol.simulator.outgoing import (
    Order,
    outgoing_profile,
    set_identity,
    set_ordered,
    start,
)
from callcontrol.simulator.switch import Switch


def loopback(switch: Switch, target: str, order: Order) -> Leg:
    """`loopback/EXTENSION[/CONTEXT]`: the leg that is originated; its peer runs the extension."""
    extension, _, context = target.partition("/")
    context = context or "default"
    a = _local(switch, Kind.LOOPBACK_A, f"loopback/{target}-a")
    _announce_local(a)
    name = f"loopback/{extension}-a"
    outgoing_profile(a, order, name=name, number=extension, context=context, callee=context)
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
    set_ordered(b, order)
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
    outgoing_profile(
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


def _local(switch: Switch, kind: Kind, name: str) -> Leg:
    now = switch.clock.tick_us()
    channel = Channel(str(uuid4()), kind, name, Profile(), Times(created=now))
    leg = Leg(switch, channel)
    set_identity(leg)
    return leg


def _announce_local(leg: Leg) -> None:
    """The CODEC events of a leg without a network, which come before its profile."""
    channel = leg.channel
    channel.read_codec = L16
    leg.tell_codecs("read")
    channel.set("read_codec", "L16")
    channel.set("read_rate", "8000")
    channel.set("write_codec", "L16")
    channel.set("write_rate", "8000")


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


def _finish_outgoing(leg: Leg, order: Order, endpoint: str) -> None:
    set_ordered(leg, order)
    leg.channel.set("originate_early_media", "true")
    leg.channel.set("originate_endpoint", endpoint)
    leg.tell("CHANNEL_OUTGOING")
