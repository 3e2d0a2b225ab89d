"""Calling several endpoints: one after the other, and all at once."""

import asyncio
import contextlib
import uuid

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    State,
    extension,
    loopback,
    new_id,
    parked,
    sip,
    violated_fields,
)

from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2

SEQUENTIAL = pb.OriginateRequest.STRATEGY_SEQUENTIAL
SIMULTANEOUS = pb.OriginateRequest.STRATEGY_SIMULTANEOUS
ANSWERED, BUSY, REJECTED = (
    pb.DISPOSITION_ANSWERED,
    pb.DISPOSITION_BUSY,
    pb.DISPOSITION_REJECTED,
)
NO_ANSWER, CANCELED = pb.DISPOSITION_NO_ANSWER, pb.DISPOSITION_CANCELED
UNTRIED = pb.DISPOSITION_UNSPECIFIED

AWKWARD = {
    "w0": "it's",
    "w1": "'",
    "w2": "a,b",
    "w3": "back\\slash\\",
    "w4": 'say "x"',
    "w5": " edges ",
    "w6": "a|b:c;d=e^^f",
    "w7": "<(100%)> & $5 $$x",
    "w8": "\\',\\|\\s\\n",
    "w9": "Zoë",
}
"""Values of all that the dialler gives a meaning to."""


async def originate(
    phone: Phone, *endpoints: call_pb2.Endpoint, **fields: object
) -> pb.OriginateResponse:
    """Call several, and wait for the outcome."""
    request = pb.OriginateRequest(
        endpoints=endpoints, destination=parked(), wait_until=pb.WAIT_UNTIL_ANSWERED
    )
    request.MergeFrom(pb.OriginateRequest(**fields))  # type: ignore[arg-type]  # test sugar
    return await phone.calls.Originate(request, timeout=DEADLINE_S)


def leg_id(call_id: str, place: int) -> str:
    return str(uuid.uuid5(uuid.UUID(call_id), str(place)))


def dispositions(response: pb.OriginateResponse) -> list[int]:
    return [leg.disposition for leg in response.legs]


async def variables(phone: Phone, call_id: str) -> dict[str, str]:
    request = pb.GetCallRequest(call_id=call_id, view=common_pb2.VIEW_FULL)
    response = await phone.calls.GetCall(request, timeout=DEADLINE_S)
    return dict(response.call.variables)


async def test_the_next_endpoint_is_called_when_one_is_busy(phone: Phone) -> None:
    call_id = new_id()
    response = await originate(
        phone,
        loopback("busy"),
        loopback("reject"),
        loopback("answer"),
        loopback("ring"),
        call_id=call_id,
        strategy=SEQUENTIAL,
    )
    ids = [call_id, *(leg_id(call_id, place) for place in (1, 2, 3))]
    last = await phone.tape.event("call_ended", ids[3])
    await phone.hang_up(ids[2])

    assert response.disposition == ANSWERED
    assert response.call.call_id == ids[2]
    assert [leg.call_id for leg in response.legs] == ids
    assert dispositions(response) == [BUSY, REJECTED, ANSWERED, UNTRIED]
    assert response.legs[0].hangup_cause.name == "USER_BUSY"
    assert not last.call_ended.HasField("cause")
    for ended in ids[:2]:
        await phone.tape.event("call_ended", ended)


async def test_the_first_to_answer_wins_and_the_others_are_given_up(phone: Phone) -> None:
    call_id = new_id()
    response = await originate(
        phone,
        loopback("ring"),
        loopback("ring-answer"),
        loopback("busy"),
        call_id=call_id,
        strategy=SIMULTANEOUS,
    )
    loser = await phone.tape.event("call_ended", call_id)
    await phone.hang_up(leg_id(call_id, 1))

    assert response.disposition == ANSWERED
    assert response.call.call_id == leg_id(call_id, 1)
    assert response.legs[1].disposition == ANSWERED
    assert response.legs[2].disposition == BUSY
    assert loser.call_ended.cause.name == "LOSE_RACE"


async def test_nobody_of_several_answers(phone: Phone) -> None:
    call_id = new_id()
    response = await originate(
        phone, loopback("reject"), loopback("busy"), call_id=call_id, strategy=SEQUENTIAL
    )

    assert response.disposition == BUSY
    assert response.hangup_cause.name == "USER_BUSY"
    assert dispositions(response) == [REJECTED, BUSY]
    for place in range(2):
        ended = call_id if place == 0 else leg_id(call_id, place)
        await phone.tape.event("call_ended", ended)


async def test_nobody_of_several_that_ring_at_once_answers(phone: Phone) -> None:
    call_id = new_id()
    response = await originate(
        phone,
        loopback("ring"),
        loopback("busy"),
        call_id=call_id,
        strategy=SIMULTANEOUS,
        ring_timeout=Duration(seconds=2),
    )

    assert response.disposition == NO_ANSWER
    assert response.call.call_id == call_id
    assert dispositions(response) == [NO_ANSWER, BUSY]


async def test_a_leg_has_a_time_of_its_own_to_ring(phone: Phone) -> None:
    call_id = new_id()
    impatient = loopback("ring")
    impatient.ring_timeout.FromSeconds(1)
    response = await originate(
        phone, impatient, loopback("answer"), call_id=call_id, strategy=SEQUENTIAL
    )
    await phone.hang_up(leg_id(call_id, 1))

    assert response.call.call_id == leg_id(call_id, 1)
    assert dispositions(response) == [NO_ANSWER, ANSWERED]
    assert response.legs[0].hangup_cause.name == "ALLOTTED_TIMEOUT"


async def test_the_time_for_all_counts_from_the_first_endpoint(phone: Phone) -> None:
    call_id = new_id()
    endpoints = [loopback("ring") for _ in range(4)]
    for endpoint in endpoints:
        endpoint.ring_timeout.FromSeconds(2)
    response = await originate(
        phone,
        *endpoints,
        call_id=call_id,
        strategy=SEQUENTIAL,
        ring_timeout=Duration(seconds=3),
    )

    assert response.disposition == NO_ANSWER
    assert response.hangup_cause.name == "NO_PICKUP"
    assert response.legs[3].disposition == UNTRIED
    await phone.tape.event("call_ended", leg_id(call_id, 3))


async def test_early_media_of_one_is_no_answer_of_several(phone: Phone) -> None:
    call_id = new_id()
    response = await originate(
        phone,
        loopback("early"),
        loopback("ring-answer-2"),
        call_id=call_id,
        strategy=SIMULTANEOUS,
    )
    await phone.hang_up(leg_id(call_id, 1))

    assert response.disposition == ANSWERED
    assert response.call.call_id == leg_id(call_id, 1)


async def test_ringing_of_one_is_ringing_of_several(phone: Phone) -> None:
    call_id = new_id()
    response = await originate(
        phone,
        loopback("busy"),
        loopback("ring-answer-2"),
        call_id=call_id,
        strategy=SEQUENTIAL,
        wait_until=pb.WAIT_UNTIL_RINGING,
    )
    second = leg_id(call_id, 1)
    await phone.tape.event(
        "call_state_changed",
        second,
        lambda e: e.call_state_changed.call.state == State.STATE_PARKED,
    )
    await phone.hang_up(second)

    assert response.call.call_id == second
    assert response.call.state == State.STATE_RINGING
    assert dispositions(response) == [BUSY, UNTRIED]


@pytest.mark.parametrize("strategy", [SEQUENTIAL, SIMULTANEOUS])
async def test_a_leg_that_the_switch_cannot_make_is_passed_over(
    phone: Phone, strategy: int
) -> None:
    call_id = new_id()
    nowhere = call_pb2.Endpoint(gateway=call_pb2.GatewayNumber(gateway="nosuch", number="4711"))
    response = await originate(
        phone, nowhere, loopback("answer"), call_id=call_id, strategy=strategy
    )
    await phone.tape.event("call_ended", call_id)
    await phone.hang_up(leg_id(call_id, 1))

    assert response.disposition == ANSWERED
    assert response.call.call_id == leg_id(call_id, 1)


async def test_no_leg_can_be_made(phone: Phone) -> None:
    call_id = new_id()
    nowhere = call_pb2.Endpoint(gateway=call_pb2.GatewayNumber(gateway="nosuch", number="4711"))
    response = await originate(phone, nowhere, nowhere, call_id=call_id)

    assert response.hangup_cause.name == "INVALID_GATEWAY"
    assert [leg.hangup_cause.name for leg in response.legs] == ["INVALID_GATEWAY"] * 2
    await phone.tape.event("call_ended", call_id)
    await phone.tape.event("call_ended", leg_id(call_id, 1))


@pytest.mark.parametrize("strategy", [SEQUENTIAL, SIMULTANEOUS])
async def test_awkward_values_of_legs_arrive_as_they_were(phone: Phone, strategy: int) -> None:
    call_id = new_id()
    first, second = loopback("answer"), loopback("busy")
    first.variables.update(AWKWARD)
    second.variables.update({name: value[::-1] for name, value in AWKWARD.items()})
    await originate(
        phone,
        first,
        second,
        call_id=call_id,
        strategy=strategy,
        variables={"w0": "for all", "everywhere": "a, 'b'"},
        labels={"team": "a|b,c"},
    )
    read = await variables(phone, call_id)
    await phone.hang_up(call_id)

    assert {name: read[name] for name in AWKWARD} == AWKWARD
    assert read["everywhere"] == "a, 'b'"
    assert read["cc_label_team"] == "a|b,c"


async def test_the_variables_of_one_leg_are_not_those_of_another(phone: Phone) -> None:
    call_id = new_id()
    first, second = loopback("busy"), loopback("answer")
    first.variables["mine"] = "first"
    second.variables["mine"] = "second"
    await originate(phone, first, second, call_id=call_id, strategy=SEQUENTIAL)
    ended = await variables(phone, call_id)
    answered = await variables(phone, leg_id(call_id, 1))
    await phone.hang_up(leg_id(call_id, 1))

    assert ended["mine"] == "first"
    assert answered["mine"] == "second"


@pytest.mark.parametrize("value", ["[", "]", "a[0]", "}", "${x}", ":_:"])
async def test_what_a_leg_cannot_carry_is_refused(phone: Phone, value: str) -> None:
    awkward = loopback("answer")
    awkward.variables["v"] = value
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await originate(phone, loopback("busy"), awkward)

    assert violated_fields(refused.value) == ["endpoints[1].variables[v]"]


@pytest.mark.parametrize("strategy", [SEQUENTIAL, SIMULTANEOUS])
async def test_a_client_that_goes_away_ends_every_leg(phone: Phone, strategy: int) -> None:
    call_id = new_id()
    legs = [call_id, *(leg_id(call_id, place) for place in (1, 2))]
    calling = asyncio.create_task(
        originate(
            phone,
            loopback("ring"),
            loopback("ring"),
            loopback("answer-8"),
            call_id=call_id,
            strategy=strategy,
            hangup_on_cancel=True,
        )
    )
    await phone.tape.event(
        "call_state_changed",
        call_id,
        lambda e: e.call_state_changed.call.state == State.STATE_RINGING,
    )
    calling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await calling
    for each in legs:
        await phone.tape.event("call_ended", each)

    made = {event.call_id for event in phone.tape.events if event.name == "CHANNEL_CREATE"}
    assert call_id in made
    assert (legs[1] in made) is (strategy == SIMULTANEOUS)


async def test_the_end_of_one_leg_goes_on_to_the_next(phone: Phone) -> None:
    call_id = new_id()
    calling = asyncio.create_task(
        originate(phone, loopback("ring"), loopback("answer"), call_id=call_id, strategy=SEQUENTIAL)
    )
    await phone.tape.event(
        "call_state_changed",
        call_id,
        lambda e: e.call_state_changed.call.state == State.STATE_RINGING,
    )
    await phone.hang_up(call_id)
    response = await calling
    await phone.hang_up(leg_id(call_id, 1))

    assert response.call.call_id == leg_id(call_id, 1)


async def test_several_over_sip(phone: Phone) -> None:
    call_id = new_id()
    response = await originate(
        phone,
        sip("busy"),
        sip("answer"),
        call_id=call_id,
        strategy=SEQUENTIAL,
        destination=extension("hangup-after-1"),
    )
    first = await phone.tape.event("call_ended", call_id)
    await phone.tape.event("call_ended", leg_id(call_id, 1))

    assert response.call.call_id == leg_id(call_id, 1)
    assert first.call_ended.cause.sip_code == 486


async def test_too_many_endpoints_are_refused(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await originate(phone, *([loopback("answer")] * 65))

    assert violated_fields(refused.value) == ["endpoints"]
