"""The API command conference, as far as the simulator has conferences."""

import json

from callcontrol.simulator.apis import ApiCall, Handler, later
from callcontrol.simulator.conference import Conference, Member
from callcontrol.simulator.dial_string import split_blank


def _conference(call: ApiCall) -> str:
    words = split_blank(call.argument)
    rooms = call.switch.conferences.rooms
    match words:
        case []:
            return "<conf name> list [delim <string>]|[count]\n"
        case ["list"]:
            listed = "".join(_headline(room) + _list(room) for room in rooms.values())
            return listed or "+OK No active conferences.\n"
        case ["count"]:
            return str(len(rooms))
        case ["json_list", *_]:
            return json.dumps([_as_json(room) for room in rooms.values()], separators=(",", ":"))
        case [name, *_] if name not in rooms:
            return f"-ERR Conference {name} not found\n"
        case [name]:
            return "Conference command, not specified.\nTry 'help'\n"
        case [name, verb, *rest]:
            return _on_room(rooms[name], verb.lower(), rest)
    return ""


def _on_room(room: Conference, verb: str, rest: list[str]) -> str:
    match verb:
        case "list":
            return str(len(room.members)) if rest[:1] == ["count"] else _list(room)
        case "count":
            return str(len(room.members))
        case "json_list":
            return json.dumps([_as_json(room)], separators=(",", ":"))
        case "lock" | "unlock":
            return f"+OK {room.name} {verb}ed\n"
        case "get-uuid":
            return "".join(member.leg.channel.call_id for member in _members(room, rest))
        case "mute" | "unmute" | "deaf" | "undeaf" | "hup" | "kick":
            return _on_members(room, verb, rest)
    return f"Conference command '{verb}' not found.\n"


def _on_members(room: Conference, verb: str, rest: list[str]) -> str:
    if not rest:
        return f"{verb} <[member_id|all]|last|non_moderator> [<quiet>]"
    chosen = _members(room, rest)
    if not chosen and rest[0].isdigit():
        return f"-ERR Non-Existant ID {rest[0]}\n"
    for member in chosen:
        member.is_muted = verb == "mute" or (member.is_muted and verb != "unmute")
        if verb in ("kick", "hup"):
            member.is_kicked = True
            member.leg.hang_up("NORMAL_CLEARING")
    word = "kicked" if verb == "kick" else verb
    return "".join(f"+OK {word} {member.number}\n" for member in chosen)


def _members(room: Conference, rest: list[str]) -> list[Member]:
    target = rest[0] if rest else ""
    newest_first = list(reversed(room.members))
    if target in ("all", "non_moderator"):
        return newest_first
    if target == "last":
        return newest_first[:1]
    return [member for member in room.members if str(member.number) == target]


def _flags(room: Conference, member: Member) -> str:
    flags = ["hear"] + ([] if member.is_muted else ["speak"])
    return "|".join([*flags, *(["floor"] if room.floor is member else [])])


def _headline(room: Conference) -> str:
    count = len(room.members)
    plural = "" if count == 1 else "s"
    return (
        f"+OK Conference {room.name} ({count} member{plural} rate: 8000 flags: "
        "running|answered|enforce_min|dynamic|exit_sound|enter_sound|json_status)\n"
    )


def _list(room: Conference) -> str:
    lines: list[str] = []
    for member in reversed(room.members):
        channel = member.leg.channel
        profile = channel.profile
        columns = [str(member.number), channel.name, channel.call_id, profile.caller_id_name]
        columns += [profile.caller_id_number, _flags(room, member), "0", "0", "100"]
        lines.append(";".join(columns) + "\n")
    return "".join(lines)


def _as_json(room: Conference) -> dict[str, object]:
    return {
        "conference_name": room.name,
        "member_count": len(room.members),
        "ghost_count": 0,
        "rate": 8000,
        "conference_uuid": room.conference_id,
        "members": [
            {
                "type": "caller",
                "id": member.number,
                "uuid": member.leg.channel.call_id,
                "caller_id_name": member.leg.channel.profile.caller_id_name,
                "caller_id_number": member.leg.channel.profile.caller_id_number,
                "flags": {"can_hear": True, "can_speak": not member.is_muted},
            }
            for member in room.members
        ],
    }


CONFERENCE_APIS: dict[str, Handler] = {"conference": later(_conference)}
"""The command of this module."""
