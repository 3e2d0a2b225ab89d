"""The gRPC server: its options, its table of methods, and the order in which it goes away."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import grpc
import grpc.aio

from callcontrol.calls.control import CallControl
from callcontrol.calls.offers.ports import Desk
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.events.log import EventLog
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.wanted_events import EVERYTHING, WantedEvents
from callcontrol.ids import CallId
from callcontrol.rpc import health, reflection
from callcontrol.rpc.call_handling_service import CallHandlingService, HandlingLimits
from callcontrol.rpc.closing import Closing
from callcontrol.rpc.connections import ConnectionLimits, Connections
from callcontrol.rpc.event_expression import Expressions
from callcontrol.rpc.event_filter import FilterReader
from callcontrol.rpc.event_service import EventService, StreamLimits
from callcontrol.rpc.handlers import Handlers
from callcontrol.rpc.interceptors import Ladder
from callcontrol.rpc.methods import API_FILES, SERVICES
from callcontrol.rpc.open_stream import OpenStream
from callcontrol.rpc.recorder import NoRecorder, Recorder
from callcontrol.rpc.replay import ReplayLimits, ReplayWindow
from callcontrol.rpc.served import api_handlers
from callcontrol.rpc.table import Methods, api_table, paths_of

ANSWERING_S: Final = 1.0
"""What is kept of the grace, at most half of it, for answers to requests that outlast it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcSettings:
    """What an operator decides about the rpc layer."""

    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    max_streams: int = 5_000
    """Event streams of this replica; more are refused."""
    max_streams_per_peer: int = 1_000
    """Event streams of one host. Behind a proxy, all clients are one."""
    handling: HandlingLimits = field(default_factory=HandlingLimits)
    replay: ReplayLimits = field(default_factory=ReplayLimits)
    with_reflection: bool = True
    events: WantedEvents = EVERYTHING
    """What the nodes are asked for: a filter for anything else is refused."""


class RpcServer:
    """The API, health and reflection on one grpc.aio server. To be made on its event loop.

    To go away without loss: `leave`, wait as long as it says, `stop`.
    """

    def __init__(
        self,
        ladder: Ladder,
        services: Mapping[str, Handlers],
        events: EventService,
        handling: CallHandlingService | None = None,
        *,
        connections: ConnectionLimits | None = None,
        with_reflection: bool = True,
    ) -> None:
        """`services` holds the handlers by full service name; what is missing is not served.

        Raises ValueError when they do not fit the API.
        """
        self._events, self._handling = events, handling
        self._closing, self._replays = ladder.closing, ladder.replays
        self.served = frozenset(
            method
            for name, methods in SERVICES.items()
            for method in methods
            if method.name in services.get(name, {})
        )
        """The methods of the API that are served."""
        self.health = health.Health(tuple(SERVICES))
        table = api_table(ladder, services)
        table |= paths_of(health.SERVICE_NAME, self.health.handlers())
        if with_reflection:
            reflected = reflection.Reflection((*SERVICES, health.SERVICE_NAME), API_FILES)
            for name in reflection.SERVICE_NAMES:
                table |= paths_of(name, reflected.handlers())
        limits = connections or ConnectionLimits()
        self._server = grpc.aio.server(options=limits.options(), handlers=[Methods(table)])

    @property
    def dropped_answers(self) -> int:
        """Answers to request ids that had to be forgotten before their time."""
        return self._replays.dropped_early

    @property
    def streams(self) -> tuple[OpenStream, ...]:
        """The streams of events and of workers that are open."""
        return (*self._events.streams, *(self._handling.streams if self._handling else ()))

    def listen(self, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Listen on `host:port`, on a free port for 0. Returns the port.

        Without credentials in plaintext. Raises RuntimeError when the address cannot be had.
        """
        if credentials is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, credentials)

    async def start(self) -> None:
        """Serve from now on. Readiness is for the owner to say, in `health`."""
        await self._server.start()

    def leave(self, notice_s: float, spread_s: float, workers_s: float = 0.0) -> float:
        """Say to health checks and to all streams that this replica goes away. Workers have so long
        to end their calls.

        Returns when the last stream will have ended, in seconds from now. Other RPCs are served
        until `stop`.
        """
        self.health.leave()
        workers_end_s = self._handling.leave(workers_s) if self._handling else 0.0
        return max(workers_end_s, self._events.leave(notice_s, spread_s))

    async def stop(self, grace_s: float) -> None:
        """Take no new RPCs, and give those under way so long. What is not done shortly before is
        told that its outcome is unknown, for which there is time even without a grace.
        """
        self.health.close()
        closing_in_s = grace_s - min(ANSWERING_S, grace_s / 2)
        closing = asyncio.get_running_loop().call_later(closing_in_s, self._closing.close)
        try:
            await self._server.stop(max(grace_s, ANSWERING_S if self._closing.under_way else 0.0))
            with suppress(TimeoutError):  # gRPC does not wait for those that it has cancelled
                async with asyncio.timeout(ANSWERING_S):
                    await self._closing.wait_idle()
        finally:
            closing.cancel()


def build_server(
    control: CallControl,
    tracker: CallTracker,
    log: EventLog,
    fleet: Fleet,
    *,
    desk: Desk | None = None,
    settings: RpcSettings | None = None,
    recorder: Recorder | None = None,
    server_version: str = "",
) -> RpcServer:
    """The server of the whole API, without `desk` except for workers. It listens nowhere yet, and
    `health` says not ready.
    """
    settings = settings or RpcSettings()
    recorder = recorder or NoRecorder()
    limits = StreamLimits(
        max_streams=settings.max_streams,
        max_streams_per_peer=settings.max_streams_per_peer,
    )
    connections = Connections(settings.connections)
    wanted = settings.events
    filters = FilterReader(
        Expressions(recorder.expression_failed),
        name_problem=wanted.name_problem,
        subclass_problem=wanted.subclass_problem,
    )
    events = EventService(
        log,
        fleet.get,
        calls=tracker.announced_calls,
        filters=filters,
        limits=limits,
        stream_end_s=connections.stream_end_s,
        recorder=recorder,
        server_version=server_version,
    )

    handling: CallHandlingService | None = None
    if desk is not None:
        handling = CallHandlingService(
            desk,
            log,
            events.tools,
            limits=settings.handling,
            event_name_problem=filters.event_name_problem,
            stream_end_s=connections.stream_end_s,
        )

    def reached(call_id: str) -> Mapping[str, str]:
        call = tracker.get(CallId(call_id))
        return {"node_id": call.node_id, "call_state": call.state.name} if call else {}

    return RpcServer(
        Ladder(
            ReplayWindow(settings.replay),
            recorder,
            reached,
            Closing(control.leave),
            connections.seen,
        ),
        api_handlers(control, tracker, log, fleet, events, handling=handling),
        events,
        handling,
        connections=settings.connections,
        with_reflection=settings.with_reflection,
    )
