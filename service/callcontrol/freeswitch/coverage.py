"""The time between two gaps of a node's events, and what its owner does meanwhile."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Protocol

from callcontrol.errors import CallControlError
from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch.feed import Fresh
from callcontrol.freeswitch.link import ArrivedEvent
from callcontrol.freeswitch.replies import LinkLost
from callcontrol.ids import NodeId

log = logging.getLogger(__name__)


class EventsOwner(Protocol):
    """What is told of a node's events. None of the plain functions may raise."""

    def on_event(self, event: ArrivedEvent) -> None:
        """An event that is no canary."""

    async def on_up(self, fresh: Fresh) -> None:
        """Synchronise; no event behind the gap is passed on before the first `await` in it."""

    def on_down(self, reason: str, last_event: SwitchEvent | None) -> None:
        """What `on_up` was called for is over: a gap begins behind `last_event`."""


@dataclass(slots=True, eq=False)
class Coverage:
    """The time between two gaps."""

    fresh: Fresh
    since_us: int
    held: list[ArrivedEvent] | None = field(default_factory=list)
    """Events held back; None once they are passed on."""
    held_bytes: int = 0
    last_event: SwitchEvent | None = None
    synchronised: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    end_reason: str = ""

    async def follow(self, node_id: NodeId, owner: EventsOwner) -> str:
        """Let the owner synchronise, until this is over or that failed: then return how."""
        failure = ""
        # Runs when `on_up` first waits, and before any event that arrives later.
        release = asyncio.get_running_loop().call_soon(self._release, owner)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._fail_when_ended(), name=f"{node_id} watch")
                await owner.on_up(self.fresh)
                self.synchronised = True
                # Not left to the end of the group: if a task fails while its parent waits there,
                # the parent stays marked as being cancelled (before Python 3.13).
                await self._fail_when_ended()
        except* LinkLost:
            pass
        except* CallControlError as group:
            failure = f"its calls could not be read: {group.exceptions[0]}"
        except* Exception:
            failure = "its calls could not be read: an internal error"
            log.exception("synchronising failed", extra={"node": node_id})
        finally:
            release.cancel()
        return failure

    def give(self, owner: EventsOwner, event: ArrivedEvent) -> None:
        """Pass an event on."""
        if isinstance(event, SwitchEvent):
            self.last_event = event
        owner.on_event(event)

    def _release(self, owner: EventsOwner) -> None:
        held, self.held = self.held or [], None
        for event in held:
            self.give(owner, event)

    async def _fail_when_ended(self) -> None:
        await self.ended.wait()
        raise LinkLost(self.end_reason, sent=False)
