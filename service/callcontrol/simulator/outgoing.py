"""What all outgoing legs have in common: the order they are made from, identity, profile."""

import itertools
from dataclasses import dataclass, field

from callcontrol.simulator.channel import Kind, Profile
from callcontrol.simulator.leg import Leg

_session_ids = itertools.count(1)


def next_session_id() -> str:
    """Sessions are counted."""
    return str(next(_session_ids))


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


def set_identity(leg: Leg) -> None:
    """The variables that every leg has from its beginning."""
    channel = leg.channel
    direction = channel.kind.direction
    channel.times.created = leg.switch.clock.tick_us()
    channel.set("direction", direction)
    if direction == "outbound":
        channel.set("is_outbound", "true")
    channel.set("uuid", channel.call_id)
    channel.set("call_uuid", channel.call_id)
    channel.set("session_id", next_session_id())
    if channel.kind is Kind.LOOPBACK_B:
        channel.set("channel_name", channel.name)


def outgoing_profile(
    leg: Leg, order: Order, *, name: str, number: str, context: str, callee: str
) -> None:
    """Give the leg its name and its caller profile."""
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


def set_ordered(leg: Leg, order: Order) -> None:
    """Set the variables of the dial string."""
    for name, value in order.variables.items():
        leg.channel.set(name, value)
