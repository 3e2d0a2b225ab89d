"""One service and two switches: calls are found on theirs, and one's trouble is not the other's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import grpc
import pytest
from pydantic import SecretStr
from tests.support.nodes import until
from tests.support.stage import LIMIT_S, QUICK, Stage, listening, settings_for

from callcontrol.app import running_service
from callcontrol.client.client import Client
from callcontrol.client.failure import failure_of
from callcontrol.config_switches import NodeEntry
from callcontrol.simulator import Simulator
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2, event_service_pb2

ANSWER = "sofia/internal/answer@example.org"


@pytest.fixture
async def east() -> AsyncIterator[Simulator]:
    async with Simulator(password="simulated", time_scale=0.05) as simulator:
        yield simulator


@pytest.fixture
async def stage(simulator: Simulator, east: Simulator) -> AsyncIterator[Stage]:
    """The stage of `conftest`, with a second node, east."""
    config = settings_for(simulator)
    second = NodeEntry(
        name="east", host="127.0.0.1", port=east.port, password=SecretStr("simulated")
    )
    config = config.model_copy(update={"nodes": (*config.nodes, second)})
    async with AsyncExitStack() as until_the_end:
        service = await until_the_end.enter_async_context(running_service(config, QUICK))
        async with asyncio.timeout(LIMIT_S):
            await until(lambda: all(node.is_ready for node in service.fleet.nodes))
        client = await until_the_end.enter_async_context(Client(f"127.0.0.1:{service.port}"))
        yield Stage(simulator, service, client)


async def place(stage: Stage, node_id: str) -> call_pb2.Call:
    return (await stage.call(ANSWER, node_id=node_id)).call


async def test_a_call_is_placed_where_it_was_asked_for_and_found_there(
    stage: Stage, east: Simulator
):
    here, there = await place(stage, "fs1"), await place(stage, "east")
    held = await stage.client.calls.Hold(pb.HoldRequest(call_id=there.call_id))
    of_east = await stage.client.calls.ListCalls(pb.ListCallsRequest(node_id="east"))
    ended = await stage.client.calls.Hangup(pb.HangupRequest(call_id=here.call_id))
    assert (here.node_id, there.node_id) == ("fs1", "east")
    assert there.call_id in east.switch.legs
    assert held.status.confirmation == common_pb2.CONFIRMATION_CONFIRMED
    assert [call.call_id for call in of_east.calls] == [there.call_id]
    assert ended.call.node_id == "fs1"


async def test_without_a_wish_calls_go_to_the_node_that_has_the_fewest(stage: Stage):
    placed = [(await stage.call(ANSWER)).call.node_id for _ in range(6)]
    assert (placed.count("fs1"), placed.count("east")) == (3, 3)


async def test_legs_of_two_switches_cannot_be_bridged(stage: Stage):
    here, there = await place(stage, "fs1"), await place(stage, "east")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stage.client.calls.Bridge(
            pb.BridgeRequest(call_id=here.call_id, peer_call_id=there.call_id)
        )
    assert failure_of(refused.value).code in (
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INVALID_ARGUMENT,
    )


async def test_the_death_of_one_switch_is_not_felt_on_the_other(stage: Stage, east: Simulator):
    lost, kept = await place(stage, "east"), await place(stage, "fs1")
    async with listening(stage) as audience:
        await east.kill()
        await audience.wait_for(lambda it: bool(it.of("node_changed")))
        assert (await stage.call(ANSWER)).call.node_id == "fs1"
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stage.client.calls.Hangup(pb.HangupRequest(call_id=lost.call_id))
        await stage.client.calls.Hangup(pb.HangupRequest(call_id=kept.call_id))
        await audience.ended(kept.call_id)
        await east.start()
        ended = await audience.ended(lost.call_id)
    assert failure_of(refused.value).reason == "NODE_UNREACHABLE"
    assert ended.synthetic
    assert {gap.node_id for gap in audience.gaps} == {"east"}


async def test_a_filter_on_a_node_gets_the_events_of_that_node(stage: Stage):
    request = event_service_pb2.EventsRequest(
        filters=[event_service_pb2.EventFilter(node_ids=["east"])]
    )
    async with listening(stage, request) as audience:
        await place(stage, "fs1")
        there = await place(stage, "east")
        await audience.wait_for(lambda it: bool(it.of("call_created", there.call_id)))
    assert {event.position.node_id for event in audience.events} == {"east"}
