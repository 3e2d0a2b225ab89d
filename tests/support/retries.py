"""A client that repeats Originate with the same request id until it is answered, while connections
are cut under it: its own to the service, those of the service to the switch, or all by a restart.
"""

import asyncio
import random
import re
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import grpc
import grpc.aio
from tests.support.stage import QUICK, settings_for

from callcontrol.app import Service
from callcontrol.simulator import Simulator
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2
from callcontrol.v1.call_control_service_pb2_grpc import CallControlServiceStub

if TYPE_CHECKING:  # these stubs exist for the type checker only
    from callcontrol.v1.call_control_service_pb2_grpc import CallControlServiceAsyncStub

FAR_ENDS: Final = ("answer", "ring-answer", "answer-2", "early-answer")
TRY_S: Final = 5.0
GIVE_UP_S: Final = 60.0
REPEATED: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
    }
)
"""What gRPC and this service say of a connection that went away, or of an unknown outcome."""

_ASKED_ID: Final = re.compile(r"origination_uuid=([0-9a-f-]{36})")


class CountingSimulator(Simulator):
    """Counts how often it was told to call under each id, and how many legs came of it."""

    def __init__(self) -> None:
        super().__init__(time_scale=0.05)
        self.told: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self.switch.listeners.append(self)

    def start_job(self, text: str, job_id: str, owner_id: str = "") -> asyncio.Task[None]:
        """Count the originates."""
        self.told.update(_ASKED_ID.findall(text))
        return super().start_job(text, job_id, owner_id)

    def on_event(self, event: object) -> None:
        """Count the legs."""
        if getattr(event, "name", "") == "CHANNEL_CREATE":
            headers = dict(getattr(event, "headers", ()))
            self.made[str(headers.get("Unique-ID", ""))] += 1


class Line:
    """A forwarder of connections to a port that may change, all of which can be cut at once."""

    def __init__(self) -> None:
        self.port = self.target = 0
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def is_up(self) -> bool:
        """Whether something is connected."""
        return bool(self._open)

    def cut(self) -> None:
        """Cut every connection; what is on its way is lost."""
        for writer in tuple(self._open):
            writer.transport.abort()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Line"]:
        """Accept connections until the end of the block."""
        async with asyncio.TaskGroup() as serving:

            def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                serving.create_task(self._forward(reader, writer))

            server = await asyncio.start_server(accept, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            try:
                yield self
            finally:
                server.close()
                self.target = 0
                self.cut()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, back}
        self._open |= both
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(_pump(reader, back, both))
                pumps.create_task(_pump(there, writer, both))
        finally:
            self._open -= both


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, both: set[asyncio.StreamWriter]
) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    for each in both:
        each.transport.abort()


@dataclass
class Figures:
    """What happened."""

    losses: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    repeats: int = 0
    replayed: int = 0
    told: Counter[int] = field(default_factory=Counter)
    """How many request ids were dialled so many times."""
    made: Counter[int] = field(default_factory=Counter)
    """How many request ids made so many legs."""
    seconds: float = 0.0
    slowest_s: float = 0.0

    @property
    def lost(self) -> int:
        """Losses of all kinds."""
        return sum(self.losses.values())


class Trial:
    """Callers who repeat, and a saboteur."""

    def __init__(self, losses: int, seed: int, callers: int = 8) -> None:
        self._losses, self._random, self._callers = losses, random.Random(seed), callers
        self.figures = Figures()
        self._client_line, self._switch_line = Line(), Line()
        self._simulator = CountingSimulator()
        self._restart = asyncio.Event()
        self._is_over = False

    async def run(self) -> Figures:
        """Until so many connections were lost and every request was answered."""
        began_s = time.monotonic()
        async with (
            self._simulator as simulator,
            self._switch_line.listening(),
            self._client_line.listening(),
        ):
            self._switch_line.target = simulator.port
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(self._serve())
                async with asyncio.TaskGroup() as busy:
                    busy.create_task(self._sabotage())
                    for _ in range(self._callers):
                        busy.create_task(self._keep_calling())
                serving.cancel()
        self.figures.seconds = time.monotonic() - began_s
        return self.figures

    async def _serve(self) -> None:
        config = settings_for(self._simulator, stop_grace_s=0.0)
        node = config.nodes[0].model_copy(update={"port": self._switch_line.port})
        config = config.model_copy(update={"nodes": (node,)})
        while True:
            self._restart.clear()
            service = Service(config, QUICK)
            async with service.running():
                self._client_line.target = service.port
                await self._restart.wait()

    async def _sabotage(self) -> None:
        while self.figures.lost < self._losses:
            await asyncio.sleep(self._random.uniform(0.005, 0.08))
            kind = self._random.choices(["client", "switch", "service"], [6, 3, 1])[0]
            match kind:
                case "client" if self._client_line.is_up:
                    self._client_line.cut()
                case "switch" if self._switch_line.is_up:
                    self._switch_line.cut()
                case "service" if not self._restart.is_set():
                    self._restart.set()
                case _:
                    continue
            self.figures.losses[kind] += 1
        self._is_over = True

    async def _keep_calling(self) -> None:
        reconnects = [("initial", 20), ("min", 20), ("max", 60)]
        options = [(f"grpc.{which}_reconnect_backoff_ms", ms) for which, ms in reconnects]
        target = f"127.0.0.1:{self._client_line.port}"
        async with grpc.aio.insecure_channel(target, options=options) as channel:
            stub: CallControlServiceAsyncStub = CallControlServiceStub(channel)
            while not self._is_over:
                await self._call(stub)

    async def _call(self, stub: "CallControlServiceAsyncStub") -> None:
        far_end = self._random.choice(FAR_ENDS)
        address = f"{far_end}@example.org"
        sip = call_pb2.SipAddress(profile="internal", address=address)
        request = pb.OriginateRequest(
            request_id=str(uuid.uuid4()),
            endpoints=[call_pb2.Endpoint(sip=sip)],
            destination=call_pb2.Destination(park=call_pb2.Park()),
            wait_until=pb.WAIT_UNTIL_ANSWERED,
        )
        began_s = time.monotonic()
        response = await self._until_answered(stub, request)
        self.figures.slowest_s = max(self.figures.slowest_s, time.monotonic() - began_s)
        assert response.disposition == pb.DISPOSITION_ANSWERED, response
        self._count(response)

    async def _until_answered(
        self, stub: "CallControlServiceAsyncStub", request: pb.OriginateRequest
    ) -> pb.OriginateResponse:
        self.figures.requests += 1
        async with asyncio.timeout(GIVE_UP_S):
            while True:
                try:
                    return await stub.Originate(request, timeout=TRY_S)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in REPEATED:
                        raise
                self.figures.repeats += 1
                await asyncio.sleep(0.01)

    def _count(self, response: pb.OriginateResponse) -> None:
        call_id = response.call.call_id
        figures, simulator = self.figures, self._simulator
        figures.replayed += response.status.replayed
        figures.told[simulator.told[call_id]] += 1
        figures.made[simulator.made[call_id]] += 1
        leg = simulator.switch.locate(call_id)
        assert leg is not None, "the call that was reported is not there"
        leg.hang_up("NORMAL_CLEARING")
