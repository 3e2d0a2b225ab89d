"""EventService: who may open a stream, which streams are open, and how they are asked to leave."""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from callcontrol.calls.call import Call
from callcontrol.errors import ShuttingDown
from callcontrol.events.log import EventLog
from callcontrol.ids import NodeId
from callcontrol.rpc.aio import Context
from callcontrol.rpc.check_filter import CheckFilterService
from callcontrol.rpc.event_filter import FilterReader, require_nodes
from callcontrol.rpc.event_request import StreamRequest, read_events_request
from callcontrol.rpc.event_stream import EventStream
from callcontrol.rpc.handlers import Handlers, stream
from callcontrol.rpc.opening import open_stream
from callcontrol.rpc.pace import Pace
from callcontrol.rpc.peers import Peers
from callcontrol.rpc.recorder import NoRecorder, Recorder
from callcontrol.rpc.stream_messages import MessageMaker
from callcontrol.rpc.stream_tools import Departure, StreamTools
from callcontrol.v1 import event_service_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """How many streams are served, and how they end."""

    max_streams: int = 5_000
    max_streams_per_peer: int = 1_000
    """A peer is a host: behind a proxy, all clients are one peer. Its filters have the same share
    of what all may cost."""
    move_time_s: float = 30.0
    """How long before its end a stream says that it will end for the age of its connection."""


class EventService:
    """Serves Events from the log. `knows_node` raises NodeNotFound for a node that is none; `calls`
    gives those there are now, for snapshots. `stream_end_s` says when a stream that begins now on
    a connection must end; without it streams live on.
    """

    def __init__(
        self,
        log: EventLog,
        knows_node: Callable[[NodeId], object],
        *,
        filters: FilterReader | None = None,
        calls: Callable[[], Iterable[Call]] = tuple,
        limits: StreamLimits | None = None,
        stream_end_s: Callable[[str], float] | None = None,
        recorder: Recorder | None = None,
        server_version: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._knows_node, self._calls = log, knows_node, calls
        self._filters = filters or FilterReader()
        self._limits, self._stream_end_s = limits or StreamLimits(), stream_end_s
        self._recorder = recorder or NoRecorder()
        self._clock = clock
        self._tools = StreamTools(
            pace=Pace(clock),
            recorder=self._recorder,
            server_version=server_version,
            messages=MessageMaker(log.token_at),
            clock=clock,
        )
        self._streams: dict[str, EventStream] = {}
        self._peers = Peers(self._limits.max_streams, self._limits.max_streams_per_peer)
        self._is_leaving = False

    @property
    def tools(self) -> StreamTools:
        """What all streams share, also those of other services."""
        return self._tools

    @property
    def open_streams(self) -> int:
        """Streams open now."""
        return len(self._streams)

    @property
    def streams(self) -> tuple[EventStream, ...]:
        """Those open now, in the order in which they began."""
        return tuple(self._streams.values())

    def handlers(self) -> Handlers:
        """The methods that are served."""
        return {
            "Events": stream(event_service_pb2.EventsRequest, self._events),
            **CheckFilterService(self._filters, self._knows_node).handlers(),
        }

    def leave(self, notice_s: float, spread_s: float) -> float:
        """Ask every stream to move, and let no new one begin.

        Each hears of it at once, and is ended after `notice_s`, the last one `spread_s` later,
        so that not all clients come back elsewhere in the same moment. Returns when the last
        one ends, in seconds from now.
        """
        self._is_leaving = True
        now_s = self._clock()
        step_s = spread_s / max(1, len(self._streams) - 1)
        for place, each in enumerate(self._streams.values()):
            each.leave_by(Departure(announce_s=now_s, end_s=now_s + notice_s + place * step_s))
        self._log.wake_all()
        return notice_s + spread_s if self._streams else 0.0

    async def _events(self, request: event_service_pb2.EventsRequest, context: Context) -> None:
        asked = read_events_request(request, self._filters)
        require_nodes(asked.filters, self._knows_node)
        if self._is_leaving:
            raise ShuttingDown
        peer = context.peer()
        with (
            self._peers.place_for(peer, asked.filters),
            closing(self._opened(asked, peer)) as served,
            self._listed(served),
        ):
            await served.serve(context)

    def _opened(self, asked: StreamRequest, peer: str) -> EventStream:
        opening = open_stream(
            self._log, self._calls, asked.start, asked.filters, self._tools.now_us()
        )
        stream_id = str(uuid.uuid4())
        subscription = self._log.subscribe(
            asked.filters,
            name=asked.name or stream_id,
            overflow=asked.overflow,
            start=opening.start,
        )
        return EventStream(
            stream_id,
            asked,
            subscription,
            self._tools,
            self._end_for_age(peer),
            opening=opening,
            peer=peer,
        )

    @contextmanager
    def _listed(self, served: EventStream) -> Iterator[None]:
        self._streams[served.stream_id] = served
        self._recorder.subscription_opened()
        try:
            yield
        finally:
            del self._streams[served.stream_id]
            served.ended.set()
            self._recorder.subscription_closed()

    def _end_for_age(self, peer: str) -> Departure | None:
        if self._stream_end_s is None:
            return None
        end_s = self._stream_end_s(peer)
        return Departure(announce_s=end_s - self._limits.move_time_s, end_s=end_s)
