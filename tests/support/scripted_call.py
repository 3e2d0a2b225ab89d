"""A switch's side of one call's socket, said by the test word by word."""

import asyncio
import socket
import struct
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote

from tests.support.fake_switch import event_frame, notice, reply


@dataclass
class ScriptedCall:
    """One connection to an outbound listener. Nothing is answered by itself."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    call_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @classmethod
    async def ring(cls, port: int, host: str = "127.0.0.1") -> Self:
        """Connect, as the socket application does; from the address `host`."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0)))

    async def command(self) -> str:
        """The next command that came, without its blank line."""
        return (await self.reader.readuntil(b"\n\n"))[:-2].decode()

    async def hears(self, *commands: str) -> None:
        """These come next."""
        assert [await self.command() for _ in commands] == list(commands)

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    def answers_connect(self, core_uuid: str, *, mode: str = "async", **variables: str) -> None:
        """Answer what is asked at first, and tell which call it is."""
        headers = {
            "Event-Name": "CHANNEL_DATA",
            "Core-UUID": core_uuid,
            "FreeSWITCH-Hostname": "fake",
            "Unique-ID": self.call_id,
            **{f"variable_{name}": value for name, value in variables.items()},
            "Content-Type": "command/reply",
            "Reply-Text": "+OK\n",
            "Socket-Mode": mode,
            "Control": "full",
        }
        lines = [f"{name}: {quote(value)}" for name, value in headers.items()]
        lines[lines.index("Content-Type: command/reply")] = "Content-Type: command/reply"
        self.say(reply("+OK Events Enabled") + "\n".join(lines).encode() + b"\n\n")

    async def is_asked_who_it_is(self) -> None:
        """Hear what the listener says at first."""
        await self.hears("filter Event-Name CHANNEL_PARK", "myevents json", "connect")

    def parks(self) -> None:
        """The call is in its park."""
        self.say(event_frame(b'{"Event-Name":"CHANNEL_PARK"}'))

    def says_goodbye(self) -> None:
        """Answer `exit` as a switch does, and close."""
        self.say(reply("+OK bye") + notice())
        self.writer.close()

    def resets(self) -> None:
        """Close with a reset."""
        line: socket.socket = self.writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def say_last(self, data: bytes) -> None:
        """Say this, and close."""
        self.say(data)
        self.writer.close()

    async def is_closed(self) -> bool:
        """Whether nothing more comes but the end, of whatever kind."""
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True

    async def has_ended(self) -> bool:
        """Whether the end comes, whatever comes before it."""
        with suppress(ConnectionError):
            await self.reader.read()
        return True

    async def vanish(self) -> None:
        """Close, whatever was open."""
        self.writer.transport.abort()
        with suppress(ConnectionError):
            await self.writer.wait_closed()
