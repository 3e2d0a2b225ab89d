"""What the gRPC contract tests speak with: stubs, a tape of events, and places to dial."""

import asyncio
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import grpc
import grpc.aio
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, event_pb2
from callcontrol.v1 import event_service_pb2 as events_pb2
from callcontrol.v1.call_control_service_pb2_grpc import CallControlServiceStub
from callcontrol.v1.event_service_pb2_grpc import EventServiceStub
from callcontrol.v1.node_service_pb2_grpc import NodeServiceStub

if TYPE_CHECKING:  # these stubs exist for the type checker only
    from callcontrol.v1.call_control_service_pb2_grpc import CallControlServiceAsyncStub
    from callcontrol.v1.event_service_pb2_grpc import EventServiceAsyncStub
    from callcontrol.v1.node_service_pb2_grpc import NodeServiceAsyncStub

CONTEXT = "callcontrol"
DEADLINE_S = 30.0
State = call_pb2.Call.State


def loopback(extension: str) -> call_pb2.Endpoint:
    """A far end inside the switch; our leg is `call_id`, its other half is an inbound leg."""
    return call_pb2.Endpoint(loopback=call_pb2.Loopback(extension=extension, context=CONTEXT))


RECORDING_ROOT = "/tmp/callcontrol-contract"
"""Where the switch under test writes recordings."""

SIP_PORT = 15060
SWITCH_HOSTS = ["127.0.0.1"]
"""Where the switch is that the suite speaks to: its SIP profile listens on the same address."""


def sip(user: str, host: str = "") -> call_pb2.Endpoint:
    """A far end over SIP: the switch itself, unless another host is named."""
    address = f"{user}@{host or f'{SWITCH_HOSTS[-1]}:{SIP_PORT}'}"
    return call_pb2.Endpoint(sip=call_pb2.SipAddress(profile="internal", address=address))


Over = Callable[[str], call_pb2.Endpoint]
"""How to reach a far end by its name."""


def parked() -> call_pb2.Destination:
    return call_pb2.Destination(park=call_pb2.Park())


def extension(name: str) -> call_pb2.Destination:
    return call_pb2.Destination(
        extension=call_pb2.DialplanExtension(extension=name, dialplan="XML", context=CONTEXT)
    )


def new_id() -> str:
    return str(uuid.uuid4())


@dataclass
class Tape:
    """Everything an Events stream said, in order, for tests to look for what they expect."""

    events: list[event_pb2.Event] = field(default_factory=list)
    notices: list[events_pb2.EventsResponse] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def record(self, stream: AsyncIterable[events_pb2.EventsResponse]) -> None:
        async for response in stream:
            async with self._news:
                self.events.extend(response.events)
                if response.WhichOneof("notice"):
                    self.notices.append(response)
                self._news.notify_all()

    async def event(
        self, payload: str, call_id: str = "", where: Callable[[event_pb2.Event], bool] = bool
    ) -> event_pb2.Event:
        """The first event with this payload, about this call, that `where` holds for."""
        return await self.where(
            lambda event: (
                event.WhichOneof("payload") == payload
                and call_id in ("", event.call_id)
                and where(event)
            )
        )

    async def where(self, wanted: Callable[[event_pb2.Event], bool]) -> event_pb2.Event:
        """The first event, recorded or to come, that this holds for."""

        def found() -> event_pb2.Event | None:
            return next((event for event in self.events if wanted(event)), None)

        async with self._news:
            await self._news.wait_for(lambda: found() is not None)
        event = found()
        assert event is not None
        return event

    async def notice(self, kind: str) -> events_pb2.EventsResponse:
        def found() -> list[events_pb2.EventsResponse]:
            return [notice for notice in self.notices if notice.WhichOneof("notice") == kind]

        async with self._news:
            await self._news.wait_for(lambda: bool(found()))
        return found()[0]

    def states(self, call_id: str) -> list[str]:
        """The states the call went through, as the typed events told them."""
        names = []
        for event in self.events:
            if event.call_id != call_id:
                continue
            match event.WhichOneof("payload"):
                case "call_state_changed":
                    names.append(State.Name(event.call_state_changed.call.state)[6:])
                case "call_ended":
                    names.append("ENDED")
        return names


@dataclass
class Phone:
    """The stubs of one connection to the service, and a tape of all that happens."""

    channel: grpc.aio.Channel
    calls: "CallControlServiceAsyncStub"
    events: "EventServiceAsyncStub"
    nodes: "NodeServiceAsyncStub"
    tape: Tape

    @classmethod
    @asynccontextmanager
    async def connect(cls, target: str) -> AsyncIterator[Self]:
        async with grpc.aio.insecure_channel(target) as channel:
            events = EventServiceStub(channel)
            phone = cls(
                channel, CallControlServiceStub(channel), events, NodeServiceStub(channel), Tape()
            )
            stream = events.Events(events_pb2.EventsRequest(subscriber_name="contract"))
            async with asyncio.timeout(DEADLINE_S):
                await stream.initial_metadata()
            recorder = asyncio.create_task(phone.tape.record(stream), name="tape")
            try:
                yield phone
            finally:
                stream.cancel()
                recorder.cancel()
                await asyncio.wait([recorder])

    async def originate(
        self, endpoint: call_pb2.Endpoint, **fields: object
    ) -> calls_pb2.OriginateResponse:
        """Place a call that parks here when it is answered, and wait for its outcome."""
        request = calls_pb2.OriginateRequest(
            endpoints=[endpoint],
            destination=parked(),
            wait_until=calls_pb2.WAIT_UNTIL_ANSWERED,
        )
        request.MergeFrom(calls_pb2.OriginateRequest(**fields))  # type: ignore[arg-type]  # test sugar
        return await self.calls.Originate(request, timeout=DEADLINE_S)

    async def answered(
        self, dialled: str = "answer", over: Over = loopback, **fields: object
    ) -> str:
        """The id of a call that was answered and is parked."""
        response = await self.originate(over(dialled), **fields)
        assert response.disposition == calls_pb2.DISPOSITION_ANSWERED
        call_id = response.call.call_id
        await self.tape.event(
            "call_state_changed",
            call_id,
            lambda e: e.call_state_changed.call.state == State.STATE_PARKED,
        )
        return call_id

    async def bridged(self) -> tuple[str, str]:
        """Two answered calls that speak with each other."""
        first, second = await self.answered(), await self.answered()
        request = calls_pb2.BridgeRequest(call_id=first, peer_call_id=second)
        await self.calls.Bridge(request, timeout=DEADLINE_S)
        return first, second

    async def now(self, call_id: str) -> call_pb2.Call:
        """The call as the service knows it."""
        request = calls_pb2.GetCallRequest(call_id=call_id)
        return (await self.calls.GetCall(request, timeout=DEADLINE_S)).call

    async def other_half(self, call_id: str) -> str:
        """The inbound leg at the far end of a loopback call."""
        own = await self.tape.event("call_created", call_id)
        name = own.call_created.call.channel_name
        partner = name.removesuffix("-a") + "-b"
        far = await self.tape.event(
            "call_created", where=lambda e: e.call_created.call.channel_name == partner
        )
        return far.call_id

    async def hang_up(self, call_id: str, cause: str = "") -> None:
        await self.calls.Hangup(
            calls_pb2.HangupRequest(call_id=call_id, cause=cause), timeout=DEADLINE_S
        )
        await self.tape.event("call_ended", call_id)


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The ErrorInfo reason; every error must have one."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # AioRpcError has what is read
    assert status is not None, f"{error.code()} without details: {error.details()}"
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            assert info.domain == "callcontrol.v1"
            return str(info.reason)
    raise AssertionError("no ErrorInfo")


def violated_fields(error: grpc.aio.AioRpcError) -> list[str]:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # AioRpcError has what is read
    assert status is not None
    for detail in status.details:
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            return [violation.field for violation in bad.field_violations]
    return []
