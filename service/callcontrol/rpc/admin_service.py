"""AdminService, what operators do to this service itself: drain nodes, see and close streams."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Final

from callcontrol.calls.encoding.grammar import node_id_problem
from callcontrol.calls.offers.ports import WorkerState
from callcontrol.calls.placing.draining import Draining
from callcontrol.deadline import patience_s
from callcontrol.errors import SubscriptionNotFound
from callcontrol.ids import NodeId
from callcontrol.rpc import convert, paging
from callcontrol.rpc.call_handling_service import CallHandlingService
from callcontrol.rpc.event_service import EventService
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.rpc.interceptors import PRINCIPAL
from callcontrol.rpc.open_stream import OpenStream
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import common_pb2, node_service_pb2

log: Final = logging.getLogger(__name__)

_DEFAULT_PAGE: Final = 100
_MAX_PAGE: Final = 1_000
_SCOPE: Final = "subscriptions"
_MAX_ID_LENGTH: Final = 64

_CLOSE_S: Final = 1.0
"""How long to wait for the end of a stream that was closed: its client may not read."""


class AdminService:
    """The methods that are served here. `told_of` gives a node as NodeService tells of it."""

    def __init__(
        self,
        draining: Draining,
        told_of: Callable[[NodeId], node_service_pb2.Node],
        events: EventService,
        handling: CallHandlingService | None = None,
    ) -> None:
        self._draining, self._told_of = draining, told_of
        self._events, self._handling = events, handling

    def handlers(self) -> Handlers:
        """The methods that are served."""
        pb = node_service_pb2
        return {
            "SetNodeDraining": unary(pb.SetNodeDrainingRequest, self.set_node_draining),
            "ListSubscriptions": unary(pb.ListSubscriptionsRequest, self.list_subscriptions),
            "CloseSubscription": unary(pb.CloseSubscriptionRequest, self.close_subscription),
        }

    async def set_node_draining(
        self, request: node_service_pb2.SetNodeDrainingRequest
    ) -> node_service_pb2.SetNodeDrainingResponse:
        """Take no new calls on a node, or take them again. Raises NodeNotFound."""
        Problems().check([("node_id", node_id_problem(request.node_id))])
        node_id = NodeId(request.node_id)
        self._draining.set(node_id, draining=request.draining)
        return node_service_pb2.SetNodeDrainingResponse(
            node=self._told_of(node_id),
            status=common_pb2.CommandStatus(confirmation=common_pb2.CONFIRMATION_CONFIRMED),
        )

    async def list_subscriptions(
        self, request: node_service_pb2.ListSubscriptionsRequest
    ) -> node_service_pb2.ListSubscriptionsResponse:
        """A page of the open streams, the oldest first."""
        problems = Problems()
        asked = paging.read_page(request, _SCOPE, problems, default=_DEFAULT_PAGE, most=_MAX_PAGE)
        problems.check()
        rest = sorted((each for each in self._streams() if _key(each) > asked.after), key=_key)
        page = rest[: asked.size]
        workers = self._workers()
        return node_service_pb2.ListSubscriptionsResponse(
            subscriptions=[_subscription(each, workers.get(each.stream_id)) for each in page],
            next_page_token=asked.next_token(rest, len(page), _key),
        )

    async def close_subscription(
        self, request: node_service_pb2.CloseSubscriptionRequest
    ) -> node_service_pb2.CloseSubscriptionResponse:
        """End a stream. Raises SubscriptionNotFound."""
        Problems().check([("subscription_id", _id_problem(request.subscription_id))])
        stream = self._stream(request.subscription_id)
        stream.close()
        log.info("subscription closed", extra={"subscription_id": stream.stream_id})
        confirmation = common_pb2.CONFIRMATION_CONFIRMED
        try:
            async with asyncio.timeout(patience_s(_CLOSE_S)):
                await stream.ended.wait()
        except TimeoutError:
            confirmation = common_pb2.CONFIRMATION_ACCEPTED
        return node_service_pb2.CloseSubscriptionResponse(
            status=common_pb2.CommandStatus(confirmation=confirmation)
        )

    def _streams(self) -> Iterator[OpenStream]:
        yield from self._events.streams
        if self._handling is not None:
            yield from self._handling.streams

    def _stream(self, stream_id: str) -> OpenStream:
        for stream in self._streams():
            if stream.stream_id == stream_id:
                return stream
        raise SubscriptionNotFound(stream_id)

    def _workers(self) -> dict[str, WorkerState]:
        if self._handling is None:
            return {}
        return {state.worker_id: state for state in self._handling.workers()}


def _key(stream: OpenStream) -> paging.PageKey:
    return stream.started_us, stream.stream_id


def _id_problem(value: str) -> str | None:
    if value and len(value) <= _MAX_ID_LENGTH and value.isascii() and value.isprintable():
        return None
    return "must be the id of a subscription, as ListSubscriptions tells it"


def _subscription(stream: OpenStream, worker: WorkerState | None) -> node_service_pb2.Subscription:
    return node_service_pb2.Subscription(
        subscription_id=stream.stream_id,
        subscriber_name=stream.name,
        principal=PRINCIPAL,
        peer=stream.peer,
        start_time=convert.timestamp(stream.started_us),
        sent_events=stream.sent_events,
        skipped_events=stream.skipped_events,
        lag_events=stream.lag_events,
        lag=convert.duration_s(stream.lag_s),
        worker=None if worker is None else _worker(worker),
    )


def _worker(state: WorkerState) -> node_service_pb2.SubscribedWorker:
    return node_service_pb2.SubscribedWorker(
        applications=sorted(state.applications),
        max_calls=state.max_calls,
        owned_calls=state.owned,
        offered_calls=state.offered,
        draining=state.draining,
    )
