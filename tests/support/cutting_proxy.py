"""A wire to a switch that breaks, by chance or when told to, and counts what it saw.

Whatever the service writes passes here before anything else happens to it, so that what is counted
is what was sent, whether the switch got it or not.
"""

import asyncio
import re
import socket
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
_WINDOW: Final = 65_536
"""Bytes from the switch that wait in the kernel for the proxy, which would take up to 32 MiB itself
where the machine allows that; a wire that is held could then swallow all that a test fires."""
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

    def __init__(
        self,
        port: int,
        random: Random,
        chances: Chances | None = None,
        *,
        host: str = "127.0.0.1",
    ) -> None:
        self._target, self._random = (host, port), random
        self._chances = chances or Chances()
        self._wires: list[_Wire] = []
        self.seen = Seen()
        self.is_calm = True
        self.is_shut = False
        """Whether new connections end at once."""
        self.port = 0

    @property
    def wires(self) -> "list[_Wire]":
        """All connections, oldest first."""
        return list(self._wires)

    @property
    def event_wires(self) -> "list[_Wire]":
        """Those of event links that were not cut."""
        return [wire for wire in self._wires if wire.carries_events and not wire.is_cut]

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
            if self.is_shut:
                raise ConnectionRefusedError
            from_switch, to_switch = await _connect(*self._target)
        except OSError:
            writer.transport.abort()
            return
        wire = _Wire(self, self._random, self._chances, (writer, to_switch))
        self._wires.append(wire)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(wire.pump(reader, to_switch, is_upward=True))
                pumps.create_task(wire.pump(from_switch, writer, is_upward=False))
        except* (_Cut, OSError):
            pass
        finally:
            self._wires.remove(wire)
            wire.cut()
            for end in (writer, to_switch):
                with suppress(OSError):
                    await end.wait_closed()


async def _connect(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    connection = socket.socket()
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW)
        await asyncio.get_running_loop().sock_connect(connection, (host, port))
        return await asyncio.open_connection(sock=connection)
    except BaseException:
        connection.close()
        raise


class _Wire:
    """One connection through the proxy."""

    def __init__(
        self,
        proxy: CuttingProxy,
        random: Random,
        chances: Chances,
        ends: tuple[asyncio.StreamWriter, ...],
    ) -> None:
        self._proxy, self._random, self._chances = proxy, random, chances
        self._ends = ends
        self._is_dead = False
        self._spoils = b""
        self._reads = asyncio.Event()
        self._reads.set()
        self.carries_events = False
        self.is_cut = False

    def cut(self) -> None:
        """End it on both sides at once; what was under way is lost."""
        self.is_cut = True
        for end in self._ends:
            end.transport.abort()

    def stall(self) -> None:
        """Let nothing through any more, and stay."""
        self._is_dead = True

    def hold(self) -> None:
        """Take nothing from the switch any more, so that it fills up there."""
        self._reads.clear()

    def go_on(self) -> None:
        """Take `hold` back."""
        self._reads.set()

    def spoil(self, text: bytes) -> None:
        """Change one letter in the next piece from the switch that has this text in it."""
        self._spoils = text

    async def pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_upward: bool
    ) -> None:
        """Carry one direction until it ends, by itself or not."""
        tail = b""
        while data := await reader.read(_CHUNK):
            if not is_upward:
                await self._reads.wait()
            if is_upward:
                tail = self._proxy.seen.look(tail, data)
                self.carries_events = self.carries_events or LISTENS in data
            elif self._spoils and self._spoils in data:
                data, self._spoils = data.replace(self._spoils, b"x" + self._spoils[1:], 1), b""
            await self._carry(data, writer)
        with suppress(OSError):  # what was said last is heard
            writer.close()
            await writer.wait_closed()
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
        share = self._chances.on_event_link if self.carries_events else 1.0
        drawn = self._random.random() / share
        for fate in ("cut", "swallow", "delay"):
            chance: float = getattr(self._chances, fate)
            if drawn < chance:
                where = "event link" if self.carries_events else "command link"
                self._proxy.seen.faults[f"{fate} {where}"] += 1
                return fate
            drawn -= chance
        return ""
