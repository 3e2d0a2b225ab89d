"""The gRPC server: its options, its table of methods, and the order in which it goes away."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import grpc
import grpc.aio

from callcontrol.calls.conferences.finding import Conferences
from callcontrol.calls.control import CallControl
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.placing.draining import Draining
from callcontrol.events.log import EventLog
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.wanted_events import EVERYTHING, WantedEvents
from callcontrol.ids import CallId
from callcontrol.rpc import health, reflection
from callcontrol.rpc.admin_service import AdminService
from callcontrol.rpc.call_control import CallControlService
from callcontrol.rpc.calls_service import CallsService
from callcontrol.rpc.closing import Closing
from callcontrol.rpc.conference_service import ConferenceService
from callcontrol.rpc.connections import ConnectionLimits, Connections
from callcontrol.rpc.digits import DigitsService
from callcontrol.rpc.event_expression import Expressions
from callcontrol.rpc.event_filter import FilterReader
from callcontrol.rpc.event_service import EventService, StreamLimits
from callcontrol.rpc.event_stream import EventStream
from callcontrol.rpc.handlers import Handlers
from callcontrol.rpc.hangup_calls import HangupCallsService
from callcontrol.rpc.interceptors import Ladder
from callcontrol.rpc.leg_dialling import LegDiallingService
from callcontrol.rpc.media import RecordingService
from callcontrol.rpc.methods import API_FILES, SERVICES
from callcontrol.rpc.node_service import NodeService
from callcontrol.rpc.playback import PlaybackService
from callcontrol.rpc.publish import PublishService
from callcontrol.rpc.raw_access import RawAccess
from callcontrol.rpc.recorder import NoRecorder, Recorder
from callcontrol.rpc.replay import ReplayLimits, ReplayWindow
from callcontrol.rpc.signalling import SignallingService
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
        *,
        connections: ConnectionLimits | None = None,
        with_reflection: bool = True,
    ) -> None:
        """`services` holds the handlers by full service name; what is missing is not served.

        Raises ValueError when they do not fit the API.
        """
        self._events, self._closing, self._replays = events, ladder.closing, ladder.replays
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
    def streams(self) -> tuple[EventStream, ...]:
        """The event streams that are open."""
        return self._events.streams

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

    def leave(self, notice_s: float, spread_s: float) -> float:
        """Say to health checks and to all event streams that this replica goes away.

        Returns when the last stream will have ended, in seconds from now. Other RPCs are served
        until `stop`.
        """
        self.health.leave()
        return self._events.leave(notice_s, spread_s)

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
    settings: RpcSettings | None = None,
    recorder: Recorder | None = None,
    server_version: str = "",
) -> RpcServer:
    """The server of the whole API. It listens nowhere yet, and `health` says not ready."""
    settings = settings or RpcSettings()
    recorder = recorder or NoRecorder()
    limits = StreamLimits(
        max_streams=settings.max_streams,
        max_streams_per_peer=settings.max_streams_per_peer,
    )
    connections = Connections(settings.connections)
    wanted = settings.events
    events = EventService(
        log,
        fleet.get,
        calls=tracker.announced_calls,
        filters=FilterReader(
            Expressions(recorder.expression_failed),
            name_problem=wanted.name_problem,
            subclass_problem=wanted.subclass_problem,
        ),
        limits=limits,
        stream_end_s=connections.stream_end_s,
        recorder=recorder,
        server_version=server_version,
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
        api_handlers(control, tracker, log, fleet, events),
        events,
        connections=settings.connections,
        with_reflection=settings.with_reflection,
    )


def api_handlers(
    control: CallControl, tracker: CallTracker, log: EventLog, fleet: Fleet, events: EventService
) -> dict[str, Handlers]:
    """Every RPC that is served, by the full name of its service and its own."""
    nodes = NodeService(fleet, control.placement.calls_on)
    draining = Draining(fleet.get, tracker, log)
    calls = CallsService(tracker, fleet.get, lambda: log.token_at(log.next_number))
    raw = RawAccess(control.commander)
    return {
        "callcontrol.v1.CallControlService": {
            **CallControlService(control).handlers(),
            **calls.handlers(),
            **raw.on_calls(),
            **SignallingService(control.commander).handlers(),
            **HangupCallsService(control.commander).handlers(),
            **LegDiallingService(control.commander).handlers(),
            **RecordingService(control.commander).handlers(),
            **PlaybackService(control.commander).handlers(),
            **DigitsService(control.commander, control.clean_up).handlers(),
        },
        "callcontrol.v1.ConferenceService": ConferenceService(
            Conferences(fleet, control.commander), control
        ).handlers(),
        "callcontrol.v1.EventService": {
            **events.handlers(),
            **PublishService(control.commander).handlers(),
        },
        "callcontrol.v1.NodeService": nodes.handlers(),
        "callcontrol.v1.AdminService": {
            **AdminService(draining, nodes.told_of, events).handlers(),
            **raw.for_operators(),
        },
    }
