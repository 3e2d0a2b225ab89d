"""All legs, live and over, and what events do to them and to their partners."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from callcontrol.calls.call import Call, HangupCause
from callcontrol.calls.causes import q850_of
from callcontrol.calls.payloads import (
    CallBridged,
    CallCreated,
    CallEnded,
    CallStateChanged,
    CallUnbridged,
)
from callcontrol.calls.picture import leg_facts, translate
from callcontrol.calls.picture.ended import EndedCalls, TrackerLimits
from callcontrol.calls.picture.leg import Leg
from callcontrol.calls.picture.leg_facts import LIFECYCLE
from callcontrol.calls.picture.translate import BRIDGES, CREATE, DESTROY, Headers
from callcontrol.calls.picture.variables import mark_alone
from callcontrol.events.event import Position
from callcontrol.ids import CallId, NodeId

_PROOFS_OF_LIFE: Final = LIFECYCLE | BRIDGES | {"CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE"}
"""Events that only a leg of the switch has, so that a leg not heard of before must exist.

CUSTOM and its like can carry any Unique-ID that a client wrote into them. CODEC, CHANNEL_STATE and
CHANNEL_OUTGOING can come under an id that the leg gives up before CHANNEL_CREATE.
"""

_SHOW_LABELS: Final = frozenset({"CHANNEL_ANSWER", "CHANNEL_PARK", "CHANNEL_HANGUP_COMPLETE"})
"""Labels are looked for where a leg is first seen and here; to look costs as much as to apply."""

LifePayload = CallCreated | CallStateChanged | CallEnded | None


class Legs:
    """The table of legs. Live ones are as many as the switches have, those that are over are
    bounded by TrackerLimits. An ended leg never becomes a live one again.
    """

    def __init__(self, limits: TrackerLimits, clock: Callable[[], float]) -> None:
        self._live: dict[CallId, Leg] = {}
        self._ended = EndedCalls(limits, clock)
        self._counts: Counter[NodeId] = Counter()

    def live(self) -> Iterable[Leg]:
        """The legs that have not ended, in no useful order."""
        return self._live.values()

    def of_node(self, node_id: NodeId) -> list[Leg]:
        """The legs of a node that have not ended."""
        return [leg for leg in self._live.values() if leg.node_id == node_id]

    def alive(self, call_id: CallId) -> Leg | None:
        """The leg, if it has not ended."""
        return self._live.get(call_id)

    def get(self, call_id: CallId) -> Leg | None:
        """The leg, live or lately ended."""
        return self._live.get(call_id) or self._ended.get(call_id)

    def has_ended(self, call_id: CallId) -> bool:
        """Whether a leg of this id is known to be over."""
        return call_id in self._ended

    def count(self, node_id: NodeId) -> int:
        """How many legs of the node have not ended."""
        return self._counts[node_id]

    @property
    def ended_count(self) -> int:
        """How many ended legs are still held."""
        return len(self._ended)

    def begin(self, call_id: CallId, position: Position, headers: Headers) -> Leg:
        """A leg not heard of before."""
        leg = Leg(call_id, position.node_id, position.core_uuid)
        leg.position = position
        self._live[call_id] = leg
        self._counts[leg.node_id] += 1
        leg_facts.describe(leg, headers)
        leg_facts.read_labels(leg, headers)
        return leg

    def of_event(
        self, call_id: CallId, name: str, headers: Headers, position: Position
    ) -> Leg | None:
        """The leg an event is about; a new one if the event proves that there must be one."""
        leg = self._live.get(call_id)
        if leg is not None:
            return leg
        if call_id in self._ended:
            return self._ended.get(call_id)
        if name not in _PROOFS_OF_LIFE:
            return None
        if name == DESTROY and translate.was_never_made(headers):
            self._ended.bury(call_id)
            return None
        leg = self.begin(call_id, position, headers)
        if name not in LIFECYCLE:
            leg_facts.note_answer(leg, headers, position.sequence)
            leg.settle()
        return leg

    def rename(self, former: CallId, call_id: CallId) -> None:
        """The switch gave a leg another id. It does so before CHANNEL_CREATE, so that in general
        neither id has been heard of; nothing comes any more under the former one.
        """
        leg = self._live.pop(former, None)
        self._ended.bury(former)
        if leg is None:
            return
        if call_id in self._live or call_id in self._ended:
            self._counts[leg.node_id] -= 1
            self.part(leg, leg.position)
            return
        leg.rename(call_id)
        self._live[call_id] = leg
        partner = self._live.get(leg.bridged) if leg.bridged else None
        if partner is not None and partner.bridged == former:
            partner.bridged = call_id
            partner.changed(leg.position)

    def advance(self, leg: Leg, name: str, headers: Headers, position: Position) -> LifePayload:
        """Apply one of the LIFECYCLE events and say what it means; None for nothing new."""
        if leg.has_ended():
            return None
        if name == CREATE and leg.node_id != position.node_id:
            self._move(leg, position)
        leg_facts.note_signs(leg, name, headers, position.sequence)
        former = leg.settle()
        if former is None and name != CREATE:
            return None
        leg_facts.describe(leg, headers)
        if name in _SHOW_LABELS:
            leg_facts.read_labels(leg, headers)
        leg.changed(position)
        if leg.has_ended():
            return self.end(leg, headers, position)
        if leg.is_ending():
            leg.cause = translate.hangup_cause_of(headers) or leg.cause
        if name == CREATE:
            return self.announce(leg)
        return None if former is None else CallStateChanged(leg.picture(), former)

    def announce(self, leg: Leg) -> CallCreated | None:
        """Tell of the leg, once."""
        if leg.announced:
            return None
        leg.announced = True
        return CallCreated(leg.picture())

    def refresh(self, leg: Leg, headers: Headers, position: Position) -> None:
        """Apply an event that tells who talks how, but not where the leg is in its life."""
        if not leg.has_ended() and leg_facts.describe(leg, headers):
            leg.changed(position)

    def end(self, leg: Leg, headers: Headers, position: Position) -> CallEnded:
        """The leg is over, whoever said so; happens once to each."""
        leg.finish()
        leg.cause = translate.hangup_cause_of(headers) or leg.cause
        leg.ended_us = translate.hangup_time_of(headers) or position.time_us
        self.part(leg, position)
        leg.conference_name = ""
        leg.changed(position)
        self._live.pop(leg.call_id, None)
        self._counts[leg.node_id] -= 1
        told = ended_payload(leg.picture())
        self._ended.add(leg)
        return told

    def never_began(self, call: Call, cause: str, position: Position) -> Leg | None:
        """A call that was asked for will not come to be, for the given cause if one is known; a
        leg that is over from the start, or None if a leg of that id was seen after all.
        """
        if self.get(call.call_id) is not None:
            return None
        leg = Leg(call.call_id, position.node_id, position.core_uuid)
        leg.direction, leg.labels = call.direction, dict(call.labels)
        leg.variables = mark_alone(call.variables)
        leg.cause = HangupCause(name=cause, q850_code=q850_of(cause)) if cause else None
        leg.ended_us = position.time_us
        leg.finish()
        leg.changed(position)
        self._ended.add(leg)
        return leg

    def unbury(self, call_id: CallId) -> None:
        """See `EndedCalls.unbury`."""
        self._ended.unbury(call_id)

    def bridge(self, leg: Leg, headers: Headers, position: Position) -> CallBridged | None:
        """CHANNEL_BRIDGE, which comes for the leading leg only: join both."""
        pair = translate.bridge_of(headers)
        if pair is None:
            return None
        if pair[0] != leg.call_id and pair[1] != leg.call_id:
            return CallBridged(*pair)
        self.join(pair, position)
        return CallBridged(*pair)

    def unbridge(self, leg: Leg, headers: Headers, position: Position) -> CallUnbridged | None:
        """CHANNEL_UNBRIDGE, which comes for the leading leg only: part both, unless one of them
        has found another partner meanwhile.
        """
        pair = translate.bridge_of(headers)
        if pair is None:
            return None
        if leg.bridged in pair:
            self.part(leg, position)
        return CallUnbridged(*pair)

    def join(self, pair: tuple[CallId, CallId], position: Position) -> None:
        """Make two legs partners, and no longer those of others. A leg that is over, or was never
        heard of, is nobody's partner.
        """
        first, second = self._live.get(pair[0]), self._live.get(pair[1])
        for leg, partner in ((first, pair[1]), (second, pair[0])):
            if leg is None or leg.bridged == partner:
                continue
            self.part(leg, position)
            if first is not None and second is not None:
                leg.bridged = partner
                leg.changed(position)

    def part(self, leg: Leg, position: Position | None) -> None:
        """Undo a leg's partnership on both sides."""
        if leg.bridged is None:
            return
        partner = self._live.get(leg.bridged)
        leg.bridged = None
        leg.changed(position)
        if partner is not None and partner.bridged == leg.call_id:
            partner.bridged = None
            partner.changed(position)

    def _move(self, leg: Leg, position: Position) -> None:
        """A standby took the leg over from a node that failed, under the same id."""
        self._counts[leg.node_id] -= 1
        leg.node_id, leg.core_uuid = position.node_id, position.core_uuid
        self._counts[leg.node_id] += 1


def ended_payload(call: Call) -> CallEnded:
    """The end of a call, with its durations."""
    total = max(0, call.ended_us - call.created_us) if call.created_us else 0
    billable = max(0, call.ended_us - call.answered_us) if call.answered_us else 0
    return CallEnded(call, call.hangup_cause, total, billable)
