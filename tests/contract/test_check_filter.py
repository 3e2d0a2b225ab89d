"""CheckFilter: what filters cost and pass, before anybody subscribes with them."""

from collections.abc import Callable

import grpc
import pytest
from tests.contract.phone import DEADLINE_S, Phone, loopback, reason_of, violated_fields
from tests.contract.test_event_filters import Filter, filtered, match

from callcontrol.v1 import event_pb2
from callcontrol.v1 import event_service_pb2 as events_pb2


async def check(
    phone: Phone, *filters: Filter, samples: list[event_pb2.Event] | None = None
) -> events_pb2.CheckFilterResponse:
    request = events_pb2.CheckFilterRequest(filters=filters, samples=samples or [])
    return await phone.events.CheckFilter(request, timeout=DEADLINE_S)


async def test_samples_pass_exactly_as_they_would_have_come(phone: Phone) -> None:
    """All events of a call, as a stream without filters told them, and each kind of filter."""
    async with filtered(phone) as everything:
        call_id = await phone.answered(labels={"team": "sales"}, variables={"contract_x": "1"})
        await phone.hang_up(call_id)
        await phone.originate(loopback("busy"))
        await everything.where(lambda e: e.call_ended.cause.name == "USER_BUSY")
    samples = everything.events[-100:]
    names = {event.name for event in samples}
    by_hand: list[tuple[Filter, Callable[[event_pb2.Event], bool]]] = [
        (Filter(names=["CHANNEL_ANSWER"]), lambda e: e.name == "CHANNEL_ANSWER"),
        (Filter(call_ids=[call_id]), lambda e: e.call_id == call_id),
        (Filter(labels={"team": match(suffix="les")}), lambda e: e.labels.get("team") == "sales"),
        (
            Filter(headers={"variable_contract_x": match(present=True)}),
            lambda e: "variable_contract_x" in e.headers,
        ),
        (
            Filter(expression="has(event.call_ended)", invert=True),
            lambda e: not e.HasField("call_ended"),
        ),
    ]

    assert {"CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"} <= names
    for wanted, passes in by_hand:
        answer = await check(phone, wanted, samples=samples)
        assert list(answer.matches) == [passes(event) for event in samples], wanted


async def test_of_each_filter_it_is_told_where_it_is_asked_and_which_condition_holds(
    phone: Phone,
) -> None:
    sales = event_pb2.Event(name="CHANNEL_ANSWER", labels={"team": "sales"})
    idle = event_pb2.Event(name="HEARTBEAT", headers={"Session-Count": "0"})
    labelled = Filter(
        names=["CHANNEL_ANSWER"],
        labels={"team": match(exact="sales")},
        headers={"Session-Count": match(regex="^[0-9]+$", invert=True)},
    )
    by_hand = Filter(expression='headers["Session-Count"] == "0"', invert=True)
    answer = await check(phone, labelled, by_hand, samples=[sales, idle])
    first, second = answer.filters

    assert list(answer.matches) == [True, False]
    assert (list(first.matches), list(second.matches)) == ([True, False], [True, False])
    assert first.topic == events_pb2.FilterReport.TOPIC_LABEL
    assert second.topic == events_pb2.FilterReport.TOPIC_EVERYTHING
    assert {each.field: list(each.holds) for each in (*first.conditions, *second.conditions)} == {
        "filters[0].names": [True, False],
        "filters[0].headers[Session-Count]": [True, False],
        "filters[0].labels[team]": [True, False],
        "filters[1].expression": [False, True],
    }
    assert answer.cost == first.cost + second.cost
    assert all(0 < each.cost <= first.cost for each in first.conditions)


async def test_the_cost_is_told_with_the_most_that_a_filter_may_cost(phone: Phone) -> None:
    nothing = await check(phone)
    cheap = await check(phone, Filter(names=["CHANNEL_ANSWER"]))
    dear = await check(phone, Filter(expression='headers["X"].matches("^a")'))

    assert nothing.cost == 0
    assert 0 < cheap.cost < dear.cost < dear.cost_limit
    assert list(cheap.matches) == []


async def test_a_filter_that_costs_too_much_is_refused_with_its_cost(phone: Phone) -> None:
    wanted = Filter(expression=" && ".join(["headers == headers"] * 50))
    with pytest.raises(grpc.aio.AioRpcError, match="may cost at most 1000") as refused:
        await check(phone, wanted)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(refused.value) == "FILTER_INVALID"
    assert violated_fields(refused.value) == ["filters"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Filter(names=["channel answer"]), "filters[0].names[0]"),
        (Filter(headers={"X": match(regex="(?=a)")}), "filters[0].headers[X]"),
        (Filter(expression="event.name"), "filters[0].expression"),
    ],
)
async def test_what_events_would_refuse_is_refused_here(
    phone: Phone, wanted: Filter, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await check(phone, wanted)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(refused.value) == "FILTER_INVALID"
    assert violated_fields(refused.value) == [field]


async def test_a_node_that_is_none_is_not_found(
    phone: Phone,
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await check(phone, Filter(node_ids=["nowhere"]))

    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(missing.value) == "NODE_NOT_FOUND"


async def test_too_many_samples_are_refused(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await check(phone, samples=[event_pb2.Event()] * 101)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["samples"]
