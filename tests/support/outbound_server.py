"""A server of outbound mode of its own: it takes the calls that a switch's `socket` application
brings, and shares no code with the service, so it can judge both switches.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote

from tests.contract.raw_client import RawClient, RawFrame


@dataclass
class RawCall(RawClient):
    """One connection that a switch made for one call. Nothing has been sent on it."""

    async def channel_data(self) -> dict[str, str]:
        """Say `connect`; the call's data, decoded."""
        self.write("connect")
        frame = await self.answer()
        return {name: unquote(value) for name, value in frame.headers.items()}

    async def execute(self, application: str, argument: str = "", **headers: str) -> str:
        """Have the call run an application; the reply to that."""
        lines = ["sendmsg", "call-command: execute", f"execute-app-name: {application}"]
        lines += [f"execute-app-arg: {argument}"] if argument else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return await self.ask("\n".join(lines))

    async def notice(self, disposition: str) -> RawFrame:
        """The next notice, which must say this of the end; events before it are kept."""
        notice = await self.answer()
        assert notice.kind == "text/disconnect-notice"
        assert notice.headers["Content-Disposition"] == disposition
        return notice

    async def is_closed(self) -> bool:
        """Whether the switch says nothing more but closes."""
        return await self.reader.read() == b""

    def reset(self) -> None:
        """Close it with a reset, as a process does that is killed with work unread."""
        line: socket.socket = self.writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def names(self) -> list[str]:
        """The events kept so far, by name; of CHANNEL_STATE the state, of EXECUTE what ran."""
        about = ("Event-Name", "Application")
        return [
            event["Channel-State"]
            if event["Event-Name"] == "CHANNEL_STATE"
            else " ".join(event[name] for name in about if name in event)
            for event in self.events
        ]


@dataclass
class OutboundServer:
    """Listens, and keeps the calls in the order in which they came."""

    port: int
    arrived: asyncio.Queue[RawCall] = field(default_factory=asyncio.Queue)
    _calls: list[RawCall] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def listening(cls, host: str) -> AsyncIterator[Self]:
        """Take calls on a free port of this address; what is left open is closed at the end."""
        server = await asyncio.start_server(lambda r, w: ours._take(r, w), host, 0, limit=2**20)
        ours = cls(server.sockets[0].getsockname()[1])
        try:
            yield ours
        finally:
            server.close()
            for call in ours._calls:
                call.writer.close()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = RawCall(reader, writer)
        self._calls.append(call)
        self.arrived.put_nowait(call)

    async def next_call(self) -> RawCall:
        """The next call that was brought here."""
        return await self.arrived.get()
