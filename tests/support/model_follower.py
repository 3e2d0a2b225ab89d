"""A client for models: it keeps the newest token, drops repeats, and objects to any silent loss."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from google.protobuf.duration_pb2 import Duration
from tests.support.model_replica import ModelReplica
from tests.support.model_switch import ModelSwitch

from callcontrol.errors import CallControlError, ResumeTokenExpired
from callcontrol.ids import NodeId
from callcontrol.rpc.aio import Context
from callcontrol.rpc.handlers import StreamHandler
from callcontrol.v1 import event_pb2, event_service_pb2
from callcontrol.v1.event_service_pb2 import Batching, EventFilter, EventsRequest, EventsResponse

Gap = event_service_pb2.Gap
OF_A_NODE = {
    Gap.REASON_NODE_CONNECTION_LOST,
    Gap.REASON_NODE_RESTARTED,
    Gap.REASON_SWITCH_OVERLOADED,
}


class FakeContext:
    """The server's side of a stream whose client may stop reading."""

    def __init__(self, *, stalls: bool = False) -> None:
        """With `stalls`, it stops reading after the first message."""
        self.inbox: list[EventsResponse] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self._stalls = stalls

    def peer(self) -> str:
        return "ipv4:192.0.2.1:1"

    async def send_initial_metadata(self, _: object) -> None:
        pass

    async def write(self, message: bytes) -> None:
        await self.reads.wait()
        self.inbox.append(EventsResponse.FromString(message))
        if self._stalls:
            self._stalls = False
            self.reads.clear()


class Witness:
    """What one client has seen of one switch, beside all that the switch pushed."""

    def __init__(self, switch: ModelSwitch, names: frozenset[str], begin: int) -> None:
        self._switch, self._names = switch, names
        self._begin = begin
        """What was pushed before it was not asked for, and may come."""
        self._next = begin
        """Everything before this place was seen, or its lack was announced."""
        self._places: dict[str, int] = {}
        self._looked_at = 0
        self._seen: set[str] = set()
        self._excused: set[str] = set()
        self._gap = False
        """A gap was announced since the last event."""

    def hear_of_gap(self) -> None:
        self._gap = True

    def see(self, event_id: str) -> None:
        """An event came. Fails where others should have come before it."""
        place = self._place_of(event_id)
        if event_id in self._seen or place < self._begin:
            return
        self._seen.add(event_id)
        if place < self._next:
            assert event_id in self._excused, f"{event_id} came late, though nothing was missing"
            return
        self._pass(place)
        self._next, self._gap = place + 1, False

    def is_at_end(self) -> None:
        """Nothing more will come now. Fails where something should have."""
        self._pass(len(self._switch.pushed))

    def _pass(self, end: int) -> None:
        missing = [
            pushed.event_id
            for pushed in self._switch.pushed[self._next : end]
            if not self._names or pushed.name in self._names
        ]
        if missing:
            assert self._gap, f"lost without a word: {missing[:5]} and {len(missing)} in all"
            self._excused.update(missing)

    def _place_of(self, event_id: str) -> int:
        for place in range(self._looked_at, len(self._switch.pushed)):
            self._places[self._switch.pushed[place].event_id] = place
        self._looked_at = len(self._switch.pushed)
        return self._places[event_id]


class Follower:
    """One client through all its streams."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        switches: Mapping[NodeId, ModelSwitch],
        names: frozenset[str],
        overflow: event_service_pb2.OverflowPolicy.ValueType,
    ) -> None:
        self._loop, self._switches, self._names = loop, switches, names
        self._overflow = overflow
        self._stream: asyncio.Task[None] | None = None
        self._witnesses: dict[NodeId, Witness] = {}
        self.tokens: list[tuple[str, object]] = []
        """In the order in which they came, with the keys that sealed them."""
        self.replica: ModelReplica | None = None
        """Where it reads; None between two streams."""
        self.context = FakeContext()
        self._gaps: dict[NodeId, int] = {}

    def begin(self, replica: ModelReplica) -> None:
        """The first stream, from now on."""
        self._witnesses = {
            node_id: Witness(switch, self._names, replica.has_read(node_id))
            for node_id, switch in self._switches.items()
        }
        self._open(replica, self._anew())

    def begin_since(self, replica: ModelReplica, time_us: int) -> None:
        """The first stream, from a time on; from now on where that is too long ago."""
        self._witnesses = {
            node_id: Witness(switch, self._names, replica.read_since(node_id, time_us))
            for node_id, switch in self._switches.items()
        }
        request = self._anew()
        request.start.time.FromMicroseconds(time_us)
        with suppress(ResumeTokenExpired):
            self._open(replica, request)
            return
        is_held = replica.log.first_number == 1 and replica.started_us <= time_us
        assert not is_held, "too long ago, though everything is held"
        self.begin(replica)

    def resume(self, replica: ModelReplica, age: int, *, stalls: bool = False) -> None:
        """Go on after one of the newest tokens; where that is too old, say so and begin now.

        With `stalls` it stops reading at once.
        """
        token, key = self.tokens[max(0, len(self.tokens) - 1 - age)]
        must_go_on = replica.has_everything and replica.key is key
        with suppress(ResumeTokenExpired):
            self._open(replica, self._after(token), stalls=stalls)
            return
        assert not must_go_on, "expired though everything is held"
        for witness in self._witnesses.values():
            witness.hear_of_gap()
        self._open(replica, self._anew())

    def read(self, messages: int = 1_000_000) -> None:
        """Take what has come."""
        inbox = self.context.inbox
        taken, self.context.inbox = inbox[:messages], inbox[messages:]
        for message in taken:
            self._take(message)

    def leave(self) -> None:
        """The stream breaks; what came and was not read is lost."""
        self._end()
        self.context = FakeContext()
        self.replica = None

    def is_over(self) -> bool:
        """Whether the service ended the stream."""
        return self._stream is not None and self._stream.done()

    def is_at_end(self) -> None:
        """Called when nothing is on its way from those nodes that are up."""
        assert self.replica is not None
        for node_id, witness in self._witnesses.items():
            if self.replica.is_up(node_id):
                witness.is_at_end()

    def _after(self, token: str) -> EventsRequest:
        request = self._anew()
        request.start.resume_token = token
        return request

    def _anew(self) -> EventsRequest:
        return EventsRequest(
            filters=[EventFilter(names=sorted(self._names))] if self._names else [],
            batching=Batching(max_delay=Duration(), max_events=20),
            overflow_policy=self._overflow,
        )

    def _open(self, replica: ModelReplica, request: EventsRequest, *, stalls: bool = False) -> None:
        self._end()
        self.context = FakeContext(stalls=stalls)
        handler = replica.streams.handlers()["Events"]
        assert isinstance(handler, StreamHandler)
        context = cast("Context", self.context)  # has what a stream uses of one
        self._stream = self._loop.create_task(
            cast("asyncio._CoroutineLike[None]", handler.serve(request, context))
        )
        self._gaps = {}
        self.replica = replica
        while not self._stream.done() and not self.context.inbox:
            self._loop.run_until_complete(asyncio.sleep(0))
        if self._stream.done():
            self._stream.result()
        self.read(1)

    def _end(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()
            with suppress(asyncio.CancelledError, CallControlError):
                self._loop.run_until_complete(stream)

    def _take(self, message: EventsResponse) -> None:
        for event in message.events:
            self._see(event)
        if message.HasField("gap"):
            self._hear(message.gap)
        if message.resume_token:
            assert self.replica is not None
            self.tokens.append((message.resume_token, self.replica.key))

    def _see(self, event: event_pb2.Event) -> None:
        if not event.synthetic:
            self._witnesses[NodeId(event.position.node_id)].see(event.event_id)

    def _hear(self, gap: event_service_pb2.Gap) -> None:
        for node_id, witness in self._witnesses.items():
            if gap.node_id in ("", node_id):
                witness.hear_of_gap()
        if gap.reason in OF_A_NODE:
            assert self.replica is not None
            node_id = NodeId(gap.node_id)
            self._gaps[node_id] = self._gaps.get(node_id, 0) + 1
            assert self._gaps[node_id] <= self.replica.ups[node_id], "a gap that nothing explains"
