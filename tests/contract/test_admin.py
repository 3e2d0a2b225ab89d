"""What operators see and do: nodes, draining, and the streams that are open."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc
import pytest
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    State,
    loopback,
    parked,
    reason_of,
    violated_fields,
)

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import common_pb2, event_service_pb2
from callcontrol.v1 import node_service_pb2 as nodes_pb2
from callcontrol.v1.node_service_pb2_grpc import AdminServiceStub

if TYPE_CHECKING:  # this stub exists for the type checker only
    from callcontrol.v1.node_service_pb2_grpc import AdminServiceAsyncStub

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
NODE = "switch"
"""The one node of the suite."""


@pytest.fixture
def admin(phone: Phone) -> "AdminServiceAsyncStub":
    return AdminServiceStub(phone.channel)


async def set_draining(
    admin: "AdminServiceAsyncStub", draining: bool, node_id: str = NODE
) -> nodes_pb2.SetNodeDrainingResponse:
    return await admin.SetNodeDraining(
        nodes_pb2.SetNodeDrainingRequest(node_id=node_id, draining=draining), timeout=DEADLINE_S
    )


async def test_a_node_tells_how_many_calls_it_has(phone: Phone) -> None:
    async def calls() -> int:
        told = await phone.nodes.GetNode(nodes_pb2.GetNodeRequest(node_id=NODE), timeout=DEADLINE_S)
        return told.node.call_count

    before = await calls()
    call_id = await phone.answered()
    during = await calls()
    await phone.hang_up(call_id)

    assert during == before + 2  # a loopback call is two legs


async def test_nodes_are_listed(phone: Phone) -> None:
    page = await phone.nodes.ListNodes(nodes_pb2.ListNodesRequest(), timeout=DEADLINE_S)

    assert [node.node_id for node in page.nodes] == [NODE]
    assert page.nodes[0].state == nodes_pb2.Node.STATE_ACTIVE
    assert page.nodes[0].version.startswith("1.10")
    assert page.next_page_token == ""


async def test_a_node_that_is_none_is_not_found(
    phone: Phone, admin: "AdminServiceAsyncStub"
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await phone.nodes.GetNode(nodes_pb2.GetNodeRequest(node_id="nowhere"), timeout=DEADLINE_S)
    with pytest.raises(grpc.aio.AioRpcError) as also_missing:
        await set_draining(admin, True, "nowhere")

    for error in (missing.value, also_missing.value):
        assert error.code() == grpc.StatusCode.NOT_FOUND
        assert reason_of(error) == "NODE_NOT_FOUND"


async def test_a_node_that_drains_keeps_its_calls_and_takes_no_new_ones(
    phone: Phone, admin: "AdminServiceAsyncStub"
) -> None:
    call_id = await phone.answered()
    begun = await set_draining(admin, True)
    told = await phone.tape.event("node_changed", where=lambda e: e.node_changed.draining)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.originate(loopback("answer"))
    with pytest.raises(grpc.aio.AioRpcError) as refused_there:
        await phone.originate(loopback("answer"), node_id=NODE)
    moved = await phone.calls.Transfer(
        calls_pb2.TransferRequest(call_id=call_id, destination=parked()), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)

    assert begun.status.confirmation == CONFIRMED
    assert begun.node.state == nodes_pb2.Node.STATE_DRAINING
    assert told.node_changed.connected
    for error in (refused.value, refused_there.value):
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert reason_of(error) == "NODE_DRAINING"
    assert moved.call.state == State.STATE_PARKED


async def test_a_node_takes_calls_again(phone: Phone, admin: "AdminServiceAsyncStub") -> None:
    await set_draining(admin, True)
    again = await set_draining(admin, False)
    call_id = await phone.answered()
    await phone.hang_up(call_id)
    changes = [
        event.node_changed.draining
        for event in phone.tape.events
        if event.HasField("node_changed") and event.node_changed.HasField("draining")
    ]

    assert again.node.state == nodes_pb2.Node.STATE_ACTIVE
    assert changes == [True, False]


async def test_draining_twice_is_told_once(phone: Phone, admin: "AdminServiceAsyncStub") -> None:
    await set_draining(admin, True)
    again = await set_draining(admin, True)
    await set_draining(admin, False)
    await phone.tape.event(
        "node_changed",
        where=lambda e: e.node_changed.HasField("draining") and not e.node_changed.draining,
    )
    changes = [
        event
        for event in phone.tape.events
        if event.HasField("node_changed") and event.node_changed.HasField("draining")
    ]

    assert again.status.confirmation == CONFIRMED
    assert len(changes) == 2


async def a_stream(phone: Phone, name: str) -> AsyncIterator[event_service_pb2.EventsResponse]:
    """An event stream that is in place."""
    stream = phone.events.Events(event_service_pb2.EventsRequest(subscriber_name=name))
    async with asyncio.timeout(DEADLINE_S):
        await stream.initial_metadata()
    return aiter(stream)


async def read_to_the_end(stream: AsyncIterator[event_service_pb2.EventsResponse]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        async for _ in stream:
            pass


async def test_open_streams_are_listed_with_what_they_got(
    phone: Phone, admin: "AdminServiceAsyncStub"
) -> None:
    stream = await a_stream(phone, "second")
    started = await anext(stream)
    call_id = await phone.answered()
    await phone.hang_up(call_id)
    page = await admin.ListSubscriptions(nodes_pb2.ListSubscriptionsRequest(), timeout=DEADLINE_S)
    first, second = page.subscriptions

    assert first.subscriber_name == "contract"
    assert first.sent_events > 0
    assert second.subscriber_name == "second"
    assert second.subscription_id == started.started.subscription_id
    assert second.principal == "anonymous"
    assert second.peer
    assert first.start_time.ToMicroseconds() <= second.start_time.ToMicroseconds()
    assert second.skipped_events == 0


async def test_streams_are_listed_page_by_page(
    phone: Phone, admin: "AdminServiceAsyncStub"
) -> None:
    streams = [await a_stream(phone, f"stream {number}") for number in range(4)]
    names: list[str] = []
    token = ""
    while True:
        page = await admin.ListSubscriptions(
            nodes_pb2.ListSubscriptionsRequest(page_size=2, page_token=token), timeout=DEADLINE_S
        )
        assert len(page.subscriptions) <= 2
        names += [each.subscriber_name for each in page.subscriptions]
        if not (token := page.next_page_token):
            break

    assert names == ["contract", *(f"stream {number}" for number in range(len(streams)))]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (nodes_pb2.ListSubscriptionsRequest(page_size=-1), "page_size"),
        (nodes_pb2.ListSubscriptionsRequest(page_token="mine"), "page_token"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(
    admin: "AdminServiceAsyncStub", request_: nodes_pb2.ListSubscriptionsRequest, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await admin.ListSubscriptions(request_, timeout=DEADLINE_S)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == [field]


async def test_a_stream_that_is_closed_ends_and_says_why(
    phone: Phone, admin: "AdminServiceAsyncStub"
) -> None:
    stream = await a_stream(phone, "doomed")
    stream_id = (await anext(stream)).started.subscription_id
    closed = await admin.CloseSubscription(
        nodes_pb2.CloseSubscriptionRequest(subscription_id=stream_id), timeout=DEADLINE_S
    )
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await read_to_the_end(stream)
    rest = await admin.ListSubscriptions(nodes_pb2.ListSubscriptionsRequest(), timeout=DEADLINE_S)

    assert closed.status.confirmation == CONFIRMED
    assert ended.value.code() == grpc.StatusCode.ABORTED
    assert reason_of(ended.value) == "SUBSCRIPTION_CLOSED"
    assert [each.subscriber_name for each in rest.subscriptions] == ["contract"]


async def test_the_others_hear_on_when_one_stream_is_closed(
    phone: Phone, admin: "AdminServiceAsyncStub"
) -> None:
    stream = await a_stream(phone, "doomed")
    stream_id = (await anext(stream)).started.subscription_id
    await admin.CloseSubscription(
        nodes_pb2.CloseSubscriptionRequest(subscription_id=stream_id), timeout=DEADLINE_S
    )
    call_id = await phone.answered()
    await phone.hang_up(call_id)


async def test_a_stream_that_is_none_cannot_be_closed(admin: "AdminServiceAsyncStub") -> None:
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await admin.CloseSubscription(
            nodes_pb2.CloseSubscriptionRequest(subscription_id="nobody"), timeout=DEADLINE_S
        )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await admin.CloseSubscription(nodes_pb2.CloseSubscriptionRequest(), timeout=DEADLINE_S)

    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(missing.value) == "SUBSCRIPTION_NOT_FOUND"
    assert violated_fields(refused.value) == ["subscription_id"]
