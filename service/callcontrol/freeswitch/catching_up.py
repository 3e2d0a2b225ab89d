"""Who waits until the events that the switch told up to now have been taken.

An answer on a command link may tell of what happened since the last event that was read: under
load the two are seconds apart. A canary fired behind the answer comes behind all events before it.
"""

import asyncio
from collections.abc import Awaitable, Callable

from callcontrol.esl.commands import Command
from callcontrol.esl.messages import Reply
from callcontrol.freeswitch.canary import Canary


class CatchingUp:
    """Canaries that somebody waits for. Bounded by those who wait."""

    def __init__(self) -> None:
        self._canary = Canary()
        self._awaited: dict[str, asyncio.Future[str]] = {}

    async def wait(self, command: Callable[[Command], Awaitable[Reply]]) -> str:
        """Fire a canary by `command`, and return when it came, or with a text that says why it
        cannot come. Raises what `command` raises.
        """
        canary = self._canary.make()
        canary_id = self._canary.last_id
        outcome = self._awaited[canary_id] = asyncio.get_running_loop().create_future()
        try:
            reply = await command(canary)
            return await outcome if reply.ok else "the switch does not let us fire events"
        finally:
            self._awaited.pop(canary_id, None)

    def passed(self, canary_id: str) -> None:
        """A canary came, whosesoever, and every event before it was taken."""
        self._settle(canary_id, "")

    def give_up(self, reason: str) -> None:
        """Events no longer come: tell everyone who waits."""
        for canary_id in self._awaited:
            self._settle(canary_id, reason)

    def _settle(self, canary_id: str, outcome: str) -> None:
        awaited = self._awaited.get(canary_id)
        if awaited is not None and not awaited.done():
            awaited.set_result(outcome)
