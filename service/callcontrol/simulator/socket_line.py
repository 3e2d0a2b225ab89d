"""The socket under a connection: what arrives is read into packets, and faults are made here."""

import asyncio
from collections import deque
from contextlib import suppress

from callcontrol.esl.command_reader import CommandPacket, CommandReader
from callcontrol.esl.errors import ProtocolError


class SocketLine(asyncio.Protocol):
    """One socket. Whatever happens to it wakes the thread that serves it."""

    def __init__(self) -> None:
        self.is_over = False
        self.is_stalled = False
        """Neither reads nor writes; a fault."""
        self.closed = asyncio.Event()
        """The socket is closed."""
        self._reader = CommandReader()
        self._packets: deque[CommandPacket] = deque()
        self._wake = asyncio.Event()
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._has_met_eof = False
        self._transport: asyncio.Transport | None = None

    # What asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The two ends are connected."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self.enter()

    def enter(self) -> None:
        """Be one of the switch's connections."""

    def data_received(self, data: bytes) -> None:
        """The client sent something."""
        with suppress(ProtocolError):
            self._packets += self._reader.feed(data)
        self._has_met_eof = self._has_met_eof or self._reader.failure is not None
        self._wake.set()

    def eof_received(self) -> bool:
        """The client sends nothing more; that is the end for the switch too."""
        self._has_met_eof = True
        self._wake.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's name)
        """The client is gone."""
        self._has_met_eof = True
        self._transport = None
        self.closed.set()
        self._can_write.set()
        self._wake.set()

    def pause_writing(self) -> None:
        """The client does not read."""
        self._can_write.clear()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._can_write.set()

    # What the switch does, or a test

    def write(self, data: bytes) -> None:
        """Write, unless the client is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """Drop it with a reset: no notice, and nothing more is sent."""
        self.is_over = True
        if self._transport is not None:
            self._transport.abort()
        self._wake.set()

    def close_at_once(self) -> None:
        """Drop it without a notice; what a client did not read is lost."""
        self.is_over = True
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._transport.abort()
        elif self._transport is not None:
            self._transport.close()
        self._wake.set()

    def stall(self) -> None:
        """Read and write nothing until `go_on`; the kernel's buffers fill up."""
        self.is_stalled = True
        if self._transport is not None:
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Take `stall` back."""
        if self.is_stalled and self._transport is not None:
            self._transport.resume_reading()
        self.is_stalled = False
        self._wake.set()

    @property
    def peer_host(self) -> str:
        """The client's address."""
        peer = self._transport.get_extra_info("peername") if self._transport else None
        return str(peer[0]) if peer else ""
