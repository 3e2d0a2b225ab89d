"""The simulator: an event socket that listens, the switch behind it, and what tests do to them."""

import asyncio
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Self

from callcontrol.esl.serialize import SHUTTING_DOWN
from callcontrol.simulator import heartbeat, outbound, sip_endpoints
from callcontrol.simulator.apis import Handler, run_api
from callcontrol.simulator.apis_calls import CALL_APIS
from callcontrol.simulator.apis_conference import CONFERENCE_APIS
from callcontrol.simulator.apis_effectless import EFFECTLESS_APIS
from callcontrol.simulator.apis_hash import HASH_APIS
from callcontrol.simulator.apis_media import MEDIA_APIS
from callcontrol.simulator.apis_process import PROCESS_APIS
from callcontrol.simulator.apis_schedule import SCHEDULE_APIS
from callcontrol.simulator.apis_show import SHOW_APIS
from callcontrol.simulator.apis_sip import SIP_APIS
from callcontrol.simulator.apis_sofia import SOFIA_APIS
from callcontrol.simulator.apis_system import SYSTEM_APIS
from callcontrol.simulator.apis_transfer import TRANSFER_APIS
from callcontrol.simulator.clock import Clock
from callcontrol.simulator.conference import Conferences
from callcontrol.simulator.connection import Connection
from callcontrol.simulator.directory import USERS, SocketUser
from callcontrol.simulator.events import Header
from callcontrol.simulator.far_end import FarEnd
from callcontrol.simulator.faults import Faults
from callcontrol.simulator.scenario import Script, Step
from callcontrol.simulator.scenarios import Scenarios
from callcontrol.simulator.switch import Switch, SwitchSettings
from callcontrol.simulator.tasks import Tasks

_SHUTDOWN_DELAY_S = 0.3
_SHUTDOWN_NOTICE_DELAY_S = 1.5
_RELOAD_S = 0.1


class Simulator:
    """A FreeSWITCH that is none, on a port of its own. Use it as an async context manager.

    `port` 0 lets the system choose; `port` then tells. `time_scale` 0.01 makes a second of the
    switch last 10 ms. Everything it started has ended when the context ends.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        password: str = "ClueCon",
        *,
        time_scale: float = 1.0,
        settings: SwitchSettings | None = None,
        users: Mapping[str, SocketUser] | None = None,
    ) -> None:
        self.host, self.port, self.password = host, port, password
        self.users = USERS if users is None else users
        self.settings = settings or SwitchSettings()
        self.clock = Clock(time_scale)
        self.script = Scenarios()
        self.faults = Faults(self)
        self.connections: list[Connection] = []
        self.apis: dict[str, Handler] = {
            **CALL_APIS,
            **CONFERENCE_APIS,
            **EFFECTLESS_APIS,
            **HASH_APIS,
            **MEDIA_APIS,
            **PROCESS_APIS,
            **SCHEDULE_APIS,
            **SHOW_APIS,
            **SIP_APIS,
            **SOFIA_APIS,
            **SYSTEM_APIS,
            **TRANSFER_APIS,
        }
        self._serving = Tasks()
        self._server: asyncio.Server | None = None
        self.switch = self._new_switch()

    def _new_switch(self) -> Switch:
        dial_out = partial(outbound.dial, self)
        return Switch(self.settings, self.clock, self.script, Tasks(), Conferences(), dial_out)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.kill()

    # Start and end

    async def start(self) -> None:
        """Run and listen, on the port it had before if it had one. Raises OSError."""
        if self._server is not None:
            return
        self.switch.tasks.start(heartbeat.beat(self.switch), "heartbeat")
        await self._listen()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), self.host, self.port, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def kill(self) -> None:
        """Die as by `kill -9`: calls and connections are gone, and nothing is said."""
        await self._stop_listening()
        dropped = tuple(self.connections)
        for connection in dropped:
            connection.close_at_once()
        await self._serving.stop()
        await self.switch.tasks.stop()
        for connection in dropped:
            await connection.closed.wait()
        self.switch = self._new_switch()

    async def restart(self) -> None:
        """Die and come back, on the same port, with a new Core-UUID and no calls."""
        await self.kill()
        await self.start()

    def begin_shutdown(self) -> None:
        """Go down in order: SHUTDOWN, hang-ups, notices, close. Soon, not at once."""
        self._serving.start(self._shut_down(), "shutdown")

    async def _shut_down(self) -> None:
        await self.clock.sleep(_SHUTDOWN_DELAY_S)
        self.switch.tell("SHUTDOWN", [("Event-Info", "System Shutting Down")])
        for leg in self.switch.live_legs():
            leg.hang_up("SYSTEM_SHUTDOWN")
        await self.clock.sleep(_SHUTDOWN_NOTICE_DELAY_S)
        await self._stop_listening()
        self._end_connections()

    def begin_reload(self) -> None:
        """Reload the event socket: notices, closes, and after a moment it listens again."""
        self._serving.start(self._reload(), "reload")

    async def _reload(self) -> None:
        await self.clock.sleep(_RELOAD_S)
        await self._stop_listening()
        self._end_connections()
        await self.clock.sleep(_RELOAD_S)
        await self._listen()

    def _end_connections(self) -> None:
        for connection in tuple(self.connections):
            connection.end(SHUTTING_DOWN)

    # Connections

    def adopt(self, connection: Connection) -> None:
        """A client has connected."""
        self.enlist(connection)
        if self.faults.refuses_connections:
            connection.abort()
        self._serving.start(connection.serve(), "connection")

    def enlist(self, connection: Connection) -> None:
        """A connection was made, by a client or by the switch."""
        self.connections.append(connection)
        self.switch.listeners.append(connection)

    def forget(self, connection: Connection) -> None:
        """A client is gone."""
        if connection in self.connections:
            self.connections.remove(connection)
        if connection in self.switch.listeners:
            self.switch.listeners.remove(connection)

    def rejects(self, _host: str) -> bool:
        """Whether the access list turns this address away."""
        return self.faults.rejects_addresses

    # Jobs

    def start_job(self, text: str, job_id: str, owner_id: str = "") -> asyncio.Task[None]:
        """Run an api command; its output is told as BACKGROUND_JOB to all who want that.

        `owner_id` is the call of the connection that asked, if it belongs to one.
        """
        return self.switch.tasks.start(self._run_job(text, job_id, owner_id), f"job {job_id}")

    async def _run_job(self, text: str, job_id: str, owner_id: str) -> None:
        output = await run_api(self, text)
        name, _, argument = text.partition(" ")
        headers: list[Header] = [("Job-UUID", job_id)]
        if owner_id:
            headers.append(("Job-Owner-UUID", owner_id))
        headers.append(("Job-Command", name))
        if argument.strip():
            headers.append(("Job-Command-Arg", argument.strip()))
        self.switch.tell("BACKGROUND_JOB", headers, output)

    # What tests do

    def on(self, dialled: str, script: Script | Step) -> None:
        """From now on whoever dials this meets a far end that does that."""
        self.script.on(dialled, script)

    def call_in(
        self,
        to: str,
        from_: str = "5550100",
        *,
        context: str = "callcontrol",
        caller: Script | Step | None = None,
    ) -> FarEnd:
        """Somebody calls: a SIP leg that runs the extension `to`. The caller follows a script."""
        script = Script((caller,)) if isinstance(caller, Step) else caller
        return sip_endpoints.sofia_inbound(self.switch, to, from_, context, script)

    def far_end(self, call_id: str) -> FarEnd:
        """The telephone at the other end of a SIP leg. Raises KeyError."""
        return self.switch.far_ends[call_id]
