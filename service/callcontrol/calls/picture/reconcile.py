"""Making the picture of a node's calls agree with the node, after events were or may be missed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from callcontrol.calls.encoding import grammar
from callcontrol.calls.picture.findings import Findings
from callcontrol.calls.picture.snapshot import (
    LIST_BRIDGES,
    LIST_CHANNELS,
    Listing,
    read_dump,
    read_listing,
)
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.errors import CommandQueueFull, NodeUnavailable, OutcomeUnknown
from callcontrol.esl.errors import UnencodableValue
from callcontrol.events.event import Event, Position
from callcontrol.ids import CallId, CoreUuid, NodeId

_log = logging.getLogger(__name__)

_NO_TABLES: Final = Listing({}, {}, frozenset())


class SwitchQueries(Protocol):
    """What reconciliation needs of a node."""

    @property
    def node_id(self) -> NodeId:
        """Its configured name."""

    async def api(self, name: str, arguments: str = "") -> str:
        """Run an api command and give its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileSettings:
    """How patient reconciliation is, in seconds."""

    confirm_after_s: float = 1.0
    """Time after which a difference must still be there: the switch's tables lag behind."""
    retry_after_s: float = 0.25
    """Pause before a question is asked again that no command link could take."""
    retries: int = 40
    audit_timeout_s: float = 30.0
    """How long the audit of one node may take; those of the others wait for it meanwhile."""


@dataclass(slots=True)
class Differences:
    """What was found, in calls."""

    found: int = 0
    changed: int = 0
    ended: int = 0

    @property
    def total(self) -> int:
        """How many differences there were."""
        return self.found + self.changed + self.ended


@dataclass(frozen=True, slots=True)
class _Doubts:
    """What a listing shows otherwise than the tracker, with the tracker's state at the time."""

    missing: dict[CallId, Position | None]
    pairs: dict[frozenset[CallId], tuple[Position | None, ...]]

    def __bool__(self) -> bool:
        return bool(self.missing or self.pairs)


class Reconciler:
    """Asks a node what calls it has, and publishes each difference as a synthetic event.

    Only reads from the switch, so each question may be repeated. Bounded by the switch's calls.
    """

    def __init__(
        self,
        tracker: CallTracker,
        publish: Callable[[Event], None],
        settings: ReconcileSettings | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._tracker = tracker
        self._findings = Findings(tracker, publish)
        self._settings = settings or ReconcileSettings()
        self._sleep = sleep

    def end_former(self, node_id: NodeId, core_uuid: CoreUuid) -> int:
        """End every call of the node that belongs to another switch process: a restart took them
        all. Returns how many.
        """
        return self._findings.end_former(node_id, core_uuid)

    async def resynchronise(self, node: SwitchQueries, core_uuid: CoreUuid) -> Differences:
        """Find the calls that came, changed or went unseen. Events may come meanwhile, and win.

        Cancelled at any point, what was found so far has been told and the rest waits for the
        next time. Raises NodeUnavailable, CommandQueueFull or OutcomeUnknown when the node
        cannot be asked for some ten seconds.
        """
        differences = Differences()
        doubts = await self._compare(node, core_uuid, differences)
        if doubts:
            await self._sleep(self._settings.confirm_after_s)
            again = await self._compare(node, core_uuid, differences)
            await self._resolve(node, doubts, again, differences)
        return differences

    async def _compare(
        self, node: SwitchQueries, core_uuid: CoreUuid, differences: Differences
    ) -> _Doubts:
        # What is known now, before the switch is asked: a call that begins meanwhile may be
        # missing from the answer without being gone.
        known = {leg.call_id: leg.position for leg in self._tracker.legs.of_node(node.node_id)}
        listing = read_listing(
            await self._ask(node, *LIST_CHANNELS), await self._ask(node, *LIST_BRIDGES)
        )
        if listing is None:
            _log.warning("switch keeps no tables of its calls", extra={"node": node.node_id})
            listing = _NO_TABLES
        for call_id, call_state in listing.call_states.items():
            if self._findings.is_out_of_date(call_id, call_state, listing.park_signs.get(call_id)):
                answer = await self._ask_about(node, "uuid_dump", call_id, " json")
                dump = read_dump(answer) if answer is not None else None
                if dump is not None:
                    self._findings.take_dump(node.node_id, core_uuid, call_id, dump, differences)
        return self._doubts(known, listing)

    def _doubts(self, known: dict[CallId, Position | None], listing: Listing) -> _Doubts:
        missing = {
            call_id: position
            for call_id, position in known.items()
            if call_id not in listing.call_states
        }
        tracked = {
            frozenset({leg.call_id, leg.bridged})
            for call_id in known
            if (leg := self._tracker.legs.alive(call_id)) is not None and leg.bridged is not None
        }
        listed = {pair for pair in listing.pairs if len(pair) == 2 and pair <= known.keys()}
        pairs = {
            pair: tuple(known.get(call_id) for call_id in sorted(pair))
            for pair in tracked ^ listed
            if pair <= known.keys()
        }
        return _Doubts(missing, pairs)

    async def _resolve(
        self, node: SwitchQueries, first: _Doubts, second: _Doubts, differences: Differences
    ) -> None:
        """Act on the differences seen twice, with no event for the call in between."""
        gone: dict[CallId, Position | None] = {}
        for call_id, position in first.missing.items():
            if call_id in second.missing and second.missing[call_id] is position:
                exists = await self._ask_about(node, "uuid_exists", call_id)
                if exists is None or exists.strip() == "false":
                    gone[call_id] = position
        differences.ended += self._findings.end_lost(gone)
        for pair, positions in first.pairs.items():
            if second.pairs.get(pair) == positions and self._findings.toggle_bridge(pair):
                differences.changed += 1

    async def _ask_about(
        self, node: SwitchQueries, name: str, call_id: CallId, rest: str = ""
    ) -> str | None:
        """Ask about one call; None if that cannot be done, as anybody who places a call may give
        it any id, also one that no command can carry. Then only the tables tell of it.
        """
        if grammar.call_id_problem(call_id) is None:
            try:
                return await self._ask(node, name, call_id + rest)
            except UnencodableValue:
                pass
        _log.warning("a call's id cannot be asked for", extra={"node": node.node_id})
        return None

    async def _ask(self, node: SwitchQueries, name: str, arguments: str) -> str:
        for attempt in range(self._settings.retries + 1):
            try:
                return await node.api(name, arguments)
            except (NodeUnavailable, CommandQueueFull, OutcomeUnknown):
                if attempt == self._settings.retries:
                    raise
            await self._sleep(self._settings.retry_after_s)
        raise AssertionError("unreachable: the last attempt returns or raises")
