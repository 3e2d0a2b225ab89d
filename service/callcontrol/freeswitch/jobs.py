"""Which bgapi commands are under way on a node, and who waits for their results.

The id of a job is ours, and it is in the table before anything is written: its BACKGROUND_JOB
may come before the reply to the bgapi. Results are told once, to those who listen at that moment;
what is fired while the event link is down never comes.
"""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch import fields
from callcontrol.freeswitch.status import NodeCounters
from callcontrol.ids import JobId


class JobLost(Exception):
    """The result of a job may never come.

    With `gone` it cannot come any more: the switch process that ran it has ended, or this service
    stops. Otherwise the event link was down for a while: the result may have been fired then, or
    the job may still run. Look for what it should have done; or call `result` again to wait on.
    """

    def __init__(self, reason: str, *, gone: bool) -> None:
        super().__init__(reason)
        self.reason, self.gone = reason, gone


class Job:
    """One bgapi command. Use it in a `with`, or just drop it: the table does not keep it alive."""

    def __init__(self, job_id: JobId, table: "JobTable") -> None:
        self.job_id = job_id
        self._table = table
        self._outcome = _new_outcome()

    async def result(self) -> str:
        """The output of the command, without limit of time; empty if it printed nothing.

        Raises JobLost, see there. May be cancelled and called again. After an interruption of the
        event link it raises only when the node's calls have been read anew, so that who then
        looks for them sees the truth; a result that comes first is returned.
        """
        awaited = self._outcome
        # A cancelled caller must not cancel the future that the next caller awaits.
        outcome = await asyncio.shield(awaited)
        if isinstance(outcome, str):
            return outcome
        if not outcome.gone and self._outcome is awaited:
            self._outcome = _new_outcome()
        raise JobLost(outcome.reason, gone=outcome.gone)

    @property
    def finished(self) -> bool:
        """Whether `result` returns, or raises, at once."""
        return self._outcome.done()

    def settle(self, outcome: str | JobLost) -> None:
        """For the table: give the result, or the loss, to whoever waits."""
        if not self._outcome.done():
            self._outcome.set_result(outcome)
        elif isinstance(outcome, str) or outcome.gone:
            # A loss that nobody has seen yet is overtaken by the truth.
            self._outcome = _new_outcome()
            self._outcome.set_result(outcome)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._table.forget(self.job_id)


class JobTable:
    """The jobs of one node whose results have not come."""

    def __init__(self, counters: NodeCounters) -> None:
        self._jobs: WeakValueDictionary[JobId, Job] = WeakValueDictionary()
        self._counters = counters

    def __len__(self) -> int:
        return len(self._jobs)

    def expect(self, job_id: JobId) -> Job:
        """Enter a job; to be done before its bgapi is written. Raises ValueError if it is known."""
        if job_id in self._jobs:
            raise ValueError(f"job {job_id} is under way")
        job = self._jobs[job_id] = Job(job_id, self)
        self._counters.jobs += 1
        return job

    def forget(self, job_id: JobId) -> None:
        """Nobody waits for that job any more."""
        self._jobs.pop(job_id, None)

    def on_result(self, event: SwitchEvent) -> None:
        """Take a BACKGROUND_JOB; those of other clients of the switch are passed over."""
        job = self._jobs.pop(fields.job_id(event), None)
        if job is not None:
            job.settle(event.body)

    def under_way(self) -> list[Job]:
        """Those that are at risk when the event link is lost now."""
        return list(self._jobs.values())

    def lose(self, jobs: Iterable[Job], reason: str, *, gone: bool) -> None:
        """Tell those of the given jobs that have no result yet; those `gone` leave the table."""
        for job in jobs:
            if job.job_id not in self._jobs:
                continue
            self._counters.lost_jobs += 1
            if gone:
                self.forget(job.job_id)
            job.settle(JobLost(reason, gone=gone))


def _new_outcome() -> asyncio.Future[str | JobLost]:
    return asyncio.get_running_loop().create_future()
