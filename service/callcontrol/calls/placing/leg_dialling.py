"""A leg that dials: an application of its own calls others, and connects it to who answers.

The events of the leg and of those that it dials tell together how far it got. The switch writes
what came of the dialling into a variable of the leg that dials (switch_ivr_originate.c,
originate_disposition): a cause, SUCCESS, or `failure` while nothing is known.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from callcontrol.calls import checks
from callcontrol.calls.call import Call, HangupCause
from callcontrol.calls.causes import CAUSES
from callcontrol.calls.checked import Checked
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.encoding.dialling import as_application_argument, dial_string
from callcontrol.calls.outcome import CallOutcome, Disposition, LegOutcome, OriginateOutcome
from callcontrol.calls.payloads import (
    ApplicationFinished,
    ApplicationStarted,
    CallBridged,
    CallEnded,
    CallStateChanged,
)
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.translate import text
from callcontrol.calls.picture.watch import Watch
from callcontrol.calls.placing.dialled import Dialled
from callcontrol.calls.placing.originate_command import dialling_variables
from callcontrol.calls.placing.raw_dialling import require_allowed
from callcontrol.calls.requests import (
    Endpoint,
    OriginateSpec,
    ParkDestination,
    Strategy,
    WaitUntil,
)
from callcontrol.errors import CallHasEnded
from callcontrol.esl.errors import UnencodableValue
from callcontrol.esl.messaging import execute
from callcontrol.events.event import Event
from callcontrol.ids import CallId, OperationId

_REACHED: Final = ""
_NO_FAILURES: Final = frozenset({"NONE", "SUCCESS"})
"""What stands among the causes and is none of a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegDialSpec:
    """Whom a leg is to dial."""

    call_id: CallId
    """The leg that dials."""
    endpoints: tuple[Endpoint, ...]
    strategy: Strategy = Strategy.SEQUENTIAL
    caller_number: str = ""
    caller_name: str = ""
    ring_timeout_s: float | None = None
    """As for `OriginateSpec`."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Channel variables of all new legs."""
    wait_until: WaitUntil = WaitUntil.ACCEPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class LegDialOutcome(CallOutcome):
    """The leg that dials, and how it came out; `disposition` is None while it is under way."""

    operation_id: OperationId
    """Of the application."""
    legs: tuple[LegOutcome, ...]
    disposition: Disposition | None = None
    cause: HangupCause | None = None
    """Why it failed, when it did."""


def leg_dial_checks(spec: LegDialSpec, commander: Commander) -> Iterator[Checked]:
    """Everything about whom to dial."""
    yield checks.call_id_check(spec.call_id)
    yield from checks.originate_checks(_as_originate(spec), commander.settings)


class LegDialling:
    """One leg's dialling, from the command to its outcome."""

    def __init__(self, commander: Commander, call: Call, spec: LegDialSpec) -> None:
        self._commander, self._call, self._spec = commander, call, spec
        first = CallId(str(uuid4()))
        self._dialled = Dialled(commander.tracker, _as_originate(spec), first, call.node_id)
        self._operation_id = OperationId(str(uuid4()))
        self._has_begun = self._is_connected = False

    async def run(
        self, application: str, variables: Mapping[str, str] | None = None
    ) -> LegDialOutcome:
        """Have the leg run the application, after variables of its own are set, and follow it as
        far as the spec says. Cancelled, the dialling goes on.

        Raises CommandNotAllowed for a raw dial string that the operator does not allow, and
        CallHasEnded when the leg ends before anything came of it.
        """
        try:
            argument = self._argument()
        except UnencodableValue as exc:
            raise cannot_be_carried(exc) from exc
        call, commander = self._call, self._commander
        waits = self._spec.wait_until is not WaitUntil.ACCEPTED
        watched = (call.call_id, *self._dialled.call_ids) if waits else (call.call_id,)
        with commander.tracker.watch(*watched, node_id=call.node_id) as watch:
            steps = Steps(call.node_id)
            for name, value in (variables or {}).items():
                with steps.step():
                    await commander.api(call, "uuid_setvar", call.call_id, name, value)
            with steps.step():
                message = execute(
                    call.call_id, application, argument, operation_id=self._operation_id
                )
                await commander.send(call, message)
            return await (self._followed(watch) if waits else self._begun(watch))

    def _argument(self) -> str:
        spec, settings = self._spec, self._commander.settings
        require_allowed(spec.endpoints, settings.raw_dial_strings)
        dialled = dial_string(
            spec.endpoints, spec.strategy, self._dialled.call_ids, _shared(spec), settings
        )
        return as_application_argument(dialled)

    async def _begun(self, watch: Watch) -> LegDialOutcome:
        confirmed = await self._commander.proof(watch, self._begins)
        return self._outcome(self._dialled.accepted(), confirmed=bool(confirmed))

    async def _followed(self, watch: Watch) -> LegDialOutcome:
        cause = await watch.until(self._verdict, past_end=True)
        told = self._dialled.failure(cause) if cause else self._dialled.success()
        return self._outcome(told, confirmed=True)

    def _begins(self, event: Event) -> bool:
        told = event.payload
        is_it = isinstance(told, ApplicationStarted) and told.operation_id == self._operation_id
        self._has_begun = self._has_begun or is_it
        return is_it

    def _verdict(self, event: Event) -> str | None:
        """The cause of a failure, empty for what the caller waits for, None for neither."""
        self._begins(event)
        self._dialled.note()
        self._is_connected = self._is_connected or self._connects(event)
        if self._is_reached():
            return _REACHED
        over = self._over(event)
        told = event.payload
        finished = isinstance(told, ApplicationFinished) and told.operation_id == self._operation_id
        if over is None and not finished:
            return None
        cause = text(event.headers, fields.VARIABLE_ORIGINATE_DISPOSITION)
        if self._has_begun and cause in CAUSES and cause not in _NO_FAILURES:
            return cause
        if over is None:
            return self._dialled.last_cause() or "NORMAL_UNSPECIFIED"
        raise CallHasEnded(over.call_id, over.hangup_cause.name if over.hangup_cause else "")

    def _is_reached(self) -> bool:
        # A leg counts as answered before it says so (switch_channel_perform_mark_answered), so that
        # the two may be told to be bridged first.
        is_reached = self._dialled.reached()
        if self._spec.wait_until is WaitUntil.RINGING:
            return self._is_connected or is_reached
        return self._is_connected and is_reached

    def _over(self, event: Event) -> Call | None:
        """The leg that dials, if this is a sign of its end."""
        told = event.payload
        if event.call_id != self._call.call_id:
            return None
        if isinstance(told, CallStateChanged | CallEnded) and told.call.is_over:
            return told.call
        return None

    def _connects(self, event: Event) -> bool:
        told = event.payload
        return (
            isinstance(told, CallBridged)
            and self._call.call_id in (told.call_id, told.peer_call_id)
            and not {told.call_id, told.peer_call_id}.isdisjoint(self._dialled.call_ids)
        )

    def _outcome(self, told: OriginateOutcome, *, confirmed: bool) -> LegDialOutcome:
        return LegDialOutcome(
            confirmed=confirmed,
            call=self._commander.now(self._call),
            operation_id=self._operation_id,
            legs=told.legs,
            disposition=told.disposition,
            cause=told.cause,
        )


def _as_originate(spec: LegDialSpec) -> OriginateSpec:
    """The same as an attempt of the switch's own, which has the same checks and legs."""
    return OriginateSpec(
        endpoints=spec.endpoints,
        destination=ParkDestination(),
        strategy=spec.strategy,
        caller_number=spec.caller_number,
        caller_name=spec.caller_name,
        ring_timeout_s=spec.ring_timeout_s,
        variables=spec.variables,
        wait_until=spec.wait_until,
    )


def _shared(spec: LegDialSpec) -> Mapping[str, str]:
    """The variables of all new legs. Early media is no answer: the switch would connect the leg
    to it, and forget its ring timer.
    """
    told = dialling_variables(spec.caller_number, spec.caller_name, spec.ring_timeout_s)
    return {**spec.variables, "ignore_early_media": "true", **told}
