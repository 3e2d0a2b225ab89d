"""API commands on a call whose effect nobody can see here: they only answer like the switch."""

from dataclasses import dataclass

from callcontrol.simulator.apis import ApiCall, Handler, later
from callcontrol.simulator.apis_calls import FAILED, NO_CHANNEL, OK, SUCCESS

_FAILED_TOO = "-ERR Operation Failed\n"
_VIDEO_USAGE = "-USAGE: <uuid> [auto|manual]\n" + _FAILED_TOO
_BRAINS = "+OK MMM Brains...\n"
_NAMED = "-ERR No such channel {id}!\n"
_NO_LIMIT_SESSION = "-ERR Cannot find session with uuid {id}\n"


@dataclass(frozen=True, slots=True)
class _Answers:
    """What is said without enough words, of an unknown call, and of a known one."""

    usage: str
    words: int
    unknown: str
    done: str = SUCCESS


_COMMANDS: dict[str, _Answers] = {
    "pause": _Answers("-USAGE: <uuid> <on|off>\n", 2, NO_CHANNEL, ""),
    "uuid_capture_text": _Answers("-USAGE: <uuid> <on|off>\n", 2, _NAMED, ""),
    "uuid_chat": _Answers("-USAGE: <uuid> <text>\n", 2, _NAMED, OK),
    "uuid_codec_debug": _Answers(
        "-USAGE: <uuid> audio|video <level>\n" + _FAILED_TOO, 3, _FAILED_TOO
    ),
    "uuid_codec_param": _Answers(
        "-USAGE: <uuid> audio|video read|write <param> <val>\n-ERR Operation Failed [NOT SENT]\n",
        5,
        "-ERR Operation Failed [NOT SENT]\n",
    ),
    "uuid_debug_media": _Answers(
        "-USAGE: <uuid> <read|write|both|vread|vwrite|vboth|all> <on|off>\n", 2, FAILED
    ),
    "uuid_drop_dtmf": _Answers(
        "-USAGE: <uuid> [on | off ] [ mask_digits <digits> | mask_file <file>]\n",
        4,
        "-ERR no reply\n",
        OK,
    ),
    "uuid_jitterbuffer": _Answers("-USAGE: <uuid> [0|<min_msec>[:<max_msec>]]\n", 2, FAILED),
    "uuid_limit": _Answers(
        "USAGE: uuid_limit <uuid> <backend> <realm> <resource> [<max>[/interval]] "
        "[number [dialplan [context]]]\n",
        4,
        _NO_LIMIT_SESSION,
        "+OK",
    ),
    "uuid_limit_release": _Answers(
        "USAGE: uuid_limit_release <uuid> <backend> [realm] [resource]\n",
        2,
        _NO_LIMIT_SESSION,
        "+OK",
    ),
    "uuid_loglevel": _Answers("-USAGE: <uuid> <level>\n", 2, _NAMED, OK),
    "uuid_media": _Answers("-USAGE: [off] <uuid>\n" + FAILED, 1, FAILED),
    "uuid_media_3p": _Answers("-USAGE: [off] <uuid>\n" + FAILED, 1, FAILED),
    "uuid_media_params": _Answers("-USAGE: <uuid> <json>\n", 2, FAILED),
    "uuid_media_reneg": _Answers("-USAGE: <uuid>[ <codec_string>]\n" + _FAILED_TOO, 1, _FAILED_TOO),
    "uuid_pause": _Answers("-USAGE: <uuid> <on|off>\n", 2, NO_CHANNEL, ""),
    "uuid_phone_event": _Answers("-USAGE: <uuid>\n" + FAILED, 1, FAILED),
    "uuid_preprocess": _Answers("-USAGE: <>\n", 2, NO_CHANNEL, OK),
    "uuid_recovery_refresh": _Answers("-USAGE: <uuid> <uri>\n", 2, NO_CHANNEL, OK),
    "uuid_send_text": _Answers("-USAGE: <uuid> <text>\n", 2, _NAMED, OK),
    "uuid_session_heartbeat": _Answers(
        "-USAGE: uuid_session_heartbeat <uuid> [sched] [0|<seconds>]\n",
        2,
        "-ERR Cannot locate session. USAGE: uuid_session_heartbeat <uuid> [sched] [0|<seconds>]\n",
        OK,
    ),
    "uuid_set_media_stats": _Answers("-USAGE: <uuid>\n", 1, _NAMED, "+OK:\n"),
    "uuid_simplify": _Answers("-USAGE: <uuid>\n", 1, FAILED),
    "uuid_video_bandwidth": _Answers(_VIDEO_USAGE, 2, _FAILED_TOO),
    "uuid_video_bitrate": _Answers(_VIDEO_USAGE, 2, _FAILED_TOO),
    "uuid_video_refresh": _Answers(_VIDEO_USAGE, 1, _FAILED_TOO),
    "uuid_xfer_zombie": _Answers("-USAGE: <uuid>\n" + _FAILED_TOO, 1, _FAILED_TOO),
    "uuid_zombie_exec": _Answers("-ERR no such session\n", 1, "-ERR no such session\n", _BRAINS),
}


def _answer(call: ApiCall) -> str:
    answers = _COMMANDS[call.name.lower()]
    words = call.argument.split()
    if len(words) < answers.words:
        return answers.usage
    call_id = words[1] if words[0] == "off" and len(words) > 1 else words[0]
    if call.switch.locate(call_id) is None:
        return answers.unknown.format(id=call_id)
    return answers.done


EFFECTLESS_APIS: dict[str, Handler] = {name: later(_answer) for name in _COMMANDS}
"""The commands of this module, by name."""
