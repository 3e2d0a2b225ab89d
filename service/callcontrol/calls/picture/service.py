"""What becomes of a node's events: they change the picture of calls, and go into the event log."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Protocol

from callcontrol.calls.payloads import NodeChanged
from callcontrol.calls.picture.questions import ReconcileSettings, SwitchQueries
from callcontrol.calls.picture.reconcile import Reconciler
from callcontrol.calls.picture.settle import Settlement
from callcontrol.calls.picture.synthetic import node_event
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.errors import CallControlError
from callcontrol.esl.messages import SwitchEvent
from callcontrol.events.event import Event, Gap, GapReason, Position
from callcontrol.freeswitch.fields import Place
from callcontrol.freeswitch.observer import NodeUp
from callcontrol.ids import CallId, CoreUuid, NodeId

_log = logging.getLogger(__name__)


class History(Protocol):
    """Where events go, in the order in which subscribers see them."""

    def append(self, event: Event) -> int:
        """Keep and announce an event."""

    def append_gap(self, gap: Gap) -> int:
        """Keep and announce that events are missing here."""

    def node_linked(self, position: Position) -> None:
        """From here on no event of the node is missing, see `events.log.EventLog`."""


class CallService:
    """Observes nodes (`freeswitch.observer.NodeObserver`): each event goes through the tracker into
    the history before anything else happens, so that both always agree.

    While a node is away its calls stay as last seen. `run` audits the connected nodes now and
    then: the only way to find a loss that nobody announced. After events were lost it does so soon,
    and again after twice the time each.
    """

    def __init__(
        self,
        tracker: CallTracker,
        history: History,
        node_of: Callable[[NodeId], SwitchQueries],
        *,
        settings: ReconcileSettings | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        audit_interval_s: float = 60.0,
    ) -> None:
        self._tracker, self._history, self._node_of = tracker, history, node_of
        self._reconciler = Reconciler(tracker, self._publish, settings, sleep)
        self._settlement = Settlement(tracker, self._keep)
        self._unsettled = asyncio.Event()
        tracker.publish = self._keep
        self._sleep = sleep
        self._settings = settings or ReconcileSettings()
        self._audit_interval_s = audit_interval_s
        self.on_compared: Callable[[], None] = lambda: None
        """Told when the picture has been made to agree with a node, after events were or may have
        been missed: not of all that was found events tell. Plain."""
        self._connected: dict[NodeId, CoreUuid] = {}
        self._in_doubt = asyncio.Event()
        self._announced: set[NodeId] = set()
        """Nodes with a gap that the next audit's findings belong to."""
        self._unannounced: NodeId | None = None
        """The node under audit, as long as nothing was said of events that it lost."""

    def on_event(self, node_id: NodeId, event: SwitchEvent) -> None:
        """Apply an event and publish it."""
        self._history.append(self._tracker.apply(node_id, event))
        if self._tracker.expected.new_doubts:
            self._unsettled.set()

    async def node_up(self, info: NodeUp) -> None:
        """Announce the gap and the node, end what a restart took, then compare with the switch.

        Everything up to the first question to the switch is done before any new event comes.
        """
        node_id, core_uuid = info.node_id, info.core_uuid
        # Also the first time: a stream may be open already, or go on from another replica.
        self._history.append_gap(_gap_before(info))
        self._history.node_linked(_position(info.position))
        self._tell_node(node_id, core_uuid, connected=True, reason=_reason_of(info))
        ended = self._reconciler.end_former(node_id, core_uuid)
        differences = await self._reconciler.resynchronise(self._node_of(node_id), core_uuid)
        differences.ended += ended
        # The switch's tables lag: a call that began just before we came may show up in a moment.
        self._connected[node_id] = core_uuid
        self._announced.add(node_id)
        self._in_doubt.set()
        keys = {"node": node_id, "restarted": info.restarted, **asdict(differences)}
        _log.info("calls reconciled", extra=keys)
        self.on_compared()

    def node_down(self, node_id: NodeId, reason: str) -> None:
        """End what waits for the node's events, and say that it is away."""
        core_uuid = self._connected.pop(node_id, None)
        last = self._tracker.last_position(node_id)
        known = core_uuid or (last.core_uuid if last else None)
        self._tracker.node_lost(node_id, reason)
        self._tell_node(node_id, known, connected=False, reason=reason)

    def node_came(self, node_id: NodeId, core_uuid: CoreUuid) -> None:
        """A call comes of a switch that only its calls' sockets lead to."""
        self._tell_node(node_id, core_uuid, connected=True, reason="a call of it came")

    def call_left(self, node_id: NodeId, call_id: CallId) -> None:
        """A call of such a switch is over, or went on where we do not see it: it ends for us."""
        leg = self._tracker.legs.alive(call_id)
        if leg is not None and leg.node_id == node_id:
            self._reconciler.end_left(call_id)

    def events_lost(self, node_id: NodeId, count: int) -> None:
        """Announce events that came and could not be read, and look what they may have been."""
        self._history.append_gap(
            Gap(
                reason=GapReason.UNREADABLE_EVENT,
                node_id=node_id,
                last_before=self._tracker.last_position(node_id),
                count=count,
            )
        )
        self._announced.add(node_id)
        self._in_doubt.set()

    async def run(self) -> None:
        """Audit the connected nodes, and settle what became of calls that were asked for, until
        cancelled; ends by itself never.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._audit_now_and_then(), name="audits")
            tasks.create_task(self._settle_doubts(), name="settlement")

    async def _settle_doubts(self) -> None:
        while True:
            await self._unsettled.wait()
            self._unsettled.clear()
            for node_id in self._tracker.expected.take_new_doubts():
                await self.settle(node_id)

    async def _audit_now_and_then(self) -> None:
        interval_s, doubted = self._audit_interval_s, set[NodeId]()
        while True:
            try:
                async with asyncio.timeout(interval_s):
                    await self._in_doubt.wait()
            except TimeoutError:
                if interval_s >= self._audit_interval_s:
                    doubted.clear()
                # Else it is the switch's tables that are late, by some seconds on a loaded machine.
                self._announced |= doubted & self._connected.keys()
            else:
                interval_s = self._settings.confirm_after_s
                await self._sleep(interval_s)
                doubted |= self._announced
            interval_s = min(2 * interval_s, self._audit_interval_s)
            self._in_doubt.clear()
            for node_id in list(self._connected):
                await self.audit(node_id)
                await self.settle(node_id)

    async def settle(self, node_id: NodeId) -> None:
        """End the calls that were asked of a node, were never seen, and are not there."""
        async with self._questions("settlement", node_id):
            await self._settlement.settle(self._node_of(node_id))

    async def audit(self, node_id: NodeId) -> None:
        """Compare the calls of one node with the switch; differences are published and logged.

        If they belong to no gap that was announced, a gap goes before the first of them.
        """
        core_uuid = self._connected.get(node_id)
        if core_uuid is None:
            return
        is_announced = is_left = node_id in self._announced
        self._announced.discard(node_id)
        self._unannounced = None if is_announced else node_id
        try:
            async with self._questions("audit", node_id):
                node = self._node_of(node_id)
                differences = await self._reconciler.resynchronise(node, core_uuid)
                is_left = False
                if differences.total:
                    self.on_compared()
                if differences.total and not is_announced:
                    keys = {"node": node_id, **asdict(differences)}
                    _log.warning("events were missed unannounced", extra=keys)
        finally:
            self._unannounced = None
            if is_left:
                self._announced.add(node_id)

    @asynccontextmanager
    async def _questions(self, what: str, node_id: NodeId) -> AsyncIterator[None]:
        """Bound a round of questions to one node, and let no failure of it end the service for all.

        Cut off anywhere, what was found has been told, and the rest waits for the next audit: the
        node is going away, too busy, or its answers meet a fault of ours.
        """
        try:
            async with asyncio.timeout(self._settings.audit_timeout_s):
                yield
        except (CallControlError, TimeoutError) as error:
            reason = str(error) or "it took too long"
            _log.info("%s put off", what, extra={"node": node_id, "reason": reason})
        except Exception:  # noqa: BLE001  one node's answers must not end the service for all
            _log.exception("%s failed", what, extra={"node": node_id})

    def _keep(self, event: Event) -> None:
        self._history.append(event)

    def _publish(self, event: Event) -> None:
        node_id = event.position.node_id
        if node_id == self._unannounced:
            self._unannounced = None
            self._history.append_gap(
                Gap(
                    reason=GapReason.SWITCH_OVERLOADED,
                    node_id=node_id,
                    last_before=self._tracker.last_position(node_id),
                )
            )
        self._keep(event)

    def _tell_node(
        self, node_id: NodeId, core_uuid: CoreUuid | None, *, connected: bool, reason: str
    ) -> None:
        sessions = self._tracker.count(node_id)
        change = NodeChanged(node_id, connected, sessions, core_uuid, reason)
        self._history.append(node_event(change, self._tracker.now_us()))


def _gap_before(info: NodeUp) -> Gap:
    last = info.last_before
    if info.restarted:
        reason = GapReason.NODE_RESTARTED
    elif info.overloaded:
        reason = GapReason.SWITCH_OVERLOADED
    else:
        reason = GapReason.NODE_CONNECTION_LOST
    return Gap(
        reason=reason,
        node_id=info.node_id,
        last_before=None if last is None else _position(last),
        first_after=_position(info.position),
    )


def _position(place: Place) -> Position:
    return Position(place.node_id, place.core_uuid, place.sequence, place.time_us)


def _reason_of(info: NodeUp) -> str:
    if info.first:
        return "connected"
    return "restarted" if info.restarted else "reconnected"
