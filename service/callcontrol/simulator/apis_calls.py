"""API commands on one call: life, bridge, hold, variables."""

from typing import TYPE_CHECKING

from callcontrol.esl.serialize import encode_event_json, encode_event_plain
from callcontrol.simulator import bridging, hold
from callcontrol.simulator.apis import ApiCall, Handler, PlainHandler, later
from callcontrol.simulator.applications import answer_leg, pre_answer_leg, ring_leg, set_variable
from callcontrol.simulator.causes import cause_named
from callcontrol.simulator.channel import State
from callcontrol.simulator.dial_string import cleaned, split_at, split_blank
from callcontrol.simulator.events import Header, flat
from callcontrol.simulator.headers import channel_headers
from callcontrol.simulator.wire import event_xml

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

NO_CHANNEL = "-ERR No such channel!\n"
OK = "+OK\n"
SUCCESS = "+OK Success\n"
FAILED = "-ERR Operation failed\n"


def _exists(call: ApiCall) -> str:
    return "true" if call.switch.locate(call.argument) else "false"


def _kill(call: ApiCall) -> str:
    words = split_blank(call.argument)
    if not words:
        return "-USAGE: <uuid> [cause]\n"
    leg = call.switch.locate(words[0])
    if leg is None:
        return NO_CHANNEL
    leg.hang_up(cause_named(words[1]) if len(words) > 1 else "NORMAL_CLEARING")
    return OK


def _answer(call: ApiCall) -> str:
    leg = call.switch.locate(call.argument)
    if leg is None:
        return "-ERROR\n"
    answer_leg(leg)
    return OK


def _pre_answer(call: ApiCall) -> str:
    leg = call.switch.locate(call.argument)
    if leg is None:
        return "-ERROR\n"
    pre_answer_leg(leg)
    return OK


def _ring_ready(call: ApiCall) -> str:
    if not call.argument:
        return "-USAGE: <uuid> [queued]\n"
    leg = call.switch.locate(call.argument.partition(" ")[0])
    if leg is None:
        return "-ERROR\n"
    ring_leg(leg)
    return OK


def _early_ok(call: ApiCall) -> str:
    return "" if call.switch.locate(call.argument) else "-ERROR\n"


def _outgoing_answer(call: ApiCall) -> str:
    if not call.argument:
        return "-USAGE: <uuid>\n"
    leg = call.switch.locate(call.argument)
    if leg is None:
        return NO_CHANNEL
    if leg.channel.kind.direction != "outbound":
        return "-ERR Not an outbound channel!\n"
    leg.mark_answered()
    return OK


def _park(call: ApiCall) -> str:
    leg = call.switch.locate(call.argument)
    if leg is None:
        return NO_CHANNEL
    bridging.leave_bridge(leg)
    leg.go(State.PARK)
    return OK


def _bridge(call: ApiCall) -> str:
    words = split_blank(call.argument)
    if len(words) < 2:
        return "-USAGE: <uuid> <other_uuid>\n"
    leader = call.switch.locate(words[0])
    for other in words[1:3]:
        follower = call.switch.locate(other)
        if _can_bridge(leader, follower) and leader is not None and follower is not None:
            bridging.uuid_bridge(leader, follower)
            return f"+OK {other}\n"
    return "-ERR Invalid uuid\n"


def _can_bridge(leader: "Leg | None", follower: "Leg | None") -> bool:
    if leader is None or follower is None or leader is follower:
        return False
    return leader.channel.has_media or follower.channel.has_media


def _hold(call: ApiCall) -> str:
    words = call.argument.split(" ", 2)
    if not words[0]:
        return "-USAGE: [off|toggle] <uuid> [<display>]\n" + FAILED
    if words[0].lower() in ("off", "toggle"):
        leg = call.switch.locate(words[1] if len(words) > 1 else "")
        if words[0].lower() == "off":
            done = leg is None or hold.unhold(leg)
        else:
            done = leg is None or hold.toggle(leg)
    else:
        leg = call.switch.locate(words[0])
        done = leg is None or hold.hold(leg)
    return SUCCESS if done else FAILED


def _getvar(call: ApiCall) -> str:
    call_id, _, name = call.argument.partition(" ")
    if not call_id or not name:
        return "-USAGE: <uuid> <var>\n"
    leg = call.switch.locate(call_id)
    if leg is None:
        return NO_CHANNEL
    return leg.channel.read(name) or "_undef_"


def _setvar(call: ApiCall) -> str:
    words = split_blank(call.argument, 3)
    if len(words) < 2:
        return "-USAGE: <uuid> <var> [value]\n"
    leg = call.switch.locate(words[0])
    if leg is None:
        return NO_CHANNEL
    set_variable(leg.channel, words[1], words[2] if len(words) > 2 else "")
    return OK


def _setvar_multi(call: ApiCall) -> str:
    usage = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
    if not call.argument:
        return usage
    call_id, _, rest = call.argument.partition(" ")
    if not rest:
        return ""
    leg = call.switch.locate(call_id)
    if leg is None:
        return NO_CHANNEL + usage
    separator = ";"
    if rest.startswith("^^") and len(rest) > 2:
        separator, rest = rest[2], rest[3:]
    for part in split_at(rest, separator):
        name, _, value = part.partition("=")
        if name and "${" not in value:
            set_variable(leg.channel, cleaned(name), cleaned(value))
    return OK


def _dump(call: ApiCall) -> str:
    words = call.argument.split()
    if not words:
        return "-USAGE: <uuid> [format]\n"
    leg = call.switch.locate(words[0])
    if leg is None:
        return NO_CHANNEL
    headers: list[Header] = [
        *call.switch.core_headers("CHANNEL_DATA"),
        *channel_headers("CHANNEL_DATA", leg.channel),
    ]
    match words[1].lower() if len(words) > 1 else "txt":
        case "json":
            return encode_event_json(headers).decode("utf-8", "surrogateescape")
        case "xml":
            return event_xml(headers)
        case "plain":
            return "".join(f"{name}: [{flat(value)}]\n" for name, value in headers) + "\n"
    return encode_event_plain(headers).decode("utf-8", "surrogateescape")


_PLAIN: dict[str, PlainHandler] = {
    "uuid_answer": _answer,
    "uuid_bridge": _bridge,
    "uuid_dump": _dump,
    "uuid_early_ok": _early_ok,
    "uuid_exists": _exists,
    "uuid_getvar": _getvar,
    "uuid_hold": _hold,
    "uuid_kill": _kill,
    "uuid_outgoing_answer": _outgoing_answer,
    "uuid_park": _park,
    "uuid_pre_answer": _pre_answer,
    "uuid_ring_ready": _ring_ready,
    "uuid_setvar": _setvar,
    "uuid_setvar_multi": _setvar_multi,
}
CALL_APIS: dict[str, Handler] = {name: later(handler) for name, handler in _PLAIN.items()}
"""The commands of this module, by name."""
