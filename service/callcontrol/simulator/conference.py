"""Conferences: who is in which, who has the floor, and coming and going. There is no audio."""

import itertools
from typing import TYPE_CHECKING

from callcontrol.simulator import conference_files
from callcontrol.simulator.conference_events import tell
from callcontrol.simulator.conference_room import Conference, Member, Sounds

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.switch import Switch

TURN_S = 0.02
"""A turn of the thread of a conference, which gives a floor that nobody has to somebody."""


class Conferences:
    """All rooms of the switch."""

    def __init__(self) -> None:
        self.rooms: dict[str, Conference] = {}
        self._numbers = itertools.count(1)

    async def enter(self, leg: "Leg", data: str) -> None:
        """The application conference: `NAME[@PROFILE][+PIN][+flags{…}]`; returns at the end."""
        name, profile, pin, flags = _parts(data)
        room = self.rooms.get(name)
        if room is None:
            room = self._begin(leg.switch, name, profile)
        if not _lets_in(room, leg, pin or room.pin):
            self._close_if_empty(room)
            return
        member = self._member(leg, room, flags)
        room.members.append(member)
        leg.tell_codecs()
        tell(room, member, "add-member")
        if room.floor is None:
            pass_floor(room, member)
        await leg.idle(None, lambda: member.is_leaving)
        self._leave(room, member)

    def _begin(self, switch: "Switch", name: str, profile: str) -> Conference:
        room = self.rooms[name] = Conference(switch, name, profile, switch.clock.now_s())
        room.sounds = Sounds(switch, lambda path: tell_done(room, path, None), name)
        tell(room, None, "conference-create")
        return room

    def _member(self, leg: "Leg", room: Conference, flags: frozenset[str]) -> Member:
        # A leg keeps its number in whichever conference it is (mod_conference.c, `__confmid`).
        number = int(leg.channel.get("conference_member_id") or next(self._numbers))
        leg.channel.set("conference_name", room.name)
        leg.channel.set("conference_member_id", str(number))
        member = Member(number, leg, leg.switch.clock.now_s())
        member.sounds = Sounds(
            leg.switch, lambda path: tell_done(room, path, member), f"member {number}"
        )
        member.can_speak, member.can_hear = "mute" not in flags, "deaf" not in flags
        member.is_moderator = "moderator" in flags
        return member

    def _leave(self, room: Conference, member: Member) -> None:
        member.sounds.close()
        if room.floor is member:
            pass_floor(room, None, knows_old=False)
        room.members.remove(member)
        tell(room, member, "del-member")
        member.leg.tell_codecs()
        if room.members:
            give_floor_later(room)
        else:
            self._close_if_empty(room)

    def _close_if_empty(self, room: Conference) -> None:
        if room.members or self.rooms.get(room.name) is not room:
            return
        del self.rooms[room.name]  # nobody finds it from now on
        room.switch.tasks.start(_destroy(room), f"end of {room.name}")


async def _destroy(room: Conference) -> None:
    await room.switch.clock.sleep(TURN_S)
    room.sounds.close()
    for recording in list(room.recordings):
        conference_files.stop_recording(room, recording)
    tell(room, None, "conference-destroy")


def tell_done(room: Conference, path: str, member: Member | None) -> None:
    """What played is over."""
    action = "play-file-done" if member is None else "play-file-member-done"
    known = member if member in room.members else None
    tell(room, known, action, [("File", path)])


def pass_floor(room: Conference, member: Member | None, *, knows_old: bool = True) -> None:
    """Give the floor to a member or to nobody; of a holder who left nothing is told."""
    old, room.floor = room.floor, member
    before = str(old.number) if old is not None and knows_old else "none"
    after = "none" if member is None else str(member.number)
    tell(room, member, "floor-change", [("Old-ID", before), ("New-ID", after)])


def give_floor_later(room: Conference) -> None:
    """With the next turn the one who came last gets a floor that nobody has."""

    async def turn() -> None:
        await room.switch.clock.sleep(TURN_S)
        if room.floor is None and room.members:
            pass_floor(room, room.members[-1])

    room.switch.tasks.start(turn(), f"floor of {room.name}")


def _parts(data: str) -> tuple[str, str, str, frozenset[str]]:
    rest, _, flags = data.partition("+flags{")
    rest, _, pin = rest.partition("+")
    name, at, profile = rest.rpartition("@")
    if not at:
        name, profile = rest, "default"
    return name, profile or "default", pin, frozenset(flags.partition("}")[0].split("|"))


def _lets_in(room: Conference, leg: "Leg", pin: str) -> bool:
    """Inbound legs need the pin, for which there is no prompt here, and meet the lock."""
    if leg.channel.kind.direction != "inbound":
        return True
    if pin and leg.channel.get("supplied_pin") != pin:
        leg.hang_up("DESTINATION_OUT_OF_ORDER")
        return False
    return not room.is_locked
