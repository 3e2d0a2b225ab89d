"""Calling out: the legs of a group ring at once, groups follow each other, one leg wins."""

import asyncio
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from callcontrol.simulator import local_endpoints, sip_endpoints
from callcontrol.simulator.applications import pre_answer_leg, ring_leg
from callcontrol.simulator.causes import cause_named
from callcontrol.simulator.dial_string import Target
from callcontrol.simulator.outgoing import CannotCall, Order, start

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.switch import Switch

_POLL_S = 0.02
_YES = ("true", "yes", "on", "1")


@dataclass(slots=True)
class _Attempt:
    """One leg that is being called."""

    leg: "Leg"
    is_early_enough: bool
    is_ringing_enough: bool
    timeout_s: float = inf

    @property
    def has_won(self) -> bool:
        channel = self.leg.channel
        return not channel.is_down and (
            channel.is_answered
            or (self.is_early_enough and channel.has_early_media)
            or (self.is_ringing_enough and channel.is_ringing)
        )


@dataclass(slots=True)
class Call:
    """What one originate or bridge wants."""

    variables: dict[str, str]
    timeout_s: float
    caller_id_name: str = ""
    caller_id_number: str = "0000000000"
    cause: str = "DESTINATION_OUT_OF_ORDER"
    attempts: list[_Attempt] = field(default_factory=list)


async def place(
    switch: "Switch", call: Call, groups: list[list[Target]], leader: "Leg | None" = None
) -> "Leg | None":
    """Call group after group; the winner, or None, and then `call.cause` says why."""
    deadline = switch.clock.now_s() + call.timeout_s
    for group in groups:
        call.attempts = [*call.attempts, *(attempts := _begin(switch, call, group))]
        if not attempts:
            continue
        winner = await _await_winner(switch, call, attempts, deadline, leader)
        for attempt in attempts:
            if attempt.leg is not winner:
                attempt.leg.hang_up("LOSE_RACE" if winner else "ORIGINATOR_CANCEL")
        if winner is not None:
            return winner
        if _is_given_up(call, attempts):
            return None
        if switch.clock.now_s() >= deadline or (leader is not None and leader.channel.is_down):
            return None
    return None


def _is_given_up(call: Call, attempts: list[_Attempt]) -> bool:
    """Whether a leg ended for a cause after which no further group is called."""
    causes = call.variables.get("fail_on_single_reject", "")
    return bool(causes) and any(attempt.leg.channel.cause in causes for attempt in attempts)


def _begin(switch: "Switch", call: Call, group: list[Target]) -> list[_Attempt]:
    attempts: list[_Attempt] = []
    for target in group:
        own_wins = call.variables.get("local_var_clobber", "").lower() in _YES
        shared, own = call.variables, target.variables
        variables = shared | own if own_wins else own | shared
        try:
            leg = _make_leg(switch, call, target, variables)
        except CannotCall as refusal:
            call.cause = refusal.cause
            continue
        leg.holders += 1
        ignores = variables.get("ignore_early_media", "").lower() in (
            *_YES,
            "consume",
            "ring_ready",
        )
        rings = variables.get("return_ring_ready", "").lower() in _YES
        timeout_s = seconds(variables.get("leg_timeout", ""), inf)
        attempts.append(_Attempt(leg, not ignores, rings, timeout_s))
        start(leg)
    return attempts


def _make_leg(switch: "Switch", call: Call, target: Target, variables: dict[str, str]) -> "Leg":
    """The leg of a target. Raises CannotCall."""
    order = Order(
        variables.get("origination_uuid", ""), variables, call.caller_id_name, call.caller_id_number
    )
    kind, address = target.endpoint, target.address
    if kind == "error":
        raise CannotCall(cause_named(address))
    if kind not in ("loopback", "null", "sofia", "user", "group"):
        raise CannotCall("CHAN_NOT_IMPLEMENTED")
    if kind == "group":
        raise CannotCall("NO_ROUTE_DESTINATION")
    is_throttled = "no_throttle_limits" not in variables
    if kind == "user":
        address = _registered(switch, address)
    if not switch.admits_session(is_throttled=is_throttled):
        raise CannotCall("DESTINATION_OUT_OF_ORDER")
    match kind:
        case "loopback":
            if not address:
                raise CannotCall("NORMAL_CLEARING")
            return local_endpoints.loopback(switch, address, order)
        case "null":
            return local_endpoints.null(switch, address, order)
        case "user":
            number = address.partition("@")[0]
            if order.call_id in switch.legs:
                raise CannotCall("DESTINATION_OUT_OF_ORDER")
            return sip_endpoints.sofia_outbound(switch, "internal", address, number, order)
    return sip_endpoints.sofia(switch, address, order)


def _registered(switch: "Switch", address: str) -> str:
    """The address of a registered user. Raises CannotCall."""
    user, _, domain = address.partition("@")
    if user in switch.settings.users:
        raise CannotCall("USER_NOT_REGISTERED")
    if switch.scenarios.find(user) is None:
        raise CannotCall("SUBSCRIBER_ABSENT")
    return f"{user}@{domain or switch.settings.hostname}"


async def _await_winner(
    switch: "Switch",
    call: Call,
    attempts: list[_Attempt],
    deadline: float,
    leader: "Leg | None",
) -> "Leg | None":
    """The first leg that is far enough; None when all are down or the time is over."""
    news, clock, began = asyncio.Event(), switch.clock, switch.clock.now_s()
    watched = [attempt.leg for attempt in attempts] + ([leader] if leader is not None else [])
    for leg in watched:
        leg.observers.append(news.set)
    while True:
        news.clear()
        winner = next((attempt.leg for attempt in attempts if attempt.has_won), None)
        if winner is not None:
            return winner
        alive = [attempt for attempt in attempts if not attempt.leg.channel.is_down]
        if not alive or (leader is not None and leader.channel.is_down):
            call.cause = attempts[-1].leg.channel.cause or "ORIGINATOR_CANCEL"
            await clock.sleep(_POLL_S)
            return None
        if leader is not None:
            _pass_on_progress(leader, alive)
        now = clock.now_s()
        if now >= deadline:
            call.cause = "NO_ANSWER"
            for attempt in alive:
                attempt.leg.hang_up("NO_ANSWER")
            return None
        overdue = [attempt for attempt in alive if now >= began + attempt.timeout_s]
        for attempt in overdue:
            attempt.leg.hang_up("ALLOTTED_TIMEOUT")
        if len(overdue) == len(alive):
            call.cause = "ALLOTTED_TIMEOUT"
            return None
        next_timeout = min([deadline, *(began + attempt.timeout_s for attempt in alive)])
        await clock.wait(news, max(next_timeout - now, 0))


def _pass_on_progress(leader: "Leg", alive: list[_Attempt]) -> None:
    if any(attempt.leg.channel.has_early_media for attempt in alive):
        pre_answer_leg(leader)
    elif any(attempt.leg.channel.is_ringing for attempt in alive):
        ring_leg(leader)


def release(call: Call) -> None:
    """Legs that are over may be destroyed from now on."""
    for attempt in call.attempts:
        attempt.leg.holders -= 1
        attempt.leg.wake.set()


def seconds(text: str, default: float) -> float:
    """A timeout as written in a variable; `default` for none."""
    return float(text) if text.isdigit() and int(text) > 0 else default
