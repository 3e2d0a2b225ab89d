"""Requests that take several commands: once one of them is out, none may say that nothing was."""

from collections.abc import Iterator
from contextlib import contextmanager

from callcontrol.errors import CommandQueueFull, NodeUnavailable, OutcomeUnknown
from callcontrol.ids import NodeId


class Steps:
    """The commands of one request to one node, one after the other.

    NodeUnavailable and CommandQueueFull say that nothing was sent, which is true of the first
    command alone. From then on they are OutcomeUnknown: the request is done in part.
    """

    def __init__(self, node_id: NodeId, *, begun: bool = False) -> None:
        self._node_id, self._begun = node_id, begun

    @contextmanager
    def step(self) -> Iterator[None]:
        """Around each command."""
        with self.look():
            yield
        self._begun = True

    @contextmanager
    def look(self) -> Iterator[None]:
        """Around a command that only reads: after it, as before it, nothing need have begun."""
        try:
            yield
        except (NodeUnavailable, CommandQueueFull) as error:
            if not self._begun:
                raise
            raise OutcomeUnknown(self._node_id, f"not what belongs to it: {error}") from error
