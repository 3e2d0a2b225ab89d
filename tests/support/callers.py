"""Callers of a real switch: SIPp with the scenario `caller.sipp.xml`."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SCENARIO: Final = Path(__file__).parents[1] / "freeswitch" / "caller.sipp.xml"
SIP_PORT: Final = 15060


def free_udp_port(host: str) -> int:
    """A port on which nobody waits for datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((host, 0))
        return int(line.getsockname()[1])


@dataclass(frozen=True)
class Callers:
    """So many calls to one number."""

    count: int
    process: asyncio.subprocess.Process
    said: Path
    """What SIPp wrote on its screen."""

    def is_call(self, sip_call_id: str) -> bool:
        """Whether it is one of these callers; SIPp puts its process id into each Call-ID."""
        return sip_call_id.split("@", maxsplit=1)[0].endswith(f"-{self.process.pid}")

    async def hung_up(self) -> list[str]:
        """What went wrong for them, when all calls have ended."""
        status = await self.process.wait()
        if status == 0:
            return []
        return [f"SIPp ended with {status}: {self.said.read_text(errors='replace')[-3_000:]}"]


@asynccontextmanager
async def callers(
    switch_host: str, number: str, count: int, *, media_port: int, per_s: int
) -> AsyncIterator[Callers]:
    """So many calls, one after the other so many a second; cut off at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="callers-") as folder:
        said = Path(folder) / "screen"
        with said.open("wb") as screen:
            process = await asyncio.create_subprocess_exec(
                *("sipp", f"{switch_host}:{SIP_PORT}", "-sf", str(SCENARIO), "-s", number),
                *("-i", switch_host, "-p", str(free_udp_port(switch_host))),
                *("-key", "media_host", switch_host, "-key", "media_to", str(media_port)),
                *("-m", str(count), "-l", str(count), "-r", str(per_s), "-nostdin"),
                cwd=folder,
                stdout=screen,
                stderr=asyncio.subprocess.STDOUT,
            )
        try:
            yield Callers(count, process, said)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
