"""Why the switch called nobody: it gives one cause for an id in use, and for each of its limits.

All are DESTINATION_OUT_OF_ORDER without a channel (switch_core_session.c,
switch_core_session_request_uuid). Only afterwards can it be asked which it was.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from callcontrol.calls.commands.nodes import CommandNode
from callcontrol.deadline import patience_s
from callcontrol.errors import CallIdTaken, NodeFull, NodePaused, NodeRateLimited
from callcontrol.ids import CallId

_SESSIONS: Final = re.compile(r"^(\d+) session\(s\) - peak", re.MULTILINE)
_MOST_SESSIONS: Final = re.compile(r"^(\d+) session\(s\) max", re.MULTILINE)
_NUMBER: Final = re.compile(r"\d+")

_LOOKS: Final = 3
_BETWEEN_LOOKS_S: Final = 0.4
"""The switch tells how many sessions began in the second before this one (switch_time.c), so the
second of the refusal can be seen in the one after it."""


class Refusals:
    """Asks a node why it called nobody."""

    def __init__(self, node: CommandNode) -> None:
        self._node = node

    async def require_none(self, call_ids: Sequence[CallId]) -> None:
        """Raise CallIdTaken, NodePaused, NodeFull or NodeRateLimited if that was the reason;
        also what the node raises. Takes about a second if it was none of them.
        """
        node = self._node
        for call_id in call_ids:
            if await exists(node, call_id):
                raise CallIdTaken(call_id)
        if (await node.api("fsctl", "pause_check outbound")).strip() == "true":
            raise NodePaused(node.node_id)
        status = await node.api("status")
        sessions, most = _SESSIONS.search(status), _MOST_SESSIONS.search(status)
        if sessions and most and int(sessions[1]) >= int(most[1]):
            raise NodeFull(node.node_id, int(most[1]))
        await self._require_pace()

    async def _require_pace(self) -> None:
        node = self._node
        most = _NUMBER.search(await node.api("fsctl", "sps"))
        if most is None:
            return
        for _ in range(_LOOKS):
            last = _NUMBER.search(await node.api("fsctl", "last_sps"))
            if last and int(last[0]) >= int(most[0]):
                raise NodeRateLimited(node.node_id, int(most[0]) - 1)
            await asyncio.sleep(patience_s(_BETWEEN_LOOKS_S))


async def exists(node: CommandNode, call_id: CallId) -> bool:
    """Whether the switch has a channel of that id that has not hung up. Raises what `api` does."""
    return (await node.api("uuid_exists", call_id)).strip() == "true"
