"""A worker by the rules of docs/outbound.md on the bare stubs: it answers offers and says what it
was told. It shares no code with the client's worker, so the two can be compared.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

import grpc
import grpc.aio

from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1 import call_pb2, event_pb2
from callcontrol.v1.call_handling_service_pb2_grpc import CallHandlingServiceStub

FIRST_WAIT_S: Final = 0.5
LAST_WAIT_S: Final = 5.0
LIVED_S: Final = 10.0
SILENT_S: Final = 20.0
"""A stream that says nothing for so long is dead."""
REMEMBERED_IDS: Final = 16_384
ALONE: Final = (("grpc.use_local_subchannel_pool", 1),)


@dataclass
class Told:
    """What becomes of what a worker is told; each does nothing unless it is given."""

    registered: Callable[[list[str]], None] = lambda _: None
    """With the calls that it got back."""
    offered: Callable[[pb.OfferCall], None] = lambda _: None
    assigned: Callable[[call_pb2.Call, bool], None] = lambda *_: None
    """A call is the worker's; True where it had been before."""
    lost: Callable[[str], None] = lambda _: None
    """A call that was asked for is not given back, or one is released and goes on."""
    ended: Callable[[str], None] = lambda _: None
    event: Callable[[event_pb2.Event], None] = lambda _: None
    gap: Callable[[str], None] = lambda _: None
    broken: Callable[[str], None] = lambda _: None
    """The stream broke, for which reason."""


@dataclass
class RawWorker:
    """Opens its stream again and again until it has drained."""

    registration: pb.RegisterWorker
    told: Told
    held: set[str] = field(default_factory=set)
    _accepted: dict[str, call_pb2.Call] = field(default_factory=dict)
    """By offer: neither assigned nor withdrawn yet."""
    _asked: set[str] = field(default_factory=set)
    """Calls that may come back later than in the registration."""
    _token: str = ""
    _told_ids: dict[str, None] = field(default_factory=dict)
    """Of events that came, oldest first."""
    _draining: bool = False
    _drained: bool = False
    _requests: asyncio.Queue[pb.HandleCallsRequest] = field(default_factory=asyncio.Queue)

    def drain(self) -> None:
        """Want no more offers."""
        if not self._draining:
            self._draining = True
            self._requests.put_nowait(pb.HandleCallsRequest(drain=pb.DrainWorker()))

    def release(self, call_id: str) -> None:
        """Give a call back to the dialplan."""
        release = pb.ReleaseCall(call_id=call_id)
        self._requests.put_nowait(pb.HandleCallsRequest(release=release))

    async def run(self, target: str) -> None:
        """Serve until drained."""
        wait_s = FIRST_WAIT_S
        while not self._drained:
            began_s = time.monotonic()
            try:
                async with grpc.aio.insecure_channel(target, options=ALONE) as channel:
                    await self._serve(channel)
            except grpc.aio.AioRpcError as error:
                self.told.broken(f"{error.code().name}: {error.details()}")
            except TimeoutError:
                self.told.broken("silent")
            if time.monotonic() - began_s > LIVED_S:
                wait_s = FIRST_WAIT_S
            if not self._drained:
                await asyncio.sleep(random.uniform(0, wait_s))
                wait_s = min(2 * wait_s, LAST_WAIT_S)

    async def _serve(self, channel: grpc.aio.Channel) -> None:
        """One stream from its registration to its end."""
        self._requests = asyncio.Queue()
        self._asked = self.held | {call.call_id for call in self._accepted.values()}
        hello = pb.RegisterWorker()
        hello.CopyFrom(self.registration)
        hello.resume_call_ids.extend(sorted(self._asked))
        hello.resume_token = self._token
        self._requests.put_nowait(pb.HandleCallsRequest(register_worker=hello))
        if self._draining:
            self._requests.put_nowait(pb.HandleCallsRequest(drain=pb.DrainWorker()))
        stream = CallHandlingServiceStub(channel).HandleCalls(self._said())
        while True:
            async with asyncio.timeout(SILENT_S):
                message = await stream.read()
            if not isinstance(message, pb.HandleCallsResponse):
                break  # grpc.aio.EOF
            if self._take(message):
                return
            self._token = message.resume_token or self._token
        self._drained = self._draining
        if not self._drained:
            self.told.broken("OK")

    async def _said(self) -> AsyncIterator[pb.HandleCallsRequest]:
        while True:
            yield await self._requests.get()

    def _take(self, message: pb.HandleCallsResponse) -> bool:
        """Deal with a message; True when another stream is to be opened."""
        match message.WhichOneof("message"):
            case "registered":
                self._back(message.registered)
            case "offer":
                self.told.offered(message.offer)
                self._accepted[message.offer.offer_id] = message.offer.call
                accept = pb.AcceptCall(offer_id=message.offer.offer_id)
                self._requests.put_nowait(pb.HandleCallsRequest(accept=accept))
            case "withdraw":
                self._accepted.pop(message.withdraw.offer_id, None)
            case "assigned":
                self._assigned(message.assigned)
            case "released":
                self._released(message.released)
            case "events":
                for event in message.events.events:
                    self._event(event)
            case "gap":
                self.told.gap(str(message.gap).replace("\n", " "))
            case "drain":
                self.told.broken("drain")
                return True
        return False

    def _event(self, event: event_pb2.Event) -> None:
        """Pass on what was not told before: a stream that goes on elsewhere may repeat some."""
        if event.event_id not in self._told_ids:
            self._told_ids[event.event_id] = None
            if len(self._told_ids) > REMEMBERED_IDS:
                del self._told_ids[next(iter(self._told_ids))]
            self.told.event(event)

    def _back(self, registered: pb.WorkerRegistered) -> None:
        """What came back is still the worker's; the rest may come back until it is released."""
        came = list(registered.resumed_call_ids)
        offered = {call.call_id: call for call in self._accepted.values()}
        self._accepted.clear()
        self.told.registered(came)
        for call_id in came:
            self._asked.discard(call_id)
            is_new = call_id not in self.held
            self.held.add(call_id)
            call = offered[call_id] if is_new else call_pb2.Call(call_id=call_id)
            self.told.assigned(call, not is_new)

    def _assigned(self, assigned: pb.CallAssigned) -> None:
        call = assigned.call
        self._accepted.pop(assigned.offer_id, None)
        self._asked.discard(call.call_id)
        had = call.call_id in self.held
        self.held.add(call.call_id)
        self.told.assigned(call, had)

    def _released(self, released: pb.CallReleased) -> None:
        call_id = released.call_id
        self._asked.discard(call_id)
        if call_id in self.held:
            self.held.discard(call_id)
            is_over = released.HasField("hangup_cause")
            (self.told.ended if is_over else self.told.lost)(call_id)
