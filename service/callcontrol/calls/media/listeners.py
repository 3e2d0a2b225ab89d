"""Who hears what is played: a leg, its partner or both."""

from callcontrol.calls.call import Call
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.requests import Leg
from callcontrol.errors import CallStateConflict


def listeners(commander: Commander, call: Call, leg: Leg) -> list[Call]:
    """The legs. Raises CallStateConflict where the partner is meant and there is none."""
    if leg is Leg.A:
        return [call]
    if call.bridged_call_id is None:
        raise CallStateConflict(call.call_id, "not bridged", "a bridged partner")
    partner = commander.tracker.require(call.bridged_call_id, alive=True)
    return [partner] if leg is Leg.B else [call, partner]
