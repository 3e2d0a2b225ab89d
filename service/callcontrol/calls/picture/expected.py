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

_OK: Final = "+OK "
_ERROR: Final = "-ERR "
_NO_JOB: Final[tuple[NodeId, tuple[CallId, ...]]] = (NodeId(""), ())


@dataclass(slots=True)
class _Expected:
    call: Call
    may_exist: bool
    since_s: float
    cause: str = ""
    in_doubt: bool = False


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
        self._jobs: dict[JobId, tuple[NodeId, tuple[CallId, ...]]] = {}
        self._interrupted: set[JobId] = set()
        self._by_node: Counter[NodeId] = Counter()
        self.new_doubts: set[NodeId] = set()
        """Where there are calls of which only the switch can say whether they exist."""
        self.on_stray: Callable[[NodeId, CallId], object] = lambda _node_id, _call_id: None
        """Told of a call that was made under another id than it was asked for: nobody wants it."""

    def __len__(self) -> int:
        return len(self._calls)

    def count(self, node_id: NodeId) -> int:
        """How many calls were asked of the node and have not been seen."""
        return self._by_node[node_id]

    def expect(self, job_id: JobId, *calls: Call, may_exist: bool) -> None:
        """A job is sent that makes these calls, all or some. With `may_exist` the id is the
        client's, so that a call of that id could be there already.
        """
        for call in calls:
            self.settled(call.call_id)
            self._calls[call.call_id] = _Expected(call, may_exist, self._clock())
            self._by_node[call.node_id] += 1
        self._jobs[job_id] = (calls[0].node_id, tuple(call.call_id for call in calls))
        while len(self._calls) > MAX_EXPECTED:
            self.settled(next(iter(self._calls)))
        if len(self._jobs) > MAX_EXPECTED:
            del self._jobs[next(iter(self._jobs))]

    def get(self, call_id: CallId) -> Call | None:
        """The call, as it was asked for."""
        expected = self._calls.get(call_id)
        return expected.call if expected is not None else None

    def forget(self, job_id: JobId) -> None:
        """The job was not taken, or nobody needs to hear of it."""
        _, call_ids = self._jobs.pop(job_id, _NO_JOB)
        for call_id in call_ids:
            self.settled(call_id)

    def settled(self, call_id: CallId) -> None:
        """It is known what became of the call."""
        expected = self._calls.pop(call_id, None)
        if expected is not None:
            self._by_node[expected.call.node_id] -= 1

    def failed(self, job_id: JobId, result: str) -> tuple[Call, str] | None:
        """The job has ended. Gives one call that it did not make, and the cause if that is known;
        None if there is none. Further ones are doubts, and so is one that was not made for what
        may be the life of another call of that id.
        """
        node_id, call_ids = self._jobs.pop(job_id, _NO_JOB)
        self._interrupted.discard(job_id)
        unseen = [each for call_id in call_ids if (each := self._calls.get(call_id)) is not None]
        if result.startswith(_ERROR):
            none_seen = len(unseen) == len(call_ids)
            return self._unmade(unseen, result.removeprefix(_ERROR).strip() if none_seen else "")
        if result.startswith(_OK) and call_ids:
            made = CallId(result.removeprefix(_OK).strip())
            if made not in call_ids:
                self.on_stray(node_id, made)
            self.settled(made if len(call_ids) > 1 else call_ids[0])
            return self._unmade([each for each in unseen if each.call.call_id != made], "")
        for call_id in call_ids:
            self.settled(call_id)
        return None

    def _unmade(self, unmade: list[_Expected], cause: str) -> tuple[Call, str] | None:
        for expected in unmade:
            expected.cause, expected.in_doubt = cause, True
        unmade = [each for each in unmade if each.call.call_id in self._calls]
        told = next((e for e in unmade if not (e.may_exist and cause == AMBIGUOUS_CAUSE)), None)
        if told is not None:
            self.settled(told.call.call_id)
        self.new_doubts |= {each.call.node_id for each in unmade if each is not told}
        return (told.call, cause) if told is not None else None

    def take_new_doubts(self) -> set[NodeId]:
        """The nodes with new doubts, which are then no longer new."""
        taken, self.new_doubts = self.new_doubts, set()
        return taken

    def doubts(self, node_id: NodeId) -> list[Doubt]:
        """What to ask the node about: those, and calls whose job is overdue."""
        overdue_s = self._clock() - OVERDUE_S
        return [
            Doubt(expected.call, expected.cause)
            for expected in self._calls.values()
            if expected.call.node_id == node_id
            and (expected.in_doubt or expected.since_s <= overdue_s)
        ]

    def interrupt(self, node_id: NodeId) -> None:
        """The event link to the node was lost: results of its jobs may never be heard."""
        self._interrupted |= {job_id for job_id, (node, _) in self._jobs.items() if node == node_id}
        self._interrupted &= self._jobs.keys()

    def is_placing(self, call_id: CallId) -> bool:
        """Whether a job that may make this call, or a leg beside it, will tell its result."""
        return any(
            call_id in call_ids and job_id not in self._interrupted
            for job_id, (_, call_ids) in self._jobs.items()
        )
