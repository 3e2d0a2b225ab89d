"""The command originate, and the application bridge: calls out, until one is answered."""

from typing import TYPE_CHECKING

from callcontrol.simulator import bridging
from callcontrol.simulator.applications import Action, answer_leg
from callcontrol.simulator.calling import Call, place, release, seconds
from callcontrol.simulator.channel import State
from callcontrol.simulator.dial_string import Malformed, read_targets, split_blank
from callcontrol.simulator.transfer import transfer_leg

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.switch import Switch

USAGE = (
    "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] "
    "[<cid_name>] [<cid_num>] [<timeout_sec>]\n"
)


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
    given_id = {"origination_caller_id_name": cid_name, "origination_caller_id_number": cid_number}
    variables = {name: value for name, value in given_id.items() if value} | variables
    call = Call(variables, seconds(variables.get("originate_timeout") or timeout, 60))
    call.caller_id_name = variables.get("origination_caller_id_name", "")
    call.caller_id_number = variables.get("origination_caller_id_number", "0000000000")
    leg = await place(switch, call, groups)
    if leg is None:
        release(call)
        return f"-ERR {call.cause}\n"
    call_id = leg.channel.call_id
    _flip_caller_id(leg)
    _send_on(leg, extension, dialplan or "XML", context or "default")
    release(call)
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
    limit = variables.get("originate_timeout") or variables.get("call_timeout")
    call = Call(variables, seconds(limit or channel.get("call_timeout"), 60))
    call.caller_id_name = variables.get("origination_caller_id_name", profile.caller_id_name)
    call.caller_id_number = variables.get("origination_caller_id_number", profile.caller_id_number)
    follower = await place(leader.switch, call, groups, leader)
    if follower is None or leader.channel.is_down:
        for attempt in call.attempts:
            attempt.leg.hang_up("ORIGINATOR_CANCEL")
        release(call)
        channel.set("originate_disposition", call.cause)
        if not leader.channel.is_down and not channel.is_true("continue_on_fail"):
            leader.hang_up(call.cause)
        return
    release(call)
    answer_leg(leader)
    bridging.pair(leader, follower)
    await bridging.hold_bridge(leader, follower)
    if leader.is_ready and channel.is_true("hangup_after_bridge"):
        leader.hang_up("NORMAL_CLEARING")
    elif leader.is_ready and channel.is_true("park_after_bridge"):
        leader.go(State.PARK)


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
