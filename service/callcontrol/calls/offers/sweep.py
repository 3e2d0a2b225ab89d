"""Takes away what replicas that are no more have left in the switch's table.

Who has a claim gives it up when the call ends, and cannot where it died first or had no link then.
A claim on a call that is over is of no use to anybody, and a sign of life of a replica that is
silent and has no claims neither; both would stay as long as the switch runs.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from callcontrol.calls.encoding import grammar
from callcontrol.calls.offers.claims import CLAIMS, GOODBYE, SIGNS, SILENCE_S
from callcontrol.calls.offers.switch_table import HashNode, SwitchTable
from callcontrol.errors import CallControlError
from callcontrol.ids import CallId, NodeId

_T = TypeVar("_T")
log: Final = logging.getLogger(__name__)

LOOK_INTERVAL_S: Final = 2.0
"""Between two looks at which nodes have come up."""
SWEEP_INTERVAL_S: Final = 600.0
"""Between two sweeps of a node that stays up: replicas die meanwhile, too."""
RETRY_S: Final = 60.0
"""After a sweep that failed."""
_ANSWER_S: Final = 20.0
"""Time that a switch has for an answer."""


class ClaimSweep:
    """Sweeps each node once it can be used, and so its picture agrees with it, and now and then.

    Asks one question after the other, two for each stale claim, so that nothing else waits for it;
    one node does not wait for another. Where a switch has no mod_hash there is nothing to sweep.
    """

    def __init__(
        self,
        node_of: Callable[[NodeId], HashNode],
        ready_nodes: Callable[[], Iterable[HashNode]],
        is_known: Callable[[NodeId, CallId], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`is_known`: a call is on that node as last seen, or is still dealt with here; its claim
        is left alone without asking.
        """
        self._table, self._ready_nodes, self._is_known = SwitchTable(node_of), ready_nodes, is_known
        self._clock, self._sleep = clock, sleep
        self._due_s: dict[NodeId, float] = {}
        """When each node that is up is swept again."""
        self._signs: dict[NodeId, tuple[float, dict[str, str]]] = {}
        """As they were at the sweep before, and when that was."""

    async def run(self) -> None:
        """Sweep until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            under_way: dict[NodeId, asyncio.Task[None]] = {}
            while True:
                for node in self._take_due():
                    if node.node_id not in under_way or under_way[node.node_id].done():
                        under_way[node.node_id] = tasks.create_task(
                            self.sweep(node), name=f"{node.node_id} stale claims"
                        )
                await self._sleep(LOOK_INTERVAL_S)

    def _take_due(self) -> list[HashNode]:
        nodes, now_s = list(self._ready_nodes()), self._clock()
        up = {node.node_id for node in nodes}
        self._due_s = {node_id: due_s for node_id, due_s in self._due_s.items() if node_id in up}
        due = [node for node in nodes if self._due_s.get(node.node_id, now_s) <= now_s]
        for node in due:
            self._due_s[node.node_id] = now_s + SWEEP_INTERVAL_S
        return due

    async def sweep(self, node: HashNode) -> None:
        """Take away what is stale at one node; what could not be done is done later."""
        node_id = node.node_id
        try:
            # First the signs: who said goodbye makes no claim after that.
            signs = await _bounded(self._table.values(node_id, SIGNS))
            claims = await _bounded(self._table.values(node_id, CLAIMS))
            left = await self._sweep_claims(node, claims)
            await self._sweep_signs(node_id, signs, left)
        except (CallControlError, TimeoutError) as error:
            self._due_s[node_id] = self._clock() + RETRY_S
            keys = {"node": node_id, "problem": type(error).__name__}
            log.info("a sweep of stale claims is put off", extra=keys)

    async def _sweep_claims(self, node: HashNode, claims: dict[str, str]) -> set[str]:
        """Delete those on calls that are over; who still has some."""
        swept, left = 0, set[str]()
        for call_id, holder in claims.items():
            if await self._is_over(node, CallId(call_id)):
                # Only if it is that one still: a call of the same id may just have begun.
                deleted = self._table.delete_if_match(node.node_id, CLAIMS, call_id, holder)
                swept += bool(await _bounded(deleted))
            else:
                left.add(holder)
        if swept:
            log.info("stale claims deleted", extra={"node": node.node_id, "count": swept})
        return left

    async def _is_over(self, node: HashNode, call_id: CallId) -> bool:
        """Whether the switch says that it has no such call."""
        if grammar.call_id_problem(call_id) or self._is_known(node.node_id, call_id):
            return False
        answer = await _bounded(node.api("uuid_exists", call_id))
        return answer.strip() == "false" and not self._is_known(node.node_id, call_id)

    async def _sweep_signs(self, node_id: NodeId, signs: dict[str, str], holders: set[str]) -> None:
        """Delete those of replicas that went away and have no claim. One that comes back to the
        switch gives another sign at once.
        """
        now_s = self._clock()
        before_s, before = self._signs.get(node_id, (now_s, {}))
        if now_s - before_s < SILENCE_S:
            before = {}
        for replica, sign in signs.items():
            if replica not in holders and sign in (GOODBYE, before.get(replica)):
                await _bounded(self._table.delete_if_match(node_id, SIGNS, replica, sign))
        self._signs[node_id] = now_s, signs


async def _bounded(answer: Awaitable[_T]) -> _T:
    async with asyncio.timeout(_ANSWER_S):
        return await answer
