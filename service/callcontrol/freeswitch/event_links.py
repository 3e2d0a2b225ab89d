"""The events of one node, from one link or from two that stand in for each other.

Its owner hears of events that begin and end, not of links: as long as a link lives that misses
nothing, the loss of the other one is nobody's news. Events that come before the owner has begun to
synchronise are held back, so that it first learns of a gap or a restart.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable

from callcontrol.esl.commands import Command
from callcontrol.esl.messages import Reply, SwitchEvent
from callcontrol.freeswitch import fields
from callcontrol.freeswitch.catching_up import CatchingUp
from callcontrol.freeswitch.coverage import Coverage, EventsOwner
from callcontrol.freeswitch.feed import MAX_HELD_BYTES, EventFeed, Fresh
from callcontrol.freeswitch.link import ArrivedEvent
from callcontrol.freeswitch.merge import Merge, Side
from callcontrol.freeswitch.redial import Redial
from callcontrol.freeswitch.settings import LinkTimings, NodeSettings
from callcontrol.freeswitch.status import ConnectionStatus, NodeCounters
from callcontrol.ids import CoreUuid

log = logging.getLogger(__name__)


class EventLinks:
    """Keeps `event_links` links of one node up while `run` runs, and makes one stream of them."""

    def __init__(
        self,
        settings: NodeSettings,
        timings: LinkTimings,
        counters: NodeCounters,
        redial: Redial,
        owner: EventsOwner,
    ) -> None:
        self._settings, self._timings, self._counters = settings, timings, counters
        self._owner = owner
        self._merge: Merge[ArrivedEvent] = Merge(_key_of, _size_of, self._on_straggler)
        self._feeds = {
            side: EventFeed(settings, timings, counters, redial, side=side, owner=self)
            for side in tuple(Side)[: settings.event_links]
        }
        self._is_alone = len(self._feeds) == 1
        self._fresh: dict[Side, Fresh] = {}
        self._core_uuid = CoreUuid("")
        self._coverage: Coverage | None = None
        self._begun = asyncio.Event()
        self._catching_up = CatchingUp()
        self._meetings: dict[Side, asyncio.TimerHandle] = {}
        """For links that wait: when they should have met the other one."""

    @property
    def is_up(self) -> bool:
        """Whether events come, so that the result of a job would be seen."""
        return bool(self._covering)

    @property
    def is_synchronised(self) -> bool:
        """Whether events come and `on_up` has finished."""
        return self.is_up and self._coverage is not None and self._coverage.synchronised

    @property
    def is_healthy(self) -> bool:
        """Synchronised, and on a link at least canaries come back and no end was announced."""
        return self.is_synchronised and any(feed.is_healthy for feed in self._covering)

    @property
    def connected_us(self) -> int:
        """Since when events come, 0 while they do not."""
        return self._coverage.since_us if self._coverage is not None else 0

    @property
    def connections(self) -> tuple[ConnectionStatus, ...]:
        """The links, up or not."""
        return tuple(
            ConnectionStatus(
                purpose="events",
                connected=feed.link is not None,
                pending_commands=feed.link.pending if feed.link is not None else 0,
                received_events=feed.link.received_events if feed.link is not None else 0,
                covers_events=feed in self._covering,
            )
            for feed in self._feeds.values()
        )

    async def run(self, *, after: Callable[[], Awaitable[None]]) -> None:
        """Keep the links up until cancelled; they are dialled once `after` has returned."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for side, feed in self._feeds.items():
                    name = f"{self._settings.node_id} events {side.value}"
                    tasks.create_task(feed.run(after=after), name=name)
                tasks.create_task(self._follow(), name=f"{self._settings.node_id} synchronising")
        finally:
            for meeting in self._meetings.values():
                meeting.cancel()

    async def catch_up(self, command: Callable[[Command], Awaitable[Reply]]) -> str:
        """Return when all events that the switch told before were passed on, or why they cannot
        be. `command` sends a command on a command link.
        """
        return await self._catching_up.wait(command) if self.is_up else "no event link is up"

    def expect_end(self) -> None:
        """The switch said that it ends: for a while its links are left to it to close."""
        for feed in self._feeds.values():
            feed.expect_end()

    # FeedOwner

    def on_joined(self, side: Side, fresh: Fresh, early: list[ArrivedEvent]) -> None:
        """For a feed: its link works."""
        self._fresh[side] = fresh
        if fresh.position.core_uuid != self._core_uuid:
            if not self._is_alone:
                self._end(side.other, "another switch process answers now")
            self._core_uuid = fresh.position.core_uuid
            self._merge.forget()
        if self._merge.joined(side, fresh.canary_id):
            self._begin(fresh)
            # A twin, lost meanwhile, may have told these.
            self._pass_on(early if self._is_alone else [])
        elif self._merge.waits(side):
            self._await_meeting(side, fresh)

    def on_told(self, side: Side, event: ArrivedEvent) -> None:
        """For a feed: an event came."""
        if self._is_alone or self._merge.is_new(side, event):
            self._take(event)
        self._counters.mended_events = self._merge.left_out

    def on_canary(self, side: Side, canary_id: str) -> None:
        """For a feed: a canary came."""
        if not self._is_alone:
            self._pass_on(self._merge.canary(side, canary_id))
        if self._is_alone or self._merge.covers(side):
            self._catching_up.passed(canary_id)

    def on_left(self, side: Side, reason: str) -> None:
        """For a feed: its link is lost."""
        self._merge.left(side)
        self._after_loss(reason)

    @property
    def _covering(self) -> list[EventFeed]:
        return [
            feed
            for side, feed in self._feeds.items()
            if self._merge.covers(side) and feed.link is not None
        ]

    def _begin(self, fresh: Fresh) -> None:
        self._coverage = Coverage(fresh, time.time_ns() // 1_000)
        self._begun.set()

    def _after_loss(self, reason: str) -> None:
        """If no link is left that misses nothing, a gap begins; one that waits may end it."""
        coverage = self._coverage
        if coverage is None or self._merge.is_covered:
            return
        coverage.end_reason = reason
        coverage.ended.set()
        self._coverage = None
        self._catching_up.give_up(reason)
        taken_over = self._merge.take_over()
        if taken_over is not None:
            side, events = taken_over
            self._begin(self._fresh[side])
            self._pass_on(events)

    def _end(self, side: Side, reason: str) -> None:
        self._feeds[side].end(reason)
        self.on_left(side, reason)

    def _end_all(self, reason: str) -> None:
        for side, feed in self._feeds.items():
            feed.end(reason)
            self._merge.left(side)
        self._after_loss(reason)

    def _on_straggler(self, side: Side) -> None:
        self._end(side, "too far apart from its twin")

    def _await_meeting(self, side: Side, fresh: Fresh) -> None:
        """See to it that a link that stalls does not keep its twin waiting."""
        told = self._told_by(side.other)

        def look() -> None:
            if not self._merge.waits(side) or self._fresh[side] is not fresh:
                return
            if self._told_by(side.other) == told:
                self._end(side.other, "it tells nothing while its twin does")
            else:  # it may be behind by much; to end it would be a gap, and to wait is none
                self._await_meeting(side, fresh)

        if side in self._meetings:
            self._meetings[side].cancel()
        loop = asyncio.get_running_loop()
        self._meetings[side] = loop.call_later(self._timings.handshake_timeout_s, look)

    def _told_by(self, side: Side) -> int:
        link = self._feeds[side].link
        return link.received_events if link is not None else 0

    def _pass_on(self, events: list[ArrivedEvent]) -> None:
        for event in events:
            self._take(event)

    def _take(self, event: ArrivedEvent) -> None:
        coverage = self._coverage
        if coverage is None:
            return
        if coverage.held is None:
            coverage.give(self._owner, event)
            return
        coverage.held.append(event)
        coverage.held_bytes += event.size
        if coverage.held_bytes > MAX_HELD_BYTES:
            self._end_all(f"over {MAX_HELD_BYTES} bytes of events before they were awaited")

    async def _follow(self) -> None:
        """Let the owner synchronise whenever events begin."""
        while True:
            await self._begun.wait()
            self._begun.clear()
            if self._coverage is not None:
                await self._follow_one(self._coverage)

    async def _follow_one(self, coverage: Coverage) -> None:
        failure = await coverage.follow(self._settings.node_id, self._owner)
        if failure:
            self._end_all(failure)
        self._owner.on_down(coverage.end_reason, coverage.last_event)


def _key_of(event: ArrivedEvent) -> Hashable:
    """The number the switch gave it, else all of its text. A number comes twice where a leg fires
    again what a detector fired, on both links alike.
    """
    if isinstance(event, SwitchEvent):
        return fields.sequence(event) or (event.body, repr(event.headers))
    return event


def _size_of(event: ArrivedEvent) -> int:
    return event.size
