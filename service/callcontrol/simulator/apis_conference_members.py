"""What the API command conference does to members: `mute`, `kick`, `volume_in` and the like."""

from collections.abc import Callable

from callcontrol.simulator.conference import give_floor_later, pass_floor
from callcontrol.simulator.conference_events import tell
from callcontrol.simulator.conference_room import Conference, Member
from callcontrol.simulator.transfer import transfer_leg

_LOUDEST = 4
_MemberCommand = Callable[[Conference, Member, str | None], str]


def on_members(room: Conference, verb: str, words: list[str]) -> str | None:
    """The reply to a command for members; None if it is no such command."""
    command = _COMMANDS.get(verb)
    if command is None:
        return None
    target, data = (words[0] if words else ""), (words[1] if len(words) > 1 else None)
    number = _leading_number(target)
    if number:
        member = room.find(str(number))
        if member is None or member.is_leaving:
            return f"-ERR Non-Existant ID {number}\n"
        return command(room, member, data)
    # The switch goes through them from the one who came last.
    match target.lower():
        case "all":
            return "".join(command(room, member, data) for member in reversed(room.members))
        case "non_moderator":
            return "".join(
                f"Skipping moderator (member id {member.number}).\n"
                if member.is_moderator
                else command(room, member, data)
                for member in reversed(room.members)
            )
        case "last":
            last = max(room.members, key=lambda member: member.number)
            return command(room, last, data)
        case _ if "=" in target:
            return "-ERR Non-Existant member\n"
    return f"{verb} {_USAGES[verb]}"


def _leading_number(text: str) -> int:
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return int(digits or 0)


def _mute(room: Conference, member: Member, _: str | None) -> str:
    member.can_speak = False
    tell(room, member, "mute-member")
    return f"+OK mute {member.number}\n"


def _unmute(room: Conference, member: Member, _: str | None) -> str:
    member.can_speak = True
    tell(room, member, "unmute-member")
    return f"+OK unmute {member.number}\n"


def _deaf(room: Conference, member: Member, _: str | None) -> str:
    member.can_hear = False
    tell(room, member, "deaf-member")
    return f"+OK deaf {member.number}\n"


def _undeaf(room: Conference, member: Member, _: str | None) -> str:
    member.can_hear = True
    tell(room, member, "undeaf-member")
    return f"+OK undeaf {member.number}\n"


def _volume_in(room: Conference, member: Member, data: str | None) -> str:
    if data is not None:
        member.volume_in = _volume(member.volume_in, data)
        tell(room, member, "volume-in-member", [("Volume-Level", str(member.volume_in))])
    return f"+OK Volume IN {member.number} = {member.volume_in}\n"


def _volume_out(room: Conference, member: Member, data: str | None) -> str:
    if data is not None:
        member.volume_out = _volume(member.volume_out, data)
        tell(room, member, "volume-out-member", [("Volume-Level", str(member.volume_out))])
    return f"+OK Volume OUT {member.number} = {member.volume_out}\n"


def _energy(room: Conference, member: Member, data: str | None) -> str:
    if data is not None:
        member.energy = _number(data)
        tell(room, member, "energy-level-member", [("Energy-Level", str(member.energy))])
    return f"Energy {member.number} = {member.energy}\n"


def _floor(room: Conference, member: Member, _: str | None) -> str:
    if room.floor is member:
        pass_floor(room, None)
        give_floor_later(room)
        return "+OK floor none\n"
    if room.floor is None:
        pass_floor(room, member)
        return f"+OK floor {member.number}\n"
    return f"-ERR floor is held by {room.floor.number}\n"


def _kick(room: Conference, member: Member, _: str | None) -> str:
    tell(room, member, "kick-member")
    member.leave()
    return f"+OK kicked {member.number}\n"


def _hup(room: Conference, member: Member, _: str | None) -> str:
    tell(room, member, "hup-member")
    member.leave()
    return f"+OK hup {member.number}\n"


def _get_uuid(_room: Conference, member: Member, _: str | None) -> str:
    return member.leg.channel.call_id


def transfer(room: Conference, words: list[str]) -> str:
    """`transfer «other»[@«profile»] «member»…`."""
    if len(words) < 2:
        return "transfer <conference_name> <member id> [...<member id>]"
    other, _, profile = words[0].partition("@")
    replies: list[str] = []
    for number in words[1:]:
        member = room.find(number)
        if member is None:
            replies.append(f"-ERR No Member {number} in conference {room.name}.\n")
            continue
        transfer_leg(member.leg, f"conference:{other}@{profile or 'default'}", "inline")
        names = [("Old-Conference-Name", room.name), ("New-Conference-Name", words[0])]
        tell(room, member, "transfer", names)
        replies.append(f"+OK Member '{number}' sent to conference {words[0]}.\n")
    return "".join(replies)


def _volume(now: int, data: str) -> int:
    step = {"up": 1, "down": -1}.get(data.lower())
    asked = _number(data) if step is None else now + step
    return max(-_LOUDEST, min(_LOUDEST, asked))


def _number(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    return sign * _leading_number(text.lstrip("+-"))


_COMMANDS: dict[str, _MemberCommand] = {
    "deaf": _deaf,
    "energy": _energy,
    "floor": _floor,
    "get-uuid": _get_uuid,
    "hup": _hup,
    "kick": _kick,
    "mute": _mute,
    "undeaf": _undeaf,
    "unmute": _unmute,
    "volume_in": _volume_in,
    "volume_out": _volume_out,
}
_ANY = "<[member_id|all]|last|non_moderator>"
_USAGES = {
    "deaf": _ANY,
    "energy": "<member_id|all|last|non_moderator> [<newval>]",
    "floor": "<member_id|last>",
    "get-uuid": "<member_id|last>",
    "hup": "<[member_id|all|last|non_moderator]>",
    "kick": "<[member_id|all|last|non_moderator]> [<optional sound file>]",
    "mute": f"{_ANY} [<quiet>]",
    "undeaf": _ANY,
    "unmute": f"{_ANY} [<quiet>]",
    "volume_in": "<member_id|all|last|non_moderator> [<newval>]",
    "volume_out": "<member_id|all|last|non_moderator> [<newval>]",
}
