"""A page of metrics over HTTP, on the loop: GET /metrics and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

REQUEST_TIMEOUT_S: Final = 5.0
MAX_REQUEST: Final = 16 * 1024
MAX_PEERS: Final = 16


@asynccontextmanager
async def serving_metrics(registry: CollectorRegistry, host: str, port: int) -> AsyncIterator[int]:
    """Serve the registry until the end of the block; gives the port, which 0 leaves to the system.

    Raises OSError when the address cannot be had.
    """
    peers = asyncio.Semaphore(MAX_PEERS)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S), peers:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(respond(registry, head))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a peer that left, dawdles or sends no HTTP gets nothing
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host, port, limit=MAX_REQUEST)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def respond(registry: CollectorRegistry, head: bytes) -> bytes:
    """The response to a request head."""
    match head.split(b" ", 2):
        case [b"GET", path, _] if path.partition(b"?")[0] in {b"/metrics", b"/"}:
            return _response(b"200 OK", CONTENT_TYPE_LATEST, generate_latest(registry))
        case [b"GET" | b"HEAD", _, _]:
            return _response(b"404 Not Found", "text/plain", b"the page is /metrics\n")
        case _:
            return _response(b"405 Method Not Allowed", "text/plain", b"GET /metrics\n")


def _response(status: bytes, content_type: str, body: bytes) -> bytes:
    head = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close"
    return b"HTTP/1.1 " + status + b"\r\n" + head.encode() + b"\r\n\r\n" + body
