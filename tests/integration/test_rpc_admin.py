"""What operators see of event streams and do to them, also where a client does not read."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest_asyncio
from tests.support.raw_http2 import peer_without_window
from tests.support.rpc import Replica, refusal_of, replica
from tests.support.streams import stalled

from callcontrol.events.ring import LogLimits
from callcontrol.v1 import common_pb2
from callcontrol.v1 import event_service_pb2 as events_pb2
from callcontrol.v1 import node_service_pb2 as pb
from callcontrol.v1.node_service_pb2_grpc import AdminServiceStub

EVENTS = "/callcontrol.v1.EventService/Events"
FULL = events_pb2.EventsRequest(view=common_pb2.VIEW_FULL, subscriber_name="deaf")


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Replica]:
    async with replica(limits=LogLimits(max_events=20)) as running:
        yield running


async def subscriptions(served: Replica) -> list[pb.Subscription]:
    """All of them."""
    page = await AdminServiceStub(served.channel).ListSubscriptions(pb.ListSubscriptionsRequest())
    return list(page.subscriptions)


async def close(served: Replica, subscription_id: str) -> common_pb2.Confirmation.ValueType:
    """How far it was closed."""
    request = pb.CloseSubscriptionRequest(subscription_id=subscription_id)
    response = await AdminServiceStub(served.channel).CloseSubscription(request, timeout=5)
    return response.status.confirmation


async def test_a_stream_that_is_behind_is_seen_to_be(served: Replica) -> None:
    async with peer_without_window(served.port, EVENTS, FULL.SerializeToString()):
        for _ in range(5):
            served.tell(served.switch.event("CUSTOM", {}))
        (behind,) = await subscriptions(served)
        assert behind.subscriber_name == "deaf"
        assert behind.lag_events == 5
        assert behind.lag.ToMicroseconds() > 0
        assert behind.sent_events == 0


async def test_the_events_of_a_message_that_nobody_takes_are_behind_too(served: Replica) -> None:
    stream = await stalled(served, FULL)
    (behind,) = await subscriptions(served)
    (open_stream,) = served.server.streams
    assert behind.sent_events + behind.lag_events == served.log.next_number - 1
    assert behind.lag.ToMicroseconds() > 0
    assert open_stream.stalled_s > 0
    stream.cancel()


async def test_a_stream_whose_client_does_not_read_is_closed_as_far_as_it_can_be(
    served: Replica,
) -> None:
    async with peer_without_window(served.port, EVENTS, FULL.SerializeToString()):
        (deaf,) = await subscriptions(served)
        reached = await close(served, deaf.subscription_id)
        assert reached == common_pb2.CONFIRMATION_ACCEPTED
        assert not served.log.subscriptions  # its place in the history is free all the same


async def test_a_stream_that_is_closed_can_be_closed_again_until_it_is_gone(
    served: Replica,
) -> None:
    async with peer_without_window(served.port, EVENTS, FULL.SerializeToString()):
        (deaf,) = await subscriptions(served)
        await close(served, deaf.subscription_id)
        assert await close(served, deaf.subscription_id) == common_pb2.CONFIRMATION_ACCEPTED
    async with asyncio.timeout(5):
        while await subscriptions(served):  # noqa: ASYNC110  its end is told to nobody
            await asyncio.sleep(0)
    gone = await refusal_of(close(served, deaf.subscription_id))
    assert (gone.code, gone.reason) == (grpc.StatusCode.NOT_FOUND, "SUBSCRIPTION_NOT_FOUND")
