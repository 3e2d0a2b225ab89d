"""Who watches which call."""

from callcontrol.calls.picture.watch import Watch
from callcontrol.events.event import Event
from callcontrol.ids import CallId, NodeId


class WatchTable:
    """The watches that are entered now, found by the calls they watch."""

    def __init__(self) -> None:
        self._by_call: dict[CallId, list[Watch]] = {}

    def __len__(self) -> int:
        return len({id(watch) for watches in self._by_call.values() for watch in watches})

    def __bool__(self) -> bool:
        return bool(self._by_call)

    def add(self, watch: Watch) -> None:
        """Begin to pass the watch the events of its calls."""
        for call_id in watch.call_ids:
            self._by_call.setdefault(call_id, []).append(watch)

    def remove(self, watch: Watch) -> None:
        """Pass it no more."""
        for call_id in watch.call_ids:
            watches = self._by_call.get(call_id, [])
            if watch in watches:
                watches.remove(watch)
            if not watches:
                self._by_call.pop(call_id, None)

    def rename(self, former: CallId, call_id: CallId) -> None:
        """Let those that watch the former id watch the new one too."""
        for watch in self._by_call.get(former, []):
            if call_id not in watch.call_ids:
                watch.call_ids.add(call_id)
                self._by_call.setdefault(call_id, []).append(watch)

    def pass_on(self, event: Event) -> None:
        """Give an event to those that watch a call it concerns, once to each."""
        told: list[Watch] = []
        for call_id in (event.call_id, *event.peer_call_ids):
            for watch in self._by_call.get(call_id, ()) if call_id is not None else ():
                if watch not in told:
                    told.append(watch)
                    watch.take(event)

    def lose_node(self, node_id: NodeId, reason: str) -> None:
        """Tell those that watch calls of a node that it is gone."""
        for watches in list(self._by_call.values()):
            for watch in watches:
                if watch.node_id == node_id:
                    watch.lose(reason)
