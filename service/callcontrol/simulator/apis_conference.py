"""The API command conference, as far as the simulator has conferences."""

import json
from collections.abc import Callable

from callcontrol.simulator import conference_files as files
from callcontrol.simulator.apis import ApiCall, Handler, later
from callcontrol.simulator.apis_conference_members import on_members, transfer
from callcontrol.simulator.conference_events import tell
from callcontrol.simulator.conference_room import Conference, Member, RoomRecording
from callcontrol.simulator.dial_string import split_blank


def _conference(call: ApiCall) -> str:
    words = split_blank(call.argument)
    rooms = call.switch.conferences.rooms
    match words:
        case []:
            return "<conf name> list [delim <string>]|[count]\n"
        case [name] if name in rooms:
            return "Conference command, not specified.\nTry 'help'\n"
        case [name, verb, *rest] if name in rooms:
            return _on_room(rooms[name], verb, rest)
        case [word, *rest] if word.lower() in ("list", "count", "json_list", "xml_list"):
            return _on_all(list(rooms.values()), word.lower(), rest)
        case [word, *_] if word.lower() in ("help", "commands"):
            return "<conf name> list [delim <string>]|[count]\n"
        case [name, *_]:
            return f"-ERR Conference {name} not found\n"
    return ""


def _on_all(rooms: list[Conference], verb: str, rest: list[str]) -> str:
    match verb:
        case "count":
            return str(len(rooms))
        case "json_list":
            return _json(rooms, rest)
        case "xml_list":
            return '<?xml version="1.0"?>\n<conferences/>\n'
    listed = "".join(_headline(room) + _list(room) for room in rooms)
    return listed or "+OK No active conferences.\n"


def _on_room(room: Conference, verb: str, rest: list[str]) -> str:
    verb = verb.lower()
    command = _ROOM_COMMANDS.get(verb)
    if command is not None:
        return command(room, rest)
    told = on_members(room, verb, rest)
    return told if told is not None else f"-ERR Conference command '{verb}' not found.\n"


def _list_room(room: Conference, rest: list[str]) -> str:
    return str(len(room.members)) if rest[:1] == ["count"] else _list(room)


def _lock(room: Conference, _: list[str]) -> str:
    room.is_locked = True
    tell(room, None, "lock")
    return f"+OK {room.name} locked\n"


def _unlock(room: Conference, _: list[str]) -> str:
    room.is_locked = False
    tell(room, None, "unlock")
    return f"+OK {room.name} unlocked\n"


def _pin(room: Conference, rest: list[str]) -> str:
    match rest:
        case [pin]:
            room.pin = pin
            return f"+OK Pin for conference {room.name} set: {pin}\n"
        case ["mod", pin]:
            return f"+OK Moderator Pin for conference {room.name} set: {pin}\n"
    return "-ERR Invalid parameters:\npin <pin#>"


def _nopin(room: Conference, rest: list[str]) -> str:
    if rest:
        return "-ERR Invalid parameters:\nnopin "
    room.pin = ""
    return f"+OK Pin for conference {room.name} deleted\n"


def _headline(room: Conference) -> str:
    count = len(room.members)
    plural = "" if count == 1 else "s"
    locked = "locked|" if room.is_locked else ""
    return (
        f"+OK Conference {room.name} ({count} member{plural} rate: 8000 flags: "
        f"{locked}running|answered|enforce_min|dynamic|exit_sound|enter_sound|json_status)\n"
    )


def _list(room: Conference) -> str:
    lines: list[str] = []
    for member in reversed(room.members):
        channel = member.leg.channel
        profile = channel.profile
        columns = [str(member.number), channel.name, channel.call_id, profile.caller_id_name]
        columns += [profile.caller_id_number, _flags(room, member), str(member.volume_in)]
        columns += [str(member.volume_out), str(member.energy)]
        lines.append(";".join(columns) + "\n")
    return "".join(lines)


def _flags(room: Conference, member: Member) -> str:
    flags = {
        "hear": member.can_hear,
        "speak": member.can_speak,
        "floor": room.floor is member,
        "moderator": member.is_moderator,
    }
    return "|".join(name for name, holds in flags.items() if holds)


def _json(rooms: list[Conference], rest: list[str]) -> str:
    listed = [_room_json(room) for room in rooms]
    if rest == ["compact"]:
        return json.dumps(listed, separators=(",", ":"))
    return json.dumps(listed, indent="\t")


def _room_json(room: Conference) -> dict[str, object]:
    recordings = [_recording_json(each) for each in reversed(room.recordings)]
    return {
        "conference_name": room.name,
        "member_count": len(room.members),
        "ghost_count": 0,
        "rate": 8000,
        "run_time": int(room.switch.clock.now_s() - room.began_s),
        "conference_uuid": room.conference_id,
        "canvas_count": 0,
        "max_bw_in": 0,
        "force_bw_in": 0,
        "video_floor_packets": 0,
        "locked": room.is_locked,
        **dict.fromkeys(("destruct", "wait_mod", "audio_always"), False),
        **dict.fromkeys(("running", "answered", "enforce_min"), True),
        "bridge_to": False,
        **dict.fromkeys(("dynamic", "exit_sound", "enter_sound"), True),
        "recording": bool(room.recordings),
        **dict.fromkeys(("video_bridge", "video_floor_only", "video_rfc4579"), False),
        "variables": {},
        # As the switch lists them: the latest first.
        "members": [*recordings, *(_member_json(room, each) for each in reversed(room.members))],
    }


def _recording_json(recording: RoomRecording) -> dict[str, object]:
    began = int(recording.began_s)
    return {"type": "recording_node", "record_path": recording.path, "join_time": began}


def _member_json(room: Conference, member: Member) -> dict[str, object]:
    profile = member.leg.channel.profile
    return {
        "type": "caller",
        "id": member.number,
        "flags": {
            "can_hear": member.can_hear,
            "can_see": True,
            "can_speak": member.can_speak,
            **dict.fromkeys(("hold", "mute_detect", "talking", "has_video", "video_bridge"), False),
            "has_floor": room.floor is member,
            "is_moderator": member.is_moderator,
            "end_conference": False,
            "mandatory_member_end_conference": False,
            "pass_digits": False,
        },
        "uuid": member.leg.channel.call_id,
        "caller_id_name": profile.caller_id_name,
        "caller_id_number": profile.caller_id_number,
        "join_time": int(room.switch.clock.now_s() - member.joined_s),
        "last_talking": 0,
        "energy": member.energy,
        "volume_in": member.volume_in,
        "volume_out": member.volume_out,
        "output-volume": member.volume_out,
        "input-volume": member.volume_in,
    }


_ROOM_COMMANDS: dict[str, Callable[[Conference, list[str]], str]] = {
    "chkrecord": lambda room, _: files.check_record(room),
    "count": lambda room, _: str(len(room.members)),
    "json_list": lambda room, rest: _json([room], rest),
    "list": _list_room,
    "lock": _lock,
    "nopin": _nopin,
    "norecord": files.no_record,
    "pin": _pin,
    "play": files.play,
    "record": files.record,
    "stop": files.stop,
    "transfer": transfer,
    "unlock": _unlock,
}
CONFERENCE_APIS: dict[str, Handler] = {"conference": later(_conference)}
"""The command of this module."""
