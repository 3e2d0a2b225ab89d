"""The rpc layer as clients see it: the real server, log, tracker and call control over loopback,
with nodes that answer commands as a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import grpc.aio
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from tests.support.channels import NODE, Channel, Switch
from tests.support.fake_desk import FakeDesk

from callcontrol.calls.control import CallControl
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.settings import ControlSettings
from callcontrol.esl.commands import Command
from callcontrol.esl.messages import Reply, SwitchEvent
from callcontrol.events.log import EventLog
from callcontrol.events.ring import LogLimits
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.observer import NodeObserver
from callcontrol.freeswitch.settings import NodeSettings
from callcontrol.ids import JobId, NodeId
from callcontrol.rpc.server import RpcServer, RpcSettings, build_server

CALL_ID = "7c3e0b52-5c0a-4a3f-9a39-0d3d0f6a5b01"
PEER_ID = "7c3e0b52-5c0a-4a3f-9a39-0d3d0f6a5b02"
UNKNOWN_ID = "7c3e0b52-5c0a-4a3f-9a39-0d3d0f6a5bff"

Answer = str | Exception | Callable[[str], str]


class FakeJob:
    """A job whose output the test gives."""

    def __init__(self) -> None:
        self.output: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def result(self) -> str:
        """Its output."""
        return await self.output


class FakeNode:
    """A node that keeps what is sent, and answers as the test says; `+OK` where it says nothing."""

    def __init__(self, node_id: NodeId = NODE) -> None:
        self.node_id = node_id
        self.sent: list[str] = []
        self.answers: dict[str, Answer] = {}
        self.hold: asyncio.Event | None = None
        """Commands are sent, and answered once this is set."""
        self.arrived = asyncio.Event()
        """Something was sent."""
        self.down: Exception | None = None
        """Nothing is sent; this is raised in place of it."""
        self.jobs: list[FakeJob] = []
        self.job_began = asyncio.Event()

    def require_open(self, calls: int = 0) -> None:
        """Raises what `down` says."""
        if self.down is not None:
            raise self.down

    async def api(self, name: str, arguments: str = "") -> str:
        """Keeps the command and gives the answer for its name."""
        self.require_open()
        self.sent.append(f"{name} {arguments}".strip())
        self.arrived.set()
        if self.hold is not None:
            await self.hold.wait()
        answer = self.answers.get(name, "+OK")
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, str) else answer(arguments)

    async def command(self, command: Command) -> Reply:
        """Keeps the command."""
        self.require_open()
        self.sent.append(repr(command))
        return Reply("+OK")

    async def start_job(
        self, name: str, arguments: str, job_id: JobId, on_sent: Callable[[], None]
    ) -> FakeJob:
        """Keeps the command; its job ends when the test says."""
        self.require_open()
        on_sent()
        await self.api(name, arguments)
        self.jobs.append(FakeJob())
        self.job_began.set()
        return self.jobs[-1]


class FakeNodes:
    """A fleet of one fake node."""

    def __init__(self) -> None:
        self.node = FakeNode()

    @property
    def nodes(self) -> tuple[FakeNode, ...]:
        """It alone."""
        return (self.node,)

    def get(self, node_id: NodeId) -> FakeNode:
        """The node, whatever it is called."""
        return self.node

    def choose(self, calls_on: Callable[[NodeId], int]) -> FakeNode:
        """The node."""
        self.node.require_open()
        return self.node


@dataclass
class Replica:
    """A running server and what is behind it."""

    server: RpcServer
    port: int
    log: EventLog
    tracker: CallTracker
    control: CallControl
    node: FakeNode
    channel: grpc.aio.Channel
    desk: FakeDesk
    switch: Switch = field(default_factory=Switch)

    def tell(self, event: SwitchEvent) -> None:
        """The switch fires an event."""
        self.log.append(self.tracker.apply(NODE, event))

    def place(self, call_id: str, *, answered: bool = True, direction: str = "inbound") -> Channel:
        """A call comes to be, and is answered."""
        channel = self.switch.channel(call_id, direction)
        self.tell(channel.event("CHANNEL_CREATE"))
        if answered:
            self.tell(channel.event("CHANNEL_ANSWER"))
        return channel

    def end(self, channel: Channel) -> None:
        """A call ends."""
        self.tell(channel.hangup())
        self.tell(channel.event("CHANNEL_HANGUP_COMPLETE"))


@asynccontextmanager
async def replica(
    *,
    settings: RpcSettings | None = None,
    limits: LogLimits | None = None,
    control: ControlSettings | None = None,
    recorder: Any = None,  # Any: each test records what it looks at
    history: EventLog | None = None,
) -> AsyncIterator[Replica]:
    """A server that listens on loopback, with a client's channel to it, and a log of its own if
    `history` is none.
    """
    log, tracker, nodes = history or EventLog(limits), CallTracker(), FakeNodes()
    # cast: the node of the fleet never runs, so nobody observes it.
    idle = NodeSettings(node_id=NODE, host="192.0.2.1", password="unused")
    fleet = Fleet([Node(idle, cast("NodeObserver", None))])
    calls = CallControl(nodes, tracker, control or ControlSettings(confirm_timeout_s=0.05))
    desk = FakeDesk()
    desk.tracker = tracker
    server = build_server(
        calls,
        tracker,
        log,
        fleet,
        desk=desk,
        settings=settings,
        recorder=recorder,
        server_version="1.2.3",
    )
    port = server.listen("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Replica(server, port, log, tracker, calls, nodes.node, channel, desk)
    finally:
        await server.stop(0)


@dataclass(frozen=True)
class Refused:
    """What a client was told of an RPC that failed."""

    code: grpc.StatusCode
    reason: str
    domain: str
    metadata: Mapping[str, str]
    message: str
    violations: Mapping[str, str]
    retry_after_ms: int | None


def refused(error: grpc.aio.AioRpcError) -> Refused:
    """Read an error as a client would."""
    trailers = dict(error.trailing_metadata() or ())
    details = status_pb2.Status.FromString(trailers["grpc-status-details-bin"]).details
    info = _unpack(details, error_details_pb2.ErrorInfo)
    bad = _unpack(details, error_details_pb2.BadRequest)
    retry = _unpack(details, error_details_pb2.RetryInfo)
    return Refused(
        code=error.code(),
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        message=error.details() or "",
        violations={each.field: each.description for each in bad.field_violations} if bad else {},
        retry_after_ms=retry.retry_delay.ToMilliseconds() if retry else None,
    )


async def refusal_of(call: Any) -> Refused:  # Any: grpc.aio's calls share no useful type
    """Await an RPC that must fail."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return refused(error)
    raise AssertionError(f"it succeeded: {answer}")


def _unpack(details: Any, kind: type[Message]) -> Any:  # Any: the stubs of google.rpc have no types
    for detail in details:
        if detail.Is(kind.DESCRIPTOR):
            message = kind()
            detail.Unpack(message)
            return message
    return None
