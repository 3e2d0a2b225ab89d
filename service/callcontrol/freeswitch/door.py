"""Ends the park of a call by having it connect here for a moment, which costs the switch nothing.

The end of a socket ends the park that its call is in, like the end of a link that took the call
(see `unpark`), and what it had goes with the call. It needs an address of ours that the switch
reaches: the one that the operator has given, or that at which one of its calls has come, unless
something in between changed it.
"""

import asyncio
import logging
from collections import Counter, deque
from ipaddress import IPv4Address
from typing import Final, Protocol

from callcontrol.addresses import is_loopback
from callcontrol.esl.commands import Command
from callcontrol.esl.messages import Reply
from callcontrol.esl.messaging import execute
from callcontrol.freeswitch.call_data import TOLD, CallData
from callcontrol.ids import CallId, NodeId

log: Final = logging.getLogger(__name__)

COMING_S: Final = 3.0
"""Time for a call to come after it was told to: a packet of 20 ms, unless it is busy."""
MAX_FAILURES: Final = 3
"""Calls of a node after each other that did not come."""


class ParkedAt(Protocol):
    """The node that a parked call is on."""

    @property
    def node_id(self) -> NodeId:
        """Its name."""

    async def command(self, command: Command) -> Reply:
        """As `Node.command`."""


class Door:
    """Knows how switches reach us, and which calls are to come only to be sent on."""

    def __init__(self) -> None:
        self._addresses: dict[NodeId, str] = {}
        self._failures: Counter[NodeId] = Counter()
        self._proven: set[NodeId] = set()
        """Nodes of which a call has come."""
        self._trying: dict[NodeId, CallId] = {}
        """The call that tries it for a node that is not proven."""
        self._late: set[CallId] = set()
        """Calls that did not come, as long as they are let go otherwise."""
        self._expected: dict[CallId, deque[asyncio.Event]] = {}
        """Who waits for a call that was told to come, as often as it was."""

    def assume(self, node_id: NodeId, node_host: str, host: str, port: int) -> None:
        """Calls of a node, itself at `node_host`, are brought to this address of ours, if it is one
        and not all that this machine has.
        """
        if _is_ipv4(host) and host != "0.0.0.0" and is_loopback(host) <= is_loopback(node_host):
            self._addresses[node_id] = f"{host}:{port}"

    def learn(self, node_id: NodeId, data: CallData, local_host: str, port: int) -> None:
        """A call of a node has come to this address of ours: if that is what its dialplan named,
        others can come there too.
        """
        if data.socket_host == local_host and _is_ipv4(local_host):
            self._prove(node_id)
            self._addresses[node_id] = f"{local_host}:{port}"

    def other_way(self, node_id: NodeId, call_id: CallId, *, was_there: bool) -> None:
        """A call was let go otherwise. If it was there and did not come, that may be as it was
        busy; if so for several after each other, calls of that node are no longer told to come.
        """
        if call_id not in self._late:
            return
        self._late.discard(call_id)
        if not was_there:
            return
        self._failures[node_id] += 1
        if self._failures[node_id] < MAX_FAILURES:
            return
        if address := self._addresses.pop(node_id, None):
            keys = {"node": node_id, "address": address}
            log.warning("parked calls do not come when told to", extra=keys)

    def expects(self, data: CallData) -> bool:
        """Whether a call that comes was told to, and is to be sent on. That is seen by how it comes
        alone, and not by what is remembered here: one that was told to may come late, or to a
        service that has begun anew, or never, and ring by its dialplan another time.
        """
        waiting = self._expected.get(data.call_id)
        if data.is_told and waiting:
            waiting.popleft().set()
        return data.is_told

    async def unpark(self, node: ParkedAt, call_id: CallId) -> bool | None:
        """Have a call come and go on: False where there is no such call, None where it does not
        come this way. Raises what `Node.command` does.
        """
        address = self._addresses.get(node.node_id)
        if address is None or not self._may_try(node.node_id, call_id):
            return None
        came = self._expect(call_id)
        try:
            told = execute(call_id, "socket", f"{address} {TOLD}", event_lock=False)
            reply = await node.command(told)
            if not reply.ok:
                return False if "invalid session id" in reply.text else None
            async with asyncio.timeout(COMING_S):
                await came.wait()
        except TimeoutError:
            self._late.add(call_id)
            return None
        finally:
            self._forget(call_id, came)
            if self._trying.get(node.node_id) == call_id:
                del self._trying[node.node_id]
        self._prove(node.node_id)
        return True

    def _forget(self, call_id: CallId, came: asyncio.Event) -> None:
        """Nobody waits for that any more."""
        waiting = self._expected.get(call_id)
        if waiting and came in waiting:
            waiting.remove(came)
        if not waiting:
            self._expected.pop(call_id, None)

    def _prove(self, node_id: NodeId) -> None:
        self._proven.add(node_id)
        self._failures[node_id] = 0

    def _may_try(self, node_id: NodeId, call_id: CallId) -> bool:
        """One at a time, until one has come: where nothing answers, not even a refusal, a call
        hangs for two minutes.
        """
        return node_id in self._proven or self._trying.setdefault(node_id, call_id) == call_id

    def _expect(self, call_id: CallId) -> asyncio.Event:
        """Done when the call has come as often as it was told to by then."""
        came = asyncio.Event()
        self._expected.setdefault(call_id, deque()).append(came)
        return came


def _is_ipv4(host: str) -> bool:
    """The socket application takes no IPv6 address as it is."""
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True
