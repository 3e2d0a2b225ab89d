"""Following legs that somebody else placed, or that were lost from sight: by their events, and by
asking the switch where events were or may be missed.
"""

import asyncio

from callcontrol.calls.call import CallState
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.nodes import CommandNode
from callcontrol.calls.outcome import OriginateOutcome
from callcontrol.calls.picture.watch import Watch
from callcontrol.calls.placing.adoption import learn
from callcontrol.calls.placing.dialled import Dialled
from callcontrol.errors import (
    CommandQueueFull,
    NodeDraining,
    NodeFull,
    NodeUnavailable,
    OutcomeUnknown,
)
from callcontrol.events.event import Event


class Following:
    """Waits for what becomes of the legs of an attempt, without the result of its job."""

    def __init__(self, commander: Commander, dialled: Dialled, node: CommandNode) -> None:
        self._commander, self._dialled, self._node = commander, dialled, node

    async def outcome(self, *, lost: bool = False) -> OriginateOutcome:
        """What became of them. With `lost`, the link to the node was interrupted: it is waited for,
        as it is where the node is away now, and more is to come.

        Raises OutcomeUnknown if the node does not come back in time, or does not know the legs
        when it does; NodeUnavailable never.
        """
        tracker, dialled = self._commander.tracker, self._dialled
        lost = lost or not (dialled.reached() or self._is_over() or self._is_back())
        while True:
            if lost:
                await self._node_back()
            with tracker.watch(*dialled.call_ids, node_id=dialled.node_id) as watch:
                try:
                    if not lost or await self._is_there(watch):
                        return await self._by_events(watch)
                except (OutcomeUnknown, NodeUnavailable, CommandQueueFull):
                    lost = True
                else:
                    reason = "the link was lost, and it has no such call"
                    raise OutcomeUnknown(self._node.node_id, reason)
            # A node with a full queue refuses at once, and others must go on to shorten it.
            await asyncio.sleep(self._commander.settings.node_return_retry_s)

    async def _node_back(self) -> None:
        settings = self._commander.settings
        try:
            async with asyncio.timeout(settings.node_return_timeout_s):
                while not self._is_back():  # noqa: ASYNC110 - a node that is back tells nobody
                    await asyncio.sleep(settings.node_return_retry_s)
        except TimeoutError as exc:
            raise OutcomeUnknown(self._node.node_id, "the node did not come back") from exc

    def _is_back(self) -> bool:
        try:
            self._node.require_open(0)
        except NodeUnavailable:
            return False
        except (NodeDraining, NodeFull):
            pass
        return True

    async def _is_there(self, watch: Watch) -> bool:
        """Ask for legs that were not seen. False when none was, none is there, and none comes: the
        command may have reached the switch just now.
        """
        tracker, dialled = self._commander.tracker, self._dialled
        for call_id in dialled.call_ids:
            if tracker.seen(call_id) is None:
                await learn(tracker, self._node, call_id)
        return bool(dialled.seen()) or await self._happens(watch)

    async def _by_events(self, watch: Watch) -> OriginateOutcome:
        dialled = self._dialled
        while True:
            if dialled.reached():
                return dialled.success()
            if not self._is_over():
                await watch.until(self._noted, past_end=True)
            elif not await self._goes_on(watch):
                return dialled.failure(dialled.last_cause())

    def _is_over(self) -> bool:
        seen = self._dialled.seen()
        return bool(seen) and all(call.state is CallState.ENDED for call in seen)

    async def _goes_on(self, watch: Watch) -> bool:
        """Whether something happened after all legs that were seen have ended."""
        if not self._dialled.has_unseen():
            return False
        if self._commander.tracker.expected.is_placing(self._dialled.call_id):
            return await watch.until(self._noted, past_end=True)
        return await self._happens(watch)

    async def _happens(self, watch: Watch) -> bool:
        """Whether anything happens to a leg within the time that the switch needs to begin one."""
        try:
            async with asyncio.timeout(self._commander.settings.first_sign_timeout_s):
                return await watch.until(self._noted, past_end=True)
        except TimeoutError:
            return False

    def _noted(self, event: Event) -> bool:
        """Any event ends a wait, and tells how far its leg is."""
        self._dialled.note(event)
        return True
