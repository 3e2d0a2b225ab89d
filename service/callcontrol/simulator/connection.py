"""One connection of the event socket: reads a command, obeys it, and only then sends events."""

import asyncio
from collections import deque
from math import inf
from typing import TYPE_CHECKING

from callcontrol.esl.serialize import (
    GOODBYE,
    TOO_MANY_LOST_EVENTS,
    auth_request,
    disconnect_notice,
    linger_notice,
    rude_rejection,
)
from callcontrol.simulator.directory import SocketUser
from callcontrol.simulator.events import CoreEvent
from callcontrol.simulator.socket_commands import obey
from callcontrol.simulator.socket_line import SocketLine
from callcontrol.simulator.subscription import Subscription
from callcontrol.simulator.wire import encoded_event

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.server import Simulator

AUTH_TIMEOUT_S = 25.0
MAX_QUEUED_EVENTS = 100_000
MAX_LOST_EVENTS = 500


class Connection(SocketLine):
    """A client. `serve` is its only thread: while a command runs, nothing else happens here."""

    is_outbound = False
    """Whether the switch made it, in outbound mode."""
    is_async = True
    """Whether the call it belongs to obeys its orders by itself, and not on this thread."""
    is_full = True
    """Whether it may do more than speak of its own call."""

    def __init__(self, simulator: "Simulator") -> None:
        super().__init__()
        self.simulator = simulator
        self.subscription = Subscription()
        self.user: SocketUser | None = None
        self.is_logged_in = False
        self.log_level: int | None = None
        self.leg: Leg | None = None
        self.linger_s: float | None = None
        """How long it stays after the end of its call: inf for ever, None for not at all."""
        self.jobs: set[asyncio.Task[None]] = set()
        self.is_mute = False
        """Whether what it says now is not answered."""
        self.notice = GOODBYE
        self._queue: deque[CoreEvent] = deque()
        self._lost = 0
        self._is_lingering = False
        self._ends_s = inf
        """When it is closed, by the switch's clock."""

    def enter(self) -> None:
        """Be one of the switch's connections."""
        self.simulator.adopt(self)

    # What the switch tells

    def on_event(self, event: CoreEvent) -> None:
        """Queue an event that the client wants; beyond the limit it is lost."""
        if not self.subscription.wants(event):
            return
        if len(self._queue) >= MAX_QUEUED_EVENTS:
            self._lost += 1
            if self._lost > MAX_LOST_EVENTS:
                self.end(TOO_MANY_LOST_EVENTS)
            return
        self._lost = 0
        self._queue.append(event)
        self._wake.set()

    def drop_queued_events(self) -> None:
        """What was not sent yet is not sent."""
        self._queue.clear()

    def end(self, notice: str = GOODBYE) -> None:
        """Close it in an orderly way, with a notice."""
        self.notice, self.is_over = notice, True
        self._wake.set()

    # The thread

    async def serve(self) -> None:
        """From the greeting to the close."""
        try:
            if self._greets():
                await self._work()
            await self._say_goodbye()
        finally:
            if self._transport is not None:
                self._transport.close()
            self._detach()
            self.simulator.forget(self)

    def _greets(self) -> bool:
        """The first words; whether there is more to say."""
        if self.simulator.rejects(self.peer_host):
            self.write(rude_rejection())
            return False
        self.write(auth_request())
        return True

    async def _work(self) -> None:
        await self._await_first_packet()
        while not self.is_over:
            await self._can_write.wait()
            self._wake.clear()
            if self.is_stalled:
                await self._wake.wait()
            elif self._packets:
                await obey(self, self._packets.popleft())
            elif self._has_met_eof:
                return
            elif self._queue and not self._reader.buffered:
                self._send_one_event()
            elif not self._is_lingering and self._has_lost_its_call:
                self._outlive_call()
            else:
                await self._wait()

    async def _await_first_packet(self) -> None:
        """Only the first packet is under a timer."""
        self._ends_s = int(self.simulator.clock.now_s()) + AUTH_TIMEOUT_S
        while not (self._packets or self._has_met_eof or self.is_over):
            self._wake.clear()
            await self._wait()
        self._ends_s = inf

    async def _wait(self) -> None:
        """Until something happens, or its time is over. The switch compares whole seconds."""
        clock = self.simulator.clock
        left_s = None if self._ends_s == inf else max(self._ends_s - clock.now_s(), 0)
        if not await clock.wait(self._wake, left_s):
            self.is_over = True

    def _send_one_event(self) -> None:
        event = self._queue.popleft()
        frame = encoded_event(event, self.subscription.form)
        self.write(self.simulator.faults.damaged(frame))

    # The session that `myevents` attached

    @property
    def session(self) -> "Leg":
        """The call it belongs to. Raises RuntimeError when there is none."""
        if self.leg is None:
            raise RuntimeError("the connection controls no session")
        return self.leg

    def attach(self, leg: "Leg") -> None:
        """The connection belongs to a call, which cannot be destroyed before it ends."""
        self.leg = leg
        leg.holders += 1
        leg.observers.append(self._wake.set)

    def has_connected(self) -> None:
        """It was told what its call is."""

    def _detach(self) -> None:
        """A park of its call ends with it."""
        leg, self.leg = self.leg, None
        if leg is not None:
            leg.end_control()

    @property
    def _has_lost_its_call(self) -> bool:
        return self.leg is not None and self.leg.channel.is_down

    def _outlive_call(self) -> None:
        """The call is over: linger if that was asked for, else end."""
        if self.linger_s is None:
            self.is_over = True
            return
        channel, self._is_lingering = self.session.channel, True
        seconds = None if self.linger_s == inf else int(self.linger_s)
        self.write(linger_notice(channel.call_id, channel.name, seconds))
        if seconds is not None:
            self._ends_s = int(self.simulator.clock.now_s()) + seconds + 1

    async def _say_goodbye(self) -> None:
        """The notice waits for the jobs that this connection started."""
        while self.jobs and self._transport is not None:
            await asyncio.wait(self.jobs)
        call_id = self.leg.channel.call_id if self.leg is not None else ""
        self.write(disconnect_notice(self.notice, call_id))
