"""The whole service while the wire misbehaves: it recovers, and nobody else notices."""

import asyncio
from contextlib import AsyncExitStack

import grpc
import pytest
from tests.support.nodes import until
from tests.support.stage import Stage, listening, settings_for

from callcontrol.app import running_service
from callcontrol.client.client import Client
from callcontrol.client.failure import failure_of
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.simulator import Simulator
from callcontrol.simulator.faults import Which
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2, event_service_pb2

Gap = event_service_pb2.Gap
ANSWER = "sofia/internal/answer@example.org"
IMPATIENT = LinkTimings(
    backoff_first_s=0.02, backoff_cap_s=0.1, canary_interval_s=0.1, silence_timeout_s=1.0
)


async def place(stage: Stage) -> str:
    return (await stage.call(ANSWER)).call.call_id


async def hang_up(stage: Stage, call_id: str) -> None:
    await stage.client.calls.Hangup(pb.HangupRequest(call_id=call_id))


async def test_a_lost_event_link_is_a_gap_and_the_calls_are_compared(stage: Stage):
    stays, goes = await place(stage), await place(stage)
    async with listening(stage) as audience:
        stage.simulator.faults.refuses_connections = True
        stage.simulator.faults.drop("events")
        await audience.wait_for(lambda it: bool(it.of("node_changed")))
        stage.simulator.far_end(goes).hangs_up()
        stage.simulator.faults.refuses_connections = False
        ended = await audience.ended(goes)
        await stage.service.wait_ready()
        kept = await stage.client.calls.GetCall(pb.GetCallRequest(call_id=stays))
        await hang_up(stage, stays)
        last = await audience.ended(stays)
    assert [gap.reason for gap in audience.gaps] == [Gap.REASON_NODE_CONNECTION_LOST]
    assert ended.synthetic
    assert not ended.call_ended.HasField("cause")
    assert kept.call.state in (call_pb2.Call.STATE_ACTIVE, call_pb2.Call.STATE_PARKED)
    assert not last.synthetic
    assert len(audience.of("call_ended", stays)) == 1


async def test_a_slow_api_holds_back_neither_events_nor_other_commands(stage: Stage):
    call_id = await place(stage)
    stage.simulator.faults.slow_api("uuid_dump", 600)
    async with listening(stage) as audience:
        slow = asyncio.create_task(wait_for_variables(stage, call_id))
        other = await place(stage)
        await audience.wait_for(lambda it: bool(it.of("call_created", other)))
        await hang_up(stage, other)
        await audience.ended(other)
        assert not slow.done()
        slow.cancel()
        await asyncio.wait([slow])


async def wait_for_variables(stage: Stage, call_id: str) -> None:
    await stage.client.calls.GetVariables(pb.GetVariablesRequest(call_id=call_id))


@pytest.mark.parametrize("which", ["events", "commands"])
async def test_bytes_that_are_no_frame_cost_one_link(stage: Stage, which: Which):
    (node,) = stage.service.fleet.nodes
    async with listening(stage) as audience:
        stage.simulator.faults.garbage(which)
        await until(lambda: node.counters.lost_links > 0 and node.is_ready)
        call_id = await place(stage)
        await hang_up(stage, call_id)
        await audience.ended(call_id)


async def test_half_a_frame_and_then_silence_is_noticed(simulator: Simulator):
    async with AsyncExitStack() as until_the_end:
        service = await until_the_end.enter_async_context(
            running_service(settings_for(simulator), IMPATIENT)
        )
        await service.wait_ready()
        client = await until_the_end.enter_async_context(Client(f"127.0.0.1:{service.port}"))
        stage = Stage(simulator, service, client)
        async with listening(stage) as audience:
            simulator.faults.cut_next_frame()
            simulator.faults.duplicate_headers("conference::maintenance")
            simulator.faults.stall("events")
            await audience.wait_for(lambda it: bool(it.gaps))
            await service.wait_ready()
            call_id = await place(stage)
            await hang_up(stage, call_id)
            await audience.ended(call_id)
    assert audience.gaps[0].reason == Gap.REASON_NODE_CONNECTION_LOST


async def test_a_reply_of_16_mib_is_read(stage: Stage):
    call_id = await place(stage)
    stage.simulator.faults.big_reply()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await wait_for_variables(stage, call_id)
    variables = await stage.client.calls.GetVariables(pb.GetVariablesRequest(call_id=call_id))
    await hang_up(stage, call_id)
    assert failure_of(refused.value).code in (
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INTERNAL,
    )
    assert variables.variables


async def test_being_cut_off_for_slowness_is_told_as_such(stage: Stage):
    async with listening(stage) as audience:
        stage.simulator.faults.overflow()
        await audience.wait_for(lambda it: bool(it.gaps))
    assert audience.gaps[0].reason == Gap.REASON_SWITCH_OVERLOADED


async def test_odd_bytes_and_double_headers_are_events_like_others(stage: Stage):
    request = event_service_pb2.EventsRequest(
        filters=[event_service_pb2.EventFilter(subclasses=["conference::*"])],
        view=common_pb2.VIEW_FULL,
    )
    async with listening(stage, request) as audience:
        stage.simulator.faults.duplicate_headers("conference::maintenance")
        stage.simulator.faults.invalid_utf8("conference::maintenance")
        await audience.wait_for(lambda it: len(it.events) == 2)
        twice, odd = audience.events
    assert twice.headers["X-Twice"] == "second"
    assert odd.headers["X-Latin"] == "caf\ufffd"


async def test_a_link_lost_under_a_command_leaves_its_outcome_unknown(stage: Stage):
    call_id = await place(stage)
    stage.simulator.faults.slow_api("uuid_dump", 600)
    asking = asyncio.create_task(wait_for_variables(stage, call_id))
    (node,) = stage.service.fleet.nodes
    await until(lambda: any(link.pending_commands for link in node.status.connections))
    stage.simulator.faults.drop("commands")
    with pytest.raises(grpc.aio.AioRpcError) as lost:
        await asking
    assert failure_of(lost.value).code == grpc.StatusCode.UNKNOWN
    assert failure_of(lost.value).reason == "OUTCOME_UNKNOWN"
