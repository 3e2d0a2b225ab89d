"""Making the picture of a node's calls agree with the node, after events were or may be missed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from callcontrol.calls.picture import fields
from callcontrol.calls.picture.findings import Findings
from callcontrol.calls.picture.questions import Questions, ReconcileSettings, SwitchQueries
from callcontrol.calls.picture.snapshot import (
    LIST_BRIDGES,
    LIST_CHANNELS,
    Listing,
    partner_of,
    read_dump,
    read_listing,
)
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.picture.translate import Headers, number
from callcontrol.events.event import Event, Position
from callcontrol.ids import CallId, CoreUuid, NodeId

_log = logging.getLogger(__name__)

_NO_TABLES: Final = Listing({}, {}, frozenset())
_Dumps = dict[CallId, Headers]
_AT_A_TIME: Final = 100
"""Calls that are looked at before what was found about them is told."""


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

    def end_left(self, call_id: CallId) -> None:
        """End a call that is not followed any more, unless it has ended."""
        leg = self._tracker.legs.alive(call_id)
        if leg is not None:
            self._findings.end_lost({call_id: leg.position})

    async def resynchronise(self, node: SwitchQueries, core_uuid: CoreUuid) -> Differences:
        """Find the calls that came, changed or went unseen. Events may come meanwhile, and win.

        Cancelled at any point, what was found so far has been told and the rest waits for the
        next time. Raises NodeUnavailable, CommandQueueFull or OutcomeUnknown when the node
        cannot be asked for some ten seconds.
        """
        differences = Differences()
        questions = Questions(node, self._settings, self._sleep)
        doubts = await self._compare(questions, core_uuid, differences)
        if doubts:
            await self._sleep(self._settings.confirm_after_s)
            again = await self._compare(questions, core_uuid, differences)
            await self._resolve(questions, doubts, again, differences)
        return differences

    async def _compare(
        self, questions: Questions, core_uuid: CoreUuid, differences: Differences
    ) -> _Doubts:
        # What is known now, before the switch is asked: a call that begins meanwhile may be
        # missing from the answer without being gone.
        known = {leg.call_id: leg.position for leg in self._tracker.legs.of_node(questions.node_id)}
        listing = read_listing(
            await questions.ask(*LIST_CHANNELS), await questions.ask(*LIST_BRIDGES)
        )
        if listing is None:
            _log.warning("switch keeps no tables of its calls", extra={"node": questions.node_id})
            listing = _NO_TABLES
        if self._out_of_date(listing, listing.call_states) or self._doubts(known, listing):
            # The switch answers on another link than it tells events: those that it told before
            # the answer may not have been read, and say what was to be found out.
            await questions.catch_up()
        out_of_date = self._out_of_date(listing, listing.call_states)
        for first in range(0, len(out_of_date), _AT_A_TIME):
            # One of them may have been found with a partner before.
            some = self._out_of_date(listing, out_of_date[first : first + _AT_A_TIME])
            await self._look_at(questions, core_uuid, some, listing, differences)
        return self._doubts(known, listing)

    def _out_of_date(self, listing: Listing, call_ids: Iterable[CallId]) -> list[CallId]:
        states, signs = listing.call_states, listing.park_signs
        return [
            call_id
            for call_id in call_ids
            if self._findings.is_out_of_date(call_id, states.get(call_id, ""), signs.get(call_id))
        ]

    async def _look_at(
        self,
        questions: Questions,
        core_uuid: CoreUuid,
        call_ids: list[CallId],
        listing: Listing,
        differences: Differences,
    ) -> None:
        """Ask for all that the switch knows of these calls, and of those that they are bridged to,
        which the listing may lack: the answers are newer.
        """
        dumps = await self._dumps(questions, call_ids)
        dumps |= await self._dumps(questions, self._partners_to_look_at(dumps))
        if dumps:
            await questions.catch_up()
        pairs = self._pairs_in(dumps)
        for call_id in self._out_of_date(listing, dumps):
            self._findings.take_dump(
                questions.node_id, core_uuid, call_id, dumps[call_id], differences
            )
        for pair in pairs:
            # Believed at once: who asks whether two are still talking, as a worker does when this
            # service has begun anew, must not hear for a moment that they are not.
            if not self._is_joined(pair):
                differences.changed += self._findings.toggle_bridge(pair)

    async def _dumps(self, questions: Questions, call_ids: Iterable[CallId]) -> _Dumps:
        dumps: _Dumps = {}
        for call_id in call_ids:
            answer = await questions.ask_about("uuid_dump", call_id, " json")
            dump = read_dump(answer) if answer is not None else None
            if dump is not None:
                dumps[call_id] = dump
        return dumps

    def _partners_to_look_at(self, dumps: _Dumps) -> list[CallId]:
        legs = self._tracker.legs
        told = {call_id: partner_of(dump) for call_id, dump in dumps.items()}
        return list(
            dict.fromkeys(
                partner
                for call_id, partner in told.items()
                if partner is not None and partner not in dumps and not legs.has_ended(partner)
                if not self._is_joined(frozenset({call_id, partner}))
            )
        )

    def _pairs_in(self, dumps: _Dumps) -> set[frozenset[CallId]]:
        """Legs that name each other, and of which no newer event has come."""
        told = {c: partner_of(dump) for c, dump in dumps.items() if self._is_newest(c, dump)}
        return {
            frozenset({call_id, partner})
            for call_id, partner in told.items()
            if partner is not None and partner != call_id and told.get(partner) == call_id
        }

    def _is_newest(self, call_id: CallId, dump: Headers) -> bool:
        leg = self._tracker.legs.get(call_id)
        if leg is None or leg.position is None:
            return True
        return leg.position.sequence < number(dump, fields.EVENT_SEQUENCE)

    def _is_joined(self, pair: frozenset[CallId]) -> bool:
        legs = [self._tracker.legs.alive(call_id) for call_id in pair]
        return all(leg is not None and leg.bridged in pair for leg in legs)

    def _doubts(self, known: dict[CallId, Position | None], listing: Listing) -> _Doubts:
        still = {call_id for call_id, position in known.items() if self._is_at(call_id, position)}
        missing = {call_id: known[call_id] for call_id in still - listing.call_states.keys()}
        tracked = {
            frozenset({leg.call_id, leg.bridged})
            for call_id in still
            if (leg := self._tracker.legs.alive(call_id)) is not None and leg.bridged is not None
        }
        pairs = {
            pair: tuple(known[call_id] for call_id in sorted(pair))
            for pair in tracked ^ {pair for pair in listing.pairs if len(pair) == 2}
            if pair <= still
        }
        return _Doubts(missing, pairs)

    def _is_at(self, call_id: CallId, position: Position | None) -> bool:
        """Whether no event came for a call since it was there."""
        leg = self._tracker.legs.alive(call_id)
        return leg is not None and leg.position is position

    async def _resolve(
        self, questions: Questions, first: _Doubts, second: _Doubts, differences: Differences
    ) -> None:
        """Act on the differences seen twice, with no event for the call in between."""
        gone: dict[CallId, Position | None] = {}
        for call_id, position in first.missing.items():
            if call_id in second.missing and second.missing[call_id] is position:
                exists = await questions.ask_about("uuid_exists", call_id)
                if exists is None or exists.strip() == "false":
                    gone[call_id] = position
        if gone:
            await questions.catch_up()
        differences.ended += self._findings.end_lost(gone)
        for pair, positions in first.pairs.items():
            if second.pairs.get(pair) != positions or not await self._is_true(questions, pair):
                continue
            if all(map(self._is_at, sorted(pair), positions)):
                differences.changed += self._findings.toggle_bridge(pair)

    async def _is_true(self, questions: Questions, pair: frozenset[CallId]) -> bool:
        """Whether the legs themselves say what the tables say of a pair: that they are bridged, or
        not any more. Those that cannot be asked about do not contradict.
        """
        dumps = await self._dumps(questions, pair)
        await questions.catch_up()
        if len(dumps) < len(pair):
            return True
        return (pair in self._pairs_in(dumps)) is not self._is_joined(pair)
