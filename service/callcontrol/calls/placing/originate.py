"""Originate: place a call, follow it as far as the caller wants, and say how it came out."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

from callcontrol.calls import checks
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.encoding.dialling import leg_ids
from callcontrol.calls.outcome import OriginateOutcome
from callcontrol.calls.picture.findings import Findings
from callcontrol.calls.placing.adoption import Adoption
from callcontrol.calls.placing.attempt import Attempt
from callcontrol.calls.placing.calling_off import CallingOff
from callcontrol.calls.placing.dialled import Dialled
from callcontrol.calls.placing.following import Following
from callcontrol.calls.placing.originate_command import originate_arguments
from callcontrol.calls.placing.placement import Place
from callcontrol.calls.placing.raw_dialling import require_allowed
from callcontrol.calls.placing.ring_limits import RingLimits
from callcontrol.calls.requests import OriginateSpec, Strategy, WaitUntil
from callcontrol.errors import (
    CallIdTaken,
    NodeFull,
    NodePaused,
    NodeRateLimited,
    OutcomeUnknown,
)
from callcontrol.esl.errors import UnencodableValue
from callcontrol.ids import CallId


class Originator:
    """Places calls. An id is used for one call only, also among those just being placed."""

    def __init__(self, commander: Commander, calling_off: CallingOff) -> None:
        self._commander, self._calling_off = commander, calling_off
        self._adoption = Adoption(commander)
        self._ring_limits = RingLimits(commander.tracker, calling_off)
        self._placing: set[CallId] = set()
        self._is_leaving = False

    def leave(self) -> None:
        """Whoever is cancelled from now on is cancelled by our own end, which ends no call."""
        self._is_leaving = True

    @property
    def ring_limits(self) -> int:
        """How many attempts have a time to ring that runs here."""
        return len(self._ring_limits)

    async def originate(self, spec: OriginateSpec) -> OriginateOutcome:
        """Place a call and wait as the spec says, without a limit of time but the switch's own. One
        that may be a repeat finds the call of an earlier attempt, and follows that.

        A far end that is busy, silent or unreachable is an outcome. Raises InvalidRequest,
        CommandNotAllowed, CallIdTaken, RequestIdReused, NodeNotFound, NodeDraining, NodeFull,
        NodeUnavailable and CommandQueueFull before anything is sent; NodePaused, NodeFull and
        NodeRateLimited when the switch called nobody; SwitchRefused, and OutcomeUnknown when the
        node is lost and does not come back. Cancelled, it leaves the call alone, or ends it where
        the spec asks for that.
        """
        call_id = spec.call_id or CallId(str(uuid4()))
        spec = replace(spec, mark=spec.fingerprint or _mark(spec))
        arguments = self._arguments(spec, call_id)
        if spec.fingerprint and (found := await self._found(spec, call_id)) is not None:
            return found
        try:
            return await self._place(spec, call_id, arguments)
        except CallIdTaken:
            # Another replica, or an earlier process, was quicker by the time of one command.
            if spec.fingerprint and (found := await self._found(spec, call_id)) is not None:
                return found
            raise

    def validate(self, spec: OriginateSpec) -> None:
        """Raise InvalidRequest or CommandNotAllowed if that is what `originate` would raise."""
        self._arguments(spec, spec.call_id or CallId(str(uuid4())))

    def _arguments(self, spec: OriginateSpec, call_id: CallId) -> str:
        settings = self._commander.settings
        checks.require_valid(checks.originate_checks(spec, settings))
        require_allowed(spec.endpoints, settings.raw_dial_strings)
        try:
            return originate_arguments(spec, call_id, settings)
        except UnencodableValue as exc:
            raise cannot_be_carried(exc) from exc

    async def _found(self, spec: OriginateSpec, call_id: CallId) -> OriginateOutcome | None:
        """The outcome of an earlier attempt; None if there was none that anybody knows of."""
        ids = leg_ids(call_id, len(spec.endpoints))
        if self._placing.isdisjoint(ids) and (node_id := await self._adoption.find(spec, ids)):
            dialled = Dialled(self._commander.tracker, spec, call_id, node_id)
            if spec.wait_until is WaitUntil.ACCEPTED:
                return dialled.accepted(replayed=True)
            with self._called_off_if_cancelled(spec, dialled):
                node = self._commander.nodes.get(node_id)
                outcome = await Following(self._commander, dialled, node).outcome()
            return replace(outcome, replayed=True)
        return None

    async def _place(
        self, spec: OriginateSpec, call_id: CallId, arguments: str
    ) -> OriginateOutcome:
        legs = len(spec.endpoints)
        with self._commander.placement.place(spec.node_id, legs=legs) as place:
            dialled = Dialled(self._commander.tracker, spec, call_id, place.node.node_id)
            with self._taken(dialled):
                try:
                    return await self._attempt(spec, dialled, place, arguments)
                except (NodePaused, NodeFull, NodeRateLimited):
                    self._never_called(dialled)
                    raise

    async def _attempt(
        self, spec: OriginateSpec, dialled: Dialled, place: Place, arguments: str
    ) -> OriginateOutcome:
        node_id = dialled.node_id
        with self._commander.tracker.watch(*dialled.call_ids, node_id=node_id) as watch:
            attempt = Attempt(self._commander, spec, dialled, place, watch)
            with self._called_off_if_cancelled(spec, dialled, attempt):
                try:
                    job = await attempt.start(arguments, lambda: self._limit_ringing(spec, dialled))
                except UnencodableValue as exc:
                    raise cannot_be_carried(exc) from exc
                except OutcomeUnknown:
                    # The link was lost before the reply: the switch may have the command or not.
                    return await attempt.follow()
                outcome = await attempt.run(job)
                if outcome.disposition is not None:
                    self._ring_limits.end(dialled.call_id)
                return outcome

    @contextmanager
    def _taken(self, dialled: Dialled) -> Iterator[None]:
        """Keep the ids for this attempt. Raises CallIdTaken."""
        for call_id in dialled.call_ids:
            if call_id in self._placing or self._commander.tracker.is_taken(call_id):
                raise CallIdTaken(call_id)
        self._placing.update(dialled.call_ids)
        try:
            yield
        finally:
            self._placing.difference_update(dialled.call_ids)

    @contextmanager
    def _called_off_if_cancelled(
        self, spec: OriginateSpec, dialled: Dialled, attempt: Attempt | None = None
    ) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            is_sent = attempt is None or attempt.is_sent
            if spec.hangup_on_cancel and is_sent and not self._is_leaving:
                self._calling_off.begin(dialled.node_id, *dialled.call_ids)
            raise

    def _limit_ringing(self, spec: OriginateSpec, dialled: Dialled) -> None:
        is_sequence = spec.strategy is Strategy.SEQUENTIAL and len(dialled.call_ids) > 1
        if spec.ring_timeout_s is not None and is_sequence:
            self._ring_limits.begin(spec.ring_timeout_s, dialled.node_id, dialled.call_ids)

    def _never_called(self, dialled: Dialled) -> None:
        """The switch called nobody: end what was expected, and leave the ids to a repeat."""
        tracker = self._commander.tracker
        findings = Findings(tracker, tracker.publish)
        for call in dialled.unseen():
            if tracker.expected.get(call.call_id) is not None:
                findings.end_unborn(call, "")
                tracker.expected.settled(call.call_id)
            if (known := tracker.seen(call.call_id)) is not None and known.is_over:
                tracker.legs.unbury(call.call_id)


def _mark(spec: OriginateSpec) -> str:
    """Where the client chose the id, a call of another client of the switch may have it."""
    return uuid4().hex if spec.call_id is not None and not spec.call_id_is_new else ""
