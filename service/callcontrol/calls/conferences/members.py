"""Changing, removing and moving those who are in a conference."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, assert_never

from callcontrol.calls import checks
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.conferences.checks import (
    kick_checks,
    move_checks,
    update_members_checks,
)
from callcontrol.calls.conferences.conference import Conference, Member, MembersOutcome
from callcontrol.calls.conferences.finding import Conferences
from callcontrol.calls.conferences.floor import give_floor
from callcontrol.calls.conferences.requests import (
    Everybody,
    KickSpec,
    LastMember,
    MembersByCall,
    MembersById,
    MemberSelector,
    MoveSpec,
    NonModerators,
    UpdateMembersSpec,
)
from callcontrol.calls.conferences.rooms import end_legs, require_room_for
from callcontrol.calls.payloads import ConferenceChanged
from callcontrol.errors import ConferenceNotFound, MemberNotFound, SwitchRefused

_DONE_TO: Final = re.compile(r"^\+OK \w+ '?(\d{1,10})'?\b", re.MULTILINE)
"""Whom a command reached: `+OK kicked 7`, `+OK Member '7' sent to conference other.`"""

_MOVED_AT_ONCE: Final = 20
"""The switch takes 25 words of a command (conference_api_main_real)."""


@dataclass(frozen=True, slots=True)
class _Change:
    """One thing to change, and how to see whether it is so."""

    verb: str
    level: str
    holds: Callable[[Member], bool]


def selected(conference: Conference, selector: MemberSelector) -> list[Member]:
    """The members that are meant. Raises MemberNotFound for one that is named and not there."""
    members = conference.members
    match selector:
        case Everybody():
            return list(members)
        case NonModerators():
            return [member for member in members if not member.moderator]
        case LastMember():
            if not members:
                raise MemberNotFound(conference.name, "that came last")
            return [max(members, key=lambda member: member.member_id)]
        case MembersById(member_ids=ids):
            by_id = {member.member_id: member for member in members}
            for member_id in ids:
                if member_id not in by_id:
                    raise MemberNotFound(conference.name, str(member_id))
            return [by_id[member_id] for member_id in dict.fromkeys(ids)]
        case MembersByCall(call_ids=call_ids):
            by_call = {member.call_id: member for member in members}
            for call_id in call_ids:
                if call_id not in by_call:
                    raise MemberNotFound(conference.name, call_id)
            return [by_call[call_id] for call_id in dict.fromkeys(call_ids)]
        case _:
            assert_never(selector)


async def update_members(conferences: Conferences, spec: UpdateMembersSpec) -> MembersOutcome:
    """Change what members may do. Whoever is so already is left alone."""
    checks.require_valid(update_members_checks(spec))
    conference = await conferences.get(spec.name, spec.node_id)
    chosen = selected(conference, spec.members)
    changes = list(_changes(spec))
    steps = Steps(conference.node_id)
    for change in changes:
        lacking = [member for member in chosen if not change.holds(member)]
        for word in _words(spec.members, lacking):
            with steps.step():
                await conferences.command(conference, change.verb, word, rest=change.level)
    if spec.floor is not None:
        await give_floor(conferences, conference, chosen[0], steps, give=spec.floor)
        changes.append(_Change("floor", "", lambda member: member.has_floor is spec.floor))
    with steps.look():
        now = await conferences.read(conference.node_id, conference.name)
    if now is None:
        raise ConferenceNotFound(conference.name)
    there = {member.member_id for member in chosen}
    left = [member for member in now.members if member.member_id in there]
    done = [member for member in left if all(change.holds(member) for change in changes)]
    if chosen and not left:
        raise MemberNotFound(conference.name, str(chosen[0].member_id))
    return MembersOutcome(
        confirmed=len(done) == len(left), member_ids=tuple(each.member_id for each in done)
    )


async def kick_members(conferences: Conferences, spec: KickSpec) -> MembersOutcome:
    """Remove members: by the end of their legs, or out of the conference alone."""
    checks.require_valid(kick_checks(spec))
    conference = await conferences.get(spec.name, spec.node_id)
    chosen = selected(conference, spec.members)
    if not chosen:
        return MembersOutcome(confirmed=True)
    with conferences.watch(conference.node_id, conference.name) as watch:
        steps = Steps(conference.node_id)
        if spec.keep_calls:
            leaving = await _kick(conferences, conference, spec.members, chosen, steps)
        else:
            await end_legs(conferences, conference, chosen, steps)
            leaving = {member.member_id for member in chosen}
        left = await conferences.proof(watch, all_gone(leaving))
    return MembersOutcome(confirmed=bool(left), member_ids=tuple(sorted(leaving)))


async def move_members(conferences: Conferences, spec: MoveSpec) -> MembersOutcome:
    """Send members to another conference of their node."""
    checks.require_valid(move_checks(spec))
    conference = await conferences.get(spec.name, spec.node_id)
    chosen = selected(conference, spec.members)
    if not chosen:
        return MembersOutcome(confirmed=True)
    node_id, target = conference.node_id, spec.target_name
    known = conferences.commander.tracker.get
    require_room_for(
        await conferences.read(node_id, target), [known(member.call_id) for member in chosen]
    )
    with conferences.watch(node_id, target) as watch:
        steps, sent, replies = Steps(node_id), set[int](), ""
        for first in range(0, len(chosen), _MOVED_AT_ONCE):
            words = [str(each.member_id) for each in chosen[first : first + _MOVED_AT_ONCE]]
            with steps.step():
                reply = await conferences.command(conference, "transfer", target, *words)
            sent |= {int(found) for found in _DONE_TO.findall(reply)}
            replies = replies or reply
        if not sent:
            raise SwitchRefused(node_id, replies)
        waiting = set(sent)

        def all_there(changed: ConferenceChanged) -> bool:
            if changed.action == "add-member":
                waiting.discard(changed.member_id)
            return not waiting

        arrived = await conferences.proof(watch, all_there)
    everybody = len(sent) == len(chosen)
    return MembersOutcome(confirmed=bool(arrived) and everybody, member_ids=tuple(sorted(sent)))


def all_gone(leaving: set[int]) -> Callable[[ConferenceChanged], bool]:
    """What finds out whether all of these members have left."""
    waiting = set(leaving)

    def gone(changed: ConferenceChanged) -> bool:
        if changed.action == "del-member":
            waiting.discard(changed.member_id)
        return not waiting or changed.action == "conference-destroy"

    return gone


async def _kick(
    conferences: Conferences,
    conference: Conference,
    selector: MemberSelector,
    chosen: list[Member],
    steps: Steps,
) -> set[int]:
    """Kick members; give the numbers of those whom the switch says it has."""
    kicked, replies = set[int](), ""
    for word in _words(selector, chosen):
        with steps.step():
            reply = await conferences.command(conference, "kick", word)
        kicked |= {int(found) for found in _DONE_TO.findall(reply)}
        replies = replies or reply
    if not kicked:
        raise SwitchRefused(conference.node_id, replies)
    return kicked


def _words(selector: MemberSelector, members: list[Member]) -> Iterator[str]:
    """How the switch is told of these members: all at a time where it has a word for them, so that
    nobody slips through between two commands.
    """
    match selector:
        case _ if not members:
            return
        case Everybody():
            yield "all"
        case NonModerators():
            yield "non_moderator"
        case _:
            yield from (str(member.member_id) for member in members)


def _changes(spec: UpdateMembersSpec) -> Iterator[_Change]:
    speak, hear = spec.can_speak, spec.can_hear
    loud_in, loud_out, energy = spec.volume_in, spec.volume_out, spec.energy_level
    if speak is not None:
        verb = "unmute" if speak else "mute"
        yield _Change(verb, "", lambda member: member.can_speak is speak)
    if hear is not None:
        verb = "undeaf" if hear else "deaf"
        yield _Change(verb, "", lambda member: member.can_hear is hear)
    if loud_in is not None:
        yield _Change("volume_in", str(loud_in), lambda member: member.volume_in == loud_in)
    if loud_out is not None:
        yield _Change("volume_out", str(loud_out), lambda member: member.volume_out == loud_out)
    if energy is not None:
        yield _Change("energy", str(energy), lambda member: member.energy_level == energy)
