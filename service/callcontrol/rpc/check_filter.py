"""EventService: CheckFilter, which tries filters on events that the client has at hand."""

from collections.abc import Callable
from typing import Final

from callcontrol.calls.picture import translate
from callcontrol.errors import InvalidRequest, Violation
from callcontrol.events.event import Event, HeaderValue, Position
from callcontrol.events.filter import compile_filters
from callcontrol.events.filter_cost import COST_LIMIT, cost_of
from callcontrol.ids import CallId, CoreUuid, EventId, NodeId
from callcontrol.rpc.event_filter import FilterReader, require_nodes
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.v1 import call_pb2, event_pb2, event_service_pb2

MAX_SAMPLES: Final = 100


class CheckFilterService:
    """Reads filters as Events does, with the same errors, and subscribes to nothing."""

    def __init__(self, filters: FilterReader, knows_node: Callable[[NodeId], object]) -> None:
        self._filters, self._knows_node = filters, knows_node

    def handlers(self) -> Handlers:
        """The method that is served here."""
        return {"CheckFilter": unary(event_service_pb2.CheckFilterRequest, self.check_filter)}

    async def check_filter(
        self, request: event_service_pb2.CheckFilterRequest
    ) -> event_service_pb2.CheckFilterResponse:
        """What the filters cost, and which samples they pass."""
        wanted = self._filters.read(request.filters)
        if len(request.samples) > MAX_SAMPLES:
            raise InvalidRequest([Violation("samples", f"may be at most {MAX_SAMPLES}")])
        require_nodes(wanted, self._knows_node)
        accepts = compile_filters(frozenset(wanted))
        return event_service_pb2.CheckFilterResponse(
            matches=[accepts(_event(sample)) for sample in request.samples],
            cost=cost_of(frozenset(wanted)),
            cost_limit=COST_LIMIT,
        )


def _event(sample: event_pb2.Event) -> Event:
    """The event that a client would have been sent like this."""
    headers: dict[str, HeaderValue] = dict(sample.headers)
    headers |= {name: list(array.values) for name, array in sample.array_headers.items()}
    message = event_pb2.Event()
    message.CopyFrom(sample)
    for field in ("headers", "array_headers", "body"):
        message.ClearField(field)
    position = sample.position
    call_id = CallId(sample.call_id) if sample.call_id else None
    return Event(
        event_id=EventId(sample.event_id),
        position=Position(
            NodeId(position.node_id), CoreUuid(position.core_uuid), position.sequence, 0
        ),
        name=sample.name,
        received_us=0,
        subclass=sample.subclass,
        call_id=call_id,
        peer_call_ids=translate.peers_of(headers, sample.name, call_id, _partner(sample)),
        labels=dict(sample.labels),
        headers=headers,
        payload=message,
    )


def _partner(sample: event_pb2.Event) -> CallId | None:
    """The other leg that its typed part tells of."""
    match sample.WhichOneof("payload"):
        case "call_bridged" | "call_unbridged" as kind:
            bridge: event_pb2.CallBridged | event_pb2.CallUnbridged = getattr(sample, kind)
            either = {bridge.call_id, bridge.peer_call_id} - {sample.call_id, ""}
            return CallId(min(either)) if either else None
        case "call_created" | "call_state_changed" | "call_ended" | "call_snapshot" as kind:
            call: call_pb2.Call = getattr(sample, kind).call
            return CallId(call.bridged_call_id) if call.bridged_call_id else None
        case _:
            return None
