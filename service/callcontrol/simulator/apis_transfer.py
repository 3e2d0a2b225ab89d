"""API commands that send a call elsewhere, or tell its telephone whom it speaks with."""

from callcontrol.simulator.apis import ApiCall, Handler, PlainHandler, later
from callcontrol.simulator.apis_calls import FAILED, NO_CHANNEL, OK, SUCCESS
from callcontrol.simulator.dial_string import split_blank
from callcontrol.simulator.transfer import transfer_leg

_TRANSFER_USAGE = "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"


def _transfer(call: ApiCall) -> str:
    words = split_blank(call.argument)
    if not 2 <= len(words) <= 5:
        return _TRANSFER_USAGE
    leg = call.switch.locate(words.pop(0))
    if leg is None:
        return NO_CHANNEL
    side = words.pop(0).lower() if words[0].startswith("-") else ""
    if not words:
        return _TRANSFER_USAGE
    destination, dialplan, context, *_ = [*words, "", ""]
    other = leg.bridge_peer
    if side == "-bleg":
        transfer_leg(other or leg, destination, dialplan, context)
        return OK
    if side == "-both" and other is not None:
        transfer_leg(other, destination, dialplan, context)
    transfer_leg(leg, destination, dialplan, context)
    return OK


def _dual_transfer(call: ApiCall) -> str:
    words = split_blank(call.argument)
    if len(words) < 3:
        return (
            "-USAGE: <uuid> <A-dest-exten>[/<A-dialplan>][/<A-context>] "
            "<B-dest-exten>[/<B-dialplan>][/<B-context>]\n"
        )
    leg = call.switch.locate(words[0])
    if leg is None:
        return NO_CHANNEL
    other = leg.bridge_peer
    for one, place in ((other, words[2]), (leg, words[1])):
        if one is not None:
            destination, dialplan, context, *_ = [*place.split("/"), "", ""]
            transfer_leg(one, destination, dialplan, context)
    return OK


def _display(call: ApiCall) -> str:
    call_id, _, text = call.argument.partition(" ")
    if not text:
        return "-USAGE: <uuid> <display>\n"
    leg = call.switch.locate(call_id)
    if leg is None:
        return FAILED
    name, _, number = text.partition("|")
    leg.channel.change_profile(callee_id_name=name, callee_id_number=number or name)
    if leg.channel.kind.is_sofia:
        sent = [("Sent-Callee-ID-Name", name), ("Sent-Callee-ID-Number", number or name)]
        place = ("mod_sofia.c", "sofia_receive_message", 2100)
        leg.tell("CALL_UPDATE", before=[("Direction", "SEND"), *sent], called_from=place)
    return SUCCESS


_PLAIN: dict[str, PlainHandler] = {
    "uuid_display": _display,
    "uuid_dual_transfer": _dual_transfer,
    "uuid_transfer": _transfer,
}
TRANSFER_APIS: dict[str, Handler] = {name: later(handler) for name, handler in _PLAIN.items()}
"""The commands of this module, by name."""
