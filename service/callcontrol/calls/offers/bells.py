"""Doorbells: how the desk hears of calls, by our listener, by the event log, and by looking around.

A call that the dialplan hands over parks, also at its socket, and the events of every node tell of
that. So whichever replica is there finds every such call, the ones of a replica that died too.
"""

import logging
from collections.abc import Mapping
from typing import Final, Protocol

from callcontrol.calls import checks
from callcontrol.calls.call import CallState
from callcontrol.calls.encoding import grammar
from callcontrol.calls.encoding.handing import APPLICATION, GUARD, OWNER, was_sent_on
from callcontrol.calls.offers.desk import CallDesk
from callcontrol.calls.offers.ports import Bell, BellKind
from callcontrol.calls.payloads import CallEnded, CallStateChanged, NodeChanged
from callcontrol.calls.picture import fields, leg_facts, translate
from callcontrol.calls.picture.leg import Leg
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.picture.variables import ChannelVariables
from callcontrol.errors import ShuttingDown
from callcontrol.events.event import Event
from callcontrol.events.filter import EventFilter
from callcontrol.events.log import EventLog
from callcontrol.freeswitch.arrivals import ArrivedCall
from callcontrol.ids import CallId, NodeId

log: Final = logging.getLogger(__name__)

_PARK, _UNPARK = "CHANNEL_PARK", "CHANNEL_UNPARK"
_FILTERS: Final = (
    EventFilter(
        names=frozenset(
            {
                "CHANNEL_CREATE",
                _PARK,
                _UNPARK,
                "CHANNEL_HANGUP",
                "CHANNEL_HANGUP_COMPLETE",
                "CHANNEL_DESTROY",
            }
        )
    ),
    EventFilter(subclasses=frozenset({fields.RECONCILED_SUBCLASS, fields.NODE_SUBCLASS})),
)
_AT_ITS_SOCKET: Final = "socket"
_MAX_ARRIVALS: Final = 20_000
"""Calls of our listener that are remembered; it has fewer connections."""


class UnparkingNode(Protocol):
    """What a bell needs of a node."""

    async def unpark(self, call_id: CallId) -> bool:
        """Let a parked call go on with its dialplan; False where there is no such call."""


class UnparkingNodes(Protocol):
    """What a bell needs of the fleet."""

    def get(self, node_id: NodeId) -> UnparkingNode:
        """The node of that id. Raises NodeNotFound."""


class ParkDoor:
    """The way on out of a park (`ports.Doorbell`)."""

    def __init__(self, nodes: UnparkingNodes, node_id: NodeId, call_id: CallId) -> None:
        self._nodes, self._node_id, self._call_id = nodes, node_id, call_id

    async def go_on(self) -> None:
        """See `ports.Doorbell`."""
        await self._nodes.get(self._node_id).unpark(self._call_id)


class CallPicture:
    """What the tracker knows, as the desk wants it (`deeds.Picture`)."""

    def __init__(self, tracker: CallTracker) -> None:
        self._tracker = tracker
        self.get = tracker.get

    def is_parked(self, call_id: CallId) -> bool:
        """Whether a call is parked, as last seen."""
        leg = self._tracker.legs.alive(call_id)
        return leg is not None and leg.is_parked


class Bells:
    """Rings at the desk, and tells it of the ends of calls. Reads the event log in `run`; takes
    arrivals of the listener (`freeswitch.arrivals.CallHandler`).
    """

    def __init__(
        self, desk: CallDesk, tracker: CallTracker, event_log: EventLog, nodes: UnparkingNodes
    ) -> None:
        self._desk, self._tracker, self._log, self._nodes = desk, tracker, event_log, nodes
        self._arrived: dict[CallId, ArrivedCall] = {}
        """Calls of our listener that have not ended."""
        self._unseen: set[CallId] = set()
        """Those of which no event was read yet: their arrival was faster."""

    def on_arrival(self, call: ArrivedCall) -> None:
        """A call waits at its socket. It rings once it is in the picture. Raises InvalidRequest for
        an application that none can be, so that the call goes on.
        """
        problem = grammar.worker_word_problem(call.application)
        checks.require_valid([("application", problem), checks.call_id_check(call.call_id)])
        if len(self._arrived) >= _MAX_ARRIVALS:
            del self._arrived[next(iter(self._arrived))]
        self._arrived[call.call_id] = call
        if self._tracker.seen(call.call_id) is None:
            self._unseen.add(call.call_id)
            call.closed.add_done_callback(lambda _: self._unseen.discard(call.call_id))
        else:
            self._ring_arrived(call)

    async def run(self) -> None:
        """Follow the event log until cancelled, or until the log is closed."""
        with self._log.subscribe(_FILTERS, name="doorbells") as news:
            self.look_around()
            while True:
                try:
                    await news.wait()
                except ShuttingDown:
                    return
                batch = news.take()
                for entry in batch.entries:
                    if isinstance(entry.item, Event):
                        self._take(entry.item)
                if batch.overtaken or batch.unread:
                    self.look_around()

    def look_around(self) -> None:
        """Ring for what waits already, and tell of what was parked, left, or has ended unseen."""
        for leg in list(self._tracker.legs.live()):
            self._look_at(leg)
        for call_id in self._desk.known():
            if self._tracker.legs.alive(call_id) is None:
                self._desk.ended(call_id)

    def _take(self, event: Event) -> None:
        if isinstance(event.payload, NodeChanged):
            if event.payload.connected:
                self._desk.node_back(event.payload.node_id)
            return
        call_id = event.call_id
        if call_id is None:
            return
        if call_id in self._unseen:
            self._unseen.discard(call_id)
            self._ring_arrived(self._arrived[call_id])
        match event.payload:
            case CallEnded():
                self._arrived.pop(call_id, None)
                self._desk.ended(call_id)
                return
            case CallStateChanged(call=call) if call.state is CallState.ENDING:
                self._desk.hung_up(call_id)
                return
        leg = self._tracker.legs.alive(call_id)
        if leg is None:
            self._desk.ended(call_id)
        elif self._is_before_arrival(event, call_id):
            pass
        elif event.name == _PARK:
            self._parked(leg, ChannelVariables(event.headers))
        elif event.name == _UNPARK and not leg.is_parked:
            self._desk.left(call_id)
        elif event.synthetic:
            self._look_at(leg)

    def _is_before_arrival(self, event: Event, call_id: CallId) -> bool:
        """Whether an event of a call was fired before the call came to its socket. Its arrival is
        faster: the end of the park in which it was before would be taken for that of this one.
        """
        arrived = self._arrived.get(call_id)
        if arrived is None:
            return False
        return (
            0 < event.position.sequence < translate.number(arrived.headers, fields.EVENT_SEQUENCE)
        )

    def _parked(self, leg: Leg, variables: Mapping[str, str]) -> None:
        """A call was parked, with these variables. At the socket of our own listener it rings by
        that: later it would be taken for another park.
        """
        at_socket = variables.get("current_application") == _AT_ITS_SOCKET
        if variables.get(APPLICATION) and not (at_socket and leg.call_id in self._arrived):
            self._ring(leg, variables, is_new=_is_nobodys(variables))

    def _look_at(self, leg: Leg) -> None:
        """Ring for a call that was found, if it waits or is somebody's; tell of one that is known
        whether it is parked, as that may have changed unseen.
        """
        variables = leg.variables
        if leg.is_ending() or not variables.get(APPLICATION):
            return
        if self._desk.knows(leg.call_id):
            if leg.is_parked:
                self._desk.found_parked(leg.call_id)
            elif not (variables.get(OWNER) or self._is_at_our_socket(leg.call_id)):
                self._desk.left(leg.call_id)
        elif leg.is_parked or variables.get(OWNER):
            self._ring(leg, variables, is_new=False)

    def _is_at_our_socket(self, call_id: CallId) -> bool:
        """Whether it still is, also where its park there was not seen yet."""
        arrived = self._arrived.get(call_id)
        return arrived is not None and not arrived.closed.done()

    def _ring(self, leg: Leg, variables: Mapping[str, str], *, is_new: bool) -> None:
        application = variables[APPLICATION]
        problem = grammar.call_id_problem(leg.call_id) or grammar.worker_word_problem(application)
        if problem is not None:
            keys = {"node": leg.node_id, "problem": problem}
            log.warning("a call cannot be handed over", extra=keys)
            return
        self._desk.ring(
            Bell(
                call_id=leg.call_id,
                node_id=leg.node_id,
                application=application,
                kind=BellKind.PARK,
                door=ParkDoor(self._nodes, leg.node_id, leg.call_id),
                is_new=is_new,
                is_guarded=bool(variables.get(GUARD)),
            )
        )

    def _ring_arrived(self, call: ArrivedCall) -> None:
        # That it was sent on before does not count here: the dialplan rings once more, on purpose.
        variables = ChannelVariables(call.headers)
        leg = self._tracker.legs.alive(call.call_id)
        if leg is not None:
            # Events of the actions before it may come later, and it is offered with its variables.
            number = translate.number(call.headers, fields.EVENT_SEQUENCE)
            leg_facts.read_variables(leg, call.headers, number)
        self._desk.ring(
            Bell(
                call_id=call.call_id,
                node_id=call.node_id,
                application=call.application,
                kind=BellKind.SOCKET,
                door=call,
                is_new=not variables.get(OWNER),
                is_guarded=bool(variables.get(GUARD)),
            )
        )


def _is_nobodys(variables: Mapping[str, str]) -> bool:
    return not variables.get(OWNER) and not was_sent_on(variables)
