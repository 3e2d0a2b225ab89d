"""What filters let through of the events of a switch that lives."""

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from tests.contract.phone import (
    CONTEXT,
    DEADLINE_S,
    Phone,
    Tape,
    extension,
    loopback,
    new_id,
    reason_of,
    violated_fields,
)

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import common_pb2, event_pb2
from callcontrol.v1 import event_service_pb2 as events_pb2

Filter = events_pb2.EventFilter
ENDS = "CHANNEL_HANGUP_COMPLETE"


def match(**facts: object) -> common_pb2.StringMatch:
    return common_pb2.StringMatch(**facts)  # type: ignore[arg-type]  # test sugar


def is_the_event(event_id: str, event: event_pb2.Event) -> bool:
    return event.event_id == event_id


@asynccontextmanager
async def filtered(phone: Phone, *filters: Filter) -> AsyncIterator[Tape]:
    """What a stream with these filters says, in the FULL view."""
    tape = Tape()
    request = events_pb2.EventsRequest(filters=filters, view=common_pb2.VIEW_FULL)
    stream = phone.events.Events(request)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        recorder = tasks.create_task(tape.record(stream))
        await tape.notice("started")
        yield tape
        recorder.cancel()


async def test_a_filter_on_a_header_and_on_a_variable(phone: Phone) -> None:
    mine = match(exact="mine")
    async with filtered(
        phone,
        Filter(names=[ENDS], headers={"variable_contract_team": mine}),
        Filter(names=["CHANNEL_ANSWER"], headers={"Channel-Name": match(suffix="answer-b")}),
    ) as tape:
        other = await phone.answered(variables={"contract_team": "other"})
        await phone.hang_up(other)
        call_id = await phone.answered(variables={"contract_team": "mine"})
        await phone.hang_up(call_id)
        await tape.event("call_ended", call_id)

    ended = [event.call_id for event in tape.events if event.name == ENDS]
    answered = [event for event in tape.events if event.name != ENDS]
    assert call_id in ended
    assert other not in ended
    assert {
        event.headers["variable_contract_team"] for event in tape.events if event.name == ENDS
    } == {"mine"}
    assert all(event.headers["Channel-Name"].endswith("answer-b") for event in answered)


async def test_a_filter_on_a_label_gives_each_event_of_the_calls_that_have_it(phone: Phone) -> None:
    async with filtered(
        phone, Filter(labels={"team": match(prefix="SALES", ignore_case=True)})
    ) as tape:
        other = await phone.answered(labels={"team": "support"})
        call_id = await phone.answered(labels={"team": "sales-north"})
        await phone.hang_up(other)
        await phone.hang_up(call_id)
        await tape.event("call_ended", call_id)

    assert {event.labels["team"] for event in tape.events} == {"sales-north"}
    assert tape.states(call_id)[-1] == "ENDED"
    assert other not in {event.call_id for event in tape.events}


async def test_a_filter_by_pattern_and_its_contrary_part_all_events_between_them(
    phone: Phone,
) -> None:
    pattern = match(regex="^loopback/(answer|busy)-a$")
    hit, miss = (
        Filter(headers={"Channel-Name": pattern}),
        Filter(headers={"Channel-Name": pattern}, invert=True),
    )
    mine = new_id()
    async with filtered(phone, hit) as inside, filtered(phone, miss) as outside:
        await phone.answered(call_id=mine)
        far = await phone.other_half(mine)
        await phone.hang_up(mine)
        await inside.event("call_ended", mine)
        await outside.event("call_ended", far)
        last = await phone.answered()
        await phone.hang_up(last)
        await inside.event("call_ended", last)
        await outside.event("call_ended", await phone.other_half(last))

    assert {event.call_id for event in inside.events} >= {mine}
    both = {e.event_id for e in inside.events} & {e.event_id for e in outside.events}
    assert not both
    together = {event.event_id for event in (*inside.events, *outside.events)}
    told = {event.event_id for event in phone.tape.events if event.call_id in (mine, far)}
    assert told <= together


async def test_an_array_is_found_by_any_of_its_elements_and_by_the_spelling(phone: Phone) -> None:
    """The switch notes each transfer of a leg in one array."""
    name = "variable_transfer_history"
    spelling, element = match(prefix="ARRAY::"), match(regex=f":park/{CONTEXT}/XML$")
    call_id = await phone.answered()
    both = Filter(call_ids=[call_id], names=["CHANNEL_EXECUTE"], headers={name: spelling})
    first = Filter(call_ids=[call_id], names=["CHANNEL_EXECUTE"], headers={name: element})
    async with filtered(phone, both) as spelled, filtered(phone, first) as found:
        for place in ("park", "answer"):
            request = calls_pb2.TransferRequest(call_id=call_id, destination=extension(place))
            await phone.calls.Transfer(request, timeout=DEADLINE_S)
        executed = await found.where(lambda event: name in event.array_headers)
        await spelled.where(lambda event: event.event_id == executed.event_id)
        await phone.hang_up(call_id)

    one, other = executed.array_headers[name].values
    assert executed.headers[name] == f"ARRAY::{one}|:{other}"
    assert all(event.headers[name].startswith("ARRAY::") for event in spelled.events)


async def test_an_expression_sees_the_event_with_its_meaning_and_its_headers(phone: Phone) -> None:
    expression = """
        event.call_ended.cause.name == "USER_BUSY" && headers["Channel-Name"].endsWith("busy-a")
        || event.call_state_changed.call.state == STATE_PARKED && event.labels.team == "sales"
    """
    one_line = " ".join(expression.split())
    async with filtered(phone, Filter(expression=one_line)) as tape:
        await phone.hang_up(await phone.answered(labels={"team": "support"}))
        parked = await phone.answered(labels={"team": "sales"})
        await phone.hang_up(parked)
        busy = (await phone.originate(loopback("busy"))).call.call_id
        await tape.event("call_ended", busy)

    told = [(event.WhichOneof("payload"), event.call_id) for event in tape.events]
    assert told == [("call_state_changed", parked), ("call_ended", busy)]


async def test_of_filters_that_differ_each_event_comes_once(phone: Phone) -> None:
    mine = new_id()
    every = [
        Filter(call_ids=[mine]),
        Filter(labels={"team": match(exact="sales")}),
        Filter(headers={"Unique-ID": match(exact=mine)}),
        Filter(expression=f'event.call_id == "{mine}"'),
    ]
    async with filtered(phone, *every) as tape:
        await phone.answered(call_id=mine, labels={"team": "sales"})
        await phone.hang_up(mine)
        told = {event.event_id for event in phone.tape.events if event.call_id == mine}
        for event_id in told:
            await tape.where(functools.partial(is_the_event, event_id))

    ids = [event.event_id for event in tape.events]
    assert len(set(ids)) == len(ids)
    assert {event.call_id for event in tape.events if not event.labels} <= {mine}


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Filter(expression="event.nope == 1"), "filters[0].expression"),
        (Filter(expression="event.labels.all(k, true)"), "filters[0].expression"),
        (Filter(expression='headers["X"].matches(headers["Y"])'), "filters[0].expression"),
        (Filter(headers={"Channel-Name": match(regex="(")}), "filters[0].headers[Channel-Name]"),
        (Filter(labels={"team": match()}), "filters[0].labels[team]"),
        (Filter(headers={"no name": match(exact="")}), "filters[0].headers[no name]"),
    ],
)
async def test_a_condition_that_cannot_be_used_is_named(
    phone: Phone, wanted: Filter, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.events.Events(events_pb2.EventsRequest(filters=[wanted])).read()

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(refused.value) == "FILTER_INVALID"
    assert violated_fields(refused.value) == [field]
