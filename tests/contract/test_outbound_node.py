"""Calls of a switch that is no node: all that is done to them goes over their own sockets.

The same on the simulator and on a real FreeSWITCH, which the service does not know otherwise.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import pytest
from tests.contract.outbound_scene import Caller, Scene
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.fake_switch import FakeSwitch
from tests.support.node_recorder import NodeRecorder
from tests.support.nodes import connected, until

from callcontrol.calls.call import CallState
from callcontrol.calls.control import CallControl
from callcontrol.calls.payloads import CallEnded, NodeChanged
from callcontrol.calls.picture.service import CallService
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.requests import PlaySpec, ToneSource
from callcontrol.errors import NodeNotFound
from callcontrol.events.event import Event
from callcontrol.events.log import EventLog
from callcontrol.events.ring import LogLimits
from callcontrol.freeswitch.arrivals import ArrivedCall
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.listener import OutboundListener
from callcontrol.freeswitch.outbound_node import OutboundNodes
from callcontrol.freeswitch.outbound_settings import OutboundSettings
from callcontrol.ids import CallId, JobId


@dataclass
class Hall:
    """A listener for strangers' calls, and what the service is made of behind it."""

    scene: Scene
    listener: OutboundListener
    nodes: OutboundNodes
    tracker: CallTracker
    control: CallControl
    log: EventLog
    arrived: asyncio.Queue[ArrivedCall]

    @classmethod
    @asynccontextmanager
    async def open(cls, switch: SwitchUnderTest) -> AsyncIterator[Self]:
        tracker, log = CallTracker(), EventLog(LogLimits())
        calls = CallService(tracker, log, lambda node_id: nodes.get(node_id))
        arrived: asyncio.Queue[ArrivedCall] = asyncio.Queue()
        async with (
            FakeSwitch() as other,
            connected(other, NodeRecorder()) as node,
            Scene.on(switch) as scene,
        ):
            fleet = Fleet([node])
            nodes = OutboundNodes(fleet, calls)
            listener = OutboundListener(
                OutboundSettings(host=switch.host, port=0, unknown_switches=True),
                fleet,
                Queue(arrived),
                unknown=nodes,
            )
            control = CallControl(nodes, tracker)
            async with listener.listening():
                yield cls(scene, listener, nodes, tracker, control, log, arrived)

    async def call_in(self) -> tuple[Caller, ArrivedCall]:
        """Somebody dials a socket that leads here."""
        caller = await self.scene.call_in(f"socket-async-full-{self.listener.port}")
        return caller, await self.arrived.get()

    def events(self) -> list[Event]:
        """What subscribers were told."""
        entries = self.log.entries(1, 10_000)
        return [each.item for each in entries if isinstance(each.item, Event)]

    def names(self, call_id: CallId) -> list[str]:
        """What they were told of a call, by name."""
        return [event.name for event in self.events() if event.call_id == call_id]


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


async def test_a_call_is_in_the_picture_on_a_node_of_its_own(hall: Hall) -> None:
    caller, call = await hall.call_in()
    seen = hall.tracker.require(CallId(caller.call_id), alive=True)
    assert (seen.node_id, seen.state) == (call.node_id, CallState.CREATING)
    assert call.node_id.startswith("outbound.")
    assert [node.node_id for node in hall.nodes.passing] == [call.node_id]


async def test_its_verbs_are_those_of_every_call(hall: Hall) -> None:
    _, call = await hall.call_in()
    answered = await hall.control.answer(call.call_id)
    assert answered.call.state is CallState.PARKED
    await hall.control.set_variables(call.call_id, {"contract_word": "word"})
    variables = await hall.control.get_variables(call.call_id, ["contract_word"])
    assert variables.variables == {"contract_word": "word"}
    await hall.control.play(PlaySpec(call_id=call.call_id, sources=(ToneSource("%(200,0,440)"),)))
    await until(lambda: "PLAYBACK_STOP" in hall.names(call.call_id))
    ended = await hall.control.hangup(call.call_id, "CALL_REJECTED")

    assert ended.call.is_over
    await asyncio.wait([call.closed])
    assert hall.names(call.call_id)[-1] == "CHANNEL_HANGUP_COMPLETE"
    cause = hall.tracker.require(call.call_id).hangup_cause
    assert cause is not None
    assert cause.name == "CALL_REJECTED"


async def test_a_caller_who_hangs_up_is_told_in_full_and_leaves_no_node(hall: Hall) -> None:
    caller, call = await hall.call_in()
    await caller.hangs_up()
    await hall.scene.history(caller)
    await until(lambda: not hall.nodes.passing)

    assert hall.tracker.calls() == []
    assert len([e for e in hall.events() if isinstance(e.payload, CallEnded)]) == 1
    told = [e.payload.connected for e in hall.events() if isinstance(e.payload, NodeChanged)]
    assert told == [True, False]
    with pytest.raises(NodeNotFound):
        hall.nodes.get(call.node_id)


async def test_a_call_that_goes_on_ends_for_us(hall: Hall) -> None:
    caller, call = await hall.call_in()
    await call.go_on()
    await hall.scene.goes_on(caller)
    await until(lambda: not hall.nodes.passing)
    assert hall.tracker.require(call.call_id).is_over
    assert [e.synthetic for e in hall.events() if isinstance(e.payload, CallEnded)] == [True]


async def test_two_calls_are_on_one_node_and_only_what_is_theirs_is_told(hall: Hall) -> None:
    first_caller, first = await hall.call_in()
    second_caller, second = await hall.call_in()
    assert first.node_id == second.node_id
    await first_caller.hangs_up()
    await asyncio.wait([first.closed])
    assert (await hall.control.answer(second.call_id)).call.state is CallState.PARKED
    assert {e.call_id for e in hall.events() if e.call_id} == {first.call_id, second.call_id}
    await second_caller.hangs_up()


async def test_two_calls_are_bridged(hall: Hall) -> None:
    _, first = await hall.call_in()
    _, second = await hall.call_in()
    for call in (first, second):
        await hall.control.answer(call.call_id)
    await hall.control.bridge(first.call_id, second.call_id)
    for call, other in ((first, second), (second, first)):
        assert hall.tracker.require(call.call_id).bridged_call_id == other.call_id
    await hall.control.hangup(first.call_id)


async def test_a_job_brings_its_result_by_the_socket_it_was_sent_on(hall: Hall) -> None:
    _, call = await hall.call_in()
    node = hall.nodes.passing[0]
    with await node.start_job("hostname", "", JobId("a-job")) as job:
        assert await job.result() == await node.api("hostname")
    await call.go_on()


async def test_without_all_powers_a_call_goes_on(hall: Hall) -> None:
    for mode in ("async", "full", "sync"):
        caller = await hall.scene.call_in(f"socket-{mode}-{hall.listener.port}")
        await hall.scene.goes_on(caller)
    assert hall.arrived.empty()


async def test_no_new_call_is_placed_there(hall: Hall) -> None:
    _, call = await hall.call_in()
    assert call.node_id not in [node.node_id for node in hall.nodes.nodes]
