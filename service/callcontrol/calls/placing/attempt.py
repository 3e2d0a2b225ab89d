"""One attempt to reach somebody: what the events of its legs and the verdict of the switch, which
race each other, say together.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from uuid import uuid4

from callcontrol.calls.call import CallState
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.nodes import RunningJob
from callcontrol.calls.commands.race import first_of
from callcontrol.calls.commands.steps import Steps
from callcontrol.calls.outcome import OriginateOutcome
from callcontrol.calls.payloads import CallEnded
from callcontrol.calls.picture.expected import AMBIGUOUS_CAUSE
from callcontrol.calls.picture.variables import MARK
from callcontrol.calls.picture.watch import Watch
from callcontrol.calls.placing.dialled import Dialled
from callcontrol.calls.placing.following import Following
from callcontrol.calls.placing.placement import Place
from callcontrol.calls.placing.refusals import Refusals
from callcontrol.calls.requests import OriginateSpec, WaitUntil
from callcontrol.deadline import patience_s
from callcontrol.errors import (
    CallHasEnded,
    CallIdTaken,
    CommandQueueFull,
    NodeUnavailable,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.events.event import Event
from callcontrol.freeswitch.jobs import JobLost
from callcontrol.ids import CallId, JobId

_OK: Final = "+OK "
_ERROR: Final = "-ERR "


class Attempt:
    """Legs that are being called, all of one job of the switch."""

    def __init__(
        self,
        commander: Commander,
        spec: OriginateSpec,
        dialled: Dialled,
        place: Place,
        watch: Watch,
    ) -> None:
        self._commander, self._spec, self._dialled = commander, spec, dialled
        self._place, self._node, self._watch = place, place.node, watch
        self._job_id = JobId(str(uuid4()))
        self.is_sent = False
        """Whether the switch may have been told to place the call."""

    async def start(self, arguments: str, on_sent: Callable[[], None]) -> RunningJob:
        """Tell the switch to place the call; `on_sent` is called when it may have been told.
        Raises what `CommandNode.start_job` does.
        """

        def sent() -> None:
            self._sent()
            on_sent()

        try:
            return await self._node.start_job("originate", arguments, self._job_id, sent)
        except (NodeUnavailable, CommandQueueFull, SwitchRefused):
            self._commander.tracker.expected.forget(self._job_id)
            raise

    def _sent(self) -> None:
        self.is_sent = True
        may_exist = self._spec.call_id is not None and not self._spec.call_id_is_new
        expected = self._commander.tracker.expected
        expected.expect(self._job_id, *self._dialled.unseen(), may_exist=may_exist)
        self._place.give_up()

    async def run(self, job: RunningJob) -> OriginateOutcome:
        """Follow the legs as far as the spec says, or to their failure. Where the link to the node
        is interrupted, they are followed on when it is back.
        """
        if self._spec.wait_until is WaitUntil.ACCEPTED:
            return self._dialled.accepted()
        try:
            verdict = await self._verdict(job)
        except (JobLost, OutcomeUnknown) as lost:
            if isinstance(lost, JobLost) and lost.gone:
                raise OutcomeUnknown(self._node.node_id, lost.reason) from lost
            return await self.follow()
        if verdict is not None:
            return await self._failure(verdict)
        self._require_ours()
        return self._dialled.success()

    def _require_ours(self) -> None:
        """Raise CallIdTaken if the leg is another client's, which had the id before the first of
        its events reached us.
        """
        for call in self._dialled.seen():
            if call.variables and self._spec.mark and call.variables.get(MARK) != self._spec.mark:
                raise CallIdTaken(call.call_id)

    async def follow(self) -> OriginateOutcome:
        """Follow the legs by what the switch says of them when the link to it is back."""
        following = Following(self._commander, self._dialled, self._node)
        outcome = await following.outcome(lost=True)
        self._require_ours()
        return outcome

    async def _verdict(self, job: RunningJob) -> str | None:
        """What the switch says of an attempt that failed; None when what the caller waits for is
        reached.
        """
        several = len(self._dialled.call_ids) > 1
        try:
            ended = await first_of(self._reached(past_end=several), job.result())
            if not isinstance(ended, str):
                return None
            if self._failed(ended):
                return ended
            # The switch is done with it, but the event that says so has not come yet.
            await self._reached(past_end=several)
        except CallHasEnded as over:
            return await self._last_word(job, over)
        return None

    async def _reached(self, *, past_end: bool) -> bool:
        """Wait for what the caller waits for. One leg alone that is over ends the wait; after one
        of several the next one may be called.
        """

        def reached(event: Event) -> bool:
            self._dialled.note(event)
            return self._dialled.reached()

        return await self._watch.until(reached, past_end=past_end)

    def _failed(self, result: str) -> bool:
        """Whether the result of the job says that the attempt failed. Raises CallIdTaken when the
        switch gave a leg another id; the tracker has seen to it that it ends.
        """
        if not result.startswith(_OK):
            return True
        if CallId(result.removeprefix(_OK).strip()) not in self._dialled.call_ids:
            raise CallIdTaken(self._dialled.call_id)
        return False

    async def _last_word(self, job: RunningJob, over: CallHasEnded) -> str:
        """The call has ended; the switch's own verdict on the attempt follows within moments."""
        try:
            async with asyncio.timeout(patience_s(self._commander.settings.confirm_timeout_s)):
                result = await job.result()
        except (TimeoutError, JobLost):
            return _ERROR + over.cause
        return result if result.startswith(_ERROR) else _ERROR + over.cause

    async def _failure(self, result: str) -> OriginateOutcome:
        if not result.startswith(_ERROR):
            raise SwitchRefused(self._node.node_id, result.strip())
        name = result.removeprefix(_ERROR).strip()
        if name == AMBIGUOUS_CAUSE and not self._dialled.was_made():
            with Steps(self._node.node_id, begun=True).step():
                await Refusals(self._node).require_none(self._dialled.call_ids)
        await self._ends()
        return self._dialled.failure(name)

    async def _ends(self) -> None:
        """Wait until the legs have ended for good; only then all is known about their end. That
        the attempt failed is known already, also where the rest is never heard.
        """

        def ended(event: Event) -> bool:
            over = isinstance(event.payload, CallEnded)
            return over and all(call.state is CallState.ENDED for call in self._dialled.seen())

        if any(call.state is not CallState.ENDED for call in self._dialled.seen()):
            with suppress(OutcomeUnknown):
                await self._commander.proof(self._watch, ended, past_end=True)
