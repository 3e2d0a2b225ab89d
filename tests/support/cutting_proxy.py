"""A wire to a switch that breaks: it cuts, delays and swallows by chance, and counts what it saw.

Whatever the service writes passes here before anything else happens to it, so that what is counted
is what was sent, whether the switch got it or not.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

MARKER: Final = re.compile(rb"(?:m|\*)(\d{8})(?=\D)")
"""What a command carries that nobody else's has, in text or as digits."""
UNIQUE: Final = re.compile(rb"(?:Job-UUID|Event-UUID): ([0-9a-f-]{36})\n")
"""The ids of `bgapi` and `sendmsg`, which the service draws anew for each."""
LISTENS: Final = b"event json"
"""What only the event link says."""

_CHUNK: Final = 65_536
_LONGEST_MATCH: Final = 64


@dataclass(frozen=True, slots=True)
class Chances:
    """How often something happens to a piece of the stream, and how long it takes."""

    cut: float = 0.008
    """The connection is cut: before, within or behind the piece."""
    delay: float = 0.02
    swallow: float = 0.0008
    """Nothing comes through any more, and the connection stays."""
    on_event_link: float = 0.1
    """The share of that which the event link suffers."""
    longest_delay_s: float = 0.03


@dataclass
class Seen:
    """What the service has sent, and what was done to it."""

    markers: Counter[int] = field(default_factory=Counter)
    ids: Counter[bytes] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def look(self, tail: bytes, data: bytes) -> bytes:
        """Count what is new in `data`; gives the tail for the piece after it."""
        whole, end = tail + data, 0
        for match in MARKER.finditer(whole):
            self.markers[int(match[1])] += 1
            end = match.end()
        for match in UNIQUE.finditer(whole):
            self.ids[match[1]] += 1
            end = max(end, match.end())
        return whole[max(end, len(whole) - _LONGEST_MATCH) :]

    @property
    def sent_twice(self) -> int:
        """Markers and ids that came more than once."""
        counts = (*self.markers.values(), *self.ids.values())
        return sum(count > 1 for count in counts)


class _Cut(Exception):
    """The connection ends here."""


class CuttingProxy:
    """Forwards connections to a port, as badly as `chances` say; `is_calm` makes it a good wire."""

    def __init__(self, port: int, random: Random, chances: Chances | None = None) -> None:
        self._target, self._random = port, random
        self._chances = chances or Chances()
        self.seen = Seen()
        self.is_calm = True
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["CuttingProxy"]:
        """Accept connections until the end of the block."""
        serving: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            serving.add(task)
            try:
                await self._forward(reader, writer)
            except asyncio.CancelledError:  # by us, below; asyncio would report it as a failure
                return
            finally:
                serving.discard(task)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tuple(serving):
                task.cancel()
            while serving:
                await asyncio.wait(tuple(serving))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_switch, to_switch = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        wire = _Wire(self, self._random, self._chances)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(wire.pump(reader, to_switch, is_upward=True))
                pumps.create_task(wire.pump(from_switch, writer, is_upward=False))
        except* (_Cut, OSError):
            pass
        finally:
            writer.transport.abort()
            to_switch.transport.abort()
            for end in (writer, to_switch):
                with suppress(OSError):
                    await end.wait_closed()


class _Wire:
    """One connection through the proxy."""

    def __init__(self, proxy: CuttingProxy, random: Random, chances: Chances) -> None:
        self._proxy, self._random, self._chances = proxy, random, chances
        self._carries_events = False
        self._is_dead = False

    async def pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_upward: bool
    ) -> None:
        """Carry one direction until it ends, by itself or not."""
        tail = b""
        while data := await reader.read(_CHUNK):
            if is_upward:
                tail = self._proxy.seen.look(tail, data)
                self._carries_events = self._carries_events or LISTENS in data
            await self._carry(data, writer)
        raise _Cut

    async def _carry(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        fate = self._fate()
        if self._is_dead or fate == "swallow":
            self._is_dead = True
            return
        if fate == "delay":
            await asyncio.sleep(self._random.uniform(0, self._chances.longest_delay_s))
        if fate == "cut":
            writer.write(data[: self._random.choice((0, len(data) // 2, len(data)))])
            await writer.drain()
            raise _Cut
        writer.write(data)
        await writer.drain()

    def _fate(self) -> str:
        if self._proxy.is_calm:
            return ""
        share = self._chances.on_event_link if self._carries_events else 1.0
        drawn = self._random.random() / share
        for fate in ("cut", "swallow", "delay"):
            chance: float = getattr(self._chances, fate)
            if drawn < chance:
                where = "event link" if self._carries_events else "command link"
                self._proxy.seen.faults[f"{fate} {where}"] += 1
                return fate
            drawn -= chance
        return ""
