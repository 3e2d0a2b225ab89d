"""Programs of this package as processes of their own, for trials of everything."""

import asyncio
import os
import resource
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Final

from callcontrol.client.client import Client
from callcontrol.v1 import node_service_pb2

START_S: Final = 30.0
_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def resident_mib(pid: int) -> float:
    """Memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


@asynccontextmanager
async def program(
    *words: str, log: IO[bytes] | int | None = None, **settings: object
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A `callcontrol` program until the end of the block, with settings from its environment.

    What it logs goes to `log`, or to stderr.
    """
    named = {f"CALLCONTROL_{name.upper()}": str(value) for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "callcontrol", *words, env=os.environ | named, stderr=log
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def wait_until_ready(target: str) -> None:
    """Return when the service there has its switch."""
    async with Client(target) as client, asyncio.timeout(START_S):
        while True:
            page = await client.nodes.ListNodes(
                node_service_pb2.ListNodesRequest(), wait_for_ready=True
            )
            if page.nodes[0].state == node_service_pb2.Node.STATE_ACTIVE:
                return
            await asyncio.sleep(0.1)
