"""Where a new call goes: the node with the fewest calls, counting those that are on their way.

A call counts from the moment its node was chosen, so that a burst of calls is spread, and no node
gets more than it may have. Every leg that is known on a node counts, whoever placed it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from callcontrol.calls.commands.nodes import CommandNode, CommandNodes
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.ids import NodeId


class Place:
    """A place for the legs of a call on a node, kept until they themselves are counted there."""

    def __init__(self, node: CommandNode, legs: int, kept: Counter[NodeId]) -> None:
        self.node = node
        self._kept, self._legs = kept, legs
        kept[node.node_id] += legs

    def give_up(self) -> None:
        """The legs are counted themselves from now on, or there will be none. Does it once."""
        self._kept[self.node.node_id] -= self._legs
        self._legs = 0


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
    def place(self, node_id: NodeId | None = None, *, legs: int = 1) -> Iterator[Place]:
        """A place for a call of so many legs on that node, or on the one with the fewest calls.

        Raises NodeNotFound, NodeUnavailable, NodeDraining and NodeFull.
        """
        place = Place(self._node_for(node_id, legs), legs, self._kept)
        try:
            yield place
        finally:
            place.give_up()

    def _node_for(self, node_id: NodeId | None, legs: int) -> CommandNode:
        def calls_beside_the_last(of: NodeId) -> int:
            return self.calls_on(of) + legs - 1

        if node_id is None:
            return self._nodes.choose(calls_beside_the_last)
        node = self._nodes.get(node_id)
        node.require_open(calls_beside_the_last(node_id))
        return node
