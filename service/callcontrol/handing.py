"""Calls that dialplans hand over: the desk, its doorbells, and what it does at the switches."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry

from callcontrol.calls.control import CallControl
from callcontrol.calls.offers.bells import Bells, CallPicture, ParkDoor
from callcontrol.calls.offers.claims import HashClaims
from callcontrol.calls.offers.desk import CallDesk
from callcontrol.calls.offers.hands import SwitchHands
from callcontrol.calls.offers.machine import Stage
from callcontrol.calls.offers.settings import OfferSettings
from callcontrol.calls.offers.sweep import ClaimSweep
from callcontrol.calls.offers.switch_table import HashNode
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.config_problems import describe
from callcontrol.events.log import EventLog
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.listener import OutboundListener
from callcontrol.freeswitch.outbound_node import OutboundNodes
from callcontrol.freeswitch.outbound_settings import OutboundSettings
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.ids import CallId, NodeId
from callcontrol.listening import told_by
from callcontrol.metrics_handling import HandlingCollector, HandlingMetrics

log: Final = logging.getLogger(__name__)


class Handing:
    """What is between the dialplans and the workers. To be made on its event loop."""

    def __init__(
        self,
        control: CallControl,
        tracker: CallTracker,
        event_log: EventLog,
        fleet: Fleet,
        switches: OutboundNodes,
        *,
        registry: CollectorRegistry,
        settings: OfferSettings,
        outbound: OutboundSettings | None = None,
        timings: LinkTimings | None = None,
    ) -> None:
        """Without `outbound` calls come by their park alone."""
        self._fleet, self._switches, self._outbound = fleet, switches, outbound
        self._tracker = tracker
        metrics = HandlingMetrics(registry)
        self._claims = HashClaims(switches.get, self._ready_nodes)
        self.desk = CallDesk(
            self._claims,
            SwitchHands(control),
            CallPicture(tracker),
            door_of=lambda node_id, call_id: ParkDoor(switches, node_id, call_id),
            timers=asyncio.get_running_loop(),
            observer=metrics,
            settings=settings,
        )
        self._claims.on_silence = self.desk.node_back
        self._sweep = ClaimSweep(switches.get, self._ready_of_fleet, self._is_known)
        self._bells = Bells(self.desk, tracker, event_log, switches)
        self._listener: OutboundListener | None = None
        if outbound is not None:
            self._listener = OutboundListener(
                outbound, fleet, self._bells, timings, unknown=switches
            )
        registry.register(
            HandlingCollector(
                metrics.labels,
                workers=self.desk.workers,
                calls=self._stages,
                outbound=self._listener.counters if self._listener else None,
                connections=lambda: self._listener.connections if self._listener else 0,
            )
        )
        self._ringing: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where calls come by their socket; 0 while they cannot."""
        return self._listener.port if self._listener is not None else 0

    def look_around(self) -> None:
        """Look for calls that were parked unseen, as of those no event may tell."""
        if self._ringing is not None and not self._ringing.done():
            self._bells.look_around()

    async def run(self) -> None:
        """Take calls and deal with them until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.desk.run(), name="errands of the desk")
            tasks.create_task(self._claims.run(), name="signs of life")
            tasks.create_task(self._sweep.run(), name="stale claims")
            self._ringing = tasks.create_task(self._bells.run(), name="doorbells")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Let calls come by their socket until the end of the block; then those that are here go
        on with their dialplan. Raises OSError if the address cannot be had.
        """
        async with AsyncExitStack() as stack:
            if self._listener is not None and self._outbound is not None:
                address = f"{self._outbound.host}:{self._outbound.port}"
                with told_by(describe("outbound_listen"), address):
                    await stack.enter_async_context(self._listener.listening())
                log.info("taking calls", extra={"host": self._outbound.host, "port": self.port})
            yield

    async def leave(self) -> None:
        """Let other replicas have the calls, when no worker has a stream here any more. Takes some
        seconds at most.
        """
        if self._ringing is not None:
            self._ringing.cancel()  # what goes on from its socket into a park is theirs
        await self.desk.leave()
        await self._claims.say_goodbye()

    def _ready_nodes(self) -> list[HashNode]:
        return [*self._ready_of_fleet(), *self._switches.passing]

    def _ready_of_fleet(self) -> list[HashNode]:
        return [node for node in self._fleet.nodes if node.is_ready]

    def _is_known(self, node_id: NodeId, call_id: CallId) -> bool:
        leg = self._tracker.legs.alive(call_id)
        return (leg is not None and leg.node_id == node_id) or self.desk.knows(call_id)

    def _stages(self) -> Mapping[str, int]:
        return {stage.name.lower(): self.desk.count(stage) for stage in Stage}
