"""Events fired at ourselves: that one comes back proves the event path, and not just the link."""

import asyncio
import time
import uuid

from callcontrol.esl.commands import SendEvent
from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch import fields


class Canary:
    """Makes canaries, knows its own again, and remembers when one last came back."""

    def __init__(self) -> None:
        self._prefix = uuid.uuid4().hex
        self._sent = 0
        self._awaited: tuple[str, asyncio.Future[SwitchEvent | Exception]] | None = None
        self.back_at: float | None = None
        """By the monotonic clock; None if none has come back on this link."""

    def make(self) -> SendEvent:
        """The command that fires the next one."""
        self._sent += 1
        headers = (
            (fields.EVENT_SUBCLASS, fields.CANARY_SUBCLASS),
            (fields.CANARY_ID, self.last_id),
        )
        return SendEvent("CUSTOM", headers)

    def await_last(self) -> asyncio.Future[SwitchEvent | Exception]:
        """Settled when the one made last comes back, or by `give_up`."""
        self.back_at = None
        awaited: asyncio.Future[SwitchEvent | Exception]
        awaited = asyncio.get_running_loop().create_future()
        self._awaited = (self.last_id, awaited)
        return awaited

    def recognise(self, event: SwitchEvent) -> str | None:
        """The id of a canary, of ours or of another client of the switch; None for other events."""
        canary_id = fields.canary_id(event)
        if canary_id is not None and canary_id.startswith(self._prefix):
            self.back_at = time.monotonic()
            if self._awaited is not None and self._awaited[0] == canary_id:
                self._settle(event)
        return canary_id

    def give_up(self, problem: Exception) -> None:
        """The link is gone: whoever awaits one is told."""
        self.back_at = None
        self._settle(problem)

    def is_late(self, limit_s: float) -> bool:
        """Whether none came back within the last `limit_s` seconds."""
        return self.back_at is None or time.monotonic() - self.back_at > limit_s

    @property
    def last_id(self) -> str:
        """The id of the one made last."""
        return f"{self._prefix}-{self._sent}"

    def _settle(self, outcome: SwitchEvent | Exception) -> None:
        if self._awaited is not None:
            _, awaited = self._awaited
            self._awaited = None
            if not awaited.done():
                awaited.set_result(outcome)
