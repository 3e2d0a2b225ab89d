"""API commands on the sound of one call: broadcast, break, mute, record, digits."""

from typing import TYPE_CHECKING

from callcontrol.simulator import bugs, displace, media, recording
from callcontrol.simulator.apis import ApiCall, Handler, PlainHandler, later
from callcontrol.simulator.apis_calls import FAILED, NO_CHANNEL, OK, SUCCESS
from callcontrol.simulator.applications import send_digits
from callcontrol.simulator.bugs import Bug, attach, detach
from callcontrol.simulator.dial_string import split_blank
from callcontrol.simulator.playing import Playing
from callcontrol.simulator.private_commands import HOLD_MUSIC, broadcast

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_NO_SESSION = "-ERR Cannot locate session!\n"


def _broadcast(call: ApiCall) -> str:
    words = split_blank(call.argument, 3)
    if len(words) < 2:
        return "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"
    leg = call.switch.locate(words[0])
    if leg is None:
        return "-ERR invalid uuid\n"
    side = words[2].lower() if len(words) > 2 else "holdb"
    peer = leg.bridge_peer
    if peer is not None and side in ("bleg", "both"):
        peer.queue(broadcast(peer, words[1]))
    elif peer is not None and side == "holdb":
        peer.queue(broadcast(peer, HOLD_MUSIC, loops=-1))
    if side != "bleg":
        leg.queue(broadcast(leg, words[1]))
    return "+OK Message sent\n"


def _break(call: ApiCall) -> str:
    words = call.argument.split()
    if not words:
        return "-USAGE: <uuid> [all]\n"
    leg = call.switch.locate(words[0])
    if leg is None:
        return NO_CHANNEL
    word = words[1] if len(words) > 1 else ""
    if word == "all":
        leg.commands.clear()
    for one in [leg, leg.bridge_peer] if word == "both" else [leg]:
        if one is not None:
            one.is_break_asked = one.is_stop_asked = True
            one.wake.set()
    return OK


_AUDIO_BUG = Bug("audio", "mute")


def _buglist(call: ApiCall) -> str:
    """An unknown call has an empty answer, which the socket makes an error."""
    if not call.argument:
        return "-USAGE: <uuid>\n"
    leg = call.switch.locate(call.argument.split()[0])
    return bugs.listing(leg) if leg is not None else ""


_AUDIO_USAGE = "-USAGE: <uuid> [start [read|write] [mute|level <level>]|stop]\n"


def _audio(call: ApiCall) -> str:
    words = call.argument.split()
    is_stop = len(words) > 1 and words[1] == "stop"
    if not is_stop and (len(words) < 5 or words[1] != "start"):
        return _AUDIO_USAGE
    leg = call.switch.locate(words[0])
    if leg is None:
        return NO_CHANNEL
    if is_stop:
        detach(leg, _AUDIO_BUG)
    elif words[2] in ("read", "write") and words[3] in ("mute", "level"):
        if _AUDIO_BUG not in leg.bugs:
            attach(leg, _AUDIO_BUG)
    else:
        return _AUDIO_USAGE
    return OK


def _braced(words: list[str]) -> tuple[tuple[str, str], ...]:
    """The variables of `{name=value,...}`."""
    pairs = [pair.partition("=") for word in words for pair in word.strip("{}").split(",")]
    return tuple((name, value) for name, _, value in pairs)


_RECORD_USAGE = "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n"


def _record(call: ApiCall) -> str:
    words = split_blank(call.argument, 5)
    if len(words) < 3:
        return _RECORD_USAGE
    leg = call.switch.locate(words[0])
    if leg is None:
        return _NO_SESSION
    verb, path = words[1], words[2]
    running = any(path in ("all", one.path) for one in leg.recordings)
    match verb:
        case "start":
            limit_s = float(words[3]) if len(words) > 3 and words[3].isdigit() else 0
            done = recording.start(leg, path, limit_s, _braced(words[4:5]))
            return SUCCESS if done else "-ERR Cannot record session!\n"
        case "stop":
            done = recording.stop(leg, path)
            return SUCCESS if done else "-ERR Cannot stop record session!\n"
        case "mask" | "unmask":
            return SUCCESS if running else f"-ERR Cannot {verb} recording session!\n"
        case "pause" | "resume":
            return SUCCESS if running else f"-ERR Cannot {verb} recording session!\n"
    return _RECORD_USAGE


_DTMF_USAGE = "-USAGE: <uuid> <dtmf_data>\n"


def _send_dtmf(call: ApiCall) -> str:
    call_id, _, text = call.argument.partition(" ")
    if not text:
        return _DTMF_USAGE
    leg = call.switch.locate(call_id)
    if leg is None:
        return _NO_SESSION
    digits = media.parse_digits(text, "UNKNOWN")
    if not digits or len(text) >= 100:
        return FAILED
    send_digits(leg, digits)
    return f"+OK {call_id} sent DTMF {text}.\n"


def _recv_dtmf(call: ApiCall) -> str:
    call_id, _, text = call.argument.partition(" ")
    if not text:
        return _DTMF_USAGE
    leg = call.switch.locate(call_id)
    if leg is None:
        return _NO_SESSION
    digits = media.parse_digits(text, "APP")
    if not digits:
        return _DTMF_USAGE
    for digit in digits:
        leg.hear(digit)
    return f"+OK {call_id} received DTMF {text}.\n"


def _flush_dtmf(call: ApiCall) -> str:
    leg = call.switch.locate(call.argument)
    if leg is None:
        return "-ERR No such session\n"
    leg.digits.clear()
    return OK


def _fileman(call: ApiCall) -> str:
    call_id, _, text = call.argument.partition(" ")
    if not text:
        return "-USAGE: <uuid> <cmd>:<val>\n"
    leg = call.switch.locate(call_id)
    if leg is None:
        return NO_CHANNEL
    if not leg.playing:
        return "-ERR No file handle!\n"
    _manage(leg, leg.playing[-1], text)
    leg.wake.set()
    return OK


def _manage(leg: "Leg", playing: Playing, text: str) -> None:
    """What it does not know, it takes without a word. Volume nobody hears here."""
    name, _, value = text.partition(":")
    match name:
        case "stop":
            leg.is_break_asked = True
        case "pause":
            playing.pause()
        case "seek" if value.lstrip("+-").isdigit():
            base_s = playing.at_s if value[0] in "+-" else 0.0
            playing.seek(base_s + int(value) / 1000)


def _displace(call: ApiCall) -> str:
    words = split_blank(call.argument, 5)
    if len(words) < 3:
        return "-USAGE: <uuid> [start|stop] <path> [<limit>] [mux]\n"
    leg = call.switch.locate(words[0])
    if leg is None:
        return _NO_SESSION
    path, flags = words[2], words[4] if len(words) > 4 else ""
    if words[1] == "start":
        done = displace.start(leg, path, is_endless="l" in flags)
        return SUCCESS if done else "-ERR Cannot displace session!\n"
    return SUCCESS if displace.stop(leg, path) else "-ERR Cannot stop displace session!\n"


_PLAIN: dict[str, PlainHandler] = {
    "break": _break,
    "uuid_audio": _audio,
    "uuid_buglist": _buglist,
    "uuid_break": _break,
    "uuid_broadcast": _broadcast,
    "uuid_displace": _displace,
    "uuid_fileman": _fileman,
    "uuid_flush_dtmf": _flush_dtmf,
    "uuid_record": _record,
    "uuid_recv_dtmf": _recv_dtmf,
    "uuid_send_dtmf": _send_dtmf,
}
MEDIA_APIS: dict[str, Handler] = {name: later(handler) for name, handler in _PLAIN.items()}
"""The commands of this module, by name."""
