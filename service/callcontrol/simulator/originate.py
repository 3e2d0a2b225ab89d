"""The command originate, and the application bridge: calls out, until one is answered."""

import asyncio
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from callcontrol.simulator import bridging, endpoints
from callcontrol.simulator.applications import Action
from callcontrol.simulator.causes import cause_named
from callcontrol.simulator.channel import State
from callcontrol.simulator.dial_string import Malformed, Target, read_targets, split_blank
from callcontrol.simulator.endpoints import CannotCall, Order
from callcontrol.simulator.transfer import transfer_leg

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.switch import Switch

USAGE = (
    "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] "
    "[<cid_name>] [<cid_num>] [<timeout_sec>]\n"
)
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
class _Call:
    """What one originate or bridge wants."""

    variables: dict[str, str]
    timeout_s: float
    caller_id_name: str = ""
    caller_id_number: str = "0000000000"
    cause: str = "DESTINATION_OUT_OF_ORDER"
    attempts: list[_Attempt] = field(default_factory=list)


async def originate(switch: "Switch", argument: str) -> str:
    """The reply of `originate ARGUMENT`; the leg has been sent on when there is one."""
    given = split_blank(argument)
    if not 2 <= len(given) <= 7:
        return USAGE
    given = ["" if text == "undef" else text for text in given]
    url, extension, dialplan, context, cid_name, cid_number, timeout, *_ = [*given, *[""] * 5]
    try:
        variables, groups = read_targets(url)
    except Malformed:
        return "-ERR DESTINATION_OUT_OF_ORDER\n"
    call = _Call(variables, _seconds(variables.get("originate_timeout") or timeout, 60))
    call.caller_id_name = variables.get("origination_caller_id_name", cid_name)
    call.caller_id_number = variables.get(
        "origination_caller_id_number", cid_number or "0000000000"
    )
    leg = await _place(switch, call, groups)
    if leg is None:
        _release(call)
        return f"-ERR {call.cause}\n"
    call_id = leg.channel.call_id
    _flip_caller_id(leg)
    _send_on(leg, extension, dialplan or "XML", context or "default")
    _release(call)
    return f"+OK {call_id}\n"


async def bridge_to(leader: "Leg", url: str) -> None:
    """The application bridge: call out and bridge; the caller hears of its progress."""
    channel = leader.channel
    try:
        variables, groups = read_targets(url)
    except Malformed:
        leader.hang_up("DESTINATION_OUT_OF_ORDER")
        return
    profile = channel.profile
    call = _Call(
        variables, _seconds(variables.get("call_timeout") or channel.get("call_timeout"), 60)
    )
    call.caller_id_name, call.caller_id_number = profile.caller_id_name, profile.caller_id_number
    follower = await _place(leader.switch, call, groups, leader)
    if follower is None or leader.channel.is_down:
        for attempt in call.attempts:
            attempt.leg.hang_up("ORIGINATOR_CANCEL")
        _release(call)
        channel.set("originate_disposition", call.cause)
        if not leader.channel.is_down and not channel.is_true("continue_on_fail"):
            leader.hang_up(call.cause)
        return
    _release(call)
    from callcontrol.simulator.applications import answer_leg

    answer_leg(leader)
    bridging.pair(leader, follower)
    await bridging.hold_bridge(leader, follower)
    if leader.is_ready and channel.is_true("hangup_after_bridge"):
        leader.hang_up("NORMAL_CLEARING")
    elif leader.is_ready and channel.is_true("park_after_bridge"):
        leader.go(State.PARK)


async def _place(
    switch: "Switch", call: _Call, groups: list[list[Target]], leader: "Leg | None" = None
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
        if switch.clock.now_s() >= deadline or (leader is not None and leader.channel.is_down):
            return None
    return None


def _begin(switch: "Switch", call: _Call, group: list[Target]) -> list[_Attempt]:
    attempts: list[_Attempt] = []
    for target in group:
        variables = call.variables | target.variables
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
        timeout_s = _seconds(variables.get("leg_timeout", ""), inf)
        attempts.append(_Attempt(leg, not ignores, rings, timeout_s))
        endpoints.start(leg)
    return attempts


def _make_leg(switch: "Switch", call: _Call, target: Target, variables: dict[str, str]) -> "Leg":
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
            return endpoints.loopback(switch, address, order)
        case "null":
            return endpoints.null(switch, address, order)
        case "user":
            number = address.partition("@")[0]
            if order.call_id in switch.legs:
                raise CannotCall("DESTINATION_OUT_OF_ORDER")
            return endpoints.sofia_outbound(switch, "internal", address, number, order)
    return endpoints.sofia(switch, address, order)


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
    call: _Call,
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
    from callcontrol.simulator.applications import pre_answer_leg, ring_leg

    if any(attempt.leg.channel.has_early_media for attempt in alive):
        pre_answer_leg(leader)
    elif any(attempt.leg.channel.is_ringing for attempt in alive):
        ring_leg(leader)


def _flip_caller_id(leg: "Leg") -> None:
    """Whom we called becomes the caller of what the leg does next."""
    channel = leg.channel
    old = channel.profile
    channel.set("pre_transfer_caller_id_name", old.caller_id_name)
    channel.set("pre_transfer_caller_id_number", old.caller_id_number)
    channel.set("channel_cid_flipped", "yes")
    channel.change_profile(
        caller_id_name=old.callee_id_name,
        caller_id_number=old.callee_id_number,
        callee_id_name=old.caller_id_name,
        callee_id_number=old.caller_id_number,
    )
    channel.hits_dialplan = True
    leg.tell("CALL_UPDATE", before=[("Direction", "RECV")])


def _send_on(leg: "Leg", extension: str, dialplan: str, context: str) -> None:
    if extension.startswith("&") and len(extension) > 1:
        text = extension[1:].partition(")")[0]
        application, _, data = text.partition("(")
        leg.actions = [Action(application, data)]
        leg.go(State.EXECUTE)
    else:
        transfer_leg(leg, extension, dialplan, context)


def _release(call: _Call) -> None:
    """Legs that are over may be destroyed from now on."""
    for attempt in call.attempts:
        attempt.leg.holders -= 1
        attempt.leg.wake.set()


def _seconds(text: str, default: float) -> float:
    return float(text) if text.isdigit() and int(text) > 0 else default
