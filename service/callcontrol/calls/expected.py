"""Calls that were asked of a switch and have not been seen: one that fails before it becomes a
channel has no event of its own, so the result of the job that should have made it is its end.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from callcontrol.calls.call import Call
from callcontrol.ids import CallId, JobId, NodeId

MAX_EXPECTED: Final = 20_000
"""Twice the jobs that a node may have under way; the oldest beyond them is forgotten."""

OVERDUE_S: Final = 60.0
"""A channel comes within moments of its job. After so long the result of the job was lost."""

AMBIGUOUS_CAUSE: Final = "DESTINATION_OUT_OF_ORDER"
"""What the switch says of a call id that is in use, and of much else, without any event
(switch_ivr_originate.c)."""

_ERROR: Final = "-ERR "


@dataclass(slots=True)
class _Expected:
    call: Call
    may_exist: bool
    since_s: float
    failed_with: str = ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call of which only the switch can say whether there is one."""

    call: Call
    cause: str
    """Why there would be none; empty where that was never heard."""


class ExpectedCalls:
    """The calls of the originates under way. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calls: dict[CallId, _Expected] = {}
        self._jobs: dict[JobId, CallId] = {}
        self._by_node: Counter[NodeId] = Counter()
        self.new_doubts: set[NodeId] = set()
        """Where calls lately failed for what may be the life of another call."""

    def __len__(self) -> int:
        return len(self._calls)

    def count(self, node_id: NodeId) -> int:
        """How many calls were asked of the node and have not been seen."""
        return self._by_node[node_id]

    def expect(self, job_id: JobId, call: Call, *, may_exist: bool) -> None:
        """A job is sent that makes this call. With `may_exist` the id is the client's, so that a
        call of that id could be there already.
        """
        self.settled(call.call_id)
        self._calls[call.call_id] = _Expected(call, may_exist, self._clock())
        self._by_node[call.node_id] += 1
        self._jobs[job_id] = call.call_id
        if len(self._calls) > MAX_EXPECTED:
            self.settled(next(iter(self._calls)))
        if len(self._jobs) > MAX_EXPECTED:
            del self._jobs[next(iter(self._jobs))]

    def get(self, call_id: CallId) -> Call | None:
        """The call, as it was asked for."""
        expected = self._calls.get(call_id)
        return expected.call if expected is not None else None

    def forget(self, job_id: JobId) -> None:
        """The job was not taken, or nobody needs to hear of it."""
        call_id = self._jobs.pop(job_id, None)
        if call_id is not None:
            self.settled(call_id)

    def settled(self, call_id: CallId) -> None:
        """It is known what became of the call."""
        expected = self._calls.pop(call_id, None)
        if expected is not None:
            self._by_node[expected.call.node_id] -= 1

    def failed(self, job_id: JobId, result: str) -> tuple[Call, str] | None:
        """The job has ended: the call, and the cause for which it was not made; None if it was
        made, was none of ours, or failed for what may be the life of another call, which is then
        a doubt.
        """
        call_id = self._jobs.pop(job_id, None)
        expected = self._calls.get(call_id) if call_id is not None else None
        if expected is None or call_id is None:
            return None
        cause = result.removeprefix(_ERROR).strip()
        if not result.startswith(_ERROR):
            self.settled(call_id)
            return None
        if expected.may_exist and cause == AMBIGUOUS_CAUSE:
            expected.failed_with = cause
            self.new_doubts.add(expected.call.node_id)
            return None
        self.settled(call_id)
        return expected.call, cause

    def take_new_doubts(self) -> set[NodeId]:
        """The nodes with new doubts, which are then no longer new."""
        taken, self.new_doubts = self.new_doubts, set()
        return taken

    def doubts(self, node_id: NodeId) -> list[Doubt]:
        """What to ask the node about: those, and calls whose job is overdue."""
        overdue_s = self._clock() - OVERDUE_S
        return [
            Doubt(expected.call, expected.failed_with)
            for expected in self._calls.values()
            if expected.call.node_id == node_id
            and (expected.failed_with or expected.since_s <= overdue_s)
        ]
