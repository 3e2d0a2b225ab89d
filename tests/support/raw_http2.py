"""What a gRPC peer sends, as bytes; and one that grants no window, so nothing can be sent to it."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0x0, 0x1, 0x4, 0x6, 0x8
ACK = 0x1
STREAM = 1
"""The number of the one RPC of a connection."""
DEFAULT_WINDOW = 65_535

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_END_STREAM, _END_HEADERS = 0x1, 0x4
_INITIAL_WINDOW_SIZE = 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2."""
    head = struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
    return head + struct.pack(">I", stream) + payload


def hello(window: int) -> bytes:
    """How a client begins that grants each stream so many bytes."""
    return _PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", _INITIAL_WINDOW_SIZE, window))


def grant(stream: int, size: int) -> bytes:
    """So many bytes more for a stream, for 0 the connection."""
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))


def request(path: str, message: bytes) -> bytes:
    """A whole request."""
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
    body = b"\x00" + struct.pack(">I", len(message)) + message
    return frame(HEADERS, _END_HEADERS, STREAM, block) + frame(DATA, _END_STREAM, STREAM, body)


class RawPeer:
    """One connection with one RPC on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.data_frames = 0

    def ask(self, path: str, message: bytes) -> None:
        """Say hello, and that streams have a window of zero bytes; send a whole request."""
        self._writer.write(hello(0) + request(path, message))

    async def until_headers(self) -> None:
        """Read until the answer to the request begins: its headers need no window."""
        while True:
            head = await self._reader.readexactly(9)
            length, kind, flags = int.from_bytes(head[:3]), head[3], head[4]
            payload = await self._reader.readexactly(length)
            if kind == PING and not flags & ACK:
                self._writer.write(frame(PING, ACK, 0, payload))
            if kind == DATA:
                self.data_frames += 1
            if kind == HEADERS:
                return


@asynccontextmanager
async def peer_without_window(port: int, path: str, message: bytes) -> AsyncIterator[RawPeer]:
    """A peer that asked, got the headers of the answer, and will never take its first message."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        peer = RawPeer(reader, writer)
        peer.ask(path, message)
        await peer.until_headers()
        yield peer
    finally:
        writer.transport.abort()
