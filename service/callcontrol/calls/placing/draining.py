"""Draining: a node that takes no new calls, and how those who follow it hear of that."""

import logging
from collections.abc import Callable
from typing import Protocol

from callcontrol.calls.payloads import NodeChanged
from callcontrol.calls.picture.service import History
from callcontrol.calls.picture.synthetic import node_event
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.freeswitch.status import NodeState
from callcontrol.ids import CoreUuid, NodeId

_log = logging.getLogger(__name__)

_CONNECTED = frozenset({NodeState.ACTIVE, NodeState.DRAINING})


class DrainableNode(Protocol):
    """What draining needs of a node."""

    draining: bool

    @property
    def state(self) -> NodeState:
        """How the service stands with it."""

    @property
    def core_uuid(self) -> CoreUuid | None:
        """The switch process that was last connected."""


class Draining:
    """Sets it, in the memory of this process, and tells the history. Nothing goes to the switch."""

    def __init__(
        self, node_of: Callable[[NodeId], DrainableNode], tracker: CallTracker, history: History
    ) -> None:
        """`node_of` raises NodeNotFound."""
        self._node_of, self._tracker, self._history = node_of, tracker, history

    def set(self, node_id: NodeId, *, draining: bool) -> None:
        """Take no new calls on the node, or take them again; nothing where that is so already."""
        node = self._node_of(node_id)
        if node.draining == draining:
            return
        node.draining = draining
        reason = "draining" if draining else "takes calls again"
        _log.info(
            "node drains" if draining else "node takes calls again",
            extra={"node": node_id, "calls": self._tracker.count(node_id)},
        )
        change = NodeChanged(
            node_id,
            node.state in _CONNECTED,
            self._tracker.count(node_id),
            node.core_uuid,
            reason,
            draining,
        )
        self._history.append(node_event(change, self._tracker.now_us()))
