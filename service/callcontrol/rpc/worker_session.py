"""One worker's HandleCalls stream: one task reads it, one writes to it, and either ends both.

Nothing else writes: grpc.aio ends an RPC without a status when two tasks do. A worker that does not
read costs the message that is being written, what gRPC buffers, and notices up to a limit, beyond
which its stream is ended. Its place at the desk is free as soon as the stream breaks, also while
the end of it waits for a client that does not read.
"""

import asyncio
from functools import partial
from typing import Final

from callcontrol.calls.call import HangupCause
from callcontrol.calls.offers.ports import Assignment, Desk, Offer, Worker
from callcontrol.errors import ResumeTokenInvalid, ShuttingDown, SlowConsumer, SubscriptionEnded
from callcontrol.events.log import EventLog
from callcontrol.events.subscription import MAX_BATCH_BYTES, MAX_BATCH_EVENTS
from callcontrol.ids import CallId, OfferId
from callcontrol.rpc import audit
from callcontrol.rpc import worker_messages as messages
from callcontrol.rpc.aio import Context, read
from callcontrol.rpc.failure import Failure
from callcontrol.rpc.stream_pen import Pen
from callcontrol.rpc.stream_tools import Departure, StreamTools
from callcontrol.rpc.worker_departure import WorkerDeparture
from callcontrol.rpc.worker_request import WorkerRequest, decode
from callcontrol.rpc.worker_story import Story
from callcontrol.rpc.worker_words import WorkerWords

GATHERING_S: Final = 0.02


class WorkerSession:
    """A worker that is registered, and its stream. Whoever makes one sees to it that it leaves."""

    def __init__(
        self,
        asked: WorkerRequest,
        desk: Desk,
        log: EventLog,
        tools: StreamTools,
        *,
        principal: str = "",
        peer: str = "",
        departure: Departure | None = None,
    ) -> None:
        """Registers it. Raises ResumeTokenInvalid, ShuttingDown and TooManyWorkers."""
        registration = asked.registration
        self.peer, self.name = peer, registration.worker_name
        self.started_us = tools.now_us()
        """Since when, microseconds since the epoch."""
        self.ended = asyncio.Event()
        """For its owner to set."""
        self._asked, self._desk, self._tools = asked, desk, tools
        self._principal = principal
        self._offered: dict[OfferId, CallId] = {}
        self._pen = Pen(tools)
        self._is_finished = self._is_over = False
        self._cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the stream is to end although there is more to say."""
        self._failure: Exception | None = None
        """What it is to end with then."""
        self._story = Story(log, asked)
        self._departure = WorkerDeparture(departure, tools.clock)
        try:
            self.worker = self._registered()
        except BaseException:
            self._story.following.close()
            raise
        self.stream_id: str = self.worker.worker_id

    def _registered(self) -> Worker:
        try:
            self._story.check()
        except ResumeTokenInvalid as error:
            raise ResumeTokenInvalid("register_worker.resume_token") from error
        worker = self._desk.register(self, self._asked.registration)
        self._story.returned(worker.resumed)
        return worker

    @property
    def lag_events(self) -> int:
        """Events that wait for it, with those whose message is being written."""
        return self._pen.writing_events + self._story.following.lag_events

    @property
    def sent_events(self) -> int:
        """Events sent."""
        return self._pen.sent_events

    @property
    def lag_s(self) -> float:
        """Age of the oldest of them that is held and not being written."""
        return self._story.following.lag_s

    @property
    def skipped_events(self) -> int:
        """Those it missed as it was slow."""
        return self._story.skipped_events

    @property
    def stalled_s(self) -> float:
        """For how long its peer has not taken the message that is being written; 0 without one."""
        return self._pen.stalled_s

    def leave(self) -> None:
        """Be done with the desk, which keeps its calls for a while, and with the log."""
        if self._is_over:
            return
        self._is_over = True
        self._desk.lost(self.worker.worker_id)
        self._story.following.close()
        self._departure.cancel()
        self._cut.cancel()

    def close(self) -> None:
        """End it with SubscriptionEnded."""
        self._cut_off(SubscriptionEnded(self.stream_id))

    # What the desk tells.

    def offer(self, offer: Offer) -> None:
        """Offer a call."""
        self._offered[offer.offer_id] = offer.call.call_id
        self._story.offer(offer)
        self._look()

    def withdraw(self, offer_id: OfferId) -> None:
        """An offer is off."""
        self._offered.pop(offer_id, None)
        self._story.withdraw(offer_id)
        self._look()

    def assigned(self, assignment: Assignment) -> None:
        """A call is the worker's."""
        if assignment.offer_id is not None:
            self._offered.pop(assignment.offer_id, None)
        self._story.assigned(assignment)
        self._look()

    def released(self, call_id: CallId, cause: HangupCause | None) -> None:
        """A call is not the worker's any more."""
        self._story.released(call_id, cause)
        self._look()

    def drain(self, grace_s: float) -> None:
        """The stream ends in so many seconds."""
        self._departure.begin(grace_s, partial(self._cut_off, ShuttingDown()))
        self._story.draining(grace_s)
        self._look()

    def finish(self) -> None:
        """The worker wanted no more calls, and has none."""
        self._is_finished = True
        self._look()

    # What the stream does.

    async def serve(self, context: Context) -> None:
        """Say and hear until the worker has drained; otherwise raises, as the API says, and
        InternalError or CancelledError where the client is gone.
        """
        failure = await self._converse(context)
        try:
            if failure is not None:
                raise failure
        finally:
            del failure  # or only the collector of cycles would let go of the session

    async def _converse(self, context: Context) -> Exception | None:
        """Say and hear until the end, and say what made it end if that is a failure.

        What is raised here leads to this frame, and that to what was raised: so nothing is but the
        cancelling, which is soon told to forget where it has been.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                reader = tasks.create_task(self._read(context), name="worker's words")
                writer = tasks.create_task(self._write_all(context), name="words to a worker")
                writer.add_done_callback(lambda _: self._cut_off(None))
                try:
                    await self._cut
                finally:
                    reader.cancel()
                    writer.cancel()
                    self.leave()
        except ExceptionGroup as group:
            group.__traceback__ = None
            return group.exceptions[0]
        except asyncio.CancelledError as cancelled:
            asyncio.get_running_loop().call_soon(cancelled.with_traceback, None)
            raise
        failure, self._failure = self._failure, None
        return failure

    async def _read(self, context: Context) -> None:
        teller = audit.Teller(self._principal, self.peer, self.stream_id, self.name)
        words = WorkerWords(self._desk, self.worker.worker_id, teller, self._refuse_release)
        audit.record_worker(teller, "register_worker")
        while (raw := await read(context)) is not None:
            words.hear(decode(raw), self._offered)
        words.drain()

    def _refuse_release(self, call_id: CallId, failure: Failure) -> None:
        self._story.release_refused(call_id, failure)
        self._look()

    async def _write_all(self, context: Context) -> None:
        resumed = [each.call.call_id for each in self.worker.resumed]
        beat_s, window_s = self._asked.heartbeat_s, self._desk.resume_window_s
        told = messages.registered(self.stream_id, window_s, resumed, beat_s)
        pen, story = self._pen, self._story
        await pen.write(context, told.SerializeToString())
        while not (self._is_finished and story.is_told):
            if (left_s := self._departure.left_s()) is not None:
                self.drain(left_s)
                self._desk.drain_worker(self.worker.worker_id)
            if story.has_notices or await story.following.wait(self._patience_s()):
                await self._linger()
                await self._tell(context)
            elif self._is_silent() and not await self._tell(context):
                beat = messages.heartbeat().SerializeToString()
                await pen.write(context, messages.with_token(beat, story.token))

    def _is_silent(self) -> bool:
        return self._tools.clock() >= self._pen.last_sent_s + self._asked.heartbeat_s

    async def _linger(self) -> None:
        """Wait for more events where the load advises it, but not with something to say; and for
        more calls that come back, as what they said is looked for in one go.
        """
        story, linger_s = self._story, self._tools.pace.linger_s()
        if story.is_gathering:
            await asyncio.sleep(GATHERING_S)
        elif linger_s > 0 and not story.has_notices and self.lag_events < MAX_BATCH_EVENTS:
            await asyncio.sleep(linger_s)

    async def _tell(self, context: Context) -> bool:
        """Say what there is to say; False for nothing."""
        tools, skipped = self._tools, self.skipped_events
        parts = self._story.take(tools.room.most(MAX_BATCH_BYTES))
        if self.skipped_events > skipped:
            tools.recorder.events_skipped(self.skipped_events - skipped)
        for words, events in parts:
            data = words if isinstance(words, bytes) else words().SerializeToString()
            await self._pen.write(context, data, events)
        return bool(parts)

    def _patience_s(self) -> float:
        """How long to wait for events before there is something else to say."""
        beat_s = self._pen.last_sent_s + self._asked.heartbeat_s
        return max(0.0, min(beat_s, self._departure.announce_s) - self._tools.clock())

    def _look(self) -> None:
        """There is something to say."""
        if self._story.is_too_long:
            self._cut_off(SlowConsumer(0))
        self._story.following.wake()

    def _cut_off(self, error: Exception | None) -> None:
        """End the stream, whatever it does now."""
        if not self._cut.done():
            self._failure = error
            self._cut.set_result(None)
