"""DialAndBridge and AttendedTransfer: a leg dials others, to speak with them or to ask first."""

import asyncio
from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.call import Call, CallState, Direction
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.snapshot import read_dump
from callcontrol.calls.picture.translate import number
from callcontrol.calls.placing.leg_dialling import (
    LegDialling,
    LegDialOutcome,
    LegDialSpec,
    leg_dial_checks,
)
from callcontrol.errors import CallStateConflict, SwitchRefused

_SETTLED_US: Final = 500_000


async def dial_and_bridge(
    commander: Commander, spec: LegDialSpec, *, continue_after: bool = False
) -> LegDialOutcome:
    """Dial for a leg and connect it to who answers. Unless it is to `continue_after`, the leg ends
    with the other, and for the cause of a dialling that failed; these are variables of the leg,
    and stay set on it.

    Raises CallStateConflict for a leg that is bridged, which would run this in the middle of it,
    and for an outbound leg without media, which runs nothing yet.
    """
    checks.require_valid(leg_dial_checks(spec, commander))
    call = commander.tracker.require(spec.call_id, alive=True)
    require_state(Verb.DIAL_AND_BRIDGE, call)
    if call.bridged_call_id is not None:
        raise CallStateConflict(call.call_id, "bridged", "a call that is not bridged")
    if call.direction is Direction.OUTBOUND and call.state is CallState.RINGING:
        raise CallStateConflict(call.call_id, call.state.value, "an outbound call with media")
    stays = "true" if continue_after else "false"
    ends = "false" if continue_after else "true"
    variables = {"hangup_after_bridge": ends, "continue_on_fail": stays}
    return await LegDialling(commander, call, spec).run("bridge", variables)


async def attended_transfer(commander: Commander, spec: LegDialSpec) -> LegDialOutcome:
    """Let a bridged leg consult somebody. Once they speak, the end of the leg connects its partner
    with the one consulted, and the end of the consulted leg brings the two together again
    (mod_dptools.c, att_thread_run). Before the answer, the end of the leg ends all three.

    A leg that was bridged within the last half second is left alone for the rest of it: with an
    application begun at once, the switch was seen to lose the leg, and never to end it.

    Raises CallStateConflict for a leg that is not bridged, or not answered.
    """
    checks.require_valid(leg_dial_checks(spec, commander))
    call = commander.tracker.require(spec.call_id, alive=True)
    require_state(Verb.ATTENDED_TRANSFER, call)
    _require_partner(commander, call)
    await _settled(commander, call)
    return await LegDialling(commander, call, spec).run("att_xfer")


async def _settled(commander: Commander, call: Call) -> None:
    """Wait until the bridge of a leg is half a second old, by the clock of the switch."""
    dump = read_dump(await commander.api(call, "uuid_dump", call.call_id, "json"))
    if dump is None:
        raise SwitchRefused(call.node_id, "uuid_dump gave something that cannot be read")
    age_us = number(dump, fields.EVENT_TIMESTAMP) - number(dump, fields.BRIDGED_TIME)
    if 0 <= age_us < _SETTLED_US:
        await asyncio.sleep((_SETTLED_US - age_us) / 1_000_000)
        _require_partner(commander, commander.now(call))


def _require_partner(commander: Commander, call: Call) -> None:
    if call.bridged_call_id is None:
        raise CallStateConflict(call.call_id, "not bridged", "a bridged partner")
    commander.tracker.require(call.bridged_call_id, alive=True)
