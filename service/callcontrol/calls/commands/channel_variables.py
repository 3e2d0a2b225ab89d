"""Set and read channel variables, each set proven by reading it back."""

from collections.abc import Mapping, Sequence

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.encoding.dialstring import rest_of_line
from callcontrol.calls.outcome import CallOutcome, VariablesOutcome
from callcontrol.calls.picture.variables import ChannelVariables
from callcontrol.errors import CommandQueueFull, NodeUnavailable, OutcomeUnknown, SwitchRefused
from callcontrol.esl.errors import UnencodableValue
from callcontrol.esl.messages import UnreadableEvent
from callcontrol.esl.parse import parse_event_json
from callcontrol.ids import CallId


async def set_variables(
    commander: Commander, call_id: CallId, variables: Mapping[str, str]
) -> CallOutcome:
    """Set variables one after the other; an empty value removes one. Where one fails, those
    before it are set. Confirmed when all read back as they were given.

    Raises OutcomeUnknown where the node is lost, or takes no more, after the first of them.
    """
    checked = checks.set_variables_checks(variables, commander.settings)
    checks.require_valid([checks.call_id_check(call_id), *checked])
    call = commander.tracker.require(call_id, alive=True)
    try:
        encoded = {name: rest_of_line(value) for name, value in variables.items()}
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc
    steps = Steps(call.node_id)
    for name, value in encoded.items():
        with steps.step():
            await commander.api(call, "uuid_setvar", call_id, name, rest=value)
    try:
        found = await _read(commander, call)
    except (NodeUnavailable, CommandQueueFull, OutcomeUnknown, SwitchRefused):
        return CallOutcome(confirmed=False, call=commander.now(call))
    confirmed = all(found.get(name.lower(), "") == value for name, value in variables.items())
    return CallOutcome(confirmed=confirmed, call=commander.now(call))


async def get_variables(
    commander: Commander, call_id: CallId, names: Sequence[str] = ()
) -> VariablesOutcome:
    """Read variables; without names all of them. Names that are not set are left out. The switch
    finds names without regard to case; they come back as they were asked for.
    """
    checks.require_valid([checks.call_id_check(call_id), *checks.get_variables_checks(names)])
    call = commander.tracker.require(call_id, alive=True)
    if not names:
        variables = dict(await _dump(commander, call))
    else:
        found = await _read(commander, call)
        variables = {name: found[name.lower()] for name in names if name.lower() in found}
    return VariablesOutcome(confirmed=True, call=commander.now(call), variables=variables)


async def _read(commander: Commander, call: Call) -> dict[str, str]:
    """The call's variables, their names in lower case."""
    dump = await _dump(commander, call)
    return {name.lower(): value for name, value in dump.items()}


async def _dump(commander: Commander, call: Call) -> Mapping[str, str]:
    reply = await commander.api(call, "uuid_dump", call.call_id, "json")
    event = parse_event_json(reply.encode(), len(reply))
    if isinstance(event, UnreadableEvent):
        raise SwitchRefused(call.node_id, "uuid_dump gave something that cannot be read")
    return ChannelVariables(event.headers)
