"""The jobs whose results an interruption of the event link may have swallowed, and when they are
given up.
"""

import asyncio

from callcontrol.freeswitch.jobs import Job, JobTable


class JobsAtRisk:
    """Of one node. A result that comes all the same is taken, as long as nobody gave it up."""

    def __init__(self, jobs: JobTable, grace_s: float) -> None:
        """`grace_s` is how long the event link may be away before they are given up."""
        self._jobs, self._grace_s = jobs, grace_s
        self._at_risk: list[Job] = []
        self._grace: asyncio.TimerHandle | None = None

    def link_lost(self) -> int:
        """Events no longer come. Returns how many jobs are at risk."""
        self._at_risk = self._jobs.under_way()
        if self._grace is None:
            loop = asyncio.get_running_loop()
            self._grace = loop.call_later(self._grace_s, self._end_grace)
        return len(self._at_risk)

    def switch_restarted(self) -> None:
        """It knows nothing of them."""
        self._jobs.lose(self._at_risk, "the switch was restarted", gone=True)

    def link_back(self) -> None:
        """Events come again, and what they would have told was asked for."""
        self.stop()
        self._give_up("the event link was interrupted")
        self._at_risk = []

    def stop(self) -> None:
        """Count no more time."""
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def _end_grace(self) -> None:
        self._grace = None
        self._give_up("the node is unreachable")

    def _give_up(self, reason: str) -> None:
        self._jobs.lose(self._at_risk, reason, gone=False)
