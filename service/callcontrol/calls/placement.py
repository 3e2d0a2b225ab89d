"""Where a new call goes: the node with the fewest calls, counting those that are on their way.

A call counts from the moment its node was chosen, so that a burst of calls is spread, and no node
gets more than it may have. Every leg that is known on a node counts, whoever placed it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from callcontrol.calls.nodes import CommandNode, CommandNodes
from callcontrol.calls.tracker import CallTracker
from callcontrol.ids import NodeId


class Place:
    """A place for one call on a node, kept until the call itself is counted there."""

    def __init__(self, node: CommandNode, kept: Counter[NodeId]) -> None:
        self.node = node
        self._kept, self._is_kept = kept, True
        kept[node.node_id] += 1

    def give_up(self) -> None:
        """The call is counted itself from now on, or there will be none. Does it once."""
        if self._is_kept:
            self._is_kept = False
            self._kept[self.node.node_id] -= 1


class Placement:
    """Chooses nodes for new calls, and knows how many calls each has."""

    def __init__(self, nodes: CommandNodes, tracker: CallTracker) -> None:
        self._nodes, self._tracker = nodes, tracker
        self._kept: Counter[NodeId] = Counter()

    def calls_on(self, node_id: NodeId) -> int:
        """Legs on the node: those seen, those asked of the switch, and those about to be."""
        tracker = self._tracker
        return tracker.count(node_id) + tracker.expected.count(node_id) + self._kept[node_id]

    @contextmanager
    def place(self, node_id: NodeId | None = None) -> Iterator[Place]:
        """A place for a call on that node, or on the one with the fewest calls.

        Raises NodeNotFound, NodeUnavailable, NodeDraining and NodeFull.
        """
        place = Place(self._node_for(node_id), self._kept)
        try:
            yield place
        finally:
            place.give_up()

    def _node_for(self, node_id: NodeId | None) -> CommandNode:
        if node_id is None:
            return self._nodes.choose(self.calls_on)
        node = self._nodes.get(node_id)
        node.require_open(self.calls_on(node_id))
        return node
