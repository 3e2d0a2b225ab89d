"""The event link of one node: subscribed, proven by a canary, synchronised, watched.

Each time it comes up the order is: login, subscription, canary. Events that arrive before its owner
has begun to synchronise are held back, so that the owner first learns of a gap or a restart.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from callcontrol.errors import CallControlError
from callcontrol.esl.messages import Reply, SwitchEvent
from callcontrol.freeswitch import fields
from callcontrol.freeswitch.canary import Canary
from callcontrol.freeswitch.dial import open_link, within
from callcontrol.freeswitch.link import ArrivedEvent, Link, LinkLost, LinkRefused
from callcontrol.freeswitch.redial import Redial
from callcontrol.freeswitch.settings import LinkTimings, NodeSettings
from callcontrol.freeswitch.status import ConnectionStatus, NodeCounters
from callcontrol.ids import CoreUuid

log = logging.getLogger(__name__)

MAX_HELD_BYTES: Final = 8 << 20
"""Bytes of events that may come between the subscription and the canary, which takes tens of
milliseconds: some 2,500 events, which the loop takes in within a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """What the first canary of a link tells about the switch."""

    position: fields.Place
    hostname: str


class FeedOwner(Protocol):
    """What a feed reports to. None of the plain functions may raise."""

    def on_event(self, event: ArrivedEvent) -> None:
        """An event that is no canary."""

    async def on_up(self, fresh: Fresh) -> None:
        """Synchronise; no event of this link is passed on before the first `await` in it."""

    def on_down(self, reason: str, last_event: SwitchEvent | None) -> None:
        """The link that `on_up` was called for is lost."""


class EventFeed:
    """Keeps the event link of one node up while `run` runs.

    No `api` is ever sent on it, as the switch writes no events to a link while it runs one there
    (mod_event_socket.c, api_exec).
    """

    def __init__(
        self,
        settings: NodeSettings,
        timings: LinkTimings,
        counters: NodeCounters,
        redial: Redial,
        owner: FeedOwner,
    ) -> None:
        self._settings, self._timings = settings, timings
        self._counters, self._redial, self._owner = counters, redial, owner
        self._canary = Canary()
        self._opening: Link | None = None
        self._link: Link | None = None
        """The link that is subscribed and proven."""
        unknown = fields.Place(settings.node_id, CoreUuid(""), 0, 0)
        self._fresh = Fresh(unknown, "")
        self._held: list[ArrivedEvent] | None = []
        """Events held back; None while they are passed on."""
        self._held_bytes = 0
        self._last_event: SwitchEvent | None = None
        self._synchronised = False
        self._ending: asyncio.TimerHandle | None = None
        self.connected_us = 0
        """When the link came up, 0 while it is down."""

    @property
    def is_up(self) -> bool:
        """Whether events come, so that the result of a job would be seen."""
        return self._link is not None and self._link.is_open

    @property
    def is_synchronised(self) -> bool:
        """Whether events come and `on_up` has finished."""
        return self.is_up and self._synchronised

    @property
    def is_healthy(self) -> bool:
        """Synchronised, canaries come back, and the switch has not announced its end."""
        late = self._canary.is_late(self._timings.canary_late_s)
        return self.is_synchronised and not late and self._ending is None

    @property
    def connection(self) -> ConnectionStatus:
        """The link, up or not."""
        link = self._link
        return ConnectionStatus(
            purpose="events",
            connected=self.is_up,
            pending_commands=link.pending if link is not None else 0,
            received_events=link.received_events if link is not None else 0,
        )

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

    @asynccontextmanager
    async def _dial(self) -> AsyncIterator[Link]:
        self._held, self._held_bytes, self._last_event = [], 0, None
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
        reply = await link.request(self._settings.events.command)
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
        return Fresh(fields.place(self._settings.node_id, event), fields.hostname(event))

    async def _serve(self, link: Link) -> str:
        """Follow events until the link is lost; return why."""
        failure = ""
        self._link, self.connected_us = link, time.time_ns() // 1_000
        # Runs when `on_up` first waits, and before any event that arrives later.
        release = asyncio.get_running_loop().call_soon(self._release)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_fail_when_lost(link), name=f"{self._settings.node_id} watch")
                tasks.create_task(
                    self._send_canaries(link), name=f"{self._settings.node_id} canaries"
                )
                await self._owner.on_up(self._fresh)
                self._synchronised = True
                # Not left to the end of the group: if a task fails while its parent waits there,
                # the parent stays marked as being cancelled (before Python 3.13).
                await _fail_when_lost(link)
        except* LinkLost:
            pass
        except* CallControlError as group:
            failure = f"its calls could not be read: {group.exceptions[0]}"
        except* Exception:
            failure = "its calls could not be read: an internal error"
            log.exception("synchronising failed", extra={"node": self._settings.node_id})
        finally:
            release.cancel()
            self._link, self.connected_us, self._synchronised = None, 0, False
            if self._ending is not None:
                self._ending.cancel()
                self._ending = None
        reason = link.end_reason or failure
        link.end(reason)
        self._owner.on_down(reason, self._last_event)
        return reason

    async def _send_canaries(self, link: Link) -> None:
        while True:
            await asyncio.sleep(self._timings.canary_interval_s)
            if self._canary.is_late(self._timings.silence_timeout_s):
                # Other events may still come, but what we cannot prove we do not trust.
                link.end("no canary came back")
            await link.request(self._canary.make())

    def _on_event(self, event: ArrivedEvent) -> None:
        self._counters.events += 1
        if isinstance(event, SwitchEvent) and self._canary.recognise(event):
            return
        if self._held is None:
            self._pass_on(event)
        elif self._held_bytes < MAX_HELD_BYTES:
            self._held.append(event)
            self._held_bytes += event.size
        elif self._opening is not None:
            self._opening.end(f"over {MAX_HELD_BYTES} bytes of events before the first canary")

    def _release(self) -> None:
        held, self._held = self._held or [], None
        for event in held:
            self._pass_on(event)

    def _pass_on(self, event: ArrivedEvent) -> None:
        if isinstance(event, SwitchEvent):
            self._last_event = event
        self._owner.on_event(event)


async def _fail_when_lost(link: Link) -> None:
    raise LinkLost(await link.wait_ended(), sent=False)
