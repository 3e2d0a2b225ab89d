"""Nodes that are one switch under two names: each of its calls is there twice."""

import logging
from collections.abc import Iterable
from itertools import combinations
from typing import Final

from callcontrol.freeswitch.node import Node
from callcontrol.ids import NodeId

log: Final = logging.getLogger(__name__)


class Twins:
    """Warns of each such pair once."""

    def __init__(self) -> None:
        self._known: set[frozenset[NodeId]] = set()

    def look(self, nodes: Iterable[Node]) -> None:
        """Look whether there are any among those that can be used."""
        ready = [node for node in nodes if node.is_ready]
        for one, other in combinations(ready, 2):
            pair = frozenset({one.node_id, other.node_id})
            if one.core_uuid == other.core_uuid and pair not in self._known:
                self._known.add(pair)
                keys = {"nodes": sorted(pair), "core_uuid": one.core_uuid}
                log.warning("two nodes are the same switch", extra=keys)
