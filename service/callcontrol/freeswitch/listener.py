"""Listens for the calls that dialplans hand over by their socket application (outbound mode).

Every connection is one call, and gets a proper end whatever becomes of it: a connection that is
just closed before `connect` leaves its call in a park for ever. So even who is turned away is told
`connect` and `exit`, as long as there are not too many of those.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from callcontrol.freeswitch.admission import Admission, OutboundCounters
from callcontrol.freeswitch.arrivals import ArrivedCall, CallHandler
from callcontrol.freeswitch.call_data import CallData, NotACall
from callcontrol.freeswitch.call_link import CallLink
from callcontrol.freeswitch.dial import within
from callcontrol.freeswitch.door import Door
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.home_node import find_home, is_foreign
from callcontrol.freeswitch.observer import is_power_of_two
from callcontrol.freeswitch.outbound_node import OutboundNodes
from callcontrol.freeswitch.outbound_settings import OutboundSettings
from callcontrol.freeswitch.replies import LinkLost
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.freeswitch.status import NodeCounters
from callcontrol.ids import NodeId

log: Final = logging.getLogger(__name__)

BACKLOG: Final = 1_024
"""Connections that may wait for the accept: a dialplan that is refused goes on without us."""
MAX_TURNED_AWAY: Final = 64
"""Connections that are turned away properly at one time; further ones are closed at once."""


class OutboundListener:
    """Takes calls while `listening`, and hands them over."""

    def __init__(
        self,
        settings: OutboundSettings,
        fleet: Fleet,
        handler: CallHandler,
        timings: LinkTimings | None = None,
        *,
        unknown: OutboundNodes | None = None,
    ) -> None:
        """`unknown` takes the calls of switches that are no nodes, where the settings allow it;
        without it they go on.
        """
        self._unknown = unknown if settings.unknown_switches else None
        self._settings, self._fleet, self._handler = settings, fleet, handler
        self._timings = timings or LinkTimings()
        self.counters = OutboundCounters()
        self._admission = Admission(settings.peers, settings.max_connections, self.counters)
        self._door = Door()
        self._node_counters = NodeCounters()  # which links want; nobody looks at them here
        self._tasks: asyncio.TaskGroup | None = None
        self._server: asyncio.Server | None = None
        self._admitted: set[CallLink] = set()
        self._turned_away: set[CallLink] = set()
        self.port = 0
        """The port, while it listens."""

    @property
    def connections(self) -> int:
        """Calls that wait here, or are somebody's."""
        return len(self._admitted)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take calls until the end of the block; then let those that are here go on.

        Raises OSError if the address cannot be had. Leaving takes some seconds at most.
        """
        settings, loop = self._settings, asyncio.get_running_loop()
        async with asyncio.TaskGroup() as self._tasks:
            self._server = await loop.create_server(
                lambda: self._new_link().socket, settings.host, settings.port, backlog=BACKLOG
            )
            self.port = self._server.sockets[0].getsockname()[1]
            for node in self._fleet.nodes:
                self._door.assume(node.node_id, node.settings.host, settings.host, self.port)
            self._let_nodes_use(self._door)
            try:
                yield
            finally:
                self.stop_listening()
                for link in (*self._admitted, *self._turned_away):
                    link.leave()

    def stop_listening(self) -> None:
        """Take no further call: dialplans that ring here now go on. Calls that are here stay."""
        self._tasks = None
        self._let_nodes_use(None)
        if self._server is not None:
            self._server.close()
            self._server = None

    def _let_nodes_use(self, door: Door | None) -> None:
        for node in self._fleet.nodes:
            node.door = door

    def _new_link(self) -> CallLink:
        return CallLink(
            self._timings,
            self._node_counters,
            end_timeout_s=self._settings.end_timeout_s,
            on_connected=self._on_connected,
        )

    def _on_connected(self, link: CallLink) -> None:
        self.counters.connections += 1
        if self._tasks is None:
            link.socket.end("this service stops")
        elif self._admission.admits(link.socket.peer_host, len(self._admitted)):
            self._admitted.add(link)
            self._tasks.create_task(self._serve(link), name="call that was handed over")
        elif len(self._turned_away) < MAX_TURNED_AWAY:
            self._turned_away.add(link)
            self._tasks.create_task(self._turn_away(link), name="call that is turned away")
        else:
            self.counters.closed_at_once += 1
            link.socket.end("too many are being turned away")

    async def _serve(self, link: CallLink) -> None:
        try:
            data = await link.shake_hands(self._settings.handshake_timeout_s)
            link.socket.trust()
            if self._door.expects(data):
                link.leave()
            else:
                await self._hand_over(link, data)
            await link.serve()
        except (LinkLost, NotACall) as problem:
            self._on_failed_handshake(link, str(problem))
            await link.let_go()  # of a switch that is only slow
        except Exception:
            log.exception("a call that was handed over failed by a fault of this service")
            await link.let_go()
        finally:
            link.socket.end("closed by this service")
            self._admitted.discard(link)

    async def _turn_away(self, link: CallLink) -> None:
        try:
            await link.shake_hands(self._settings.handshake_timeout_s)
            await link.let_go()
        except (LinkLost, NotACall):
            pass  # nobody who was let in
        finally:
            link.socket.end("turned away")
            self._turned_away.discard(link)

    async def _hand_over(self, link: CallLink, data: CallData) -> None:
        """Give a call to the handler; one that nobody could serve is to go on."""
        if not data.application:
            self.counters.unnamed += 1
            self._on_useless(link, data, self.counters.unnamed, "a call came for no application")
            return
        node_id = await self._at_home(link, data) or await self._from_elsewhere(link, data)
        if node_id is None:
            self.counters.unplaced += 1
            self._on_useless(link, data, self.counters.unplaced, "a call came that no node has")
            return
        if not link.socket.is_open:
            return  # it ended, or went on, meanwhile
        self.counters.arrivals += 1
        self._handler.on_arrival(
            ArrivedCall(
                node_id=node_id,
                core_uuid=data.core_uuid,
                call_id=data.call_id,
                application=data.application,
                is_named_by_path=data.is_named_by_path,
                headers=data.headers,
                line=link,
            )
        )

    async def _at_home(self, link: CallLink, data: CallData) -> NodeId | None:
        """Make a call ready that is on a node of the fleet."""
        node = await find_home(self._fleet, data, self._settings.handshake_timeout_s)
        if node is None:
            return None
        self._door.learn(node.node_id, data, link.socket.local_host, self.port)
        if not data.is_async:
            link.park(lambda: node.unpark(data.call_id))
        return node.node_id

    async def _from_elsewhere(self, link: CallLink, data: CallData) -> NodeId | None:
        """Make a call ready of a switch that only its socket leads to."""
        nodes = self._unknown
        if nodes is None or not is_foreign(self._fleet, data):
            return None
        if not (data.is_async and data.is_full):
            return None
        node = nodes.of(data)
        if node is None:
            return None
        link.closed.add_done_callback(lambda _: nodes.left(node, data.call_id))
        async with within(self._settings.handshake_timeout_s, "park of the call"):
            await node.join(data.call_id, link)
        return node.node_id

    def _on_useless(self, link: CallLink, data: CallData, count: int, what: str) -> None:
        link.leave()
        if is_power_of_two(count):
            peer = link.socket.peer_host
            keys = {"peer": peer, "hostname": data.hostname[:100], "call_id": data.call_id}
            if self._unknown is not None and not (data.is_async and data.is_full):
                keys["hint"] = "of a switch that is no node, calls are taken with `async full` only"
            log.warning(what, extra=keys | {"count": count})

    def _on_failed_handshake(self, link: CallLink, reason: str) -> None:
        self.counters.failed_handshakes += 1
        if is_power_of_two(self.counters.failed_handshakes):
            keys = {"peer": link.socket.peer_host, "reason": reason}
            log.warning("no call came", extra=keys | {"count": self.counters.failed_handshakes})
