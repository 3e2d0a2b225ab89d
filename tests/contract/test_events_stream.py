"""Event streams and nodes, on a switch that lives."""

import asyncio

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.phone import DEADLINE_S, Phone, Tape, loopback, new_id, reason_of

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import common_pb2
from callcontrol.v1 import event_service_pb2 as events_pb2
from callcontrol.v1 import node_service_pb2 as nodes_pb2


async def record(phone: Phone, request: events_pb2.EventsRequest, tape: Tape) -> None:
    """Follow a stream of its own until cancelled."""
    await tape.record(phone.events.Events(request))


async def test_a_stream_begins_with_its_settings(phone: Phone) -> None:
    first = await phone.tape.notice("started")

    assert first.started.subscription_id
    assert first.started.heartbeat_interval == Duration(seconds=15)
    assert first.started.server_version


async def test_a_filter_on_one_call_gives_that_call_only(phone: Phone) -> None:
    mine = new_id()
    tape = Tape()
    request = events_pb2.EventsRequest(filters=[events_pb2.EventFilter(call_ids=[mine])])
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        recorder = tasks.create_task(record(phone, request, tape))
        await tape.notice("started")
        await phone.originate(loopback("answer"), call_id=mine)
        other = await phone.answered()
        await phone.hang_up(other)
        await phone.hang_up(mine)
        await tape.event("call_ended", mine)
        recorder.cancel()

    assert {event.call_id for event in tape.events} == {mine}
    assert tape.states(mine)[-1] == "ENDED"


async def test_a_filter_on_names(phone: Phone) -> None:
    tape = Tape()
    request = events_pb2.EventsRequest(
        filters=[events_pb2.EventFilter(names=["CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"])]
    )
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        recorder = tasks.create_task(record(phone, request, tape))
        await tape.notice("started")
        call_id = await phone.answered()
        await phone.hang_up(call_id)
        await tape.event("call_ended", call_id)
        recorder.cancel()

    assert {event.name for event in tape.events} == {"CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"}


async def test_events_of_a_call_come_in_order_and_once(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.hang_up(call_id)
    own = [event for event in phone.tape.events if event.call_id == call_id]
    kinds = [event.WhichOneof("payload") for event in own]

    assert len({event.event_id for event in own}) == len(own)
    assert kinds.count("call_created") == 1
    assert kinds.count("call_ended") == 1


async def test_the_full_view_has_the_switch_s_own_headers(phone: Phone) -> None:
    tape = Tape()
    request = events_pb2.EventsRequest(
        filters=[events_pb2.EventFilter(names=["CHANNEL_ANSWER"])], view=common_pb2.VIEW_FULL
    )
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        recorder = tasks.create_task(record(phone, request, tape))
        await tape.notice("started")
        call_id = await phone.answered()
        await phone.hang_up(call_id)
        recorder.cancel()
    answer = next(event for event in tape.events if event.call_id == call_id)

    assert answer.headers["Unique-ID"] == call_id
    assert answer.headers["Event-Name"] == "CHANNEL_ANSWER"
    assert answer.headers["Event-Sequence"] == str(answer.position.sequence)


async def test_headers_by_name_in_the_basic_view(phone: Phone) -> None:
    tape = Tape()
    request = events_pb2.EventsRequest(
        filters=[events_pb2.EventFilter(names=["CHANNEL_ANSWER"])],
        header_names=["Channel-Name", "variable_contract_*"],
    )
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        recorder = tasks.create_task(record(phone, request, tape))
        await tape.notice("started")
        call_id = await phone.answered(variables={"contract_value": "x"})
        await phone.hang_up(call_id)
        recorder.cancel()
    answer = next(event for event in tape.events if event.call_id == call_id)

    assert set(answer.headers) == {"Channel-Name", "variable_contract_value"}


async def test_a_quiet_stream_has_heartbeats(phone: Phone) -> None:
    tape = Tape()
    request = events_pb2.EventsRequest(
        filters=[events_pb2.EventFilter(names=["SESSION_CRASH"])],
        heartbeat_interval=Duration(seconds=1),
    )
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        recorder = tasks.create_task(record(phone, request, tape))
        await tape.notice("heartbeat")
        recorder.cancel()

    assert tape.events == []


async def test_the_node_is_described(phone: Phone) -> None:
    listed = await phone.nodes.ListNodes(nodes_pb2.ListNodesRequest(), timeout=DEADLINE_S)
    node = (
        await phone.nodes.GetNode(
            nodes_pb2.GetNodeRequest(node_id=listed.nodes[0].node_id), timeout=DEADLINE_S
        )
    ).node

    assert node.state == nodes_pb2.Node.STATE_ACTIVE
    assert len(node.core_uuid) == 36
    assert node.hostname
    assert {c.purpose for c in node.connections} == {
        nodes_pb2.NodeConnection.PURPOSE_EVENTS,
        nodes_pb2.NodeConnection.PURPOSE_COMMANDS,
    }


async def test_an_unknown_node_is_not_found(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await phone.nodes.GetNode(nodes_pb2.GetNodeRequest(node_id="nowhere"), timeout=DEADLINE_S)

    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(missing.value) == "NODE_NOT_FOUND"


async def test_every_event_tells_its_place_in_the_switch(phone: Phone) -> None:
    response = await phone.originate(loopback("busy"))
    ended = await phone.tape.event("call_ended", response.call.call_id)
    node = (await phone.nodes.ListNodes(nodes_pb2.ListNodesRequest(), timeout=DEADLINE_S)).nodes[0]

    assert ended.position.core_uuid == node.core_uuid
    assert ended.position.sequence > 0
    assert response.disposition == calls_pb2.DISPOSITION_BUSY
