"""One service and three switches, that tests may kill and drain."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
import pytest
from pydantic import SecretStr
from tests.support.nodes import until
from tests.support.stage import LIMIT_S, QUICK, Stage, settings_for

from callcontrol.app import running_service
from callcontrol.client.client import Client
from callcontrol.client.failure import Failure, failure_of
from callcontrol.config_switches import NodeEntry
from callcontrol.ids import NodeId
from callcontrol.simulator import Simulator
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2
from callcontrol.v1 import node_service_pb2 as nodes_pb2
from callcontrol.v1.node_service_pb2_grpc import AdminServiceStub

ANSWER = "sofia/internal/answer@example.org"
MAX_CALLS = 4
"""On each node."""
OF_FS3 = 2
"""The third one has a limit of its own."""
NAMES = ("fs1", "fs2", "fs3")
State = nodes_pb2.Node.State


@dataclass(frozen=True)
class Trio:
    """The service and its three switches."""

    stage: Stage
    switches: dict[str, Simulator]

    async def place(self, node_id: str = "") -> call_pb2.Call:
        """A call that is answered and parked."""
        return (await self.stage.call(ANSWER, node_id=node_id)).call

    async def kill(self, node_id: str) -> None:
        """The switch is gone, and the service knows."""
        node = self.stage.service.fleet.get(NodeId(node_id))
        await self.switches[node_id].kill()
        await until(lambda: not node.is_ready)

    async def drain(self, node_id: str, *, draining: bool = True) -> nodes_pb2.Node:
        """As an operator does it."""
        async with self.stage.channel() as channel:
            response = await AdminServiceStub(channel).SetNodeDraining(
                nodes_pb2.SetNodeDrainingRequest(node_id=node_id, draining=draining)
            )
        return response.node

    async def nodes(self) -> dict[str, nodes_pb2.Node]:
        """What is told of them."""
        page = await self.stage.client.nodes.ListNodes(nodes_pb2.ListNodesRequest())
        return {node.node_id: node for node in page.nodes}

    async def until_in_conference(self, call_id: str) -> None:
        """Return when the leg is in a conference."""
        request = pb.GetCallRequest(call_id=call_id)
        async with asyncio.timeout(LIMIT_S):
            while True:
                answer = await self.stage.client.calls.GetCall(request)
                if answer.call.conference_name:
                    return

    def commands_of(self, node_id: str) -> int:
        """How many commands were written to it."""
        return self.stage.service.fleet.get(NodeId(node_id)).counters.commands


@asynccontextmanager
async def three_nodes() -> AsyncIterator[Trio]:
    """All three are ready, and none has a call."""
    async with AsyncExitStack() as until_the_end:
        switches = {
            name: await until_the_end.enter_async_context(
                Simulator(password="simulated", time_scale=0.05)
            )
            for name in NAMES
        }
        entries = tuple(
            NodeEntry(
                name=name,
                host="127.0.0.1",
                port=switch.port,
                password=SecretStr("simulated"),
                max_calls=OF_FS3 if name == "fs3" else None,
            )
            for name, switch in switches.items()
        )
        config = settings_for(switches["fs1"], max_calls=MAX_CALLS)
        config = config.model_copy(update={"nodes": entries})
        service = await until_the_end.enter_async_context(running_service(config, QUICK))
        async with asyncio.timeout(LIMIT_S):
            await until(lambda: all(node.is_ready for node in service.fleet.nodes))
        client = await until_the_end.enter_async_context(Client(f"127.0.0.1:{service.port}"))
        yield Trio(Stage(switches["fs1"], service, client), switches)


async def failed(rpc: Awaitable[object]) -> Failure:
    """How an RPC failed that must."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await rpc
    return failure_of(refused.value)
