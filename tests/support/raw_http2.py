"""A gRPC peer made of bytes: it asks for a stream and grants no window, so nothing can be sent."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING = 0x0, 0x1, 0x4, 0x6
_ACK, _END_STREAM, _END_HEADERS = 0x1, 0x1, 0x4
_INITIAL_WINDOW_SIZE = 4
_STREAM = 1


class RawPeer:
    """One connection with one RPC on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.data_frames = 0

    def ask(self, path: str, message: bytes) -> None:
        """Send a whole request."""
        headers = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "localhost",
            "content-type": "application/grpc",
            "te": "trailers",
        }
        block = b"".join(
            b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
            for name, value in headers.items()
        )
        self._send(_HEADERS, _END_HEADERS, _STREAM, block)
        body = b"\x00" + struct.pack(">I", len(message)) + message
        self._send(_DATA, _END_STREAM, _STREAM, body)

    async def until_headers(self) -> None:
        """Read until the answer to the request begins: its headers need no window."""
        while True:
            head = await self._reader.readexactly(9)
            length, kind, flags = int.from_bytes(head[:3]), head[3], head[4]
            payload = await self._reader.readexactly(length)
            if kind == _PING and not flags & _ACK:
                self._send(_PING, _ACK, 0, payload)
            if kind == _DATA:
                self.data_frames += 1
            if kind == _HEADERS:
                return

    def _send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        head = struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
        self._writer.write(head + struct.pack(">I", stream) + payload)

    def begin(self) -> None:
        """Say hello, and that streams have a window of zero bytes."""
        self._writer.write(_PREFACE)
        self._send(_SETTINGS, 0, 0, struct.pack(">HI", _INITIAL_WINDOW_SIZE, 0))


@asynccontextmanager
async def peer_without_window(port: int, path: str, message: bytes) -> AsyncIterator[RawPeer]:
    """A peer that asked, got the headers of the answer, and will never take its first message."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        peer = RawPeer(reader, writer)
        peer.begin()
        peer.ask(path, message)
        await peer.until_headers()
        yield peer
    finally:
        writer.transport.abort()
