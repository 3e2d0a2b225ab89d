"""The outbound listener on a switch: calls come, and each goes on, ends, or is somebody's.

The same on the simulator and on a real FreeSWITCH.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Self

import pytest
from tests.contract.outbound_scene import Caller, Scene
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.node_recorder import NodeRecorder
from tests.support.nodes import until

from callcontrol.freeswitch.arrivals import ArrivedCall
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.listener import OutboundListener
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.outbound_settings import OutboundSettings
from callcontrol.freeswitch.settings import NodeSettings
from callcontrol.ids import NodeId

MODES = ["async-full", "async", "full", "sync"]
ASYNC = ["async-full", "async"]


@dataclass
class Hall:
    """A listener, the node its calls are on, and the calls that came."""

    scene: Scene
    listener: OutboundListener
    node: Node
    arrived: asyncio.Queue[ArrivedCall] = field(default_factory=asyncio.Queue)

    def on_arrival(self, call: ArrivedCall) -> None:
        self.arrived.put_nowait(call)

    @classmethod
    @asynccontextmanager
    async def open(cls, switch: SwitchUnderTest, **settings: object) -> AsyncIterator[Self]:
        node = Node(
            NodeSettings(
                node_id=NodeId("switch"),
                host=switch.host,
                port=switch.port,
                password=switch.password,
            ),
            observer := NodeRecorder(),
        )
        options = OutboundSettings(host=switch.host, port=0)
        async with Scene.on(switch) as scene, asyncio.TaskGroup() as tasks:
            running = tasks.create_task(node.run())
            await observer.up()
            await until(lambda: node.is_ready)
            calls: asyncio.Queue[ArrivedCall] = asyncio.Queue()
            listener = OutboundListener(
                replace(options, **settings),  # type: ignore[arg-type]  # its own fields
                Fleet([node]),
                Queue(calls),
            )
            async with listener.listening():
                yield cls(scene, listener, node, calls)
            running.cancel()

    async def call_in(self, mode: str = "async-full") -> tuple[Caller, ArrivedCall]:
        """Somebody dials a socket that leads here."""
        caller = await self.scene.call_in(f"socket-{mode}-{self.listener.port}")
        return caller, await self.arrived.get()


@dataclass
class Queue:
    """Takes calls into a queue."""

    calls: asyncio.Queue[ArrivedCall]

    def on_arrival(self, call: ArrivedCall) -> None:
        self.calls.put_nowait(call)


@pytest.fixture
async def hall(switch: SwitchUnderTest) -> AsyncIterator[Hall]:
    async with Hall.open(switch) as hall:
        yield hall


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_arrives_with_its_application_and_goes_on(hall: Hall, mode: str) -> None:
    caller, call = await hall.call_in(mode)

    assert (call.call_id, call.application, call.is_named_by_path) == (caller.call_id, "app", True)
    assert (call.node_id, call.core_uuid) == ("switch", hall.node.core_uuid)
    assert call.headers["Caller-Destination-Number"].startswith("socket-")
    await call.go_on()
    assert call.closed.done()
    assert hall.listener.connections == 0
    await hall.scene.goes_on(caller)
