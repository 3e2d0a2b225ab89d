"""Giving the floor of a conference to somebody, with a command that only turns it round.

`floor «member»` takes the floor from its holder, gives it to the member where nobody has it, and
does nothing while somebody else has (conference_api.c conference_api_sub_floor). A floor that
nobody has is given to somebody by the next turn of the conference's thread, within 20 ms
(mod_conference.c conference_thread_run). So it takes two commands, and the thread may win.
"""

from typing import Final

from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.conferences.conference import Conference, Member
from callcontrol.calls.conferences.finding import Conferences
from callcontrol.errors import ConferenceNotFound, MemberNotFound, SwitchRefused

_ATTEMPTS: Final = 5
"""Each after the switch has refused the one before, or somebody else has got the floor."""


async def give_floor(
    conferences: Conferences, conference: Conference, member: Member, steps: Steps, *, give: bool
) -> None:
    """Give the floor to a member, or take it from them. Nothing is sent where it is so.

    Raises SwitchRefused where somebody else was faster each time, MemberNotFound and
    ConferenceNotFound.
    """
    reply = ""
    for _ in range(_ATTEMPTS):
        holder = await _holder(conferences, conference, member, steps)
        if (holder == member.member_id) is give:
            return
        if not give:
            with steps.step():
                await conferences.command(conference, "floor", str(member.member_id))
            return
        if holder:
            with steps.step():
                await conferences.command(conference, "floor", str(holder))
        with steps.step():
            reply = await conferences.command(conference, "floor", str(member.member_id))
        if reply == f"+OK floor {member.member_id}":
            return
    raise SwitchRefused(conference.node_id, reply)


async def _holder(
    conferences: Conferences, conference: Conference, member: Member, steps: Steps
) -> int:
    """The number of who has the floor; 0 for nobody."""
    with steps.look():
        now = await conferences.read(conference.node_id, conference.name)
    if now is None:
        raise ConferenceNotFound(conference.name)
    if all(each.member_id != member.member_id for each in now.members):
        raise MemberNotFound(conference.name, str(member.member_id))
    holder = now.floor_holder
    return holder.member_id if holder is not None else 0
