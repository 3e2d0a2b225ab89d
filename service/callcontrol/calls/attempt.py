"""One attempt to reach somebody: what the events of the call and the verdict of the switch, which
race each other, say together.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from typing import Final
from uuid import uuid4

from callcontrol.calls.call import Call, CallState, Direction, HangupCause
from callcontrol.calls.calling_off import CALLED_OFF
from callcontrol.calls.causes import q850_of
from callcontrol.calls.commander import Commander
from callcontrol.calls.expected import AMBIGUOUS_CAUSE
from callcontrol.calls.nodes import RunningJob
from callcontrol.calls.outcome import Disposition, OriginateOutcome, disposition_of
from callcontrol.calls.payloads import CallEnded
from callcontrol.calls.placement import Place
from callcontrol.calls.race import first_of
from callcontrol.calls.requests import OriginateSpec, WaitUntil
from callcontrol.calls.steps import Steps
from callcontrol.calls.watch import Watch
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
    """One call that is being placed."""

    def __init__(
        self,
        commander: Commander,
        spec: OriginateSpec,
        call_id: CallId,
        place: Place,
        watch: Watch,
    ) -> None:
        self._commander, self._spec = commander, spec
        self._call_id, self._watch = call_id, watch
        self._place, self._node = place, place.node
        self._job_id = JobId(str(uuid4()))
        self.is_sent = False
        """Whether the switch may have been told to place the call."""

    async def start(self, arguments: str) -> RunningJob:
        """Tell the switch to place the call. Raises what `CommandNode.start_job` does."""
        try:
            return await self._node.start_job("originate", arguments, self._job_id, self._sent)
        except (NodeUnavailable, CommandQueueFull, SwitchRefused):
            self._commander.tracker.expected.forget(self._job_id)
            raise

    def _sent(self) -> None:
        self.is_sent = True
        spec = self._spec
        may_exist = spec.call_id is not None and not spec.call_id_is_new
        self._commander.tracker.expected.expect(self._job_id, self.unseen(), may_exist=may_exist)
        self._place.give_up()

    async def run(self, job: RunningJob) -> OriginateOutcome:
        """Follow the call as far as the spec says, or to its failure."""
        if self._spec.wait_until is WaitUntil.ACCEPTED:
            known = self._known()
            return OriginateOutcome(
                confirmed=known is not None,
                call=known or self.unseen(),
                reached=WaitUntil.ACCEPTED,
            )
        reached = self._reached()
        try:
            ended = await first_of(self._watch.until(reached), job.result())
            if isinstance(ended, str) and not await self._failed(ended):
                # The switch is done with it, but the event that says so has not come yet.
                ended = await self._watch.until(reached)
        except CallHasEnded as over:
            ended = await self._last_word(job, over)
        except JobLost as lost:
            raise OutcomeUnknown(self._node.node_id, lost.reason) from lost
        return await self._failure(ended) if isinstance(ended, str) else self._success()

    def _reached(self) -> Callable[[Event], bool]:
        """What holds of the call when the spec's waiting is over. A call that ended after its
        answer was answered all the same.
        """

        def answered(_: Event) -> bool:
            call = self._known()
            return call is not None and call.answered

        def alerted(event: Event) -> bool:
            call = self._known()
            if call is None or call.state is CallState.CREATING:
                return False
            return answered(event) or not call.is_over

        return answered if self._spec.wait_until is WaitUntil.ANSWERED else alerted

    async def _failed(self, result: str) -> bool:
        """Whether the result of the job says that the attempt failed. Raises CallIdTaken when the
        switch gave the call another id.
        """
        if not result.startswith(_OK):
            return True
        made = CallId(result.removeprefix(_OK).strip())
        if made != self._call_id:
            with self._after_sending():
                await self._node.api("uuid_kill", f"{made} {CALLED_OFF}")
            raise CallIdTaken(self._call_id)
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
        call = self._known()
        if call is None and name == AMBIGUOUS_CAUSE and await self._exists():
            raise CallIdTaken(self._call_id)
        if call is not None and call.state is not CallState.ENDED:
            call = await self._end()
        told = call.hangup_cause if call is not None else None
        cause = _cause(name, told)
        return OriginateOutcome(
            confirmed=True,
            call=call or replace(self.unseen(), state=CallState.ENDED, hangup_cause=cause),
            reached=self._spec.wait_until,
            disposition=disposition_of(name),
            cause=cause,
        )

    async def _exists(self) -> bool:
        with self._after_sending():
            return (await self._node.api("uuid_exists", self._call_id)).strip() == "true"

    def _after_sending(self) -> AbstractContextManager[None]:
        """Around what is asked of the node once it has the originate."""
        return Steps(self._node.node_id, begun=True).step()

    async def _end(self) -> Call | None:
        """The call when it has ended for good; only then all is known about its end."""

        def ended(event: Event) -> Call | None:
            return event.payload.call if isinstance(event.payload, CallEnded) else None

        with suppress(CallHasEnded):
            await self._commander.proof(self._watch, ended, past_hangup=True)
        return self._known()

    def _success(self) -> OriginateOutcome:
        call = self._known() or self.unseen()
        return OriginateOutcome(
            confirmed=True,
            call=call,
            reached=WaitUntil.ANSWERED if call.answered else WaitUntil.RINGING,
            disposition=Disposition.ANSWERED if call.answered else None,
        )

    def _known(self) -> Call | None:
        return self._commander.tracker.seen(self._call_id)

    def unseen(self) -> Call:
        """The call before its first event."""
        return Call(
            call_id=self._call_id,
            node_id=self._node.node_id,
            direction=Direction.OUTBOUND,
            labels=self._spec.labels,
        )


def _cause(name: str, told: HangupCause | None) -> HangupCause | None:
    """The switch's verdict on the attempt, with the SIP code that the end of the call told."""
    if not name or (told is not None and told.name == name):
        return told
    return HangupCause(
        name=name, q850_code=q850_of(name), sip_code=told.sip_code if told is not None else 0
    )
