"""What is connected to what, and in which order it begins and ends."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Final

from callcontrol.addresses import split_address
from callcontrol.calls.control import CallControl
from callcontrol.calls.picture.service import CallService
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.config import Config
from callcontrol.config_problems import describe
from callcontrol.events.keeper import Keeper
from callcontrol.events.log import EventLog
from callcontrol.events.store import EventStore
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.outbound_node import OutboundNodes
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.handing import Handing
from callcontrol.listening import told_by, try_to_bind
from callcontrol.metrics import Metrics, ServiceCollector
from callcontrol.metrics_server import serving_metrics
from callcontrol.rpc.call_handling_service import HandlingLimits
from callcontrol.rpc.connections import ConnectionLimits
from callcontrol.rpc.convert_event import told_by as told_by_event
from callcontrol.rpc.health import READINESS
from callcontrol.rpc.replay import ReplayLimits
from callcontrol.rpc.server import RpcSettings, build_server
from callcontrol.twins import Twins

log: Final = logging.getLogger(__name__)

_API: Final = "callcontrol.v1."
OF_SWITCHES: Final = tuple(
    f"{_API}{name}Service" for name in ("CallControl", "Conference", "Event", "CallHandling")
)
"""What is ready when a node can be used."""
OF_ITSELF: Final = (f"{_API}NodeService", f"{_API}AdminService")
"""What is ready from the start."""

LOOK_INTERVAL_S: Final = 0.1
"""Between two looks at whether the nodes are ready: a canary that stays away makes no sound."""
SWEEP_INTERVAL_S: Final = 5.0
FINISH_TIMEOUT_S: Final = 5.0
"""For a disk to take what is left at the end."""


class Service:
    """The whole service in one process. To be made on its event loop."""

    def __init__(self, config: Config, timings: LinkTimings | None = None) -> None:
        """Raises ConfigurationError; opens nothing yet."""
        self._config = config
        self.metrics = Metrics()
        self.log = EventLog(config.log_limits(), key=config.resume_key())
        self.keeper = _keeper(config, self.log)
        """What keeps the log on disk, if it is kept."""
        self.tracker = CallTracker()
        self.calls = CallService(self.tracker, self.log, lambda node_id: self.fleet.get(node_id))
        self.fleet = Fleet(
            [Node(settings, self.calls, timings) for settings in config.node_settings()]
        )
        switches = OutboundNodes(self.fleet, self.calls)
        control = config.control_settings()
        self.control = CallControl(switches, self.tracker, control)
        self.handing = Handing(
            self.control,
            self.tracker,
            self.log,
            self.fleet,
            switches,
            registry=self.metrics.registry,
            settings=config.offer_settings(control),
            outbound=config.outbound_settings(),
            timings=timings,
        )
        self.calls.on_compared = self.handing.look_around
        self.port = 0
        """The port for gRPC, once the service runs; 0 on a Unix socket."""
        self._server = build_server(
            self.control,
            self.tracker,
            self.log,
            self.fleet,
            desk=self.handing.desk,
            settings=_rpc_settings(config),
            recorder=self.metrics,
            server_version=version("callcontrol"),
        )
        self._ready = asyncio.Event()
        self.metrics.registry.register(
            ServiceCollector(
                lambda: (node.status for node in self.fleet.nodes),
                self.log,
                keeper=self.keeper,
                calls_on=self.control.placement.calls_on,
                late_work=lambda: self.control.late_work,
                dropped_answers=lambda: self._server.dropped_answers,
                streams=lambda: self._server.streams,
            )
        )

    @property
    def outbound_port(self) -> int:
        """The port on which calls come by their socket, once the service runs; 0 for none."""
        return self.handing.port

    async def wait_ready(self) -> None:
        """Return as soon as a node can be used; waits for good if none ever can."""
        await self._ready.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve until the end of the block, then say goodbye; calls stay as they are.

        Raises OSError if an address cannot be had. If a part of the service fails for good, the
        block is cancelled and the failure raised.
        """
        self._listen()
        failure: Exception | None = None
        async with self._metrics_page(), self._log_on_disk(), asyncio.TaskGroup() as tasks:
            parts = [
                tasks.create_task(self.fleet.run(), name="fleet"),
                tasks.create_task(self.calls.run(), name="audit of calls"),
                tasks.create_task(self.control.run(), name="late work"),
                tasks.create_task(self.handing.run(), name="handed-over calls"),
                tasks.create_task(self._follow_readiness(), name="readiness"),
                tasks.create_task(self._sweep(), name="sweep"),
            ]
            if self.keeper is not None:
                parts.append(tasks.create_task(self.keeper.run(), name="event store"))
            try:
                async with self.handing.listening():
                    await self._server.start()
                    log.info("serving", extra={"listen": self._config.listen, "port": self.port})
                    yield
                    await self._say_goodbye()
            except Exception as error:  # noqa: BLE001  raised below, not as one of a group
                failure = error
            finally:
                await self._server.stop(0)
                self.log.close("the service stops")
                for part in parts:
                    part.cancel()
        if failure is not None:
            raise failure

    def _listen(self) -> None:
        address = self._config.listen
        try:
            port = self._server.listen(address)
        except RuntimeError:  # which has no reason in it
            with told_by(describe("listen"), address):
                try_to_bind(address)
            raise
        self.port = 0 if address.startswith("unix:") else port

    @asynccontextmanager
    async def _metrics_page(self) -> AsyncIterator[None]:
        address = self._config.metrics_listen
        if not address:
            yield
            return
        host, port = split_address(address)
        async with AsyncExitStack() as page:
            with told_by(describe("metrics_listen"), address):
                serving = serving_metrics(self.metrics.registry, host, port)
                bound = await page.enter_async_context(serving)
            log.info("serving metrics", extra={"host": host, "port": bound})
            yield

    @asynccontextmanager
    async def _log_on_disk(self) -> AsyncIterator[None]:
        """Take what a former run has kept into the log; write what is left at the end."""
        if self.keeper is None:
            yield
            return
        await self.keeper.restore()
        try:
            yield
        finally:
            await self.keeper.finish(FINISH_TIMEOUT_S)

    async def _follow_readiness(self) -> None:
        """Tell health how it stands with the nodes; what needs no node is ready from the start."""
        health = self._server.health
        for name in OF_ITSELF:
            health.set_serving(name, serving=True)
        twins = Twins()
        while True:
            twins.look(self.fleet.nodes)
            is_ready = any(node.is_ready for node in self.fleet.nodes)
            if is_ready != self._ready.is_set():
                log.info("ready" if is_ready else "not ready")
                for name in (READINESS, *OF_SWITCHES):
                    health.set_serving(name, serving=is_ready)
                (self._ready.set if is_ready else self._ready.clear)()
            await asyncio.sleep(LOOK_INTERVAL_S)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            self.log.sweep()

    async def _say_goodbye(self) -> None:
        """Tell health checks and streams, let them move, then end what is under way."""
        config, now_s = self._config, asyncio.get_running_loop().time
        began_s = now_s()
        last_stream_s = began_s + self._server.leave(
            config.stream_notice_s, config.stream_spread_s, config.worker_drain_s
        )
        while self._server.streams and now_s() < last_stream_s:  # noqa: ASYNC110  no event tells
            await asyncio.sleep(LOOK_INTERVAL_S)
        await asyncio.sleep(began_s + config.drain_delay_s - now_s())
        await self._server.stop(config.stop_grace_s)
        late_s = now_s() + config.stop_grace_s
        while self.control.late_work and now_s() < late_s:  # noqa: ASYNC110  no event tells
            await asyncio.sleep(LOOK_INTERVAL_S)
        await self.handing.leave()


def _keeper(config: Config, event_log: EventLog) -> Keeper | None:
    if config.event_store is None:
        return None
    store = EventStore(config.event_store, 2 * config.event_log_max_bytes)
    return Keeper(event_log, store, told_by_event)


def _rpc_settings(config: Config) -> RpcSettings:
    return RpcSettings(
        events=config.wanted_events(),
        max_streams=config.max_streams,
        max_streams_per_peer=config.max_streams_per_peer or config.max_streams,
        connections=ConnectionLimits(
            max_age_s=config.connection_max_age_s, max_age_grace_s=config.connection_grace_s
        ),
        handling=HandlingLimits(max_calls=config.worker_max_calls),
        replay=ReplayLimits(keep_s=config.request_id_window_s),
    )


@asynccontextmanager
async def running_service(
    config: Config, timings: LinkTimings | None = None
) -> AsyncIterator[Service]:
    """A service that serves until the end of the block."""
    service = Service(config, timings)
    async with service.running():
        yield service
