"""The picture of every call on every node, and what each event changes in it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from callcontrol.calls.call import Call
from callcontrol.calls.conferences.watch import ConferenceWatch, ConferenceWatches
from callcontrol.calls.payloads import CallCreated, CallStateChanged, Payload
from callcontrol.calls.picture import fields, leg_facts, translate
from callcontrol.calls.picture.ended import TrackerLimits
from callcontrol.calls.picture.expected import ExpectedCalls
from callcontrol.calls.picture.leg import Leg
from callcontrol.calls.picture.legs import Legs, ended_payload
from callcontrol.calls.picture.meaning import apply_to_leg
from callcontrol.calls.picture.naming import NAMING, legs_named
from callcontrol.calls.picture.place_watch import PlaceWatch, PlaceWatches
from callcontrol.calls.picture.synthetic import finding
from callcontrol.calls.picture.tidings import JOB, TELLING, tidings
from callcontrol.calls.picture.translate import RENAME, Headers
from callcontrol.calls.picture.variables import labels_in
from callcontrol.calls.picture.watch import Watch
from callcontrol.calls.picture.watches import WatchTable
from callcontrol.errors import CallHasEnded, CallNotFound, CallStateConflict
from callcontrol.esl.messages import SwitchEvent
from callcontrol.events.event import Event, Position
from callcontrol.ids import CallId, JobId, NodeId

__all__ = ["CallTracker", "TrackerLimits"]

_NO_LABELS: Final[Mapping[str, str]] = {}


class CallTracker:
    """Applies events to calls, in the order in which they come, and answers what calls there are.

    Live calls are as many as the switches have; what is over is bounded by TrackerLimits.
    `clock` is monotonic, in seconds; `now_us` the time of day in microseconds since the epoch.
    """

    def __init__(
        self,
        limits: TrackerLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self.legs = Legs(limits or TrackerLimits(), clock)
        """For reconciliation; others use the methods of the tracker."""
        self.expected = ExpectedCalls(clock)
        """For those who place calls."""
        self.publish: Callable[[Event], None] = lambda _event: None
        """Takes what no event of the switch tells, for subscribers."""
        self._watches = WatchTable()
        self._conference_watches = ConferenceWatches()
        self._subclass_watches = PlaceWatches[Event]()
        self._positions: dict[NodeId, Position] = {}
        self.now_us = now_us
        """The time of day, microseconds since the epoch."""

    def apply(self, node_id: NodeId, event: SwitchEvent) -> Event:
        """Apply what the switch says and give it as subscribers see it, with its meaning."""
        headers, name = event.headers, translate.name_of(event.headers)
        position = self._position_of(node_id, headers)
        call_id = translate.call_id_of(headers)
        others: tuple[CallId, ...] = ()
        if call_id is None and name in NAMING:
            call_id, others = legs_named(name, headers, event.body, self.legs.get)
        leg, partner, payload = self._read(call_id, name, event, position)
        if leg is not None:
            call_id = leg.call_id
        seen = Event(
            event_id=translate.event_id_of(position, name, headers),
            position=position,
            name=name,
            subclass=translate.subclass_of(headers) if name == fields.CUSTOM else "",
            call_id=call_id,
            peer_call_ids=others or translate.peers_of(headers, name, call_id, partner),
            labels=leg.labels if leg is not None else self._labels_of(call_id, headers),
            headers=headers,
            body=event.body,
            received_us=self.now_us(),
            payload=payload,
            size=event.size,
        )
        self.tell(seen)
        return seen

    def _read(
        self, call_id: CallId | None, name: str, event: SwitchEvent, position: Position
    ) -> tuple[Leg | None, CallId | None, Payload | None]:
        """The leg an event is about, its partner before it, and what the event means."""
        headers = event.headers
        leg: Leg | None = None
        partner: CallId | None = None
        payload: Payload | None = None
        if call_id is not None:
            leg = self._leg_of(call_id, name, headers, position)
            if leg is not None:
                partner = leg.bridged
                if not leg.has_ended():
                    leg_facts.read_variables(leg, headers, position.sequence)
                payload = apply_to_leg(self.legs, leg, name, headers, position)
                if isinstance(payload, CallStateChanged) and not leg.announced:
                    self._announce(leg, payload, position)
        if payload is None and name in TELLING:
            if name == JOB:
                unborn = self._never_began(headers, event.body, position)
                if unborn is not None:
                    return unborn, None, ended_payload(unborn.picture())
            payload = tidings(name, headers, event.body, position)
        return leg, partner, payload

    def _announce(self, leg: Leg, changed: CallStateChanged, position: Position) -> None:
        """Tell of a leg before its first change, as CHANNEL_CREATE was missed, or comes later: on a
        busy switch events of one leg may overtake each other.
        """
        leg.announced = True
        created = CallCreated(replace(changed.call, state=changed.previous_state))
        now_us, core_uuid = self.now_us(), position.core_uuid
        event = finding(created, core_uuid, position, now_us=now_us, labels=leg.labels)
        self.publish(event)
        self.tell(event)

    def tell(self, event: Event) -> None:
        """Pass an event to those that watch a call, a conference or a subclass it concerns."""
        if self._watches:
            self._watches.pass_on(event)
        if self._conference_watches:
            self._conference_watches.pass_on(event)
        if self._subclass_watches:
            self._subclass_watches.tell((event.position.node_id, event.subclass), event)

    def get(self, call_id: CallId) -> Call | None:
        """The call as last seen; for a while after its end too, and as it was asked for before
        its first event.
        """
        return self.seen(call_id) or self.expected.get(call_id)

    def is_taken(self, call_id: CallId) -> bool:
        """Whether a new call cannot have this id: what came for it would be taken for the rest of
        the former call, which is remembered longer than it can be read.
        """
        return self.get(call_id) is not None or self.legs.has_ended(call_id)

    def seen(self, call_id: CallId) -> Call | None:
        """The call as `get` has it, if there was an event of it."""
        leg = self.legs.get(call_id)
        return leg.picture() if leg is not None else None

    def require(self, call_id: CallId, *, alive: bool = False) -> Call:
        """The call as `get` has it. Raises CallNotFound; with `alive` also CallHasEnded, from the
        moment the call hangs up, and CallStateConflict before its first event.
        """
        call = self.get(call_id)
        if call is None:
            raise CallNotFound(call_id)
        if alive and self.seen(call_id) is None:
            raise CallStateConflict(call_id, call.state.value, "the switch to have begun it")
        if alive and call.is_over:
            raise CallHasEnded(call_id, call.hangup_cause.name if call.hangup_cause else "")
        return call

    def calls(self, node_id: NodeId | None = None) -> list[Call]:
        """The calls that have not ended, of one node or of all, oldest first."""
        found = [
            leg.picture() for leg in self.legs.live() if node_id is None or leg.node_id == node_id
        ]
        return sorted(found, key=lambda call: (call.created_us, call.call_id))

    def announced_calls(self) -> list[Call]:
        """The calls of all nodes that have not ended and that a CallCreated has told of, so that
        none will follow. The others are as good as told.
        """
        return [leg.picture() for leg in self.legs.live() if leg.announced]

    def count(self, node_id: NodeId) -> int:
        """How many calls of the node have not ended."""
        return self.legs.count(node_id)

    def last_position(self, node_id: NodeId) -> Position | None:
        """Where the node's last event was in its stream."""
        return self._positions.get(node_id)

    def watch(self, *call_ids: CallId, node_id: NodeId | None = None) -> Watch:
        """Watch calls, also such as do not exist yet; then `node_id` says where they will be.

        Enter the watch before sending the command. A call that has hung up already ends each
        wait, unless what the wait looks for has come since the watch was entered.
        """
        hung_up: Call | None = None
        for call_id in call_ids:
            call = self.get(call_id)
            if call is not None:
                node_id = node_id or call.node_id
                hung_up = hung_up or (call if call.is_over else None)
        return Watch(self._watches, call_ids, node_id, hung_up)

    def watch_conference(self, node_id: NodeId, name: str) -> ConferenceWatch:
        """Watch a conference, also one that does not exist yet. Enter the watch before sending."""
        return ConferenceWatch(self._conference_watches, (node_id, name))

    def watch_subclass(self, node_id: NodeId, subclass: str) -> PlaceWatch[Event]:
        """Watch the CUSTOM events of a subclass. Enter the watch before sending."""
        return PlaceWatch(self._subclass_watches, (node_id, subclass))

    @property
    def watching(self) -> int:
        """How many watches are entered now."""
        return len(self._watches)

    def node_lost(self, node_id: NodeId, reason: str) -> None:
        """The link to the node is gone: end what waits for its events. Its calls stay as last
        seen until the next reconciliation.
        """
        self.expected.interrupt(node_id)
        self._watches.lose_node(node_id, reason)
        self._conference_watches.lose_node(node_id, reason)
        self._subclass_watches.lose_node(node_id, reason)

    def _position_of(self, node_id: NodeId, headers: Headers) -> Position:
        core = translate.core_uuid_of(headers)
        if not core and (last := self._positions.get(node_id)) is not None:
            core = last.core_uuid
        position = translate.position_of(headers, node_id, core)
        if position.sequence:
            self._positions[node_id] = position
        return position

    def _leg_of(
        self, call_id: CallId, name: str, headers: Headers, position: Position
    ) -> Leg | None:
        """The leg an event is about, if there is or must be one."""
        if name == RENAME:
            self._rename(call_id, headers)
        leg = self.legs.of_event(call_id, name, headers, position)
        if leg is not None and self.expected:
            self.expected.settled(leg.call_id)
        return leg

    def _never_began(self, headers: Headers, result: str, position: Position) -> Leg | None:
        failed = self.expected.failed(JobId(translate.text(headers, fields.JOB_ID)), result)
        return self.legs.never_began(*failed, position) if failed is not None else None

    def _labels_of(self, call_id: CallId | None, headers: Headers) -> Mapping[str, str]:
        """Of a leg that was not seen yet: as it was asked for, or as the event has them."""
        if call_id is None:
            return _NO_LABELS
        expected = self.expected.get(call_id)
        return labels_in(headers) or (expected.labels if expected is not None else _NO_LABELS)

    def _rename(self, call_id: CallId, headers: Headers) -> None:
        former = translate.former_call_id_of(headers)
        if former is not None and former != call_id:
            self.legs.rename(former, call_id)
            self._watches.rename(former, call_id)
