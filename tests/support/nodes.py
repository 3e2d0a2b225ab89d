"""Nodes that are connected to a fake switch, for tests of links."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.support.fake_switch import FakeSwitch
from tests.support.node_recorder import NodeRecorder

from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.settings import LinkTimings, NodeSettings
from callcontrol.ids import NodeId

QUICK = LinkTimings(
    connect_timeout_s=0.5,
    handshake_timeout_s=0.2,
    reply_timeout_s=0.2,
    silence_timeout_s=0.5,
    probe_interval_s=0.05,
    canary_interval_s=0.05,
    canary_late_s=0.25,
    backoff_first_s=0.01,
    backoff_cap_s=0.05,
    permanent_retry_s=0.05,
    stable_after_s=0.02,
    shutdown_grace_s=0.05,
    job_grace_s=5.0,
)
"""Everything that goes wrong is noticed within a fraction of a second."""

CALM = LinkTimings(backoff_first_s=0.01, backoff_cap_s=0.05, permanent_retry_s=0.05)
"""Nothing is noticed by time, so what is noticed was told."""


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until this holds; the limit of time is that of the test."""
    while not holds():  # noqa: ASYNC110 - what is awaited has no event of its own
        await asyncio.sleep(0.001)


@asynccontextmanager
async def connecting(
    switch: FakeSwitch,
    observer: NodeRecorder,
    timings: LinkTimings = CALM,
    **settings: Any,  # Any: fields of NodeSettings, which checks them
) -> AsyncIterator[Node]:
    """A node that runs inside."""
    options: dict[str, Any] = {"password": "ClueCon", "command_links": 1, "port": switch.port}
    node = Node(
        NodeSettings(node_id=NodeId("fs1"), host="127.0.0.1", **(options | settings)),
        observer,
        timings,
    )
    running = asyncio.create_task(node.run())
    try:
        yield node
    finally:
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()


@asynccontextmanager
async def connected(
    switch: FakeSwitch, observer: NodeRecorder, timings: LinkTimings = CALM, **settings: Any
) -> AsyncIterator[Node]:
    """A node that runs inside, is synchronised, and has all its command links."""
    async with connecting(switch, observer, timings, **settings) as node:
        await observer.up()
        await until(lambda: all(connection.connected for connection in node.status.connections))
        yield node
