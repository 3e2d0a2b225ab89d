"""All nodes: finding one by its id, and choosing one for a new call."""

import asyncio
from collections.abc import Callable, Sequence

from callcontrol.errors import NodeDraining, NodeNotFound
from callcontrol.freeswitch.node import Node
from callcontrol.ids import NodeId


class Fleet:
    """The configured nodes, in the order of the configuration; it does not change."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        """Raises ValueError if there is no node, or two have the same id."""
        self._nodes = {node.node_id: node for node in nodes}
        if not nodes or len(self._nodes) != len(nodes):
            raise ValueError("a fleet needs nodes, each with an id of its own")

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All of them, connected or not."""
        return tuple(self._nodes.values())

    async def run(self) -> None:
        """Keep all nodes connected until cancelled. A node that is down disturbs no other."""
        async with asyncio.TaskGroup() as tasks:
            for node in self._nodes.values():
                tasks.create_task(node.run(), name=f"{node.node_id}")

    def get(self, node_id: NodeId) -> Node:
        """The node of that id. Raises NodeNotFound."""
        node = self._nodes.get(node_id)
        if node is None:
            raise NodeNotFound(node_id)
        return node

    def choose(self, load: Callable[[NodeId], int]) -> Node:
        """The node for a new call: ready, not draining, and with the least load.

        Raises NodeDraining if only nodes that drain are ready, NodeUnavailable if none is.
        """
        ready = [node for node in self._nodes.values() if node.is_ready]
        if not ready:
            errors = [node.unavailable("not ready") for node in self._nodes.values()]
            raise min(errors, key=lambda error: error.retry_in_s)
        takes_calls = [node for node in ready if not node.draining]
        if not takes_calls:
            raise NodeDraining(ready[0].node_id)
        return min(takes_calls, key=lambda node: load(node.node_id))
