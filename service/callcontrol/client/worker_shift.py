"""A worker at work: what it answers to the service, and the handlers of its calls."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Final

import grpc
import grpc.aio

from callcontrol.client.active_call import ActiveCall
from callcontrol.client.call_endings import Left
from callcontrol.client.call_handler import Handler, OnFailure, carry_out, handle
from callcontrol.client.call_inbox import NEEDED
from callcontrol.client.call_life import CallLife
from callcontrol.client.client import Client
from callcontrol.client.failure import Failure
from callcontrol.client.worker_calls import OwnedCall, WorkerCalls
from callcontrol.client.worker_link import WorkerLink
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1.call_pb2 import Call, Destination

log = logging.getLogger(__name__)

CLEANUP_S: Final = 10.0
"""A handler that is cancelled at the end has so long."""
AWAITED_S: Final = 1.0
"""Beyond the resume window, until a call that did not come back is given up."""


def _warn(failure: Failure) -> None:
    log.warning("the stream of a worker broke, and is opened again: %s", failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerManners:
    """How a worker behaves; each has a default that suits most."""

    on_failure: OnFailure = OnFailure.RELEASE
    on_registered: Callable[[], None] = lambda: None
    """Told of each stream on which the worker is registered."""
    on_break: Callable[[Failure], None] = _warn
    """Told of each stream that broke; another one is opened. It is logged where nobody is told."""
    on_drain: Callable[[], None] = lambda: None
    """Told once that the worker takes no more calls."""
    grace_s: float = 30.0
    """How long calls may go on when the worker is to end."""
    command_timeout_s: float = 10.0
    """Deadline of commands, over all attempts; those that ring or wait for digits have longer."""
    remembered_ids: int = 16_384
    """Events that are known again when they come twice."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic


class Shift:
    """One run of a worker."""

    def __init__(
        self,
        client: Client,
        handler: Handler,
        registration: pb.RegisterWorker,
        manners: WorkerManners,
    ) -> None:
        self.client, self.command_timeout_s = client, manners.command_timeout_s
        self._handler, self._registration, self._manners = handler, registration, manners
        self._wanted = frozenset(registration.event_names)
        self._calls = WorkerCalls(self._begin, remembered_ids=manners.remembered_ids)
        self._link = WorkerLink(
            client,
            self._register,
            on_break=self._broke,
            pause=manners.pause,
            clock=manners.clock,
        )
        self._loop = asyncio.get_running_loop()
        self._tasks = asyncio.TaskGroup()
        self._over: asyncio.Future[None] = self._loop.create_future()
        """When it is to end, and why."""
        self._is_registered = self._is_draining = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._handlers: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Until drained, interrupted or cancelled; handlers are done when it returns."""
        failure: BaseException | None = None
        async with self._tasks as tasks:
            following = tasks.create_task(self._follow(), name="worker stream")
            try:
                await self._over
            except BaseException as error:  # noqa: BLE001  # raised again below
                failure = error
            following.cancel()
            self._calls.end_all(Left())
            self._set_timer("cleanup", CLEANUP_S, self._abort)
        for timer in self._timers.values():
            timer.cancel()
        if failure is not None:
            raise failure

    def drain(self, grace_s: float | None = None) -> None:
        """Take no more calls, and end when those there are have ended, or after the grace."""
        if self._is_draining:
            return
        self._is_draining = True
        self._manners.on_drain()
        self._link.say(pb.HandleCallsRequest(drain=pb.DrainWorker()))
        self._set_timer(
            "grace", self._manners.grace_s if grace_s is None else grace_s, self._finish
        )
        self._finish_if_idle()

    def interrupt(self) -> None:
        """End at once; `work` raises KeyboardInterrupt."""
        if not self._over.done():
            self._over.set_exception(KeyboardInterrupt())

    def release(self, call_id: str, destination: Destination | None) -> None:
        """Give the call back, now or once it is assigned again."""
        owned = self._calls.get(call_id)
        if owned is not None:
            owned.is_released, owned.destination = True, destination
            if self._is_registered and self._calls.is_in_place(call_id):
                self._say_release(owned)

    def send_off(self, command: Coroutine[object, object, None], name: str) -> None:
        """Have a command carried out by somebody who outlives the caller."""
        self._tasks.create_task(carry_out(command), name=name)

    async def _follow(self) -> None:
        """Read the stream; its failure is the end of the shift."""
        try:
            async with self._link as link:
                while True:
                    message = await link.read()
                    if message is not None:
                        self._take(message)
                    else:
                        self._is_registered = False
                        self._calls.broke()
                        self._finish_if_idle()
        except grpc.aio.AioRpcError as error:
            if not self._over.done():
                self._over.set_exception(error)

    def _broke(self, failure: Failure) -> None:
        """The end that a worker without calls has asked for is none that anybody is told."""
        if failure.code is not grpc.StatusCode.OK or not self._is_draining or len(self._calls):
            self._manners.on_break(failure)

    def _take(self, message: pb.HandleCallsResponse) -> None:
        match message.WhichOneof("message"):
            case "registered":
                self._take_registration(message.registered)
            case "offer":
                self._answer(message.offer)
            case "withdraw":
                self._calls.withdraw(message.withdraw.offer_id)
            case "assigned":
                owned = self._calls.assign(message.assigned)
                if owned.is_released:
                    self._say_release(owned)
            case "events":
                for event in message.events.events:
                    self._calls.take(event)
            case "released":
                self._calls.release(message.released)
            case "release_refused":
                self._calls.refuse_release(message.release_refused)
            case "gap":
                self._calls.take_gap(message.gap)
            case _:
                pass

    def _register(self) -> pb.RegisterWorker:
        registration = pb.RegisterWorker()
        registration.CopyFrom(self._registration)
        if self._wanted:
            registration.event_names.extend(name for name in NEEDED if name not in self._wanted)
        registration.resume_call_ids.extend(self._calls.to_resume())
        return registration

    def _take_registration(self, registered: pb.WorkerRegistered) -> None:
        self._is_registered = True
        self._calls.registered()
        window_s = registered.resume_window.ToTimedelta().total_seconds()
        self._set_timer("resume", window_s + AWAITED_S, self._lose)
        self._manners.on_registered()
        if self._is_draining:
            self._link.say(pb.HandleCallsRequest(drain=pb.DrainWorker()))

    def _answer(self, offer: pb.OfferCall) -> None:
        if self._is_draining:
            reject = pb.RejectCall(offer_id=offer.offer_id)
            self._link.say(pb.HandleCallsRequest(reject=reject))
            return
        self._calls.accept(offer)
        self._link.say(pb.HandleCallsRequest(accept=pb.AcceptCall(offer_id=offer.offer_id)))

    def _say_release(self, owned: OwnedCall) -> None:
        release = pb.ReleaseCall(call_id=owned.active.call_id, destination=owned.destination)
        owned.unanswered += 1
        self._link.say(pb.HandleCallsRequest(release=release))

    def _begin(self, application: str, leg: Call) -> OwnedCall:
        life = CallLife(leg.call_id, self._wanted)
        owned = OwnedCall(ActiveCall(self, life, application, leg), life)
        handling = self._tasks.create_task(self._handle(owned), name=f"call {leg.call_id}")
        self._handlers.add(handling)
        handling.add_done_callback(self._handlers.discard)
        return owned

    async def _handle(self, owned: OwnedCall) -> None:
        owned.life.begin()
        await handle(owned.active, self._handler, self._manners.on_failure, self._give_up)

    def _give_up(self, call_id: str) -> None:
        self.release(call_id, None)

    def _lose(self) -> None:
        self._calls.lose()
        self._finish_if_idle()

    def _finish_if_idle(self) -> None:
        """A stream that is up is ended by the service once the worker has drained."""
        if self._is_draining and not self._is_registered and not len(self._calls):
            self._finish()

    def _finish(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _abort(self) -> None:
        for handling in self._handlers:
            handling.cancel()

    def _set_timer(self, name: str, delay_s: float, action: Callable[[], None]) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
        self._timers[name] = self._loop.call_later(delay_s, action)
