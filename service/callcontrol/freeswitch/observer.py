"""What the layer above a node is told, and in which order."""

from dataclasses import dataclass
from typing import Protocol

from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch.fields import LastSeen
from callcontrol.ids import CoreUuid, NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUp:
    """Events of a node flow, for the first time or again."""

    node_id: NodeId
    core_uuid: CoreUuid
    first: bool
    """The first time since this service began: there is no gap."""
    restarted: bool
    """Another switch process than before: all its former calls are gone."""
    last_before: LastSeen | None
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
