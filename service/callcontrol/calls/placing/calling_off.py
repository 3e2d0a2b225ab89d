"""Ending a call that may not have begun: the switch has been asked for it, or is about to be."""

import asyncio
from typing import Final

from callcontrol.calls.commands.commander import Commander, is_no_such_call
from callcontrol.calls.commands.late_work import LateWork
from callcontrol.calls.picture.watch import Watch
from callcontrol.calls.placing.originate_command import ENDS_ATTEMPT
from callcontrol.errors import CallHasEnded, CommandQueueFull, NodeUnavailable, OutcomeUnknown
from callcontrol.ids import CallId, NodeId

CALLED_OFF: Final = "ORIGINATOR_CANCEL"
"""The cause with which a call is ended that nobody waits for any more."""


class CallingOff:
    """Ends calls as soon as they begin, whether or not the request that asked for it lives on."""

    def __init__(self, commander: Commander, late_work: LateWork) -> None:
        self._commander, self._late_work = commander, late_work

    def begin(self, node_id: NodeId, *call_ids: CallId, cause: str = "") -> bool:
        """Take it over; False, and an error in the log, if there is too much of this already.

        Several are the legs of one attempt, all of which are ended: for the cause that keeps the
        switch from calling the next one.
        """
        cause = cause or (CALLED_OFF if len(call_ids) == 1 else ENDS_ATTEMPT)
        return self._late_work.give(
            f"call off {call_ids[0]}", lambda: self._call_off(node_id, call_ids, cause)
        )

    @property
    def waiting(self) -> int:
        """How much is under way."""
        return len(self._late_work)

    async def _call_off(self, node_id: NodeId, call_ids: tuple[CallId, ...], cause: str) -> None:
        """Until it is done, or the time of late work is up: neither a full queue nor a lost link
        may let a telephone ring that nobody wants any more. `uuid_kill` is the one command that
        may be sent again, as it does nothing to a call that is gone.
        """
        while True:
            if await self._tried(node_id, call_ids, cause):
                return
            await asyncio.sleep(self._commander.settings.call_off_retry_s)

    async def _tried(self, node_id: NodeId, call_ids: tuple[CallId, ...], cause: str) -> bool:
        try:
            with self._commander.tracker.watch(*call_ids, node_id=node_id) as watch:
                if len(call_ids) == 1:
                    await self._end_one(watch, node_id, call_ids[0], cause)
                else:
                    await self._end_all(watch, node_id, call_ids, cause)
        except CallHasEnded:
            return True
        except (NodeUnavailable, CommandQueueFull, OutcomeUnknown):
            return False
        return True

    async def _end_one(self, watch: Watch, node_id: NodeId, call_id: CallId, cause: str) -> None:
        tracker, node = self._commander.tracker, self._commander.nodes.get(node_id)
        while True:
            call = tracker.get(call_id)
            if call is not None and call.is_over:
                return
            reply = await node.api("uuid_kill", f"{call_id} {cause}")
            if not is_no_such_call(reply):
                return
            await watch.until(lambda event: event.call_id == call_id)

    async def _end_all(
        self, watch: Watch, node_id: NodeId, call_ids: tuple[CallId, ...], cause: str
    ) -> None:
        """End legs until none is left and none can come. A leg that begins is ended too: the switch
        may have begun it before it heard of the end of another.
        """
        tracker, node = self._commander.tracker, self._commander.nodes.get(node_id)
        ended: set[CallId] = set()
        while True:
            for call_id in call_ids:
                call = tracker.seen(call_id)
                if call is not None and not call.is_over and call_id not in ended:
                    await node.api("uuid_kill", f"{call_id} {cause}")
                    ended.add(call_id)
            calls = [tracker.get(call_id) for call_id in call_ids]
            if all(call is None or call.is_over for call in calls):
                return
            await watch.until(lambda _: True, past_end=True)
