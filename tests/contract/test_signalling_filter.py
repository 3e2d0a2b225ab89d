"""HangupCalls and the filter of ListCalls: which calls an expression picks, and their end."""

import grpc
import pytest
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    State,
    new_id,
    reason_of,
    sip,
    violated_fields,
)
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import common_pb2, error_reason_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED


async def labelled(phone: Phone, count: int) -> tuple[str, list[str]]:
    """Some calls with a label of their own, as other calls may be on the switch."""
    team = new_id()
    calls = [
        await phone.answered(
            over=sip, labels={"team": team}, variables={"contract_place": str(place)}
        )
        for place in range(count)
    ]
    return team, calls


def of(team: str) -> str:
    return f'call.labels["team"] == "{team}"'


async def end(phone: Phone, expression: str, **fields: object) -> calls_pb2.HangupCallsResponse:
    request = calls_pb2.HangupCallsRequest(filter=expression)
    request.MergeFrom(calls_pb2.HangupCallsRequest(**fields))  # type: ignore[arg-type]  # test sugar
    return await phone.calls.HangupCalls(request, timeout=DEADLINE_S)


async def listed(phone: Phone, expression: str) -> list[str]:
    request = calls_pb2.ListCallsRequest(filter=expression, page_size=1)
    found: list[str] = []
    while True:
        page = await phone.calls.ListCalls(request, timeout=DEADLINE_S)
        found += [call.call_id for call in page.calls]
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def test_each_call_that_the_filter_picks_ends_and_no_other(phone: Phone) -> None:
    team, calls = await labelled(phone, 3)
    other = await phone.answered(labels={"team": "another"})
    ended = await end(phone, of(team), cause="CALL_REJECTED")
    causes = [
        (await phone.tape.event("call_ended", call_id)).call_ended.cause.name for call_id in calls
    ]
    rest = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=other), timeout=DEADLINE_S)
    await phone.hang_up(other)

    assert ended.status.confirmation == CONFIRMED
    assert sorted(ended.call_ids) == sorted(calls)
    assert ended.matched_count == 3
    assert list(ended.unended) == []
    assert causes == ["CALL_REJECTED"] * 3
    assert rest.call.state == State.STATE_PARKED


async def test_a_call_whose_id_no_command_can_carry_keeps_no_other_from_its_end(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    team, (call_id,) = await labelled(phone, 1)
    strange = f"strange=({new_id()})"
    variables = f"{{origination_uuid={strange},cc_label_team={team}}}"
    async with await RawClient.connect(switch.host, switch.port) as other:
        await other.log_in(switch.password)
        await other.ask(f"api originate {variables}loopback/answer/callcontrol &park")
        await phone.tape.event(
            "call_state_changed",
            strange,
            lambda event: event.call_state_changed.call.state == State.STATE_PARKED,
        )
        ended = await end(phone, of(team))
        await other.ask(f"api uuid_kill {strange}")

    assert call_id in ended.call_ids
    assert [(each.call_id, each.reason) for each in ended.unended] == [
        (strange, error_reason_pb2.ERROR_REASON_INVALID_REQUEST)
    ]


async def test_calls_are_counted_and_go_on(phone: Phone) -> None:
    team, calls = await labelled(phone, 2)
    counted = await end(phone, of(team), validate_only=True, max_calls=1)
    after = await listed(phone, of(team))
    await end(phone, of(team))

    assert counted.matched_count == 2
    assert sorted(counted.call_ids) == sorted(after) == sorted(calls)


async def test_more_calls_than_the_request_allows_and_none_ends(phone: Phone) -> None:
    team, calls = await labelled(phone, 2)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await end(phone, of(team), max_calls=1)
    after = await listed(phone, of(team))
    await end(phone, of(team))

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "TOO_MANY_CALLS"
    assert sorted(after) == sorted(calls)


async def test_a_filter_that_picks_nothing_ends_nothing(phone: Phone) -> None:
    ended = await end(phone, of(new_id()))

    assert list(ended.call_ids) == []
    assert ended.matched_count == 0


async def test_calls_are_listed_by_label_state_and_variable(phone: Phone) -> None:
    team, calls = await labelled(phone, 3)
    ringing = (
        await phone.originate(
            sip("ring"), wait_until=calls_pb2.WAIT_UNTIL_RINGING, labels={"team": team}
        )
    ).call.call_id
    found = [
        await listed(phone, expression)
        for expression in (
            of(team),
            f"{of(team)} && call.state == STATE_PARKED",
            f"{of(team)} && call.state != STATE_PARKED",
            f'{of(team)} && call.variables["contract_place"] == "1"',
            f"{of(team)} && call.direction == DIRECTION_OUTBOUND && has(call.answer_time)",
            f'{of(team)} && call.channel_name.matches("^sofia/internal/ring")',
        )
    ]
    await end(phone, of(team))

    assert sorted(found[0]) == sorted([*calls, ringing])
    assert sorted(found[1]) == sorted(calls)
    assert found[2] == [ringing]
    assert found[3] == [calls[1]]
    assert sorted(found[4]) == sorted(calls)
    assert found[5] == [ringing]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("call.nope == 1", "at character 5"),
        ("call.call_id ==", "at character 16"),
        ("call.call_id", "of type"),
        ("call.variables.exists(k, true)", "at character 16"),
        ("(" * 200 + "true" + ")" * 200, "nested"),
        ("true\n", "line breaks"),
        ("true ||" * 400 + "true", "bytes"),
    ],
)
async def test_a_filter_that_is_none_is_refused_with_the_place(
    phone: Phone, expression: str, words: str
) -> None:
    for request in (end(phone, expression), listed(phone, expression)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await request
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert violated_fields(refused.value) == ["filter"]
        assert words in str(refused.value.details())


async def test_hanging_up_everything_must_be_said(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await end(phone, "")

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["filter"]


@pytest.mark.parametrize(
    ("fields", "field"), [({"cause": "BECAUSE"}, "cause"), ({"max_calls": -1}, "max_calls")]
)
async def test_a_malformed_request_ends_nothing(
    phone: Phone, fields: dict[str, object], field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await end(phone, "true", **fields)

    assert violated_fields(refused.value) == [field]
