"""What becomes of a command on a link: its reply, or the loss of the link."""

import asyncio
from dataclasses import dataclass

from callcontrol.esl.messages import ApiResponse, Reply

Answer = Reply | ApiResponse


class LinkLost(Exception):
    """There is no link, or no longer. `sent` says whether the command had been written."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason, self.sent = reason, sent


class LinkRefused(Exception):
    """The switch does not let us in, or not to what we ask; that does not mend itself soon."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Waiter = asyncio.Future[Answer | Exception]
"""Whoever waits for a reply. Failures are values in it, so that one which nobody awaits any more
is dropped without a complaint of the loop."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A written command. It stays until its reply has come, also when nobody waits any more."""

    waiter: Waiter
    written_at: float

    def settle(self, outcome: Answer | Exception) -> None:
        """Give the outcome to whoever still waits."""
        if not self.waiter.done():
            self.waiter.set_result(outcome)
