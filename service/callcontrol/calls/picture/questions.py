"""Asking a node what it knows of its calls: patiently, within bounds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from callcontrol.calls.encoding import grammar
from callcontrol.errors import CommandQueueFull, NodeUnavailable, OutcomeUnknown
from callcontrol.esl.errors import UnencodableValue
from callcontrol.ids import CallId, NodeId

_log: Final = logging.getLogger(__name__)


class SwitchQueries(Protocol):
    """What reconciliation needs of a node."""

    @property
    def node_id(self) -> NodeId:
        """Its configured name."""

    async def api(self, name: str, arguments: str = "") -> str:
        """Run an api command and give its output."""

    async def caught_up(self) -> None:
        """Return when every event has been taken that the switch had told before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileSettings:
    """How patient reconciliation is, in seconds."""

    confirm_after_s: float = 1.0
    """Time after which a difference must still be there: the switch's tables lag behind."""
    retry_after_s: float = 0.25
    """Pause before a question is asked again that no command link could take."""
    retries: int = 40
    max_behind_s: float = 10.0
    """How far events may be behind the answers to questions, else these are asked later."""
    audit_timeout_s: float = 30.0
    """How long the audit of one node may take; those of the others wait for it meanwhile."""


class Questions:
    """Those of one round to one node. Only reads from the switch, so each may be repeated."""

    def __init__(
        self,
        node: SwitchQueries,
        settings: ReconcileSettings,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.node_id = node.node_id
        self._node, self._settings, self._sleep = node, settings, sleep

    async def catch_up(self) -> None:
        """Return when every event has been taken that the switch had told before. Raises
        NodeUnavailable where that takes too long.
        """
        limit_s = self._settings.max_behind_s
        try:
            async with asyncio.timeout(limit_s):
                await self._node.caught_up()
        except TimeoutError as exc:
            reason = f"its events are more than {limit_s:g} s behind"
            _log.warning("events are behind", extra={"node": self.node_id, "behind_s": limit_s})
            raise NodeUnavailable(self.node_id, reason, self._settings.retry_after_s) from exc

    async def ask_about(self, name: str, call_id: CallId, rest: str = "") -> str | None:
        """Ask about one call; None if that cannot be done, as anybody who places a call may give
        it any id, also one that no command can carry. Then only the tables tell of it.
        """
        if grammar.call_id_problem(call_id) is None:
            try:
                return await self.ask(name, call_id + rest)
            except UnencodableValue:
                pass
        _log.warning("a call's id cannot be asked for", extra={"node": self.node_id})
        return None

    async def ask(self, name: str, arguments: str = "") -> str:
        """The answer of the switch. Raises NodeUnavailable, CommandQueueFull or OutcomeUnknown when
        it cannot be asked for some ten seconds.
        """
        for attempt in range(self._settings.retries + 1):
            try:
                return await self._node.api(name, arguments)
            except (NodeUnavailable, CommandQueueFull, OutcomeUnknown):
                if attempt == self._settings.retries:
                    raise
            await self._sleep(self._settings.retry_after_s)
        raise AssertionError("unreachable: the last attempt returns or raises")
