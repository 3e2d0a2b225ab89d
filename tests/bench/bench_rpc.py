"""What an RPC costs beyond the event socket, and how many calls can be placed; JSON lines.

    PYTHONPATH=. python tests/bench/bench_rpc.py [seconds of placing calls]

The service and the simulated switch are programs of their own. `rpc_cpu_ms` is the processor time
of the service for one SendDtmf, one after the other, less that of a bare client of the event
socket for the same command in the same run; the least of several rounds counts. `grpc_cpu_ms` is
that of an RPC that does nothing, and `rpc_busy_cpu_ms` that of one among many at once. Calls are
placed by so many clients at once, each waits for the answer, and the far end hangs up after half
a second. An error of any kind ends the run with exit status 1.
"""

import asyncio
import os
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.support.figures import Figures

from callcontrol.cli.options import read_destination, read_endpoint
from callcontrol.client.client import Client
from callcontrol.esl.commands import Api, BackgroundApi, Subscribe
from callcontrol.esl.messages import ApiResponse, SwitchEvent
from callcontrol.freeswitch.dial import open_link
from callcontrol.freeswitch.link import ArrivedEvent, Link
from callcontrol.freeswitch.settings import LinkTimings, NodeSettings
from callcontrol.freeswitch.status import NodeCounters
from callcontrol.ids import JobId, NodeId
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import node_service_pb2 as nodes_pb2

report = Figures().report
ROUNDS = 3
ROUND_TRIPS = 1_500
AT_ONCE = 16
CALLERS = 24
PLACING_S = 10.0
START_S = 30.0
STAYS = "sofia/internal/answer@example.org"
HANGS_UP = "sofia/internal/short@example.org"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


@asynccontextmanager
async def program(*words: str) -> AsyncIterator[int]:
    """A `callcontrol` program until the end of the block; its process id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "callcontrol", *words, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@asynccontextmanager
async def bare_link(
    port: int, on_event: Callable[[ArrivedEvent], None] | None = None
) -> AsyncIterator[Link]:
    """A connection to the switch without anything above it."""
    settings = NodeSettings(node_id=NodeId("bare"), host="127.0.0.1", port=port, password="ClueCon")
    async with open_link(settings, LinkTimings(), NodeCounters(), on_event=on_event) as link:
        yield link


async def bare_cpu_ms(link: Link, call_id: str) -> float:
    """Processor time of this process for one round trip."""
    began_s = time.process_time()
    for _ in range(ROUND_TRIPS):
        answer = await link.request(Api("uuid_send_dtmf", f"{call_id} 1"))
        assert isinstance(answer, ApiResponse), answer
        assert answer.text.startswith("+OK"), answer
    return (time.process_time() - began_s) / ROUND_TRIPS * 1e3


async def service_cpu_ms(
    pid: int, rpc: Callable[[], Awaitable[object]], *, at_once: int = 1
) -> float:
    """Processor time of the service for one RPC, so many of which are under way."""

    async def keep_asking() -> None:
        for _ in range(ROUND_TRIPS // at_once):
            await rpc()

    began_s = cpu_s(pid)
    async with asyncio.TaskGroup() as askers:
        for _ in range(at_once):
            askers.create_task(keep_asking())
    return (cpu_s(pid) - began_s) / (ROUND_TRIPS // at_once * at_once) * 1e3


async def measure_cpu(client: Client, pid: int, switch_port: int) -> None:
    """Both sides of the difference, by turns."""
    placed = await client.calls.Originate(originate(STAYS), timeout=10)
    call_id = placed.call.call_id
    digit = pb.SendDtmfRequest(call_id=call_id, digits="1")
    bare: list[float] = []
    whole: list[float] = []
    busy: list[float] = []
    empty: list[float] = []
    async with bare_link(switch_port) as link:
        for _ in range(ROUNDS):
            bare.append(await bare_cpu_ms(link, call_id))
            send = partial(client.calls.SendDtmf, digit, timeout=5)
            whole.append(await service_cpu_ms(pid, send))
            busy.append(await service_cpu_ms(pid, send, at_once=AT_ONCE))
            empty.append(await service_cpu_ms(pid, partial(client.is_serving, "liveness", 5.0)))
    await client.calls.Hangup(pb.HangupRequest(call_id=call_id), timeout=10)
    report("bare_esl_cpu_ms", min(bare), "ms/round trip")
    report("rpc_cpu_ms", min(whole) - min(bare), "ms/RPC")
    report("rpc_cpu_ratio", min(whole) / min(bare), "times bare ESL")
    report("rpc_busy_cpu_ms", min(busy) - min(bare), "ms/RPC")
    report("grpc_cpu_ms", min(empty), "ms/RPC")


def originate(whom: str) -> pb.OriginateRequest:
    """A call that is parked when it is answered."""
    return pb.OriginateRequest(
        endpoints=[read_endpoint(whom)],
        destination=read_destination("park"),
        wait_until=pb.WAIT_UNTIL_ANSWERED,
    )


async def keep_placing(client: Client, until_s: float) -> int:
    """One caller: a call after the other; how many were answered."""
    request, placed = originate(HANGS_UP), 0
    while time.monotonic() < until_s:
        answer = await client.calls.Originate(request, timeout=10)
        assert answer.disposition == pb.DISPOSITION_ANSWERED, answer
        placed += 1
    return placed


async def originates_per_s(client: Client, seconds: float) -> float:
    """Answered calls a second, all callers together."""
    began_s = time.monotonic()
    async with asyncio.TaskGroup() as callers:
        placing = [
            callers.create_task(keep_placing(client, began_s + seconds)) for _ in range(CALLERS)
        ]
    return sum(task.result() for task in placing) / (time.monotonic() - began_s)


@dataclass
class Jobs:
    """What a bare client that places calls must know: which job has ended."""

    under_way: dict[str, asyncio.Future[str]] = field(default_factory=dict)

    def on_event(self, event: ArrivedEvent) -> None:
        """An event came."""
        if isinstance(event, SwitchEvent) and event.text("Event-Name") == "BACKGROUND_JOB":
            job = self.under_way.pop(event.text("Job-UUID"), None)
            if job is not None:
                job.set_result(event.body)


async def keep_placing_bare(link: Link, jobs: Jobs, until_s: float) -> int:
    """One caller without the service."""
    placed, loop = 0, asyncio.get_running_loop()
    while time.monotonic() < until_s:
        job_id = str(uuid.uuid4())
        ended = jobs.under_way[job_id] = loop.create_future()
        dial = f"{{origination_uuid={uuid.uuid4()}}}{HANGS_UP} &park"
        await link.request(BackgroundApi("originate", dial, JobId(job_id)))
        result = await ended
        assert result.startswith("+OK"), result
        placed += 1
    return placed


async def bare_originates_per_s(port: int, seconds: float) -> float:
    """The same calls over one bare link that gets the same events."""
    jobs = Jobs()
    async with bare_link(port, jobs.on_event) as link:
        await link.request(Api("fsctl", "sps 10000"))  # not what is measured
        await link.request(Subscribe(("ALL",)))
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as callers:
            placing = [
                callers.create_task(keep_placing_bare(link, jobs, began_s + seconds))
                for _ in range(CALLERS)
            ]
        return sum(task.result() for task in placing) / (time.monotonic() - began_s)


async def wait_until_ready(client: Client) -> None:
    """Return when the service has its switch."""
    async with asyncio.timeout(START_S):
        while True:
            page = await client.nodes.ListNodes(
                nodes_pb2.ListNodesRequest(), wait_for_ready=True, timeout=START_S
            )
            if page.nodes[0].state == nodes_pb2.Node.STATE_ACTIVE:
                return
            await asyncio.sleep(0.1)


async def wait_until_listening(port: int) -> None:
    """Return when somebody listens there."""
    async with asyncio.timeout(START_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return


async def main(seconds: float) -> None:
    """Measure everything in one run."""
    switch_port, port = free_port(), free_port()
    async with AsyncExitStack() as stack:
        switch = ("simulate", "--listen", f"127.0.0.1:{switch_port}", "--log-level", "warning")
        await stack.enter_async_context(program(*switch))
        await wait_until_listening(switch_port)
        bare = await bare_originates_per_s(switch_port, seconds / 2)
        service = ("serve", "--node", f"fs1=127.0.0.1:{switch_port}")
        pid = await stack.enter_async_context(program(*service, "--listen", f"127.0.0.1:{port}"))
        client = await stack.enter_async_context(Client(f"127.0.0.1:{port}"))
        await wait_until_ready(client)
        await measure_cpu(client, pid, switch_port)
        placed = await originates_per_s(client, seconds)
        report("bare_esl_originates_per_s", bare, "calls/s")
        report("originates_per_s", placed, "calls/s")
        report("originates_ratio", placed / bare, "times bare ESL")


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else PLACING_S))
