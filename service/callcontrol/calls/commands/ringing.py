"""Ring: tell the caller of an inbound leg that it rings here."""

from callcontrol.calls import checks
from callcontrol.calls.call import Call, Direction
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.outcome import CallOutcome
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.snapshot import read_dump
from callcontrol.calls.picture.translate import number
from callcontrol.errors import (
    CallStateConflict,
    CommandQueueFull,
    NodeUnavailable,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.ids import CallId


async def ring(commander: Commander, call_id: CallId) -> CallOutcome:
    """Tell the far end of an inbound leg that it rings. It is sent for one that is RINGING too:
    the switch calls an inbound leg so from the beginning of its dialplan on, when nobody was told.

    Confirmed by the time at which the switch told it, which it has as soon as it has answered.
    Raises CallStateConflict for a leg with early media or an answer, and for an outbound one: the
    switch says +OK to these and does nothing (switch_channel_perform_ring_ready_value).
    """
    checks.require_valid([checks.call_id_check(call_id)])
    call = commander.tracker.require(call_id, alive=True)
    require_state(Verb.RING, call)
    if call.direction is Direction.OUTBOUND:
        raise CallStateConflict(call_id, "an outbound call", "an inbound call")
    await commander.api(call, "uuid_ring_ready", call_id)
    try:
        confirmed = await _was_told(commander, call)
    except (NodeUnavailable, CommandQueueFull, OutcomeUnknown, SwitchRefused):
        confirmed = False
    return CallOutcome(confirmed=confirmed, call=commander.now(call))


async def _was_told(commander: Commander, call: Call) -> bool:
    dump = read_dump(await commander.api(call, "uuid_dump", call.call_id, "json"))
    return dump is not None and number(dump, fields.PROGRESS_TIME) > 0
