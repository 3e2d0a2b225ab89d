"""Deflect: ask the far end itself to call elsewhere, and hear what it says to that."""

import re
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from callcontrol.calls import checks
from callcontrol.calls.call import Call, CallState, Direction
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.encoding.sip_uri import uri_argument, uri_problem
from callcontrol.calls.outcome import CallOutcome
from callcontrol.calls.payloads import CallEnded
from callcontrol.errors import CallHasEnded, CallStateConflict, OutcomeUnknown
from callcontrol.esl.errors import UnencodableValue
from callcontrol.events.event import Event
from callcontrol.freeswitch.jobs import JobLost
from callcontrol.ids import CallId, JobId

SIP_LEG: Final = "sofia/"
_SIP_STATUS: Final = re.compile(r"\+OK:SIP/2\.0 ([1-6][0-9]{2}) ?(.*)")
_UNANSWERED: Final = frozenset({CallState.CREATING, CallState.RINGING, CallState.EARLY_MEDIA})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeflectOutcome(CallOutcome):
    """The leg, which is over whatever the far end said. `sip_code` is 0 where it said nothing, or
    is not asked to: a 302 is the last word of its call.
    """

    sip_code: int = 0
    sip_phrase: str = ""


def require_sip(call: Call) -> None:
    """Raise CallStateConflict unless there is SIP at the far end of the leg. The switch says +OK
    to the commands for it on other legs too, and does nothing, or something else.
    """
    if not call.channel_name.startswith(SIP_LEG):
        raise CallStateConflict(call.call_id, "not a SIP call", "a SIP call")


async def deflect(commander: Commander, call_id: CallId, uri: str) -> DeflectOutcome:
    """Ask the far end of a SIP leg to call `uri`: by REFER once it is answered, by a 302 for an
    inbound one before. The leg ends either way, also where the far end refuses (mod_sofia.c,
    SWITCH_MESSAGE_INDICATE_DEFLECT), with BLIND_TRANSFER or NORMAL_UNSPECIFIED.

    Confirmed by the far end's answer to a REFER, which takes up to ten seconds, and by the end of
    the leg after a 302. Raises CallStateConflict for an outbound leg that is not answered.
    """
    checks.require_valid([checks.call_id_check(call_id), ("uri", uri_problem(uri))])
    call = commander.tracker.require(call_id, alive=True)
    require_sip(call)
    try:
        argument = uri_argument(uri)
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc
    if call.state in _UNANSWERED:
        return await _redirect(commander, call, argument)
    require_state(Verb.DEFLECT, call)
    return await _refer(commander, call, argument)


async def _refer(commander: Commander, call: Call, argument: str) -> DeflectOutcome:
    # By bgapi: the switch waits for the far end's answer, and other commands must not.
    job = await commander.nodes.get(call.node_id).start_job(
        "uuid_deflect", f"{call.call_id} {argument}", JobId(str(uuid4())), lambda: None
    )
    try:
        reply = (await job.result()).strip()
    except JobLost as lost:
        raise OutcomeUnknown(call.node_id, lost.reason) from lost
    if reply.startswith("-"):
        commander.refused(call, reply)
    answer = _SIP_STATUS.fullmatch(reply)
    return DeflectOutcome(
        confirmed=answer is not None,
        call=commander.now(call),
        sip_code=int(answer[1]) if answer else 0,
        sip_phrase=answer[2] if answer else "",
    )


async def _redirect(commander: Commander, call: Call, argument: str) -> DeflectOutcome:
    require_state(Verb.REDIRECT, call)
    if call.direction is not Direction.INBOUND:
        raise CallStateConflict(call.call_id, "not answered", "an answered or an inbound call")

    def ended(event: Event) -> Call | None:
        told = event.payload
        about_it = isinstance(told, CallEnded) and event.call_id == call.call_id
        return told.call if about_it and isinstance(told, CallEnded) else None

    with commander.tracker.watch(call.call_id) as watch:
        await commander.api(call, "uuid_redirect", call.call_id, rest=argument)
        try:
            confirmed = await commander.proof(watch, ended, past_hangup=True) is not None
        except CallHasEnded:
            confirmed = True
    return DeflectOutcome(confirmed=confirmed, call=commander.now(call))
