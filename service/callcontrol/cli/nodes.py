"""Commands on nodes: `nodes`, `drain`."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from callcontrol.cli import words
from callcontrol.cli.options import AsJson, Target, Timeout
from callcontrol.cli.showing import show_json, show_table
from callcontrol.client.client import Client
from callcontrol.v1 import node_service_pb2

PAGE_SIZE: Final = 500

_HEADINGS: Final = (
    "node",
    "state",
    "version",
    "calls",
    "sessions",
    "idle",
    "latency",
    "links",
    "last error",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (nodes, drain):
        app.command()(command)


def nodes(*, target: Target = "", timeout: Timeout = 10.0, as_json: AsJson = False) -> None:
    """List the switches and how it stands with them."""

    async def read() -> Sequence[node_service_pb2.Node]:
        async with Client(target) as client:
            return await read_nodes(client, timeout)

    show_nodes(asyncio.run(read()), as_json=as_json)


def drain(
    node: Annotated[str, typer.Argument(help="The node.")],
    *,
    off: Annotated[bool, typer.Option("--off", help="Take new calls again.")] = False,
    target: Target = "",
    timeout: Timeout = 10.0,
    as_json: AsJson = False,
) -> None:
    """Let a node take no new calls; those it has go on."""
    request = node_service_pb2.SetNodeDrainingRequest(node_id=node, draining=not off)

    async def change() -> node_service_pb2.Node:
        async with Client(target) as client:
            return (await client.admin.SetNodeDraining(request, timeout=timeout)).node

    show_nodes([asyncio.run(change())], as_json=as_json)


def show_nodes(found: Sequence[node_service_pb2.Node], *, as_json: bool) -> None:
    """Print nodes."""
    if as_json:
        show_json(found)
    else:
        show_table(_HEADINGS, (words.node_cells(node) for node in found))


async def read_nodes(client: Client, timeout_s: float) -> Sequence[node_service_pb2.Node]:
    """The nodes. Raises AioRpcError."""
    request = node_service_pb2.ListNodesRequest(page_size=PAGE_SIZE)
    return (await client.nodes.ListNodes(request, timeout=timeout_s)).nodes


def is_up(node: node_service_pb2.Node) -> bool:
    """Whether its events come."""
    events = node_service_pb2.NodeConnection.PURPOSE_EVENTS
    return any(link.connected for link in node.connections if link.purpose == events)
