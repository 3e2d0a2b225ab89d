"""Finding the call of an attempt that was made before: by this process, an earlier one, or another
replica.

A call that comes of a request id has an id made from it, and carries a fingerprint of the request
in a variable. So a repeat finds it on whichever node it is, and another request is told apart.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from callcontrol.calls.call import Call
from callcontrol.calls.commands.commander import Commander
from callcontrol.calls.commands.nodes import CommandNode
from callcontrol.calls.picture import translate
from callcontrol.calls.picture.findings import Findings
from callcontrol.calls.picture.reconcile import Differences
from callcontrol.calls.picture.snapshot import read_dump
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.picture.variables import MARK
from callcontrol.calls.placing.refusals import exists
from callcontrol.calls.requests import OriginateSpec
from callcontrol.errors import (
    CallHasEnded,
    CallIdTaken,
    CommandQueueFull,
    NodeUnavailable,
    OutcomeUnknown,
    RequestIdReused,
)
from callcontrol.ids import CallId, NodeId

_UNSET: Final = "_undef_"
_ERROR: Final = "-ERR"


async def learn(tracker: CallTracker, node: CommandNode, call_id: CallId) -> bool:
    """Ask a node for a call that was not seen, and let the tracker know it, as its listing may lag
    behind; whether it is there. Raises what the node's `api` does.
    """
    if not await exists(node, call_id):
        return False
    dump = read_dump(await node.api("uuid_dump", f"{call_id} json"))
    if dump is None:
        return tracker.seen(call_id) is not None
    core_uuid = translate.core_uuid_of(dump)
    Findings(tracker, tracker.publish).take_dump(
        node.node_id, core_uuid, call_id, dump, Differences()
    )
    return True


class Adoption:
    """Looks for the call that a repeated request placed before."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    async def find(self, spec: OriginateSpec, call_ids: Sequence[CallId]) -> NodeId | None:
        """The node that has, or lately had, one of the legs; None if nobody knows of them.

        A node that cannot be asked, or gives no answer for some seconds, is passed over. Raises
        RequestIdReused if the call came of another request, CallIdTaken if it came of none, and
        CallHasEnded if it ended so long ago that nothing else is known of it.
        """
        tracker = self._commander.tracker
        for call_id in call_ids:
            if (call := tracker.seen(call_id)) is not None:
                await self._require_same(spec, call)
                return call.node_id
        asked = tracker.get(call_ids[0])
        if asked is not None and await self._may_come(asked, call_ids):
            return asked.node_id
        if tracker.legs.has_ended(call_ids[0]):
            raise CallHasEnded(call_ids[0])
        return await self._ask_nodes(spec, call_ids)

    async def _may_come(self, asked: Call, call_ids: Sequence[CallId]) -> bool:
        """Whether a call that was asked for, and not seen, may still come. One whose command was
        lost on the way to the switch does not: it is forgotten.
        """
        tracker = self._commander.tracker
        if tracker.expected.is_placing(asked.call_id):
            return True
        node = self._commander.nodes.get(asked.node_id)
        try:
            there = [await learn(tracker, node, call_id) for call_id in call_ids]
        except (NodeUnavailable, CommandQueueFull, OutcomeUnknown):
            return True
        if not any(there):
            for call_id in call_ids:
                tracker.expected.settled(call_id)
        return any(there)

    async def _ask_nodes(self, spec: OriginateSpec, call_ids: Sequence[CallId]) -> NodeId | None:
        tracker, found = self._commander.tracker, list[NodeId]()

        async def ask(node: CommandNode) -> None:
            with suppress(NodeUnavailable, CommandQueueFull, OutcomeUnknown, TimeoutError):
                async with asyncio.timeout(self._commander.settings.first_sign_timeout_s):
                    there = [await learn(tracker, node, call_id) for call_id in call_ids]
                found.extend([node.node_id] if any(there) else [])

        async with asyncio.TaskGroup() as tasks:
            for node in self._commander.nodes.nodes:
                tasks.create_task(ask(node), name=f"look for {call_ids[0]} on {node.node_id}")
        for call_id in call_ids:
            if found and (call := tracker.seen(call_id)) is not None:
                await self._require_same(spec, call)
        return found[0] if found else None

    async def _require_same(self, spec: OriginateSpec, call: Call) -> None:
        fingerprint = call.variables.get(MARK) or await self._read(call)
        if fingerprint == spec.fingerprint:
            return
        if fingerprint:
            raise RequestIdReused(spec.request_id)
        if not spec.call_id_is_derived:
            raise CallIdTaken(call.call_id)

    async def _read(self, call: Call) -> str:
        """The fingerprint on the switch, as the first events of a call come without it."""
        if call.is_over:
            return ""
        node = self._commander.nodes.get(call.node_id)
        with suppress(NodeUnavailable, CommandQueueFull, OutcomeUnknown):
            value = await node.api("uuid_getvar", f"{call.call_id} {MARK}")
            return "" if value.startswith(_ERROR) or value == _UNSET else value.strip()
        return ""
