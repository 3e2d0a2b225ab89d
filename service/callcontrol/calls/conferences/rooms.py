"""What is done to a conference as a whole: lock, pin, end; and whether it lets somebody in."""

from collections.abc import Sequence
from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.call import Call, Direction
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.conferences.checks import room_checks, update_conference_checks
from callcontrol.calls.conferences.conference import Conference, ConferenceOutcome, Member
from callcontrol.calls.conferences.finding import Conferences
from callcontrol.calls.conferences.requests import EndSpec, UpdateConferenceSpec
from callcontrol.calls.outcome import Outcome
from callcontrol.calls.payloads import ConferenceChanged
from callcontrol.errors import ConferenceConflict, ConferenceNotFound, SwitchRefused

_CAUSE: Final = "NORMAL_CLEARING"
_INVITED: Final = Direction.OUTBOUND


def require_room_for(conference: Conference | None, legs: Sequence[Call | None]) -> None:
    """Raise ConferenceConflict where the switch would not let in these legs: it ends a leg then,
    as there is nothing more for it in its dialplan (mod_conference.c conference_function).

    It keeps the lock from inbound legs alone; None is a leg of which nothing is known.
    """
    if conference is None:
        return
    if conference.locked and any(leg is None or leg.direction is not _INVITED for leg in legs):
        raise ConferenceConflict(conference.name, "locked")
    most = conference.max_members
    if most and conference.size + len(legs) > most:
        raise ConferenceConflict(conference.name, "full")


async def update_conference(
    conferences: Conferences, spec: UpdateConferenceSpec
) -> ConferenceOutcome:
    """Lock or unlock a conference, set its pin or remove it."""
    checks.require_valid(update_conference_checks(spec))
    conference = await conferences.get(spec.name, spec.node_id)
    steps = Steps(conference.node_id)
    if spec.locked is not None and spec.locked is not conference.locked:
        with steps.step():
            await conferences.command(conference, "lock" if spec.locked else "unlock")
    has_pin = True
    if spec.pin is not None:
        with steps.step():
            has_pin = await _set_pin(conferences, conference, spec.pin)
    with steps.look():
        now = await conferences.read(conference.node_id, conference.name)
    if now is None:
        raise ConferenceNotFound(conference.name)
    is_locked = spec.locked is None or now.locked is spec.locked
    return ConferenceOutcome(confirmed=is_locked and has_pin, conference=now)


async def _set_pin(conferences: Conferences, conference: Conference, pin: str) -> bool:
    """Whether the switch repeats the pin that the conference now has."""
    words = ("pin", pin) if pin else ("nopin",)
    reply = await conferences.command(conference, *words)
    if reply.startswith("-"):
        raise SwitchRefused(conference.node_id, reply.splitlines()[0])
    done = f"set: {pin}" if pin else "deleted"
    return reply == f"+OK Pin for conference {conference.name} {done}"


async def end_conference(conferences: Conferences, spec: EndSpec) -> Outcome:
    """End a conference, and with it the legs of its members, or without them."""
    checks.require_valid(room_checks(spec))
    conference = await conferences.get(spec.name, spec.node_id)
    with conferences.watch(conference.node_id, conference.name) as watch:
        steps = Steps(conference.node_id)
        if not spec.keep_calls:
            await end_legs(conferences, conference, conference.members, steps)
        try:
            with steps.step():
                await conferences.command(conference, "hup", "all")  # also those who came meanwhile
        except ConferenceNotFound:
            return Outcome(confirmed=True)

        def is_gone(changed: ConferenceChanged) -> bool:
            same = changed.conference_uuid == conference.conference_uuid
            return same and changed.action == "conference-destroy"

        gone = await conferences.proof(watch, is_gone)
    return Outcome(confirmed=bool(gone))


async def end_legs(
    conferences: Conferences, conference: Conference, members: Sequence[Member], steps: Steps
) -> None:
    """Hang up the legs of members. One that is over already is no error."""
    for member in members:
        with steps.step():
            # `-ERR No such channel!` of one that has just ended needs no answer.
            await conferences.api(conference.node_id, "uuid_kill", member.call_id, _CAUSE)
