"""Listen in: a leg hears another one, and may be heard by it or by both sides.

The listener runs the application `eavesdrop`. How far it takes part is said by variables of that
one run (`%[...]`, switch_core_session.c switch_core_session_execute_application_get_flags), so
that neither what a dialplan has set nor the listener's keys change it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import uuid4

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.checked import Checked
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.commands.verb import WITH_MEDIA, Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.encoding.dialstring import word
from callcontrol.calls.outcome import CallOutcome
from callcontrol.calls.payloads import ApplicationFinished, ApplicationStarted
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.translate import text
from callcontrol.errors import CallStateConflict, SwitchRefused
from callcontrol.esl.errors import UnencodableValue
from callcontrol.esl.messaging import execute
from callcontrol.events.event import Event
from callcontrol.ids import CallId, OperationId

_APPLICATION: Final = "eavesdrop"
_ATTACHED: Final = "MEDIA_BUG_START"


class EavesdropMode(Enum):
    """Who hears the listener: (the named leg, its partner)."""

    LISTEN = (False, False)
    WHISPER = (True, False)
    JOIN = (True, True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EavesdropSpec:
    """Who listens to whom."""

    call_id: CallId
    """The leg to listen to."""
    listener_call_id: CallId
    mode: EavesdropMode = EavesdropMode.LISTEN


@dataclass(frozen=True, slots=True, kw_only=True)
class EavesdropOutcome(CallOutcome):
    """The leg that is listened to, and the handle of the listening."""

    operation_id: OperationId


def eavesdrop_checks(spec: EavesdropSpec) -> Iterator[Checked]:
    """Two different legs."""
    yield checks.call_id_check(spec.call_id)
    yield checks.call_id_check(spec.listener_call_id, "listener_call_id")
    if spec.call_id == spec.listener_call_id:
        yield "listener_call_id", "must be another leg"


async def eavesdrop(commander: Commander, spec: EavesdropSpec) -> EavesdropOutcome:
    """Let one leg listen to another. Proven by the listener's tap on the leg (MEDIA_BUG_START of
    `eavesdrop`), after its application began.

    Raises CallStateConflict where the leg has no media, the listener is not answered or they are
    on different nodes, and SwitchRefused where the application ends before it listens.
    """
    checks.require_valid(eavesdrop_checks(spec))
    call = commander.tracker.require(spec.call_id, alive=True)
    listener = commander.tracker.require(spec.listener_call_id, alive=True)
    require_state(Verb.EAVESDROP, listener)
    if call.state not in WITH_MEDIA:
        raise CallStateConflict(call.call_id, call.state.value, "a leg with media to listen to")
    if call.node_id != listener.node_id:
        raise CallStateConflict(
            listener.call_id, f"on node {listener.node_id}", f"a leg on node {call.node_id}"
        )
    operation_id = OperationId(str(uuid4()))
    try:
        argument = _options(spec.mode) + word(call.call_id)
        message = execute(
            listener.call_id, _APPLICATION, argument, operation_id=operation_id, event_lock=True
        )
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc
    entry = _Entry(call, operation_id)
    with commander.tracker.watch(call.call_id, listener.call_id) as watch:
        await commander.send(listener, message)
        confirmed = await commander.proof(watch, entry.is_made)
    return EavesdropOutcome(
        confirmed=bool(confirmed), call=commander.now(call), operation_id=operation_id
    )


class _Entry:
    """A listener who is to be let in."""

    def __init__(self, call: Call, operation_id: OperationId) -> None:
        self._call, self._operation_id = call, operation_id
        self._has_begun = False

    def is_made(self, event: Event) -> bool:
        """Whether with this event the listener hears. Raises SwitchRefused."""
        match event.payload:
            case ApplicationStarted(operation_id=started) if started == self._operation_id:
                self._has_begun = True
            case ApplicationFinished(operation_id=over) if over == self._operation_id:
                raise SwitchRefused(self._call.node_id, "the listener was not let in")
            case _:
                is_there = event.call_id == self._call.call_id
                return self._has_begun and is_there and _is_tapped(event)
        return False


def _is_tapped(event: Event) -> bool:
    return (
        event.name == _ATTACHED and text(event.headers, fields.MEDIA_BUG_FUNCTION) == _APPLICATION
    )


def _options(mode: EavesdropMode) -> str:
    """What goes to the partner is mixed into what the named leg says, and the other way round
    (switch_ivr_async.c eavesdrop_callback): `aleg` is heard by the partner, `bleg` by the leg.
    """
    by_leg, by_partner = mode.value
    options = {
        "eavesdrop_whisper_aleg": by_partner,
        "eavesdrop_whisper_bleg": by_leg,
        "eavesdrop_enable_dtmf": False,
    }
    return f"%[{','.join(f'{name}={str(on).lower()}' for name, on in options.items())}]"
