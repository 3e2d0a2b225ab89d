"""What a trial of handed-over calls plays on: a real switch, the service, workers and callers, all
programs of their own, and those who look on.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from tests.support.callers import Callers, callers, free_udp_port
from tests.support.ear import Ear, ear
from tests.support.holders import Account, Died, Fact, Heard, Left, Over, Taken
from tests.support.programs import free_port, program, wait_until_ready
from tests.support.witness import Witness, Witnessed, witness
from tests.support.worker_processes import WorkerProcess, worker_process

from callcontrol.client.client import Client
from callcontrol.v1 import node_service_pb2

OFFER_TIMEOUT_S: Final = 5.0
RESUME_WINDOW_S: Final = 4.0
START_S: Final = 20.0
CALLS_PER_S: Final = 25
OUTBOUND_PORT: Final = 18084
OTHER_PORT: Final = 18085
APPLICATION: Final = "soak"
APPLICATION_OF_PATH: Final = "app"
FALLBACK_HZ: Final = 440
SERVED_HZ: Final = 1_000
LEFT: Final = frozenset({"releasing", "lost"})
"""What a worker says of a call that is not its own any more."""
NUMBERS: Final = {
    "socket": f"bell-{APPLICATION}-{OUTBOUND_PORT}",
    "other socket": f"bell-{APPLICATION}-{OTHER_PORT}",
    "park": f"bell-{APPLICATION}",
    "socket alone": f"socket-async-full-{OUTBOUND_PORT}",
}
"""What is dialled for which doorbell; `socket` has a park behind it, so that a call can wait for
the service to come back."""


@dataclass(frozen=True)
class Switch:
    """A real FreeSWITCH that nobody else uses."""

    host: str
    port: int
    password: str


@dataclass
class Service:
    """A replica of the service as a program of its own, which may be killed and started again."""

    switch: Switch
    folder: str
    name: str
    outbound_port: int
    target: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    _process: asyncio.subprocess.Process | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        """Returns when it has its switch."""
        switch = self.switch
        words = ("--node", f"fs1={switch.host}:{switch.port}", "--listen", self.target)
        log = self._stack.enter_context(self._log())
        self._process = await self._stack.enter_async_context(
            program(
                *("serve", *words),
                log=log,
                password=switch.password,
                outbound_listen=f"{switch.host}:{self.outbound_port}",
                outbound_offer_timeout_s=OFFER_TIMEOUT_S,
                worker_resume_window_s=RESUME_WINDOW_S,
                token_key="trial of handed-over calls",
                event_store=f"{self.folder}/events-{self.name}",
                media_prefixes="tone_stream://",
            )
        )
        await wait_until_ready(self.target)

    def _log(self) -> IO[bytes]:
        return Path(self.folder, f"{self.name}.log").open("ab")

    async def kill(self) -> None:
        """No more of it, without a word."""
        if self._process is not None:
            self._process.kill()
        await self.stop()

    def hold_up(self) -> None:
        """Let it do nothing until it is to go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """See `hold_up`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    async def workers(self) -> frozenset[str]:
        """The names of those whose stream is here."""
        async with Client(self.target) as client:
            request = node_service_pb2.ListSubscriptionsRequest()
            page = await client.admin.ListSubscriptions(request)
        return frozenset(
            each.subscriber_name for each in page.subscriptions if each.HasField("worker")
        )

    async def stop(self) -> None:
        """End it as an operator does."""
        self._process = None
        await self._stack.aclose()


@dataclass
class Trial:
    """Everything together, and the books that are kept."""

    switch: Switch
    service: Service
    witness: Witness
    ear: Ear
    media_port: int
    workers: list[WorkerProcess] = field(default_factory=list)
    deaths: list[Died] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    """Of workers that were told so late."""

    async def kill(self, service: Service) -> None:
        """No more of a replica, without a word."""
        workers = await service.workers()
        self.deaths.append(Died(time.monotonic(), workers))
        await service.kill()

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[Service]:
        """A second one beside the service."""
        other = Service(self.switch, self.service.folder, "replica", OTHER_PORT)
        await other.start()
        try:
            yield other
        finally:
            await other.stop()

    @asynccontextmanager
    async def ring(self, number: str, count: int) -> AsyncIterator[Callers]:
        """So many callers at that number."""
        async with callers(
            self.switch.host, number, count, media_port=self.media_port, per_s=CALLS_PER_S
        ) as ringing:
            yield ringing

    @asynccontextmanager
    async def worker(
        self, name: str, max_calls: int, policy: str, *, target: str, program: str
    ) -> AsyncIterator[WorkerProcess]:
        """A worker that is registered."""
        applications = (APPLICATION, APPLICATION_OF_PATH)
        async with worker_process(
            program, target or self.service.target, name, max_calls, policy, *applications
        ) as worker:
            self.workers.append(worker)
            assert await until(lambda: bool(worker.said("registered")), START_S), worker.lines
            yield worker

    def calls_of(self, ringing: Callers) -> list[Witnessed]:
        """The calls of those callers that the switch knows of."""
        calls = self.witness.calls.values()
        return [call for call in calls if ringing.is_call(call.sip_call_id)]

    def account(self, call: Witnessed) -> Account:
        """Who had a call when."""
        facts: list[Fact] = [*self.deaths, *self.left]
        for worker in self.workers:
            for line in worker.lines:
                if line.call_id == call.call_id and line.what == "assigned":
                    facts.append(Taken(line.at_s, worker.name))
                elif line.call_id == call.call_id and line.what in LEFT:
                    facts.append(Left(line.at_s, worker.name))
            if worker.killed_s is not None:
                facts.append(Left(worker.killed_s, worker.name))
        if (heard_s := call.first_played(f",{FALLBACK_HZ})")) is not None:
            facts.append(Heard(heard_s))
        if call.ended_s is not None:
            facts.append(Over(call.ended_s))
        # The two clocks may differ by some milliseconds, and a worker may be as quick.
        taken_s = (fact.at_s for fact in facts if isinstance(fact, Taken))
        began_s = min([call.began_s, *taken_s])
        return Account.of(began_s, [fact for fact in facts if fact.at_s >= began_s])

    def owned_since(self, calls: Iterable[Witnessed], since_s: float = 0.0) -> int:
        """How many of the calls a worker has that is alive and was told so since then."""
        alive = [worker for worker in self.workers if worker.is_alive]
        return sum(
            any(
                call.call_id in worker.held and worker.assigned_s[call.call_id] >= since_s
                for worker in alive
            )
            for call in calls
        )

    def heard_fallback(self, call: Witnessed) -> bool:
        """Whether the tone was played, and came to the caller."""
        was_played = call.first_played(f",{FALLBACK_HZ})") is not None
        return was_played and FALLBACK_HZ in self.ear.heard.get(call.call_id, ())


async def until(holds: Callable[[], bool], within_s: float) -> bool:
    """Whether it came to hold in that time."""
    give_up_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > give_up_s:
            return False
        await asyncio.sleep(0.05)
    return True


@asynccontextmanager
async def trial(switch: Switch, folder: str) -> AsyncIterator[Trial]:
    """A switch without calls, the service on it, and those who look on; no workers yet."""
    media_port = free_udp_port(switch.host)
    service = Service(switch, folder, "service", OUTBOUND_PORT)
    async with (
        witness(switch.host, switch.port, switch.password) as seen,
        ear(switch.host, media_port, (FALLBACK_HZ, SERVED_HZ)) as listener,
    ):
        seen.on_answer = lambda call: listener.follow(call.call_id, call.media_port)
        assert await seen.channels_left() == 0, "the switch has calls of somebody else"
        await service.start()
        try:
            yield Trial(switch, service, seen, listener, media_port)
        finally:
            await service.stop()
            await seen.bare.ask("api hupall")
