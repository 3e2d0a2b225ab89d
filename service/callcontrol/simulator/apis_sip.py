"""API commands that ask something of a call's telephone by SIP; other calls ignore them."""

from callcontrol.simulator.apis import ApiCall, Handler, PlainHandler, later
from callcontrol.simulator.apis_calls import SUCCESS
from callcontrol.simulator.dial_string import split_blank

_FAILED_TOO = "-ERR Operation Failed\n"
_REPLY_S = 0.1
"""The switch looks for the far end's answer ten times a second (sofia_wait_for_reply)."""


async def _deflect(call: ApiCall) -> str:
    call_id, _, uri = call.argument.partition(" ")
    if not uri:
        return "-USAGE: <uuid> <uri>\n"
    leg = call.switch.locate(call_id)
    if leg is None:
        return f"-ERR No such channel {call_id}!\n"
    far_end = call.switch.far_ends.get(call_id)
    if not leg.channel.kind.is_sofia or far_end is None:
        return "+OK:\n"
    answer = far_end.is_referred(uri)
    await call.switch.clock.sleep(_REPLY_S)
    leg.channel.set("sip_refer_reply", f"{answer}\r\n")
    leg.hang_up("BLIND_TRANSFER")
    return f"+OK:{answer}\r\n\n"


def _redirect(call: ApiCall) -> str:
    call_id, _, uri = call.argument.partition(" ")
    if not uri:
        return "-USAGE: <uuid> <uri>\n"
    leg = call.switch.locate(call_id)
    if leg is None:
        return f"-ERR No such channel {call_id}!\n"
    if leg.channel.kind.is_sofia and not leg.channel.is_answered:
        leg.hang_up("NORMAL_UNSPECIFIED")
    return "+OK:\n"


def _send_info(call: ApiCall) -> str:
    words = split_blank(call.argument, 4)
    if len(words) in (0, 3):
        return "-USAGE: <uuid> [<mime_type> <mime_subtype>] <message>\n" + _FAILED_TOO
    if call.switch.locate(words[0]) is None:
        return _FAILED_TOO
    kind = "/".join(words[1:3]) if len(words) > 3 else "freeswitch/data"
    _deliver(call, words[0], kind, words[-1] if len(words) > 1 else "")
    return SUCCESS


def _send_message(call: ApiCall) -> str:
    words = split_blank(call.argument, 2)
    if len(words) < 2:
        return "-USAGE: <uuid> <message>\n"
    leg = call.switch.locate(words[0])
    if leg is None:
        return "-ERR Unable to find session for UUID\n"
    if leg.channel.is_true("fs_send_unsupported_message"):
        _deliver(call, words[0], "text/plain", words[1])
    return SUCCESS


def _deliver(call: ApiCall, call_id: str, content_type: str, body: str) -> None:
    far_end = call.switch.far_ends.get(call_id)
    if far_end is not None:
        far_end.messages.append((content_type, body))


_PLAIN: dict[str, PlainHandler] = {
    "uuid_redirect": _redirect,
    "uuid_send_info": _send_info,
    "uuid_send_message": _send_message,
}
SIP_APIS: dict[str, Handler] = {
    "uuid_deflect": _deflect,
    **{name: later(handler) for name, handler in _PLAIN.items()},
}
"""The commands of this module, by name."""
