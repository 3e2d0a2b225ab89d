"""Ending a call that may not have begun: the switch has been asked for it, or is about to be."""

import asyncio
from typing import Final

from callcontrol.calls.commander import Commander, is_no_such_call
from callcontrol.calls.late_work import LateWork
from callcontrol.errors import CallHasEnded, CommandQueueFull, NodeUnavailable, OutcomeUnknown
from callcontrol.ids import CallId, NodeId

CALLED_OFF: Final = "ORIGINATOR_CANCEL"
"""The cause with which a call is ended that nobody waits for any more."""


class CallingOff:
    """Ends calls as soon as they begin, whether or not the request that asked for it lives on."""

    def __init__(self, commander: Commander, late_work: LateWork) -> None:
        self._commander, self._late_work = commander, late_work

    def begin(self, node_id: NodeId, call_id: CallId, cause: str = CALLED_OFF) -> bool:
        """Take it over; False, and an error in the log, if there is too much of this already."""
        return self._late_work.give(
            f"call off {call_id}", lambda: self._call_off(node_id, call_id, cause)
        )

    @property
    def waiting(self) -> int:
        """How much is under way."""
        return len(self._late_work)

    async def _call_off(self, node_id: NodeId, call_id: CallId, cause: str) -> None:
        """Until it is done, or the time of late work is up: neither a full queue nor a lost link
        may let a telephone ring that nobody wants any more. `uuid_kill` is the one command that
        may be sent again, as it does nothing to a call that is gone.
        """
        while True:
            if await self._tried(node_id, call_id, cause):
                return
            await asyncio.sleep(self._commander.settings.call_off_retry_s)

    async def _tried(self, node_id: NodeId, call_id: CallId, cause: str) -> bool:
        tracker, node = self._commander.tracker, self._commander.nodes.get(node_id)
        try:
            with tracker.watch(call_id, node_id=node_id) as watch:
                while True:
                    call = tracker.get(call_id)
                    if call is not None and call.is_over:
                        return True
                    reply = await node.api("uuid_kill", f"{call_id} {cause}")
                    if not is_no_such_call(reply):
                        return True
                    await watch.until(lambda event: event.call_id == call_id)
        except CallHasEnded:
            return True
        except (NodeUnavailable, CommandQueueFull, OutcomeUnknown):
            return False
