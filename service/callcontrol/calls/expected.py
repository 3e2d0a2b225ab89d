"""Calls that were asked of a switch: one that fails before it becomes a channel has no event of its
own, so the result of the job that should have made it is its end.
"""

from dataclasses import dataclass
from typing import Final

from callcontrol.calls.call import Call
from callcontrol.ids import JobId

MAX_EXPECTED: Final = 20_000
"""Twice the jobs that a node may have under way; the oldest beyond them is forgotten."""

AMBIGUOUS_CAUSE: Final = "DESTINATION_OUT_OF_ORDER"
"""What the switch says of a call id that is in use, and of much else, without any event
(switch_ivr_originate.c)."""

_ERROR: Final = "-ERR "


@dataclass(frozen=True, slots=True)
class _Expected:
    call: Call
    may_exist: bool


class ExpectedCalls:
    """The calls of the originates under way, by job."""

    def __init__(self) -> None:
        self._calls: dict[JobId, _Expected] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def expect(self, job_id: JobId, call: Call, *, may_exist: bool) -> None:
        """A job is about to be sent that makes this call. With `may_exist` the id is the client's,
        so that a call of that id could be there already.
        """
        self._calls[job_id] = _Expected(call, may_exist)
        if len(self._calls) > MAX_EXPECTED:
            del self._calls[next(iter(self._calls))]

    def forget(self, job_id: JobId) -> None:
        """The job was not taken, or nobody needs to hear of it."""
        self._calls.pop(job_id, None)

    def failed(self, job_id: JobId, result: str) -> tuple[Call, str] | None:
        """The job has ended: the call, and the cause for which it was not made; None if it was
        made, was none of ours, or failed for what may be the life of another call.
        """
        expected = self._calls.pop(job_id, None)
        if expected is None or not result.startswith(_ERROR):
            return None
        cause = result.removeprefix(_ERROR).strip()
        if expected.may_exist and cause == AMBIGUOUS_CAUSE:
            return None
        return expected.call, cause
