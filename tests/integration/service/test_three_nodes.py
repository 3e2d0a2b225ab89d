"""One service and three switches, of which one is killed and one drains: where calls go, how they
are found, and what is told of those that cannot be reached.
"""

import asyncio
from collections import Counter

import grpc
import pytest
from tests.support.nodes import until
from tests.support.stage import listening
from tests.support.trio import MAX_CALLS, NAMES, OF_FS3, Trio, failed

from callcontrol.client.failure import failure_of
from callcontrol.ids import NodeId
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2
from callcontrol.v1 import node_service_pb2 as nodes_pb2

State = nodes_pb2.Node.State


async def test_calls_go_where_the_fewest_are_and_nowhere_beyond_the_limits(trio: Trio):
    placed = Counter([(await trio.place()).node_id for _ in range(2 * MAX_CALLS + OF_FS3)])
    told = await trio.nodes()
    full = await failed(trio.place())
    assert placed == {"fs1": MAX_CALLS, "fs2": MAX_CALLS, "fs3": OF_FS3}
    assert {name: node.call_count for name, node in told.items()} == dict(placed)
    assert {name: node.max_calls for name, node in told.items()} == {
        "fs1": MAX_CALLS,
        "fs2": MAX_CALLS,
        "fs3": OF_FS3,
    }
    assert (full.code, full.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "NODE_FULL")


async def test_a_burst_keeps_the_limits_to_the_call(trio: Trio):
    room = 2 * MAX_CALLS + OF_FS3
    tasks = [asyncio.create_task(trio.place()) for _ in range(room + 5)]
    await asyncio.wait(tasks)
    refused = [task.exception() for task in tasks if task.exception() is not None]
    placed = Counter(task.result().node_id for task in tasks if task.exception() is None)
    assert placed == {"fs1": MAX_CALLS, "fs2": MAX_CALLS, "fs3": OF_FS3}
    assert len(refused) == 5
    for error in refused:
        assert isinstance(error, grpc.aio.AioRpcError)
        assert failure_of(error).reason == "NODE_FULL"


async def test_a_full_node_takes_a_call_again_when_one_has_ended(trio: Trio):
    calls = [await trio.place("fs3") for _ in range(OF_FS3)]
    full = await failed(trio.place("fs3"))
    before = trio.commands_of("fs3")
    await failed(trio.place("fs3"))
    assert trio.commands_of("fs3") == before
    await trio.stage.client.calls.Hangup(pb.HangupRequest(call_id=calls[0].call_id))
    again = await trio.place("fs3")
    assert (full.reason, again.node_id) == ("NODE_FULL", "fs3")


async def test_one_is_killed_and_one_drains_so_the_third_takes_the_calls(trio: Trio):
    await trio.kill("fs2")
    told = await trio.drain("fs3")
    placed = {(await trio.place()).node_id for _ in range(MAX_CALLS)}
    full = await failed(trio.place())
    states = {name: node.state for name, node in (await trio.nodes()).items()}
    assert placed == {"fs1"}
    assert full.reason == "NODE_FULL"
    assert told.state == State.STATE_DRAINING
    assert states == {
        "fs1": State.STATE_ACTIVE,
        "fs2": State.STATE_CONNECTING,
        "fs3": State.STATE_DRAINING,
    }


async def test_without_one_that_takes_calls_the_reason_is_that_of_those_that_are_there(
    trio: Trio,
):
    await trio.kill("fs2")
    await trio.drain("fs1")
    await trio.drain("fs3")
    draining = await failed(trio.place())
    await trio.kill("fs1")
    await trio.kill("fs3")
    away = await failed(trio.place())
    assert (draining.code, draining.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "NODE_DRAINING",
    )
    assert (away.code, away.reason) == (grpc.StatusCode.UNAVAILABLE, "NODE_UNREACHABLE")


@pytest.mark.parametrize(
    ("node_id", "code", "reason"),
    [
        ("fs2", grpc.StatusCode.UNAVAILABLE, "NODE_UNREACHABLE"),
        ("fs3", grpc.StatusCode.FAILED_PRECONDITION, "NODE_DRAINING"),
        ("fs4", grpc.StatusCode.NOT_FOUND, "NODE_NOT_FOUND"),
    ],
)
async def test_a_node_that_was_asked_for_by_name_is_not_replaced_by_another(
    trio: Trio, node_id: str, code: grpc.StatusCode, reason: str
):
    await trio.kill("fs2")
    await trio.drain("fs3")
    refused = await failed(trio.place(node_id))
    assert (refused.code, refused.reason) == (code, reason)
    assert not any(switch.switch.legs for switch in trio.switches.values())


async def test_every_verb_finds_its_call_wherever_it_is(trio: Trio):
    calls = {node_id: await trio.place(node_id) for node_id in NAMES}
    stub = trio.stage.client.calls
    for node_id, call in calls.items():
        held = await stub.Hold(pb.HoldRequest(call_id=call.call_id))
        await stub.SetVariables(
            pb.SetVariablesRequest(call_id=call.call_id, variables={"where": node_id})
        )
        read = await stub.GetVariables(
            pb.GetVariablesRequest(call_id=call.call_id, names=["where"])
        )
        found = await stub.GetCall(pb.GetCallRequest(call_id=call.call_id))
        assert held.status.confirmation == common_pb2.CONFIRMATION_CONFIRMED
        assert dict(read.variables) == {"where": node_id}
        assert found.call.node_id == node_id
        assert call.call_id in trio.switches[node_id].switch.legs


async def test_verbs_on_calls_of_the_killed_one_send_nothing_and_the_others_go_on(trio: Trio):
    lost, kept = await trio.place("fs2"), await trio.place("fs1")
    await trio.kill("fs2")
    before = trio.commands_of("fs2")
    stub = trio.stage.client.calls
    refusals = [
        await failed(stub.Hangup(pb.HangupRequest(call_id=lost.call_id))),
        await failed(stub.Hold(pb.HoldRequest(call_id=lost.call_id))),
        await failed(stub.GetVariables(pb.GetVariablesRequest(call_id=lost.call_id))),
    ]
    held = await stub.Hold(pb.HoldRequest(call_id=kept.call_id))
    assert {(it.code, it.reason) for it in refusals} == {
        (grpc.StatusCode.UNAVAILABLE, "NODE_UNREACHABLE")
    }
    assert all(it.retry_in_s for it in refusals)
    assert trio.commands_of("fs2") == before
    assert held.call.state == call_pb2.Call.STATE_HELD


async def test_calls_of_one_that_drains_go_on(trio: Trio):
    call = await trio.place("fs3")
    await trio.drain("fs3")
    stub = trio.stage.client.calls
    held = await stub.Hold(pb.HoldRequest(call_id=call.call_id))
    taken_back = await stub.Unhold(pb.UnholdRequest(call_id=call.call_id))
    ended = await stub.Hangup(pb.HangupRequest(call_id=call.call_id))
    assert held.call.state == call_pb2.Call.STATE_HELD
    assert taken_back.status.confirmation == common_pb2.CONFIRMATION_CONFIRMED
    assert ended.call.state == call_pb2.Call.STATE_ENDED


async def test_the_killed_one_comes_back_without_its_calls_and_takes_new_ones(trio: Trio):
    lost = await trio.place("fs2")
    async with listening(trio.stage) as audience:
        await trio.kill("fs2")
        await trio.switches["fs2"].start()
        ended = await audience.ended(lost.call_id)
        node = trio.stage.service.fleet.get(NodeId("fs2"))
        await until(lambda: node.is_ready)
        new = await trio.place("fs2")
    assert ended.synthetic
    assert new.node_id == "fs2"
    assert {gap.node_id for gap in audience.gaps} == {"fs2"}


async def test_draining_outlives_the_links_and_the_switch(trio: Trio):
    await trio.drain("fs2")
    await trio.kill("fs2")
    away = await failed(trio.place("fs2"))
    await trio.switches["fs2"].start()
    node = trio.stage.service.fleet.get(NodeId("fs2"))
    await until(lambda: node.is_ready)
    back = await failed(trio.place("fs2"))
    await trio.drain("fs2", draining=False)
    assert (away.reason, back.reason) == ("NODE_UNREACHABLE", "NODE_DRAINING")
    assert (await trio.place("fs2")).node_id == "fs2"


async def test_draining_is_told_to_those_who_follow_and_changes_no_health(trio: Trio):
    async with listening(trio.stage) as audience:
        for name in NAMES:
            await trio.drain(name)
        await audience.wait_for(
            lambda it: sum(e.node_changed.draining for e in it.of("node_changed")) == len(NAMES)
        )
        await trio.stage.service.wait_ready()
    changes = [event.node_changed for event in audience.of("node_changed")]
    assert [change.node_id for change in changes if change.HasField("draining")] == list(NAMES)
    assert all(change.connected for change in changes)
    assert not audience.gaps
    assert all(node.is_ready for node in trio.stage.service.fleet.nodes)
