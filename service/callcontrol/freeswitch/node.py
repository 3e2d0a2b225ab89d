"""One FreeSWITCH: its links, its jobs and its state, behind one door."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import replace

from callcontrol.errors import (
    CommandQueueFull,
    NodeDraining,
    NodeFull,
    NodeUnavailable,
    SwitchRefused,
)
from callcontrol.esl.commands import Api, BackgroundApi, Command
from callcontrol.esl.messages import Reply, SwitchEvent, UnreadableEvent
from callcontrol.freeswitch import fields
from callcontrol.freeswitch.backoff import Backoff
from callcontrol.freeswitch.door import Door
from callcontrol.freeswitch.event_links import EventLinks
from callcontrol.freeswitch.feed import Fresh
from callcontrol.freeswitch.jobs import Job, JobTable
from callcontrol.freeswitch.jobs_at_risk import JobsAtRisk
from callcontrol.freeswitch.known_switch import KnownSwitch
from callcontrol.freeswitch.link import ArrivedEvent
from callcontrol.freeswitch.observer import GuardedObserver, NodeObserver, is_power_of_two
from callcontrol.freeswitch.pool import CommandPool
from callcontrol.freeswitch.redial import Redial
from callcontrol.freeswitch.replies import Answer
from callcontrol.freeswitch.settings import LinkTimings, NodeSettings
from callcontrol.freeswitch.status import NodeCounters, NodeState, NodeStatus
from callcontrol.freeswitch.unpark import unpark
from callcontrol.ids import CallId, CoreUuid, JobId

log = logging.getLogger(__name__)


class Node:
    """A switch that is kept connected while `run` runs.

    Every function that waits ends by its result or by the loss of the node; a limit of time is
    the caller's to set.
    """

    def __init__(
        self,
        settings: NodeSettings,
        observer: NodeObserver,
        timings: LinkTimings | None = None,
        *,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`uniform` draws the jitter of the pauses between attempts."""
        self._timings = timings = timings or LinkTimings()
        self.node_id, self.settings = settings.node_id, settings
        self.draining = settings.draining
        """Takes no new calls; for the operator to set. Survives the links."""
        self.door: Door | None = None
        """How parked calls are sent on; set by whoever listens for calls."""
        self.counters = NodeCounters()
        self._observer = observer
        self._told = GuardedObserver(self.node_id, observer, self.counters)
        backoff = Backoff(timings.backoff_first_s, timings.backoff_cap_s, uniform)
        self._redial = Redial(self.node_id, timings, self.counters, backoff)
        self._pool = CommandPool(settings, timings, self.counters, self._redial)
        self._events = EventLinks(settings, timings, self.counters, self._redial, self)
        self._jobs = JobTable(self.counters)
        self._jobs_at_risk = JobsAtRisk(self._jobs, timings.job_grace_s)
        self._switch = KnownSwitch(settings.node_id)

    async def run(self) -> None:
        """Keep the links up until cancelled. To be run once; then everyone who waits is told."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pool.run(), name=f"{self.node_id} commands")
                tasks.create_task(
                    self._events.run(after=self._pool.wait_available),
                    name=f"{self.node_id} events",
                )
        finally:
            self._jobs_at_risk.stop()
            self._jobs.lose(self._jobs.under_way(), "this service stops", gone=True)

    @property
    def is_ready(self) -> bool:
        """Events come and the calls are known, canaries come back, and commands can be sent."""
        return self._events.is_healthy and self._pool.is_available

    @property
    def state(self) -> NodeState:
        """How the service stands with the node."""
        if self._events.is_synchronised and self._pool.is_available:
            return NodeState.DRAINING if self.draining else NodeState.ACTIVE
        trouble = self._redial.trouble
        return NodeState.FAILED if trouble and trouble.refused else NodeState.CONNECTING

    @property
    def core_uuid(self) -> CoreUuid | None:
        """The switch process that was last connected; None before the first time."""
        return self._switch.core_uuid

    @property
    def status(self) -> NodeStatus:
        """A picture of this moment."""
        trouble = self._redial.trouble
        return NodeStatus(
            node_id=self.node_id,
            state=self.state,
            ready=self.is_ready,
            draining=self.draining,
            max_calls=self.settings.max_calls,
            call_limit=self.call_limit,
            core_uuid=self._switch.core_uuid,
            version=self._switch.load.version or self._pool.version,
            hostname=self._switch.hostname,
            started_us=self._switch.started_us,
            connected_us=self._events.connected_us,
            load=self._switch.load,
            command_latency_s=self._pool.latency_s,
            waiting_commands=self._pool.waiting,
            jobs=len(self._jobs),
            connections=(*self._events.connections, *self._pool.connections),
            last_error=trouble.reason if trouble else "",
            counters=replace(self.counters),
        )

    @property
    def call_limit(self) -> int:
        """Calls at which it takes no further one, by our settings or, as its heartbeats tell it,
        by its own; 0 while neither sets a limit.
        """
        limits = (self.settings.max_calls, self._switch.load.max_sessions)
        return min((limit for limit in limits if limit), default=0)

    def require_open(self, calls: int) -> None:
        """Raise NodeUnavailable, NodeDraining or NodeFull unless the node takes a call beside the
        `calls` that it has.
        """
        if not self.is_ready:
            raise self.unavailable("not ready")
        if self.draining:
            raise NodeDraining(self.node_id)
        if self.call_limit and calls >= self.call_limit:
            raise NodeFull(self.node_id, self.call_limit)

    def unavailable(self, reason: str) -> NodeUnavailable:
        """The error for a caller who needs what the node does not offer now."""
        return self._pool.unavailable(reason)

    async def api(self, name: str, arguments: str = "") -> str:
        """Run an API command that does not block; return its output, also where that is an error.

        Raises NodeUnavailable and CommandQueueFull (nothing was sent), OutcomeUnknown (it was),
        UnencodableValue. Cancelled before its turn, it is never sent; later, it still runs.
        """
        answer = await self._pool.request(Api(name, arguments))
        return answer.text

    async def command(self, command: Command) -> Reply:
        """Send any command of the event socket, for example `sendmsg`. Raises as `api` does."""
        return _as_reply(await self._pool.request(command))

    async def unpark(self, call_id: CallId) -> bool:
        """Let a parked call go on with its dialplan; False where there is no such call.

        It may be done again. Raises as `api` does, and SwitchRefused.
        """
        door = self.door
        if door and (was_there := await door.unpark(self, call_id)) is not None:
            return was_there
        is_there = False
        try:
            is_there = await unpark(self.settings, self._timings, self.counters, call_id)
        finally:
            if door:
                door.other_way(self.node_id, call_id, was_there=is_there)
        return is_there

    async def caught_up(self) -> None:
        """Return when every event has been taken that the switch had told before.

        Raises as `command` does, and NodeUnavailable when events do not come, or no longer do.
        However long they are behind, that is waited for.
        """
        if reason := await self._events.catch_up(self.command):
            raise self.unavailable(reason)

    async def start_job(
        self,
        name: str,
        arguments: str,
        job_id: JobId,
        on_sent: Callable[[], None] = lambda: None,
    ) -> Job:
        """Start an API command that may block; return when the switch has taken it. `on_sent` is
        called just before it is written, so not if this fails or is cancelled earlier.

        The job is entered before anything is sent: its result may come before the reply. Raises
        as `api` does, and SwitchRefused. NodeUnavailable also when no event link is up, as
        the result would be lost then; ValueError if a job of that id is under way.
        """
        if not self._events.is_up:
            raise self.unavailable("no event link is up")
        if len(self._jobs) >= self.settings.max_jobs:
            raise CommandQueueFull(self.node_id, len(self._jobs), 1.0)
        job = self._jobs.expect(job_id)
        try:
            command = BackgroundApi(name, arguments, job_id)
            reply = _as_reply(await self._pool.request(command, on_sent))
            if not reply.ok:
                raise SwitchRefused(self.node_id, reply.text)
        except BaseException:
            self._jobs.forget(job_id)
            raise
        return job

    # EventsOwner

    def on_event(self, event: ArrivedEvent) -> None:
        """For the event links: an event came."""
        if isinstance(event, UnreadableEvent):
            self.counters.unreadable_events += 1
            if is_power_of_two(self.counters.unreadable_events):
                keys = {"node": self.node_id, "bytes": event.size, "problem": event.problem}
                log.error("event is unreadable", extra=keys)
            self._told.events_lost(1)
            return
        match fields.event_name(event):
            case "BACKGROUND_JOB":
                self._jobs.on_result(event)
            case "HEARTBEAT":
                self._switch.beats(event)
            case "SHUTDOWN":
                self._events.expect_end()
        self._told.on_event(event)

    async def on_up(self, fresh: Fresh) -> None:
        """For the event links: events come again. Returns when the calls were read."""
        info = self._switch.comes(fresh)
        self.counters.reconnects += not info.first
        if info.restarted:
            self._jobs_at_risk.switch_restarted()
        keys = {"node": self.node_id, "core_uuid": info.core_uuid, "restarted": info.restarted}
        log.info("node connected", extra=keys)
        await self._observer.node_up(info)
        self._switch.is_told()
        self._jobs_at_risk.link_back()
        log.info("node up", extra=keys)

    def on_down(self, reason: str, last_event: SwitchEvent | None) -> None:
        """For the event links: events no longer come."""
        self._switch.goes(reason, last_event)
        keys = {"node": self.node_id, "reason": reason, "jobs": self._jobs_at_risk.link_lost()}
        log.warning("node down", extra=keys)
        self._told.node_down(reason)


def _as_reply(answer: Answer) -> Reply:
    return answer if isinstance(answer, Reply) else Reply(answer.text)
