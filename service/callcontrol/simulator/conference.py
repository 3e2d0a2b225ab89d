"""Conferences: who is in which, and the events of coming and going. There is no audio."""

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from callcontrol.simulator.events import CoreEvent, Header
from callcontrol.simulator.headers import channel_headers

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.switch import Switch

SUBCLASS = "conference::maintenance"


@dataclass(slots=True)
class Member:
    """A leg in a conference."""

    number: int
    leg: "Leg"
    is_muted: bool = False
    is_kicked: bool = False


@dataclass(slots=True)
class Conference:
    """A room; it exists while somebody is in it."""

    name: str
    profile: str
    conference_id: str = field(default_factory=lambda: str(uuid4()))
    members: list[Member] = field(default_factory=list)
    floor: Member | None = None


class Conferences:
    """All rooms of the switch."""

    def __init__(self) -> None:
        self.rooms: dict[str, Conference] = {}
        self._numbers = itertools.count(1)

    async def enter(self, leg: "Leg", data: str) -> None:
        """The application conference: `NAME[@PROFILE][+PIN][+flags{…}]`; returns at the end."""
        name, _, rest = data.partition("@")
        profile = rest.partition("+")[0] or "default"
        name = name.partition("+")[0]
        room = self.rooms.get(name)
        if room is None:
            room = self.rooms[name] = Conference(name, profile)
            _tell(leg.switch, room, None, "conference-create")
        member = Member(next(self._numbers), leg)
        room.members.append(member)
        leg.tell_codecs()
        _tell(leg.switch, room, member, "add-member")
        if room.floor is None:
            _pass_floor(leg.switch, room, member)
        await leg.idle(None, lambda: member.is_kicked)
        self._leave(leg.switch, room, member)

    def _leave(self, switch: "Switch", room: Conference, member: Member) -> None:
        room.members.remove(member)
        if room.floor is member:
            _pass_floor(switch, room, None)
        _tell(switch, room, member, "del-member")
        member.leg.tell_codecs()
        if not room.members:
            del self.rooms[room.name]
            _tell(switch, room, None, "conference-destroy")
        elif room.floor is None:
            _pass_floor(switch, room, room.members[0])


def _pass_floor(switch: "Switch", room: Conference, member: Member | None) -> None:
    old, room.floor = room.floor, member
    ids: list[Header] = [
        ("Old-ID", "none" if old is None or member is None else str(old.number)),
        ("New-ID", "none" if member is None else str(member.number)),
    ]
    _tell(switch, room, member, "floor-change", ids)


def _tell(
    switch: "Switch",
    room: Conference,
    member: Member | None,
    action: str,
    more: list[Header] | None = None,
) -> None:
    headers = switch.core_headers("CUSTOM", ("conference_event.c", "conference_event", 1))
    headers += [
        ("Event-Subclass", SUBCLASS),
        ("Conference-Name", room.name),
        ("Conference-Domain", switch.settings.hostname),
        ("Conference-Size", str(len(room.members))),
        ("Conference-Ghosts", "0"),
        ("Conference-Profile-Name", room.profile),
        ("Conference-Unique-ID", room.conference_id),
    ]
    if member is not None:
        headers += [("Floor", _flag(room.floor is member))]
        headers += channel_headers("CHANNEL_STATE", member.leg.channel)
        headers += member_headers(member)
    headers += [("Action", action), *(more or [])]
    switch.fire(CoreEvent("CUSTOM", headers, subclass=SUBCLASS))


def member_headers(member: Member) -> list[Header]:
    """What events say of a member."""
    return [
        ("Video", "false"),
        ("Hear", "true"),
        ("See", "false"),
        ("Speak", _flag(not member.is_muted)),
        ("Talking", "false"),
        ("Mute-Detect", "false"),
        ("Hold", "false"),
        ("Member-ID", str(member.number)),
        ("Member-Type", "member"),
        ("Member-Ghost", "false"),
        ("Energy-Level", "100"),
        ("Current-Energy", "0"),
    ]


def _flag(value: object) -> str:
    return "true" if value else "false"
