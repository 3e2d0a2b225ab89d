"""A replica of the service for models: everything from the node's reports to the bytes of a stream,
without sockets, at the pace of whoever drives it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from tests.support.channels import START_US
from tests.support.model_switch import ModelLink, ModelSwitch

from callcontrol.calls.picture.service import CallService
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.events.log import EventLog
from callcontrol.events.ring import LogLimits
from callcontrol.events.token import TokenKey
from callcontrol.freeswitch.fields import Place
from callcontrol.freeswitch.observer import NodeUp
from callcontrol.ids import CoreUuid, NodeId
from callcontrol.rpc.event_service import EventService


class ModelQueries:
    """What a replica asks a switch, over a link beside that for events."""

    def __init__(self, link: ModelLink, answering: asyncio.Event) -> None:
        self._link, self._answering = link, answering

    @property
    def node_id(self) -> NodeId:
        return self._link.switch.node_id

    async def api(self, name: str, arguments: str = "") -> str:
        await self._answering.wait()
        return await self._link.switch.tables.api(name, arguments)

    async def caught_up(self) -> None:
        told = len(self._link.switch.pushed)
        while self._link.read < told:
            self._link.was_read.clear()
            await self._link.was_read.wait()


class ModelReplica:
    """One process of the service after the other, at the same place."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        switches: Sequence[ModelSwitch],
        limits: LogLimits,
        clock: Callable[[], float],
        tick: Callable[[], None],
    ) -> None:
        """`tick` lets the time pass that it takes to read an event."""
        self._loop, self._limits, self._clock, self._tick = loop, limits, clock, tick
        self._switches = {switch.node_id: switch for switch in switches}
        self._links: dict[NodeId, ModelLink] = {}
        self._synchronising: dict[NodeId, asyncio.Task[None]] = {}
        self.answering = asyncio.Event()
        """Cleared to let its questions to switches wait."""
        self.answering.set()

    def start(self, key: TokenKey) -> None:
        """A process with nothing in it."""
        self.key = key
        self.started_us = self.now_us()
        self.log = EventLog(self._limits, self._clock, key)
        self.tracker = CallTracker(clock=self._clock, now_us=self.now_us)
        self.calls = CallService(
            self.tracker,
            self.log,
            lambda node_id: ModelQueries(self._links[node_id], self.answering),
            sleep=lambda _: asyncio.sleep(0),
        )
        self.streams = EventService(
            self.log, self._switches.get, calls=self.tracker.announced_calls, clock=self._clock
        )
        self.streams._tools = replace(self.streams._tools, now_us=self.now_us)
        self._last_seen: dict[NodeId, Place] = {}
        self._known: dict[NodeId, str] = {}
        self.ups: Counter[NodeId] = Counter()
        self._read_at: dict[NodeId, list[tuple[int, int]]] = {}
        self.heard_all = True
        """Whether it was connected before anything was pushed, and ever since."""

    def now_us(self) -> int:
        return START_US + round(self._clock() * 1_000_000)

    def end(self) -> None:
        """As by `kill -9`."""
        for node_id in tuple(self._links):
            self._give_up(node_id)

    @property
    def has_everything(self) -> bool:
        """Whether it holds all that was ever pushed."""
        return (
            self.heard_all
            and self.log.first_number == 1
            and all(self.is_up(node_id) for node_id in self._switches)
        )

    def is_up(self, node_id: NodeId) -> bool:
        """Whether events of the node flow, and its calls were compared."""
        link = self._links.get(node_id)
        if link is None or not link.is_proven:
            return False
        return self._synchronising[node_id].done()

    def has_read(self, node_id: NodeId) -> int:
        """How much of what a switch pushed lies before what comes next."""
        link = self._links.get(node_id)
        return link.read if link is not None else len(self._switches[node_id].pushed)

    def read_since(self, node_id: NodeId, time_us: int) -> int:
        """What it read at that time or later begins with this one of what a switch pushed."""
        for read_us, place in self._read_at.get(node_id, ()):
            if read_us >= time_us:
                return place
        return self.has_read(node_id)

    def check_calls(self, node_id: NodeId) -> None:
        """Called when all was read: it knows the calls that the switch has."""
        known = {str(call.call_id) for call in self.tracker.calls(node_id)}
        if self.is_up(node_id):
            assert known == set(self._switches[node_id].calls)

    def connect(self, node_id: NodeId) -> None:
        """The next step towards events: subscribed first, then proven."""
        switch = self._switches[node_id]
        link = self._links.get(node_id)
        if link is None:
            self._links[node_id] = switch.connect()
            self.heard_all = self.heard_all and not switch.pushed
        elif not link.is_proven:
            self._prove(link)

    def _prove(self, link: ModelLink) -> None:
        node_id, core_uuid = link.switch.node_id, link.switch.core_uuid
        link.is_proven = True
        self.ups[node_id] += 1
        known = self._known.get(node_id)
        info = NodeUp(
            node_id=node_id,
            core_uuid=CoreUuid(core_uuid),
            position=link.canary,
            first=known is None,
            restarted=known is not None and known != core_uuid,
            last_before=self._last_seen.get(node_id),
        )
        self._known[node_id] = core_uuid
        self._synchronising[node_id] = self._loop.create_task(self.calls.node_up(info))
        self._loop.run_until_complete(asyncio.sleep(0))  # what it does before it first waits

    def read(self, node_id: NodeId, count: int) -> None:
        """Take in some of what the switch pushed."""
        link = self._links.get(node_id)
        if link is None or not link.is_proven:
            return
        for pushed in link.switch.pushed[link.read : link.read + count]:
            self._tick()
            self.calls.on_event(node_id, pushed.wire)
            self._read_at.setdefault(node_id, []).append((self.now_us(), link.read))
            link.read += 1
            position = self.tracker.last_position(node_id)
            if position is not None:
                self._last_seen[node_id] = Place(*position)
        link.was_read.set()

    def lose(self, node_id: NodeId) -> None:
        """The link breaks; what was not read is gone."""
        link = self._links.get(node_id)
        if link is None:
            return
        self._give_up(node_id)
        self.heard_all = False
        if link.is_proven:
            self.calls.node_down(node_id, "cut")

    def _give_up(self, node_id: NodeId) -> None:
        del self._links[node_id]
        task = self._synchronising.pop(node_id, None)
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(task)
