"""Transfer: send a leg, its partner or both elsewhere, and see them arrive."""

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.encoding.destination import Place, transfer_place
from callcontrol.calls.encoding.handing import FORGET, FORGETTING, was_sent_on
from callcontrol.calls.outcome import CallOutcome
from callcontrol.calls.payloads import ApplicationStarted
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.translate import text
from callcontrol.calls.requests import Destination, Leg, WorkerDestination
from callcontrol.errors import CallStateConflict
from callcontrol.esl.errors import UnencodableValue
from callcontrol.events.event import Event
from callcontrol.ids import CallId

_FLAGS = {Leg.A: "", Leg.B: "-bleg ", Leg.BOTH: "-both "}
# The switch changes the number of a leg as soon as it is told to, so an event of what ran before
# has the new number too. These two come when the leg is there, or has found nothing there.
_AT_THE_EXTENSION = frozenset({"CHANNEL_EXECUTE", "CHANNEL_HANGUP"})
_PARKED = "CHANNEL_PARK"


async def transfer(
    commander: Commander,
    call_id: CallId,
    leg: Leg,
    destination: Destination,
    *,
    was_handed: bool = False,
) -> CallOutcome:
    """Send legs to a destination. The switch hangs up a partner that stays behind, unless its
    variables say otherwise. An extension that does not exist is no error here: the call ends.
    What is parked is parked anew, which stops what plays to it. A leg that workers had, and have no
    more, is no handed-over call any longer where it arrives; `was_handed` says so of the call, else
    it is as last seen.

    Raises CallStateConflict where the partner is to go and there is none, CallHasEnded when a
    leg ends on its way, CommandNotAllowed for applications that are not on the list.
    """
    checks.require_valid(
        [
            checks.call_id_check(call_id),
            *checks.destination_checks(destination, commander.settings),
        ]
    )
    call = commander.tracker.require(call_id, alive=True)
    try:
        place = transfer_place(destination, commander.settings)
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc
    require_state(place.verb, call)
    moving = _moving(call, leg)
    if not isinstance(destination, WorkerDestination):
        for each in moving:
            if was_handed or _was_sent_on(commander, each):
                await commander.api(call, "uuid_setvar", each, FORGET, rest=" ".join(FORGETTING))
    with commander.tracker.watch(*moving) as watch:
        # Also to the park: `uuid_park` would take a leg that it has parked before out of the park,
        # and leave it where no command reaches it.
        await commander.api(call, "uuid_transfer", call_id, rest=_FLAGS[leg] + place.arguments)
        on_their_way = set(moving)

        def all_arrived(event: Event) -> bool:
            if event.call_id in on_their_way and _arrived(event, place):
                on_their_way.discard(event.call_id)
            return not on_their_way

        confirmed = await commander.proof(watch, all_arrived)
    return CallOutcome(confirmed=bool(confirmed), call=commander.now(call))


def _was_sent_on(commander: Commander, call_id: CallId) -> bool:
    """Whether a leg was handed to workers and went on, as last seen."""
    found = commander.tracker.legs.alive(call_id)
    return found is not None and was_sent_on(found.variables)


def _moving(call: Call, leg: Leg) -> tuple[CallId, ...]:
    partner = call.bridged_call_id
    if leg is Leg.A:
        return (call.call_id,)
    if partner is None:
        raise CallStateConflict(call.call_id, "not bridged", "a bridged partner")
    return (partner,) if leg is Leg.B else (call.call_id, partner)


def _arrived(event: Event, place: Place) -> bool:
    match place.verb:
        case Verb.PARK:
            return event.name == _PARKED
        case Verb.JOIN | Verb.RUN_APPLICATIONS:
            told = event.payload
            return (
                isinstance(told, ApplicationStarted)
                and told.name.lower() == place.application.lower()
                and told.data == place.arrives_at
            )
        case _:
            told = event.payload
            if isinstance(told, ApplicationStarted) and (told.name, told.data) == FORGETTING:
                return False
            number = text(event.headers, fields.DESTINATION)
            return event.name in _AT_THE_EXTENSION and number == place.arrives_at
