"""Which replica deals with a call, agreed upon at the switch that has the call.

`hash` of mod_hash (mod_hash.c hash_api_function) keeps a value for a key in the switch's memory,
and each of its commands is atomic: who inserts first has the claim. It goes with the switch, as do
the calls. A replica that dies leaves its claims behind; so each replica gives a sign of life at
every switch, and one whose sign does not change for some seconds is no more.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import uuid4

from callcontrol.calls.encoding.dialstring import word
from callcontrol.errors import CallControlError, SwitchRefused
from callcontrol.ids import CallId, NodeId

log: Final = logging.getLogger(__name__)

SIGN_INTERVAL_S: Final = 2.0
"""Between two signs of life."""
SILENCE_S: Final = 10.0
"""A sign that has not changed for so long is of one that is no more."""
_FORGET_S: Final = 600.0
"""A replica that nobody asked about for so long is no longer remembered."""

_CALLS: Final = "callcontrol"
_SIGNS: Final = "callcontrol-replicas"
_EMPTY: Final = frozenset({"", "-ERR no reply"})
"""What the switch answers where there is no value."""
_GOODBYE: Final = "goodbye"
"""The sign of one that went away in order. It stays: a few bytes for each start of the service."""


class HashNode(Protocol):
    """What claims need of a node."""

    @property
    def node_id(self) -> NodeId:
        """Its configured name."""

    async def api(self, name: str, arguments: str = "") -> str:
        """Run an api command and give its output."""


@dataclass(slots=True)
class _Sign:
    """A sign of life as last seen, on our clock."""

    value: str
    changed_s: float
    asked_s: float


class HashClaims:
    """The claims of this replica at all nodes (`ports_switch.Claims`).

    Where a switch has no mod_hash every claim is granted, with one warning: replicas must not share
    that switch.
    """

    def __init__(
        self,
        node_of: Callable[[NodeId], HashNode],
        ready_nodes: Callable[[], list[HashNode]],
        replica: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`replica` must be of one process only; empty makes up a name."""
        self.replica = word(replica) if replica else str(uuid4())
        self._node_of, self._ready_nodes = node_of, ready_nodes
        self._clock, self._sleep = clock, sleep
        self._signs: dict[tuple[NodeId, str], _Sign] = {}
        """At most the replicas that were met in the last minutes."""
        self._without: set[NodeId] = set()
        self._count = 0

    async def take(self, node_id: NodeId, call_id: CallId) -> str:
        """See `ports_switch.Claims`."""
        for _ in range(2):  # it may be left in between
            if await self._insert(node_id, call_id, self.replica):
                return ""
            if holder := await self._select(node_id, _CALLS, word(call_id)):
                break
        else:
            holder = "another one"
        return "" if holder == self.replica else holder

    async def take_over(self, node_id: NodeId, call_id: CallId, holder: str) -> str:
        """See `ports_switch.Claims`."""
        await self._delete(node_id, call_id, holder)
        return await self.take(node_id, call_id)

    async def leave(self, node_id: NodeId, call_id: CallId) -> None:
        """See `ports_switch.Claims`."""
        await self._delete(node_id, call_id, self.replica)

    async def give_back(self, node_id: NodeId, call_id: CallId, holder: str) -> None:
        """See `ports_switch.Claims`."""
        if await self._delete(node_id, call_id, self.replica):
            await self._insert(node_id, call_id, holder)

    async def is_gone(self, node_id: NodeId, holder: str) -> bool:
        """Whether that replica gives no sign of life. One that was not met before gets the time to
        give one.
        """
        value, now_s = await self._select(node_id, _SIGNS, word(holder)), self._clock()
        sign = self._signs.get((node_id, holder))
        if value == _GOODBYE:
            return True
        if sign is None or sign.value != value:
            self._signs[node_id, holder] = _Sign(value, now_s, now_s)
            return False
        sign.asked_s = now_s
        return now_s - sign.changed_s >= SILENCE_S

    async def run(self) -> None:
        """Give signs of life until cancelled."""
        while True:
            await self.give_signs()
            await self._sleep(SIGN_INTERVAL_S)

    async def give_signs(self) -> None:
        """Give one at each node that can be reached."""
        self._count += 1
        old_s = self._clock() - _FORGET_S
        self._signs = {key: sign for key, sign in self._signs.items() if sign.asked_s > old_s}
        async with asyncio.TaskGroup() as tasks:
            for node in self._ready_nodes():
                tasks.create_task(self._give_sign(node), name=f"{node.node_id} sign of life")

    async def say_goodbye(self) -> None:
        """Say that this replica is no more: what it did not leave can be taken over at once."""
        for node in self._ready_nodes():
            try:
                async with asyncio.timeout(SIGN_INTERVAL_S):
                    await self._hash(node.node_id, f"insert/{_SIGNS}/{self.replica}/{_GOODBYE}")
            except (CallControlError, TimeoutError) as error:
                keys = {"node": node.node_id, "problem": type(error).__name__}
                log.info("a sign of life is left behind", extra=keys)

    async def _give_sign(self, node: HashNode) -> None:
        try:
            async with asyncio.timeout(SIGN_INTERVAL_S):
                value = f"{self.replica}:{self._count}"
                await self._hash(node.node_id, f"insert/{_SIGNS}/{self.replica}/{value}")
        except (CallControlError, TimeoutError) as error:
            keys = {"node": node.node_id, "problem": type(error).__name__}
            log.debug("no sign of life given", extra=keys)

    async def _insert(self, node_id: NodeId, call_id: CallId, holder: str) -> bool:
        place = f"{_CALLS}/{word(call_id)}/{word(holder)}"
        return await self._hash(node_id, f"insert_ifempty/{place}")

    async def _delete(self, node_id: NodeId, call_id: CallId, holder: str) -> bool:
        place = f"{_CALLS}/{word(call_id)}/{word(holder)}"
        return await self._hash(node_id, f"delete_ifmatch/{place}")

    async def _select(self, node_id: NodeId, realm: str, key: str) -> str:
        reply = (await self._node_of(node_id).api("hash", f"select/{realm}/{key}")).rstrip("\n")
        return "" if reply in _EMPTY else reply

    async def _hash(self, node_id: NodeId, arguments: str) -> bool:
        """Run a command of mod_hash; whether it did something. Raises SwitchRefused."""
        reply = (await self._node_of(node_id).api("hash", arguments)).rstrip("\n")
        if "not found" in reply.lower() and "command" in reply.lower():
            self._warn(node_id)
            return True
        if reply.startswith("-ERR Usage"):
            raise SwitchRefused(node_id, reply)
        return not reply.startswith("-")

    def _warn(self, node_id: NodeId) -> None:
        if node_id not in self._without:
            self._without.add(node_id)
            keys = {"node": node_id, "needs": "mod_hash"}
            log.warning("no claims on calls: replicas must not share this switch", extra=keys)
