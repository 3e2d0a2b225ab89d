"""Times to ring of attempts that call one endpoint after the other.

The switch gives each endpoint the whole time anew, so the end of the time for all is for us to see.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from callcontrol.calls.picture.expected import MAX_EXPECTED
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.placing.calling_off import CallingOff
from callcontrol.calls.placing.originate_command import OUT_OF_TIME
from callcontrol.ids import CallId, NodeId

log: Final = logging.getLogger(__name__)


class RingLimits:
    """The times that run, at most as many as calls may be expected: beyond these an error in the
    log says so, and each endpoint rings as long as the switch lets it.

    They are no late work: they last as long as telephones ring, and would leave it no room.
    """

    def __init__(self, tracker: CallTracker, calling_off: CallingOff) -> None:
        self._tracker, self._calling_off = tracker, calling_off
        self._timers: dict[CallId, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._timers)

    def begin(self, after_s: float, node_id: NodeId, call_ids: Sequence[CallId]) -> None:
        """End an attempt of several legs if none was answered after so many seconds."""
        if len(self._timers) >= MAX_EXPECTED:
            log.error("ring limit refused", extra={"node": node_id, "running": len(self._timers)})
            return
        loop = asyncio.get_running_loop()
        self.end(call_ids[0])
        self._timers[call_ids[0]] = loop.call_later(after_s, self._over, node_id, call_ids)

    def end(self, call_id: CallId) -> None:
        """The attempt whose first leg has this id needs no limit any more."""
        timer = self._timers.pop(call_id, None)
        if timer is not None:
            timer.cancel()

    def _over(self, node_id: NodeId, call_ids: Sequence[CallId]) -> None:
        del self._timers[call_ids[0]]
        calls = [call for call in map(self._tracker.get, call_ids) if call is not None]
        if any(call.answered for call in calls) or all(call.is_over for call in calls):
            return
        self._calling_off.begin(node_id, *call_ids, cause=OUT_OF_TIME)
