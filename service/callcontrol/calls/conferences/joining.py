"""Bringing legs into a conference, and dialling somebody in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.commands.commander import cannot_be_carried
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.conferences.checks import add_checks, dial_checks, dialled
from callcontrol.calls.conferences.conference import Conference, DialOutcome, JoinOutcome, Member
from callcontrol.calls.conferences.finding import Conferences
from callcontrol.calls.conferences.requests import AddSpec, DialSpec
from callcontrol.calls.conferences.rooms import require_room_for
from callcontrol.calls.encoding.destination import transfer_place
from callcontrol.calls.encoding.dialstring import word
from callcontrol.calls.outcome import Disposition, OriginateOutcome
from callcontrol.calls.payloads import ConferenceChanged
from callcontrol.calls.picture.watch import Watch
from callcontrol.calls.requests import ConferenceDestination, OriginateSpec
from callcontrol.deadline import patience_s
from callcontrol.errors import (
    CallControlError,
    CallHasEnded,
    CallStateConflict,
    ConferenceConflict,
    InvalidRequest,
    NodeUnavailable,
    Violation,
)
from callcontrol.esl.errors import UnencodableValue
from callcontrol.events.event import Event
from callcontrol.ids import CallId, NodeId

Originate = Callable[[OriginateSpec], Awaitable[OriginateOutcome]]
Failures = dict[CallId, CallControlError]

_CONFERENCE: Final = "conference:"


async def add_members(conferences: Conferences, spec: AddSpec) -> JoinOutcome:
    """Bring legs that exist into a conference. Raises the error of the first where all fail."""
    commander = conferences.commander
    checks.require_valid(add_checks(spec, commander.settings))
    legs = [commander.tracker.require(call_id, alive=True) for call_id in spec.call_ids]
    for leg in legs:
        require_state(Verb.ADD_MEMBERS, leg)
    node_id = _node_of(legs, spec.node_id)
    conference = await conferences.find(spec.conference.name, spec.node_id)
    if conference is not None and conference.node_id != node_id:
        where = f"{conference.node_id}, and the legs are on {node_id}"
        problem = f"must name the node, as the conference is on {where}"
        raise InvalidRequest([Violation("node_id", problem)])
    there = {member.call_id for member in conference.members} if conference else set()
    coming = [leg for leg in legs if leg.call_id not in there]
    require_room_for(conference, coming)
    failures: Failures = {}
    with ExitStack() as watching:
        watches: list[tuple[Call, Watch]] = []
        for leg in coming:
            watch = watching.enter_context(commander.tracker.watch(leg.call_id))
            try:
                await _send(conferences, leg, spec.conference)
            except CallControlError as error:
                failures[leg.call_id] = error
            else:
                watches.append((leg, watch))
        if len(failures) == len(legs):
            raise failures[legs[0].call_id]
        await _arrivals(conferences, watches, spec.conference.name, failures)
    return await _joined(conferences, node_id, spec, failures)


def _node_of(legs: Sequence[Call], asked: NodeId | None) -> NodeId:
    node_id = legs[0].node_id
    for leg in legs:
        if leg.node_id != node_id:
            raise CallStateConflict(leg.call_id, f"on node {leg.node_id}", f"node {node_id}")
    if asked is not None and asked != node_id:
        problem = f"must be the node of the legs, which are on {node_id}, or left out"
        raise InvalidRequest([Violation("node_id", problem)])
    return node_id


async def _send(conferences: Conferences, leg: Call, room: ConferenceDestination) -> None:
    """Transfer one leg. The pin is given for it: by itself the switch would ask the leg for it
    (mod_conference.c conference_function, `supplied_pin`). It is a variable of that one run
    (`%[...]`), so that neither the leg nor what is told of its applications keeps it.
    """
    commander = conferences.commander
    try:
        joining = transfer_place(replace(room, pin=""), commander.settings).arguments
        if room.pin:
            given = f"{_CONFERENCE}%[supplied_pin={word(room.pin)}]"
            joining = given + joining.removeprefix(_CONFERENCE)
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc
    await commander.api(leg, "uuid_transfer", leg.call_id, rest=joining)


async def _arrivals(
    conferences: Conferences, watches: Sequence[tuple[Call, Watch]], name: str, failures: Failures
) -> None:
    """Wait until each leg has come in or has ended, all together no longer than for one proof."""
    try:
        async with asyncio.timeout(patience_s(conferences.commander.settings.confirm_timeout_s)):
            for leg, watch in watches:
                try:
                    await watch.until(partial(_came_in, call_id=leg.call_id, name=name))
                except CallControlError as error:
                    failures[leg.call_id] = error
    except TimeoutError:
        # Who was not waited for yet, behind one who is asked for a pin, may be over as well.
        for now in (conferences.commander.now(leg) for leg, _ in watches):
            if now.is_over:
                cause = now.hangup_cause.name if now.hangup_cause else ""
                failures.setdefault(now.call_id, CallHasEnded(now.call_id, cause))


def _came_in(event: Event, *, call_id: CallId, name: str) -> bool:
    told = event.payload
    return (
        isinstance(told, ConferenceChanged)
        and event.call_id == call_id
        and (told.action, told.conference_name) == ("add-member", name)
    )


async def _joined(
    conferences: Conferences, node_id: NodeId, spec: AddSpec, failures: Failures
) -> JoinOutcome:
    """What the switch lists in the end. A leg that is there has not failed."""
    try:
        now = await conferences.read(node_id, spec.conference.name)
    except NodeUnavailable:
        now = None
    wanted = set(spec.call_ids)
    members = tuple(each for each in now.members if each.call_id in wanted) if now else ()
    there = {member.call_id for member in members}
    failed = tuple((call_id, failures[call_id]) for call_id in failures if call_id not in there)
    if len(failed) == len(wanted):
        raise failed[0][1]
    return JoinOutcome(confirmed=there == wanted, members=members, failures=failed)


async def dial_member(
    conferences: Conferences, spec: DialSpec, originate: Originate
) -> DialOutcome:
    """Dial somebody in; busy and no answer are outcomes. Raises what Originate does."""
    checks.require_valid(dial_checks(spec, conferences.commander.settings))
    conference = await conferences.find(spec.name, spec.node_id)
    if conference is not None and not _is_repeat(conferences, spec):
        _require_room(conference)
    placed = dialled(spec)
    if conference is not None:
        placed = replace(placed, node_id=conference.node_id)
    outcome = await originate(placed)
    call = outcome.call
    member = None
    if outcome.disposition is Disposition.ANSWERED:
        member = await _new_member(conferences, call, spec.name)
    waited_for = outcome.disposition is Disposition.ANSWERED
    return DialOutcome(
        confirmed=outcome.confirmed and (member is not None or not waited_for),
        call_id=call.call_id,
        node_id=call.node_id,
        disposition=outcome.disposition,
        cause=outcome.cause,
        member=member,
        replayed=outcome.replayed,
    )


def _is_repeat(conferences: Conferences, spec: DialSpec) -> bool:
    """Whether the call may be that of an earlier attempt, which may itself have filled the room."""
    known = spec.call_id is not None and conferences.commander.tracker.is_taken(spec.call_id)
    return known and bool(spec.fingerprint)


def _require_room(conference: Conference) -> None:
    if 0 < conference.max_members <= conference.size:
        raise ConferenceConflict(conference.name, "full")


async def _new_member(conferences: Conferences, call: Call, name: str) -> Member | None:
    """The new member, as soon as it is listed; None if it has not come in in time."""
    tracker = conferences.commander.tracker

    def is_in() -> bool:
        now = tracker.get(call.call_id)
        return now is not None and now.conference_name == name

    try:
        with tracker.watch(call.call_id) as watch:
            if not is_in():
                await conferences.commander.proof(watch, lambda _: is_in())
        now = await conferences.read(call.node_id, name)
    except CallControlError:  # it was answered, and is over or out of sight: that is what is told
        return None
    members = now.members if now is not None else ()
    return next((member for member in members if member.call_id == call.call_id), None)
