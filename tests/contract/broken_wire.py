"""A service that reaches the switch under test over a wire that tests cut."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

from tests.contract.conftest import connected_phone
from tests.contract.phone import DEADLINE_S, Phone
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.cutting_proxy import CuttingProxy
from tests.support.nodes import CALM

from callcontrol.v1 import node_service_pb2 as nodes_pb2

EVENTS = nodes_pb2.NodeConnection.PURPOSE_EVENTS
LOOK_S = 0.02


@asynccontextmanager
async def over_a_wire(
    switch: SwitchUnderTest, settings: Mapping[str, object]
) -> AsyncIterator[tuple[Phone, CuttingProxy]]:
    """A client of a service behind a good wire, and that wire."""
    proxy = CuttingProxy(switch.port, Random(1), host=switch.host)
    async with proxy.listening():
        near = replace(switch, host="127.0.0.1", port=proxy.port)
        async with connected_phone(near, settings, CALM) as phone:
            yield phone, proxy


async def event_links(phone: Phone) -> list[nodes_pb2.NodeConnection]:
    """How it stands with them, as ListNodes tells."""
    listed = await phone.nodes.ListNodes(nodes_pb2.ListNodesRequest(), timeout=DEADLINE_S)
    return [link for link in listed.nodes[0].connections if link.purpose == EVENTS]


async def until_links(phone: Phone, proxy: CuttingProxy, *, cover: int) -> None:
    """Wait until so many event links cover, and are there."""
    async with asyncio.timeout(DEADLINE_S):
        while (  # noqa: ASYNC110  clients have to look, as nothing tells of it
            sum(link.covers_events for link in await event_links(phone)) != cover
            or len(proxy.event_wires) < cover
        ):
            await asyncio.sleep(LOOK_S)
