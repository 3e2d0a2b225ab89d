"""EventService: CheckFilter, which tries filters on events that the client has at hand."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from callcontrol.calls.picture import translate
from callcontrol.errors import InvalidFilter, InvalidRequest, Violation
from callcontrol.events.asking import problem_of
from callcontrol.events.event import Event, HeaderValue, Position
from callcontrol.events.filter import EventFilter, compile_filters, conditions_of
from callcontrol.events.filter_cost import COST_LIMIT, cost_of
from callcontrol.events.topics import Topic, topic_of
from callcontrol.ids import CallId, CoreUuid, EventId, NodeId
from callcontrol.rpc.event_filter import FilterReader, require_nodes
from callcontrol.rpc.handlers import Handlers, unary
from callcontrol.v1 import call_pb2, event_pb2, event_service_pb2

MAX_SAMPLES: Final = 100

_Topics = event_service_pb2.FilterReport.Topic
_TOPICS: Final[Mapping[Topic, _Topics.ValueType]] = {
    topic: _Topics.Value(f"TOPIC_{topic.name}") for topic in Topic
}


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
        """What the filters cost, which samples they pass, and where each would be asked."""
        wanted = self._filters.read(request.filters)
        if len(request.samples) > MAX_SAMPLES:
            raise InvalidRequest([Violation("samples", f"may be at most {MAX_SAMPLES}")])
        require_nodes(wanted, self._knows_node)
        answer = event_service_pb2.CheckFilterResponse(
            cost=cost_of(wanted),
            cost_limit=COST_LIMIT,
            filters=[_report(f"filters[{at}]", each) for at, each in enumerate(wanted)],
        )
        trials = [Trial(each, report) for each, report in zip(wanted, answer.filters, strict=True)]
        for sample in request.samples:
            answer.matches.append(_try(trials, _event(sample)))
            await asyncio.sleep(0)  # a hundred samples may take as many milliseconds
        return answer


class Trial:
    """A filter that is tried on samples, and the report of it."""

    def __init__(self, wanted: EventFilter, report: event_service_pb2.FilterReport) -> None:
        self._report = report
        self._accepts = compile_filters(frozenset({wanted}))
        self._conditions = [
            compile_filters(frozenset({condition})) for _, condition in conditions_of(wanted)
        ]

    def ask(self, event: Event) -> bool:
        """Whether it holds. Raises InvalidFilter where one condition takes far too long."""
        for accepts, report in zip(self._conditions, self._report.conditions, strict=True):
            if problem := problem_of(accepts, report.cost, event):
                raise InvalidFilter([Violation(report.field, problem)])
            report.holds.append(accepts(event))
        holds = self._accepts(event)
        self._report.matches.append(holds)
        return holds


def _try(trials: Sequence[Trial], event: Event) -> bool:
    """Whether at least one holds; each is asked. No filters at all hold for everything."""
    outcomes = [trial.ask(event) for trial in trials]
    return any(outcomes) or not outcomes


def _report(place: str, wanted: EventFilter) -> event_service_pb2.FilterReport:
    return event_service_pb2.FilterReport(
        topic=_TOPICS[topic_of(wanted)],
        cost=cost_of([wanted]),
        conditions=[
            event_service_pb2.ConditionReport(field=f"{place}.{field}", cost=cost_of([condition]))
            for field, condition in conditions_of(wanted)
        ],
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
