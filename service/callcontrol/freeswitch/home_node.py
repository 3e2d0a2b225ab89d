"""Finds the node that a call is on which its switch has brought.

What a peer says of itself proves nothing, so the node itself is asked whether it has the call.
"""

import asyncio
import logging
from typing import Final

from callcontrol.errors import CallControlError
from callcontrol.freeswitch.call_data import CallData
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.node import Node

log: Final = logging.getLogger(__name__)

LOOK_INTERVAL_S: Final = 0.1
"""Between two looks whether a node has been connected: right after the start none is."""


async def find_home(fleet: Fleet, data: CallData, limit_s: float) -> Node | None:
    """The node that has the call, which commands reach; None if none does, within the limit."""
    try:
        async with asyncio.timeout(limit_s):
            node = await _of_that_process(fleet, data)
            if node is None:
                return None
            answer = await node.api("uuid_exists", data.call_id)
    except (TimeoutError, CallControlError) as problem:
        keys = {"call_id": data.call_id, "reason": str(problem) or "no answer in time"}
        log.warning("a call that came cannot be looked up", extra=keys)
        return None
    return node if answer.strip() == "true" else None


def is_foreign(fleet: Fleet, data: CallData) -> bool:
    """Whether the call is on a switch that is no node, nor may turn out to be one."""
    return not any(
        node.core_uuid == data.core_uuid or _may_become(node, data.hostname) for node in fleet.nodes
    )


async def _of_that_process(fleet: Fleet, data: CallData) -> Node | None:
    """The node that is this switch process; waits while one that may be it is not connected."""
    while True:
        for node in fleet.nodes:
            if node.core_uuid == data.core_uuid and node.is_ready:
                return node
        if not any(_may_become(node, data.hostname) for node in fleet.nodes):
            return None
        await asyncio.sleep(LOOK_INTERVAL_S)


def _may_become(node: Node, hostname: str) -> bool:
    """Whether a node that is not connected may turn out to be a switch on that host."""
    return not node.is_ready and node.status.hostname in ("", hostname)
