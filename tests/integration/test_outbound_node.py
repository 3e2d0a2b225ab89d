"""A switch that only its calls' sockets lead to, played word by word: commands, jobs, and ends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from tests.support.fake_switch import FakeSwitch, api_response, event_frame, reply
from tests.support.node_recorder import NodeRecorder
from tests.support.nodes import connected, until
from tests.support.scripted_call import ScriptedCall

from callcontrol.errors import (
    CommandQueueFull,
    NodeDraining,
    NodeNotFound,
    NodeUnavailable,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch import outbound_node as module
from callcontrol.freeswitch.arrivals import ArrivedCall
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.jobs import JobLost
from callcontrol.freeswitch.listener import OutboundListener
from callcontrol.freeswitch.outbound_node import OutboundNode, OutboundNodes
from callcontrol.freeswitch.outbound_settings import OutboundSettings
from callcontrol.ids import CallId, CoreUuid, JobId, NodeId

SETTINGS = OutboundSettings(host="127.0.0.1", port=0, unknown_switches=True, end_timeout_s=0.2)
ELSEWHERE = "another-core"


@dataclass
class Door:
    """A listener that takes strangers' calls, and what it tells."""

    listener: OutboundListener
    nodes: OutboundNodes
    home: FakeSwitch
    told: list[str]
    arrived: asyncio.Queue[ArrivedCall]
    rung: list[ScriptedCall] = field(default_factory=list)

    async def ring(self, core_uuid: str = ELSEWHERE, *, call_id: str = "") -> ScriptedCall:
        """A call that has said who it is, and is in its park."""
        call = await ScriptedCall.ring(self.listener.port)
        self.rung.append(call)
        call.call_id = call_id or call.call_id
        await call.is_asked_who_it_is()
        call.answers_connect(core_uuid, callcontrol_application="ivr")
        call.parks()
        return call

    async def call_in(self) -> tuple[ScriptedCall, OutboundNode]:
        """A call that was taken, and its node."""
        call = await self.ring()
        await call.hears("filter delete all", "event json ALL", "linger 5")
        call.say(reply("+OK filter deleted. [all][]"))
        call.say(reply("+OK event listener enabled json") + reply("+OK will linger 5 seconds"))
        arrived = await self.arrived.get()
        node = self.nodes.get(arrived.node_id)
        assert isinstance(node, OutboundNode)
        return call, node

    async def goes_on(self, call: ScriptedCall) -> None:
        """It is sent on, and was nobody's."""
        await call.hears("exit")
        call.says_goodbye()
        await until(lambda: self.listener.connections == 0)
        assert self.arrived.empty()


@dataclass
class Listing:
    """Writes down what it is told of calls."""

    told: list[str]

    def node_came(self, node_id: NodeId, core_uuid: CoreUuid) -> None:
        self.told.append(f"{node_id} came, {core_uuid}")

    def on_event(self, node_id: NodeId, event: SwitchEvent) -> None:
        self.told.append(event.text("Event-Name"))

    def call_left(self, node_id: NodeId, call_id: CallId) -> None:
        self.told.append("a call left")

    def node_down(self, node_id: NodeId, reason: str) -> None:
        self.told.append(f"{node_id} is gone")


@dataclass
class Queue:
    """Takes calls into a queue."""

    calls: asyncio.Queue[ArrivedCall]

    def on_arrival(self, call: ArrivedCall) -> None:
        self.calls.put_nowait(call)


@pytest.fixture
async def door(switch: FakeSwitch) -> AsyncIterator[Door]:
    arrived: asyncio.Queue[ArrivedCall] = asyncio.Queue()
    async with connected(switch, NodeRecorder()) as node:
        told: list[str] = []
        fleet = Fleet([node])
        nodes = OutboundNodes(fleet, Listing(told))
        listener = OutboundListener(SETTINGS, fleet, Queue(arrived), unknown=nodes)
        door = Door(listener, nodes, switch, told, arrived)
        try:
            async with listener.listening():
                yield door
        finally:
            for call in door.rung:
                await call.vanish()


async def test_a_node_comes_with_its_first_call_and_goes_with_its_last(door: Door) -> None:
    first, node = await door.call_in()
    second, same = await door.call_in()
    assert node is same
    first.resets()
    await until(lambda: "a call left" in door.told)
    assert await answered(second, node) == "pong"
    second.resets()
    await until(lambda: not door.nodes.passing)
    assert door.told == [
        "outbound.fake came, another-core",
        "CHANNEL_PARK",
        "CHANNEL_PARK",
        "a call left",
        "a call left",
        "outbound.fake is gone",
    ]
    with pytest.raises(NodeNotFound):
        door.nodes.get(node.node_id)


async def answered(call: ScriptedCall, node: OutboundNode) -> str:
    asking = asyncio.create_task(node.api("ping"))
    assert await call.command() == "api ping"
    call.say(api_response("pong"))
    return await asking


async def test_events_are_told_in_their_order_and_the_end_of_the_call_ends_its_socket(
    door: Door,
) -> None:
    call, _ = await door.call_in()
    for name in ("CHANNEL_ANSWER", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE"):
        call.say(event_frame(b'{"Event-Name":"%b"}' % name.encode()))
    await call.hears("exit")
    call.says_goodbye()
    await until(lambda: not door.nodes.passing)
    assert door.told[1:5] == [
        "CHANNEL_PARK",
        "CHANNEL_ANSWER",
        "CHANNEL_HANGUP",
        "CHANNEL_HANGUP_COMPLETE",
    ]


async def test_commands_go_where_the_fewest_wait(door: Door) -> None:
    first, node = await door.call_in()
    second, _ = await door.call_in()
    asking = [asyncio.create_task(node.api(name)) for name in ("one", "two", "three")]
    assert [await first.command(), await second.command()] == ["api one", "api two"]
    assert await first.command() == "api three"
    second.say(api_response("2"))
    first.say(api_response("1") + api_response("3"))
    assert [await task for task in asking] == ["1", "2", "3"]


async def test_a_command_whose_socket_ends_may_have_run(door: Door) -> None:
    call, node = await door.call_in()
    asking = asyncio.create_task(node.api("ping"))
    await call.command()
    call.resets()
    with pytest.raises(OutcomeUnknown):
        await asking
    with pytest.raises(NodeUnavailable):
        await node.api("ping")


async def test_more_commands_than_may_wait_are_refused(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PENDING", 1)
    call, node = await door.call_in()
    asking = asyncio.create_task(node.api("ping"))
    await call.command()
    with pytest.raises(CommandQueueFull):
        await node.api("again")
    call.say(api_response("pong"))
    assert await asking == "pong"


async def test_a_job_whose_socket_ends_is_lost(door: Door) -> None:
    call, node = await door.call_in()
    starting = asyncio.create_task(node.start_job("originate", "x", JobId("j")))
    assert await call.command() == "bgapi originate x\nJob-UUID: j"
    call.say(reply("+OK Job-UUID: j", "Job-UUID: j"))
    with await starting as job:
        call.resets()
        with pytest.raises(JobLost, match="socket ended"):
            await job.result()


async def test_a_job_that_is_not_taken_is_none(door: Door) -> None:
    call, node = await door.call_in()
    starting = asyncio.create_task(node.start_job("originate", "x", JobId("j")))
    await call.command()
    call.say(reply("-ERR command not found"))
    with pytest.raises(SwitchRefused):
        await starting


async def test_it_takes_no_new_calls(door: Door) -> None:
    _, node = await door.call_in()
    with pytest.raises(NodeDraining):
        node.require_open(0)
    assert node.node_id not in [each.node_id for each in door.nodes.nodes]


async def test_a_call_is_sent_on_by_its_socket(door: Door) -> None:
    call, node = await door.call_in()
    going_on = asyncio.create_task(node.unpark(CallId(call.call_id)))
    await call.hears("exit")
    call.says_goodbye()
    assert await going_on is True
    assert await node.unpark(CallId(call.call_id)) is False


async def test_a_socket_that_does_not_let_us_follow_its_call_is_of_no_use(door: Door) -> None:
    call = await door.ring()
    await call.hears("filter delete all", "event json ALL", "linger 5")
    call.say(reply("+OK") + reply("-ERR command not found") * 2)
    await door.goes_on(call)
    assert door.nodes.passing == ()
    assert door.told[-1] == "outbound.fake is gone"


async def test_a_call_that_is_here_already_does_not_come_again(door: Door) -> None:
    first, node = await door.call_in()
    again = await door.ring(call_id=first.call_id)
    await again.hears("exit")
    again.says_goodbye()
    await until(lambda: door.listener.connections == 1)
    assert await answered(first, node) == "pong"


async def test_a_stranger_cannot_pass_for_a_node_of_the_fleet(door: Door) -> None:
    call = await door.ring(door.home.core_uuid)
    (await door.home.commands.get()).answer("false")
    await door.goes_on(call)
    assert door.told == []


async def test_a_host_has_one_switch_at_a_time(door: Door) -> None:
    await door.call_in()
    other = await door.ring("a-third-core")
    await other.hears("exit")
    other.says_goodbye()
    assert door.arrived.empty()


@pytest.mark.parametrize("limit", ["MAX_NODES", "MAX_NAMES"])
async def test_there_are_only_so_many_strangers(
    door: Door, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, 0)
    await door.goes_on(await door.ring())


async def test_strangers_go_on_where_they_are_not_allowed(switch: FakeSwitch) -> None:
    arrived: asyncio.Queue[ArrivedCall] = asyncio.Queue()
    async with connected(switch, NodeRecorder()) as node:
        fleet = Fleet([node])
        nodes = OutboundNodes(fleet, Listing([]))
        usual = replace(SETTINGS, unknown_switches=False)
        listener = OutboundListener(usual, fleet, Queue(arrived), unknown=nodes)
        async with listener.listening():
            door = Door(listener, nodes, switch, [], arrived)
            await door.goes_on(await door.ring())
            for call in door.rung:
                await call.vanish()
