"""One event link of a node: subscribed, proven by a canary, watched.

Each time it comes up the order is: login, subscription, canary. From its canary on it tells every
event that the switch has for it; that it does is told to its owner before any of them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from callcontrol.esl.messages import Reply, SwitchEvent
from callcontrol.freeswitch import fields
from callcontrol.freeswitch.canary import Canary
from callcontrol.freeswitch.dial import open_link, within
from callcontrol.freeswitch.link import ArrivedEvent, Link
from callcontrol.freeswitch.merge import Side
from callcontrol.freeswitch.redial import Redial
from callcontrol.freeswitch.replies import LinkLost, LinkRefused
from callcontrol.freeswitch.settings import LinkTimings, NodeSettings
from callcontrol.freeswitch.status import NodeCounters

MAX_HELD_BYTES: Final = 8 << 20
"""Bytes of events that may come between the subscription and the canary, which takes tens of
milliseconds: some 2,500 events, which the loop takes in within a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """What the first canary of a link tells about the switch, and where it stood."""

    position: fields.Place
    hostname: str
    canary_id: str


class FeedOwner(Protocol):
    """What a feed reports to. None of these may raise."""

    def on_joined(self, side: Side, fresh: Fresh, early: list[ArrivedEvent]) -> None:
        """The link works. `early` came between its subscription and its canary: there may have
        been more of them, and other links may have told them.
        """

    def on_told(self, side: Side, event: ArrivedEvent) -> None:
        """An event behind the canary, and no canary."""

    def on_canary(self, side: Side, canary_id: str) -> None:
        """A later canary, of whatever link of whatever client of the switch."""

    def on_left(self, side: Side, reason: str) -> None:
        """The link that `on_joined` was called for is lost."""


class EventFeed:
    """Keeps one event link of a node up while `run` runs.

    No `api` is ever sent on it, as the switch writes no events to a link while it runs one there
    (mod_event_socket.c, api_exec).
    """

    def __init__(
        self,
        settings: NodeSettings,
        timings: LinkTimings,
        counters: NodeCounters,
        redial: Redial,
        *,
        side: Side,
        owner: FeedOwner,
    ) -> None:
        self._side, self._settings, self._timings = side, settings, timings
        self._counters, self._redial, self._owner = counters, redial, owner
        self._canary = Canary()
        self._opening: Link | None = None
        self._link: Link | None = None
        """The link that is subscribed and proven."""
        self._held: list[tuple[ArrivedEvent, str | None]] | None = []
        """Events that came before `on_joined`, with their ids where they are canaries."""
        self._held_bytes = 0
        self._fresh: Fresh
        """Set before a link is followed."""
        self._early = 0
        """How many of them came before our canary."""
        self._ending: asyncio.TimerHandle | None = None
        self.connected_us = 0
        """When the link came up, 0 while it is down."""

    @property
    def link(self) -> Link | None:
        """The link, once it works and as long as it is open."""
        return self._link if self._link is not None and self._link.is_open else None

    @property
    def is_healthy(self) -> bool:
        """Up, canaries come back, and the switch has not announced its end."""
        late = self._canary.is_late(self._timings.canary_late_s)
        return self.link is not None and not late and self._ending is None

    async def run(self, *, after: Callable[[], Awaitable[None]]) -> None:
        """Keep the link up until cancelled; it is dialled once `after` has returned."""
        await self._redial.keep_up(
            "events", self._dial, self._serve, prove=self._prepare, after=after
        )

    def expect_end(self) -> None:
        """The switch said that it ends.

        What it still says, hang-ups above all, is taken, so the link stays for a while. If the
        switch does not close it, the announcement was forged; a fresh link finds out what is true.
        """
        if self._link is not None and self._ending is None:
            self._ending = asyncio.get_running_loop().call_later(
                self._timings.shutdown_grace_s, self._link.end, "the switch announced its end"
            )

    def end(self, reason: str) -> None:
        """Close the link if it is up; another one will be dialled."""
        if self._link is not None:
            self._link.end(reason)

    @asynccontextmanager
    async def _dial(self) -> AsyncIterator[Link]:
        self._held, self._held_bytes, self._early = [], 0, 0
        opened = open_link(
            self._settings,
            self._timings,
            self._counters,
            on_event=self._on_event,
            on_end=self._canary.give_up,
        )
        async with opened as link:
            self._opening = link
            yield link

    async def _prepare(self, link: Link) -> None:
        async with within(self._timings.handshake_timeout_s, "answer to the subscription"):
            await self._subscribe(link)
        async with within(self._timings.handshake_timeout_s, "canary"):
            self._fresh = await self._prove(link)
        link.watch_silence()

    async def _subscribe(self, link: Link) -> None:
        for command in self._settings.events.commands:
            reply = await link.request(command)
            if not (isinstance(reply, Reply) and reply.ok):
                raise LinkRefused("the switch does not allow the events of the setting node_events")

    async def _prove(self, link: Link) -> Fresh:
        command = self._canary.make()
        back = self._canary.await_last()
        reply = await link.request(command)
        if not (isinstance(reply, Reply) and reply.ok):
            raise LinkRefused("the switch does not let us fire events")
        event = await back
        if isinstance(event, Exception):
            raise event
        position = fields.place(self._settings.node_id, event)
        return Fresh(position, fields.hostname(event), self._canary.last_id)

    async def _serve(self, link: Link) -> str:
        """Follow events until the link is lost; return why."""
        self._link, self.connected_us = link, time.time_ns() // 1_000
        self._join()
        try:
            async with asyncio.TaskGroup() as tasks:
                name = f"{self._settings.node_id} canaries"
                tasks.create_task(self._send_canaries(link), name=name)
                # Not left to the end of the group: if a task fails while its parent waits there,
                # the parent stays marked as being cancelled (before Python 3.13).
                raise LinkLost(await link.wait_ended(), sent=False)
        except* LinkLost:
            pass
        finally:
            self._link, self.connected_us = None, 0
            if self._ending is not None:
                self._ending.cancel()
                self._ending = None
        self._owner.on_left(self._side, link.end_reason)
        return link.end_reason

    async def _send_canaries(self, link: Link) -> None:
        while True:
            await asyncio.sleep(self._timings.canary_interval_s)
            if self._canary.is_late(self._timings.silence_timeout_s):
                # Other events may still come, but what we cannot prove we do not trust.
                link.end("no canary came back")
            await link.request(self._canary.make())

    def _on_event(self, event: ArrivedEvent) -> None:
        self._counters.events += 1
        canary_id = self._canary.recognise(event) if isinstance(event, SwitchEvent) else None
        if self._held is None:
            self._tell(event, canary_id)
        elif canary_id == self._canary.last_id:
            self._early = len(self._held)
        elif self._held_bytes < MAX_HELD_BYTES:
            self._held.append((event, canary_id))
            self._held_bytes += event.size
        elif self._opening is not None:
            self._opening.end(f"over {MAX_HELD_BYTES} bytes of events before the first canary")

    def _join(self) -> None:
        held, self._held = self._held or [], None
        early = [event for event, canary_id in held[: self._early] if canary_id is None]
        self._owner.on_joined(self._side, self._fresh, early)
        for event, canary_id in held[self._early :]:
            self._tell(event, canary_id)

    def _tell(self, event: ArrivedEvent, canary_id: str | None) -> None:
        if canary_id is None:
            self._owner.on_told(self._side, event)
        else:
            self._owner.on_canary(self._side, canary_id)
