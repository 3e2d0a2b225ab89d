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
from callcontrol.freeswitch.outbound_settings import OutboundSettings, read_network
from callcontrol.freeswitch.settings import NodeSettings
from callcontrol.ids import CallId, NodeId

MODES = ["async-full", "async", "full", "sync"]
ASYNC = ["async-full", "async"]


@dataclass
class Hall:
    """A listener, the node its calls are on, and the calls that came."""

    scene: Scene
    listener: OutboundListener
    node: Node
    arrived: asyncio.Queue[ArrivedCall]
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

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
            running = tasks.create_task(node.run(), name="node")
            await observer.up()
            await until(lambda: node.is_ready)
            calls: asyncio.Queue[ArrivedCall] = asyncio.Queue()
            listener = OutboundListener(
                replace(options, **settings),  # type: ignore[arg-type]  # its own fields
                Fleet([node]),
                Queue(calls),
            )
            hall = cls(scene, listener, node, calls)
            serving = tasks.create_task(hall._listen(), name="listener")
            await until(lambda: listener.port != 0)
            yield hall
            hall.close()
            await asyncio.wait([serving])
            running.cancel()

    async def _listen(self) -> None:
        async with self.listener.listening():
            await self._closing.wait()

    def close(self) -> None:
        """The service stops: the listener is closed, its calls go on."""
        self._closing.set()

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
    await until(lambda: hall.listener.connections == 0)
    await hall.scene.goes_on(caller)


async def execute(hall: Hall, caller: Caller, application: str, argument: str = "") -> None:
    """Have a call run an application, over another link than its own."""
    packet = f"sendmsg {caller.call_id}\ncall-command: execute\nexecute-app-name: {application}"
    packet += f"\nexecute-app-arg: {argument}" if argument else ""
    assert await hall.scene.watch.ask(packet) == "+OK"


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_that_waits_takes_commands(hall: Hall, mode: str) -> None:
    caller, call = await hall.call_in(mode)
    await hall.scene.saw(caller, "CHANNEL_PARK")
    await execute(hall, caller, "answer")
    await hall.scene.saw(caller, "CHANNEL_ANSWER")
    await execute(hall, caller, "playback", "tone_stream://%(100,0,440)")
    await hall.scene.saw(caller, "CHANNEL_EXECUTE_COMPLETE", "playback")

    assert not call.closed.done()
    await call.go_on()
    await hall.scene.goes_on(caller)


@pytest.mark.parametrize("mode", MODES)
async def test_a_caller_who_hangs_up_leaves_nothing(hall: Hall, mode: str) -> None:
    caller, call = await hall.call_in(mode)
    await hall.scene.saw(caller, "CHANNEL_PARK")
    await caller.hangs_up()
    await asyncio.wait([call.closed])

    await hall.scene.history(caller)
    await until(lambda: hall.listener.connections == 0)
    await call.go_on()


@pytest.mark.parametrize("mode", MODES)
async def test_a_caller_who_hangs_up_while_the_call_is_sent_on_leaves_nothing(
    hall: Hall, mode: str
) -> None:
    caller, call = await hall.call_in(mode)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(caller.hangs_up())
        tasks.create_task(call.go_on())

    await hall.scene.history(caller)
    await until(lambda: hall.listener.connections == 0)


@pytest.mark.parametrize("mode", MODES)
async def test_calls_go_on_when_the_service_stops(switch: SwitchUnderTest, mode: str) -> None:
    async with Hall.open(switch) as hall:
        caller, call = await hall.call_in(mode)
        scene = hall.scene
        hall.close()
        await asyncio.wait([call.closed])
        await scene.goes_on(caller)


@pytest.mark.parametrize("mode", ["full", "sync"])
async def test_a_call_that_waits_itself_goes_on_where_it_cannot_come_here(
    hall: Hall, mode: str
) -> None:
    hall.node.door = None
    caller, call = await hall.call_in(mode)
    await call.go_on()
    await hall.scene.goes_on(caller)


async def test_a_call_that_parks_behind_its_socket_goes_on_from_there(hall: Hall) -> None:
    caller = await hall.scene.call_in(f"bell-ivr-{hall.listener.port}")
    call = await hall.arrived.get()
    assert (call.application, call.is_named_by_path) == ("ivr", False)
    await hall.scene.saw(caller, "CHANNEL_PARK")
    await call.go_on()
    await hall.scene.saw(caller, "CHANNEL_PARK")
    await hall.node.unpark(CallId(caller.call_id))
    await hall.scene.goes_on(caller)


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_that_is_transferred_goes_where_it_was_sent(hall: Hall, mode: str) -> None:
    caller, call = await hall.call_in(mode)
    await hall.scene.saw(caller, "CHANNEL_PARK")
    moved = await hall.scene.watch.ask(
        f"api uuid_transfer {caller.call_id} set:callcontrol_test_moved=true,park inline"
    )
    assert moved.startswith("+OK")
    event = await hall.scene.saw(caller, "CHANNEL_EXECUTE", "set")
    assert event["Application-Data"] == "callcontrol_test_moved=true"
    await hall.scene.saw(caller, "CHANNEL_PARK")

    if mode in ASYNC:
        assert not call.closed.done()
    else:
        await asyncio.wait([call.closed])
    await caller.hangs_up()
    await asyncio.wait([call.closed])
    await hall.scene.history(caller)


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_from_where_no_switch_may_connect_goes_on(
    switch: SwitchUnderTest, mode: str
) -> None:
    async with Hall.open(switch, peers=(read_network("192.0.2.0/24"),)) as hall:
        caller = await hall.scene.call_in(f"socket-{mode}-{hall.listener.port}")
        await hall.scene.goes_on(caller)
        assert hall.arrived.empty()
        assert hall.listener.counters.refused_peers == 1


async def test_a_call_beyond_the_limit_goes_on_and_those_before_it_stay(
    switch: SwitchUnderTest,
) -> None:
    async with Hall.open(switch, max_connections=1) as hall:
        _, first = await hall.call_in()
        second = await hall.scene.call_in(f"socket-async-{hall.listener.port}")
        await hall.scene.goes_on(second)
        assert not first.closed.done()
        assert hall.listener.counters.over_limit == 1


async def test_a_call_for_no_application_goes_on(hall: Hall) -> None:
    caller = await hall.scene.call_in(f"socket-answered-{hall.listener.port}")
    await hall.scene.goes_on(caller)
    assert hall.arrived.empty()
    assert hall.listener.counters.unnamed == 1


async def test_a_call_goes_on_at_once_when_nobody_listens_any_more(hall: Hall) -> None:
    _, waiting = await hall.call_in()
    hall.listener.stop_listening()
    caller = await hall.scene.call_in(f"socket-async-full-{hall.listener.port}")
    await hall.scene.goes_on(caller)
    assert not waiting.closed.done()


async def test_many_calls_that_are_sent_on_at_once_all_go_on(hall: Hall) -> None:
    callers = [await hall.call_in(MODES[number % 4]) for number in range(20)]
    async with asyncio.TaskGroup() as tasks:
        for _, call in callers:
            tasks.create_task(call.go_on())
    for caller, _ in callers:
        await hall.scene.goes_on(caller)
    await until(lambda: hall.listener.connections == 0)


async def test_a_call_that_rings_by_its_park_goes_on(hall: Hall) -> None:
    hall.node.door = None
    caller = await hall.scene.call_in("bell-ivr")
    await hall.scene.saw(caller, "CHANNEL_PARK")
    assert await hall.node.unpark(CallId(caller.call_id)) is True
    await hall.scene.goes_on(caller)


async def test_a_parked_call_goes_on_by_way_of_us(hall: Hall) -> None:
    links = hall.node.counters.dials
    caller = await hall.scene.call_in("bell-ivr")
    await hall.scene.saw(caller, "CHANNEL_PARK")
    assert await hall.node.unpark(CallId(caller.call_id)) is True
    await hall.scene.goes_on(caller)

    assert hall.node.counters.dials == links
    assert hall.arrived.empty()


async def test_a_call_that_plays_in_its_park_goes_on_by_way_of_us(hall: Hall) -> None:
    caller = await hall.scene.call_in("bell-ivr")
    await hall.scene.saw(caller, "CHANNEL_PARK")
    await execute(hall, caller, "playback", "tone_stream://%(500,0,440)")
    await hall.scene.saw(caller, "CHANNEL_EXECUTE", "playback")
    assert await hall.node.unpark(CallId(caller.call_id)) is True
    await hall.scene.goes_on(caller)


async def test_a_call_that_could_not_come_when_told_to_rings_when_its_dialplan_brings_it(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callcontrol.freeswitch.door.COMING_S", 0.3)
    caller = await hall.scene.call_in("bell-ivr")
    await hall.scene.saw(caller, "CHANNEL_PARK")
    host, nobody = hall.node.settings.host, 9
    assert hall.node.door is not None
    hall.node.door.assume(hall.node.node_id, host, host, nobody)
    assert await hall.node.unpark(CallId(caller.call_id)) is True
    await hall.scene.goes_on(caller)

    place = f"socket-async-full-{hall.listener.port} XML callcontrol"
    await hall.scene.watch.ask(f"api uuid_transfer {caller.call_id} {place}")
    arrived = await hall.arrived.get()
    assert arrived.call_id == caller.call_id
    await arrived.go_on()


@pytest.mark.parametrize("is_reached", [True, False])
async def test_a_parked_call_that_is_gone_does_not_go_on(hall: Hall, is_reached: bool) -> None:
    if not is_reached:
        hall.node.door = None
    caller = await hall.scene.call_in("bell-ivr")
    await hall.scene.saw(caller, "CHANNEL_PARK")
    await caller.hangs_up()
    await hall.scene.history(caller)
    assert await hall.node.unpark(CallId(caller.call_id)) is False
