"""What reconciliation does to the picture of calls, each change told as a synthetic event."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from callcontrol.calls.call import Call, CallState
from callcontrol.calls.payloads import CallBridged, CallStateChanged, CallUnbridged
from callcontrol.calls.picture import leg_facts, translate
from callcontrol.calls.picture.leg import Leg, Sign
from callcontrol.calls.picture.legs import ended_payload
from callcontrol.calls.picture.snapshot import conference_of, park_sign_of
from callcontrol.calls.picture.synthetic import Finding, concerned, finding
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.picture.translate import Headers
from callcontrol.events.event import NOTHING, Event, Position
from callcontrol.ids import CallId, CoreUuid, NodeId

_DUMP: Final = "CHANNEL_DATA"
_NOT_ANSWERED: Final = frozenset({CallState.CREATING, CallState.RINGING, CallState.EARLY_MEDIA})
_CONTRADICTIONS: Final = {
    "RINGING": frozenset({CallState.CREATING}),
    "EARLY": frozenset({CallState.CREATING, CallState.RINGING}),
    "ACTIVE": _NOT_ANSWERED | {CallState.HELD},
    "HELD": _NOT_ANSWERED | {CallState.ACTIVE, CallState.PARKED},
}
"""For the switch's call states, the states of ours that cannot be true at the same time."""


class Counts(Protocol):
    """Where differences are counted."""

    found: int
    changed: int


class Findings:
    """Applies what the switch was asked for. Events that came meanwhile are newer and win."""

    def __init__(self, tracker: CallTracker, publish: Callable[[Event], None]) -> None:
        self._tracker, self._publish = tracker, publish
        self._legs = tracker.legs

    def is_out_of_date(self, call_id: CallId, call_state: str, park: Sign | None) -> bool:
        """Whether a listed call is unknown, untold, or in another state than listed; `park` is
        None where the listing does not tell whether it is parked.
        """
        leg = self._legs.alive(call_id)
        if leg is None:
            return not self._legs.has_ended(call_id)
        if park is not None and leg.is_parked is not (park is Sign.PARKED):
            return True
        return not leg.announced or leg.state in _CONTRADICTIONS.get(call_state, ())

    def take_dump(
        self, node_id: NodeId, core_uuid: CoreUuid, call_id: CallId, dump: Headers, counts: Counts
    ) -> None:
        """Adopt a call, or bring it up to date, from the switch's answer about it."""
        if self._legs.has_ended(call_id) or translate.call_id_of(dump) != call_id:
            return
        if translate.core_uuid_of(dump) != core_uuid:
            return  # The switch has just restarted; its node will say so.
        position = translate.position_of(dump, node_id, core_uuid)
        leg = self._legs.alive(call_id) or self._legs.begin(call_id, position, dump)
        self._tracker.expected.settled(call_id)
        was_parked, former = leg.is_parked, self._take(leg, dump, position)
        created = self._legs.announce(leg)
        if created is not None:
            counts.found += 1
            self._tell(created, leg.core_uuid, position)
        elif former is not None:
            counts.changed += 1
            change = CallStateChanged(leg.picture(), former)
            self._tell(change, leg.core_uuid, position)
        elif leg.is_parked is not was_parked:
            counts.changed += 1  # of a leg that was not answered no state tells of it

    def _take(self, leg: Leg, dump: Headers, position: Position) -> CallState | None:
        leg_facts.note_signs(leg, _DUMP, dump, position.sequence)
        park = park_sign_of(dump)
        if park is not None:
            leg.note(park, position.sequence)
        leg.conference_name = conference_of(dump) or leg.conference_name
        leg_facts.read_variables(leg, dump)
        former = leg.settle()
        self._legs.refresh(leg, dump, position)
        if former is not None:
            leg.changed(position)
        return former

    def end_lost(self, last_seen: Mapping[CallId, Position | None]) -> int:
        """End calls that the switch no longer has, unless an event came for them since they were
        last seen. Returns how many.
        """
        lost = [
            leg
            for call_id, position in last_seen.items()
            if (leg := self._legs.alive(call_id)) is not None and leg.position is position
        ]
        for leg in lost:
            self._end(leg)
        return len(lost)

    def end_unborn(self, call: Call, cause: str) -> None:
        """A call that was asked for is not there, for the given cause if one is known: end it,
        unless it was seen after all.
        """
        last = self._tracker.last_position(call.node_id)
        core_uuid = last.core_uuid if last is not None else CoreUuid("")
        position = self._now_at(call.node_id, core_uuid)
        leg = self._legs.never_began(call, cause, position)
        if leg is not None:
            self._tell(ended_payload(leg.picture()), core_uuid, position)

    def end_former(self, node_id: NodeId, core_uuid: CoreUuid) -> int:
        """End the node's calls of other switch processes than this one."""
        former = [leg for leg in self._legs.of_node(node_id) if leg.core_uuid != core_uuid]
        for leg in former:
            self._end(leg)
        return len(former)

    def _end(self, leg: Leg) -> None:
        position = self._now(leg)
        ended = self._legs.end(leg, {}, position)
        self._tell(ended, leg.core_uuid, position)

    def toggle_bridge(self, pair: frozenset[CallId]) -> bool:
        """Join two legs, or part them if they were joined."""
        first, second = sorted(pair)
        leg, other = self._legs.alive(first), self._legs.alive(second)
        if leg is None or other is None:
            return False
        position = self._now(leg)
        found: Finding
        if leg.bridged == second:
            self._legs.part(leg, position)
            found = CallUnbridged(first, second)
        else:
            self._legs.join((first, second), position)
            found = CallBridged(first, second)
        self._tell(found, leg.core_uuid, position, position.time_us)
        return True

    def _now(self, leg: Leg) -> Position:
        return self._now_at(leg.node_id, leg.core_uuid)

    def _now_at(self, node_id: NodeId, core_uuid: CoreUuid) -> Position:
        now_us = self._tracker.now_us()
        return Position(node_id=node_id, core_uuid=core_uuid, sequence=0, time_us=now_us)

    def _tell(self, found: Finding, core: CoreUuid, position: Position, seen: int = 0) -> None:
        leg = self._legs.get(concerned(found)[0])
        event = finding(
            found,
            core,
            position,
            now_us=self._tracker.now_us(),
            seen=seen or position.sequence,
            labels=leg.labels if leg is not None else NOTHING,
        )
        self._publish(event)
        self._tracker.tell(event)
