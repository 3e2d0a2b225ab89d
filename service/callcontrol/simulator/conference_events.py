"""The events of conferences, header by header as mod_conference adds them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from callcontrol.simulator.events import CoreEvent, Header
from callcontrol.simulator.headers import channel_headers

if TYPE_CHECKING:
    from callcontrol.simulator.conference_room import Conference, Member

SUBCLASS = "conference::maintenance"


def tell(
    room: "Conference", member: "Member | None", action: str, more: Iterable[Header] = ()
) -> None:
    """Something happened, to a member or to the room as a whole."""
    switch = room.switch
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
        headers += _member_headers(member)
    headers += [("Action", action), *more]
    switch.fire(CoreEvent("CUSTOM", headers, subclass=SUBCLASS))


def _member_headers(member: "Member") -> list[Header]:
    return [
        ("Video", "false"),
        ("Hear", _flag(member.can_hear)),
        ("See", "true"),
        ("Speak", _flag(member.can_speak)),
        ("Talking", "false"),
        ("Mute-Detect", "false"),
        ("Hold", "false"),
        ("Member-ID", str(member.number)),
        ("Member-Type", "moderator" if member.is_moderator else "member"),
        ("Member-Ghost", "false"),
        ("Energy-Level", str(member.energy)),
        ("Current-Energy", "0"),
    ]


def _flag(value: object) -> str:
    return "true" if value else "false"
