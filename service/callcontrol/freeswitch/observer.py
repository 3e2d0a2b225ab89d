"""What the layer above a node is told, in which order, and what happens if it fails to listen."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch.fields import Place
from callcontrol.freeswitch.status import NodeCounters
from callcontrol.ids import CoreUuid, NodeId

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUp:
    """Events of a node flow, for the first time or again."""

    node_id: NodeId
    core_uuid: CoreUuid
    position: Place
    """Of the canary that proved the link: every event that the switch told after it has come."""
    first: bool
    """The first time since this service began: there is no gap."""
    restarted: bool
    """Another switch process than before: all its former calls are gone."""
    last_before: Place | None
    """The last event of the link before this one; None if there was none."""
    down_reason: str = ""
    """Why the link before this one was lost."""
    overloaded: bool = False
    """The switch cut the link before this one as we took events too slowly."""


class NodeObserver(Protocol):
    """Takes the events of nodes. For each node this holds.

    - `node_up` is called first; what it does before its first `await` comes before any event of the
      new link. While it then reads the calls of the switch, events already come.
    - `on_event` is called in the order of arrival, from within the reading of the socket: it must
      not block. If it raises, that is logged, counted and told as `events_lost`, and the link
      goes on: to close it would only bring the same event, or one like it, again.
    - if `node_up` raises, the link is given up and everything begins anew. It is cancelled when the
      link is lost before it has finished.
    - `node_down` is called once for each `node_up`, when the link is lost; not at the end of `run`.
    """

    def on_event(self, node_id: NodeId, event: SwitchEvent) -> None:
        """Any event but canaries; also BACKGROUND_JOB and HEARTBEAT."""

    async def node_up(self, info: NodeUp) -> None:
        """Tell what changed, and make the picture of the node's calls agree with the node."""

    def node_down(self, node_id: NodeId, reason: str) -> None:
        """Events no longer come."""

    def events_lost(self, node_id: NodeId, count: int) -> None:
        """Events came that could not be read or taken."""


class GuardedObserver:
    """Tells an observer of one node, and survives it.

    Of its failures the 1st, 2nd, 4th, 8th ... are logged: the same event may come in thousands.
    """

    def __init__(self, node_id: NodeId, observer: NodeObserver, counters: NodeCounters) -> None:
        self._node_id, self._observer, self._counters = node_id, observer, counters

    def on_event(self, event: SwitchEvent) -> None:
        """Pass an event on; if it is not taken, tell that one was lost."""
        if not self._tell(lambda: self._observer.on_event(self._node_id, event)):
            self.events_lost(1)

    def node_down(self, reason: str) -> None:
        """Tell that events no longer come."""
        self._tell(lambda: self._observer.node_down(self._node_id, reason))

    def events_lost(self, count: int) -> None:
        """Tell that events came that could not be read or taken."""
        self._tell(lambda: self._observer.events_lost(self._node_id, count))

    def _tell(self, tell: Callable[[], None]) -> bool:
        try:
            tell()
        except Exception:
            self._counters.observer_failures += 1
            if is_power_of_two(self._counters.observer_failures):
                keys = {"node": self._node_id, "failures": self._counters.observer_failures}
                log.exception("an observer failed", extra=keys)
            return False
        return True


def is_power_of_two(count: int) -> bool:
    """For logging ever more rarely what happens ever more often."""
    return count & (count - 1) == 0
