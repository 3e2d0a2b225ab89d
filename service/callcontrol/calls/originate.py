"""Originate: place a call, follow it as far as the caller wants, and say how it came out."""

import asyncio
from uuid import uuid4

from callcontrol.calls import checks
from callcontrol.calls.attempt import Attempt
from callcontrol.calls.calling_off import CallingOff
from callcontrol.calls.commander import Commander, cannot_be_carried
from callcontrol.calls.nodes import RunningJob
from callcontrol.calls.originate_command import originate_arguments
from callcontrol.calls.outcome import OriginateOutcome
from callcontrol.calls.raw_dialling import require_allowed
from callcontrol.calls.requests import OriginateSpec
from callcontrol.errors import CallIdTaken
from callcontrol.esl.errors import UnencodableValue
from callcontrol.ids import CallId


class Originator:
    """Places calls. An id is used for one call only, also among those just being placed."""

    def __init__(self, commander: Commander, calling_off: CallingOff) -> None:
        self._commander, self._calling_off = commander, calling_off
        self._placing: set[CallId] = set()
        self._is_leaving = False

    def leave(self) -> None:
        """Whoever is cancelled from now on is cancelled by our own end, which ends no call."""
        self._is_leaving = True

    async def originate(self, spec: OriginateSpec) -> OriginateOutcome:
        """Place a call and wait as the spec says, without a limit of time but the switch's own.

        A far end that is busy, silent or unreachable is an outcome. Raises InvalidRequest,
        NotImplementedYet, CallIdTaken, NodeNotFound, NodeDraining, NodeFull, NodeUnavailable
        and CommandQueueFull before anything is sent; SwitchRefused, and OutcomeUnknown when the
        node is lost. Cancelled, it leaves the call alone, or ends it where the spec asks for that.
        """
        tracker = self._commander.tracker
        call_id = spec.call_id or CallId(str(uuid4()))
        arguments = self._arguments(spec, call_id)
        with self._commander.placement.place(spec.node_id) as place:
            if call_id in self._placing or tracker.is_taken(call_id):
                raise CallIdTaken(call_id)
            self._placing.add(call_id)
            node_id = place.node.node_id
            try:
                with tracker.watch(call_id, node_id=node_id) as watch:
                    attempt = Attempt(self._commander, spec, call_id, place, watch)
                    try:
                        return await attempt.run(await self._start(attempt, arguments))
                    except asyncio.CancelledError:
                        if spec.hangup_on_cancel and attempt.is_sent and not self._is_leaving:
                            self._calling_off.begin(node_id, call_id)
                        raise
            finally:
                self._placing.discard(call_id)

    def validate(self, spec: OriginateSpec) -> None:
        """Raise InvalidRequest or NotImplementedYet if that is what `originate` would raise."""
        self._arguments(spec, spec.call_id or CallId(str(uuid4())))

    def _arguments(self, spec: OriginateSpec, call_id: CallId) -> str:
        settings = self._commander.settings
        checks.require_valid(checks.originate_checks(spec, settings))
        require_allowed(spec.endpoints, settings.raw_dial_strings)
        try:
            return originate_arguments(spec, call_id, settings)
        except UnencodableValue as exc:
            raise cannot_be_carried(exc) from exc

    async def _start(self, attempt: Attempt, arguments: str) -> RunningJob:
        try:
            return await attempt.start(arguments)
        except UnencodableValue as exc:
            raise cannot_be_carried(exc) from exc
