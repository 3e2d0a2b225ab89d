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
from typing import Final
from uuid import uuid4

from callcontrol.calls.encoding.dialstring import word
from callcontrol.calls.offers.switch_table import HashNode, SwitchTable
from callcontrol.errors import CallControlError
from callcontrol.ids import CallId, NodeId

log: Final = logging.getLogger(__name__)

SIGN_INTERVAL_S: Final = 2.0
"""Between two signs of life."""
SILENCE_S: Final = 10.0
"""A sign that has not changed for so long is of one that is no more."""
_FORGET_S: Final = 600.0
"""A replica that nobody asked about for so long is no longer remembered."""

CLAIMS: Final = "callcontrol"
"""The realm of claims: a replica by each call."""
SIGNS: Final = "callcontrol-replicas"
"""The realm of signs of life: the last one by each replica."""
GOODBYE: Final = "goodbye"
"""The sign of one that went away in order. It stays as long as that one has claims (`sweep`)."""


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
        self._table, self._ready_nodes = SwitchTable(node_of), ready_nodes
        self._clock, self._sleep = clock, sleep
        self._signs: dict[tuple[NodeId, str], _Sign] = {}
        """At most the replicas that were met in the last minutes."""
        self._given_s: dict[NodeId, float] = {}
        """When the last sign that arrived was sent."""
        self._count = 0
        self.on_silence: Callable[[NodeId], None] = lambda _node_id: None
        """Told that others may have taken this replica's claims at a node, which it did not notice:
        it was held up, or what it sent. Plain."""

    async def take(self, node_id: NodeId, call_id: CallId) -> str:
        """See `ports_switch.Claims`."""
        for _ in range(2):  # it may be left in between
            if await self._insert(node_id, call_id, self.replica):
                return ""
            if holder := await self._table.select(node_id, CLAIMS, call_id):
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

    def may_count_as_gone(self, node_id: NodeId) -> bool:
        """See `ports_switch.Claims`."""
        given_s = self._given_s.get(node_id)
        return given_s is None or self._clock() - given_s > SILENCE_S / 2

    async def is_gone(self, node_id: NodeId, holder: str) -> bool:
        """Whether that replica gives no sign of life. One that was not met before gets the time to
        give one.
        """
        value, now_s = await self._table.select(node_id, SIGNS, holder), self._clock()
        sign = self._signs.get((node_id, holder))
        if value == GOODBYE:
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
                    await self._table.insert(node.node_id, SIGNS, self.replica, GOODBYE)
            except (CallControlError, TimeoutError) as error:
                keys = {"node": node.node_id, "problem": type(error).__name__}
                log.info("a sign of life is left behind", extra=keys)

    async def _give_sign(self, node: HashNode) -> None:
        """Also tells when the sign before is so old that others may have taken our claims."""
        began_s = self._clock()
        try:
            async with asyncio.timeout(SIGN_INTERVAL_S):
                value = f"{self.replica}:{self._count}"
                await self._table.insert(node.node_id, SIGNS, self.replica, value)
        except (CallControlError, TimeoutError) as error:
            keys = {"node": node.node_id, "problem": type(error).__name__}
            log.debug("no sign of life given", extra=keys)
            return
        former_s = self._given_s.get(node.node_id, began_s)
        self._given_s[node.node_id] = began_s
        if self._clock() - former_s >= SILENCE_S:
            log.info(
                "counted as gone", extra={"node": node.node_id, "silent_s": began_s - former_s}
            )
            self.on_silence(node.node_id)

    async def _insert(self, node_id: NodeId, call_id: CallId, holder: str) -> bool:
        return await self._table.insert_if_empty(node_id, CLAIMS, call_id, holder)

    async def _delete(self, node_id: NodeId, call_id: CallId, holder: str) -> bool:
        return await self._table.delete_if_match(node_id, CLAIMS, call_id, holder)
