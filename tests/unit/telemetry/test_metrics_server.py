"""The page of metrics."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry, Counter

from callcontrol.metrics_server import respond, serving_metrics


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("rings", "Telephones that rang.", registry=registry).inc(3)
    return registry


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    response = await reader.read()
    writer.close()
    await writer.wait_closed()
    return response


async def test_the_page_has_the_figures(registry: CollectorRegistry):
    async with serving_metrics(registry, "127.0.0.1", 0) as port:
        response = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"rings_total 3.0\n" in response


async def test_what_is_no_http_gets_nothing(registry: CollectorRegistry):
    async with serving_metrics(registry, "127.0.0.1", 0) as port:
        assert await ask(port, b"x" * 40_000) == b""


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /metrics?x=1 HTTP/1.1", b"200"),
        (b"GET /else HTTP/1.1", b"404"),
        (b"POST /metrics HTTP/1.1", b"405"),
        (b"nonsense", b"405"),
    ],
)
def test_other_requests_are_refused(
    registry: CollectorRegistry, request_line: bytes, status: bytes
):
    assert respond(registry, request_line + b"\r\n\r\n").split(b" ")[1] == status
