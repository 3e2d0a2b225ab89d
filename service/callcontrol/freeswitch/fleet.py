"""All nodes: finding one by its id, and choosing one for a new call."""

import asyncio
from collections.abc import Callable, Sequence

from callcontrol.errors import NodeDraining, NodeFull, NodeNotFound, NodeUnavailable
from callcontrol.freeswitch.node import Node
from callcontrol.ids import NodeId

Refusal = NodeUnavailable | NodeDraining | NodeFull


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

    def choose(self, calls_on: Callable[[NodeId], int]) -> Node:
        """The node for a new call: of those that take one, the one with the fewest.

        Where none does, says what stands nearest to it: raises NodeFull if a node would take calls
        but for their number, else NodeDraining if one is ready, else NodeUnavailable.
        """
        open_nodes: list[Node] = []
        refusals: list[Refusal] = []
        for node in self._nodes.values():
            try:
                node.require_open(calls_on(node.node_id))
            except (NodeFull, NodeDraining, NodeUnavailable) as refusal:
                refusals.append(refusal)
            else:
                open_nodes.append(node)
        if open_nodes:
            return min(open_nodes, key=lambda node: calls_on(node.node_id))
        raise _nearest(refusals)


def _nearest(refusals: Sequence[Refusal]) -> Refusal:
    """The refusal that says most: of a node that is there before one that is not."""
    for kind in (NodeFull, NodeDraining):
        for refusal in refusals:
            if isinstance(refusal, kind):
                return refusal
    away = [refusal for refusal in refusals if isinstance(refusal, NodeUnavailable)]
    return min(away, key=lambda refusal: refusal.retry_in_s)
