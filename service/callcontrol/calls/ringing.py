"""Ring: tell the caller of an inbound leg that it rings here."""

from callcontrol.calls import checks
from callcontrol.calls.call import CallState, Direction
from callcontrol.calls.commander import Commander
from callcontrol.calls.outcome import CallOutcome
from callcontrol.calls.verb import Verb
from callcontrol.calls.verbs import require_state
from callcontrol.errors import CallStateConflict
from callcontrol.ids import CallId


async def ring(commander: Commander, call_id: CallId) -> CallOutcome:
    """Tell the far end of an inbound leg that it rings; nothing is sent for one that rings.

    Raises CallStateConflict for a leg with early media or an answer, and for an outbound one: the
    switch says +OK to these and does nothing (switch_channel_perform_ring_ready_value).
    """
    checks.require_valid([checks.call_id_check(call_id)])
    call = commander.tracker.require(call_id, alive=True)
    if call.direction is Direction.OUTBOUND:
        raise CallStateConflict(call_id, "an outbound call", "an inbound call")
    require_state(Verb.RING, call)
    if call.state is CallState.RINGING:
        return CallOutcome(confirmed=True, call=call)
    with commander.tracker.watch(call_id) as watch:
        await commander.api(call, "uuid_ring_ready", call_id)
        confirmed = await commander.proof(
            watch, lambda _: commander.now(call).state is not CallState.CREATING
        )
    return CallOutcome(confirmed=bool(confirmed), call=commander.now(call))
