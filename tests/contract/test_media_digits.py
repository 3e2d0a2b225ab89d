"""Collecting digits: how it can end, and what comes back each time."""

import asyncio
from collections.abc import Callable

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    loopback,
    new_id,
    parked,
    reason_of,
    sip,
    violated_fields,
)

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2, event_pb2

Response = calls_pb2.CollectDigitsResponse
CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED


def tone(milliseconds: int = 200) -> common_pb2.MediaSource:
    return common_pb2.MediaSource(tone_stream=f"%({milliseconds},0,440)")


def asking(call_id: str, **fields: object) -> calls_pb2.CollectDigitsRequest:
    request = calls_pb2.CollectDigitsRequest(
        call_id=call_id, min_digits=1, max_digits=4, timeout=Duration(seconds=1)
    )
    request.MergeFrom(calls_pb2.CollectDigitsRequest(**fields))  # type: ignore[arg-type]  # test sugar
    return request


class Asked:
    """A collection under way on a leg."""

    def __init__(self, phone: Phone, call_id: str, **fields: object) -> None:
        self.phone, self.call_id = phone, call_id
        self.call = phone.calls.CollectDigits(asking(call_id, **fields), timeout=DEADLINE_S)

    async def begun(self) -> event_pb2.Event:
        return await self.phone.tape.event(
            "application_started",
            self.call_id,
            lambda e: e.application_started.application.name == "play_and_get_digits",
        )

    async def typed(self, digits: str) -> None:
        request = calls_pb2.SendDtmfRequest(call_id=self.call_id, digits=digits, as_received=True)
        await self.phone.calls.SendDtmf(request, timeout=DEADLINE_S)

    async def answer(self) -> calls_pb2.CollectDigitsResponse:
        response: calls_pb2.CollectDigitsResponse = await self.call
        return response


async def collected(
    phone: Phone, typed: str, **fields: object
) -> tuple[str, calls_pb2.CollectDigitsResponse]:
    """The leg, which has ended, and what was collected from it when this was typed."""
    call_id = await phone.answered()
    asked = Asked(phone, call_id, **fields)
    await asked.begun()
    if typed:
        await asked.typed(typed)
    response = await asked.answer()
    await phone.hang_up(call_id)
    return call_id, response


def digits_heard(phone: Phone, call_id: str) -> str:
    return "".join(
        event.dtmf_received.digit
        for event in phone.tape.events
        if event.call_id == call_id and event.WhichOneof("payload") == "dtmf_received"
    )


async def test_enough_digits_end_the_entry(phone: Phone) -> None:
    call_id, response = await collected(phone, "1234")

    assert response.result == Response.RESULT_COLLECTED
    assert (response.digits, response.terminator) == ("1234", "")
    assert response.status.confirmation == CONFIRMED
    assert digits_heard(phone, call_id) == "1234"


async def test_a_telephone_types_them(phone: Phone) -> None:
    call_id = await phone.answered("dtmf-4711", over=sip)
    response = await phone.calls.CollectDigits(
        asking(call_id, timeout=Duration(seconds=5)), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)

    assert response.result == Response.RESULT_COLLECTED
    assert response.digits == "4711"
    assert digits_heard(phone, call_id) == "4711"


async def test_a_terminator_ends_the_entry_and_is_not_part_of_it(phone: Phone) -> None:
    _, response = await collected(phone, "12#", terminators="#*")

    assert response.result == Response.RESULT_COLLECTED
    assert (response.digits, response.terminator) == ("12", "#")


async def test_a_silence_ends_an_entry_that_has_enough(phone: Phone) -> None:
    _, response = await collected(phone, "12", terminators="#")

    assert response.result == Response.RESULT_COLLECTED
    assert (response.digits, response.terminator) == ("12", "")


async def test_nothing_typed_is_time_run_out(phone: Phone) -> None:
    _, response = await collected(phone, "")

    assert response.result == Response.RESULT_TIMED_OUT
    assert response.digits == ""


async def test_too_few_digits_come_back_as_far_as_they_came(phone: Phone) -> None:
    _, response = await collected(phone, "12", min_digits=4)

    assert response.result == Response.RESULT_TIMED_OUT
    assert response.digits == "12"


async def test_no_digits_can_be_a_good_entry(phone: Phone) -> None:
    _, response = await collected(phone, "#", min_digits=0, terminators="#")
    # what the entry before it ended with is not taken for the end of this one
    request = asking(await phone.answered(), terminators="#")
    request.min_digits = 0
    again = await phone.calls.CollectDigits(request, timeout=DEADLINE_S)
    await phone.hang_up(request.call_id)

    assert again.result in (Response.RESULT_TIMED_OUT, Response.RESULT_NO_MATCH)
    assert response.digits == ""


async def test_the_first_digit_cuts_the_prompt_off_and_counts(phone: Phone) -> None:
    call_id, response = await collected(phone, "56", prompt=[tone(10_000)], max_digits=2)
    stopped = await phone.tape.event("playback_stopped", call_id)

    assert response.digits == "56"
    assert not stopped.playback_stopped.completed


async def test_the_events_of_the_prompt_carry_the_id_of_the_collection(phone: Phone) -> None:
    call_id = await phone.answered()
    asked = Asked(phone, call_id, prompt=[tone()])
    begun = await asked.begun()
    played = await phone.tape.event("playback_started", call_id)
    await asked.answer()
    await phone.hang_up(call_id)

    assert begun.application_started.operation_id
    assert played.playback_started.playback_id == begun.application_started.operation_id


async def test_several_sources_are_one_prompt(phone: Phone) -> None:
    silence = common_pb2.MediaSource(silence=Duration(nanos=100_000_000))
    call_id, response = await collected(phone, "", prompt=[tone(100), silence, tone(100)])
    played = await phone.tape.event("playback_stopped", call_id)

    assert response.result == Response.RESULT_TIMED_OUT
    assert played.playback_stopped.uri.startswith("file_string://")


@pytest.mark.parametrize(
    ("pattern", "typed", "good"),
    [
        ("[1-3]{2}", "12", True),
        ("[1-3]{2}", "14", False),
        ("1", "12", False),
        (r"\*\d#", "*5#", True),
        ("12|34", "34", True),
        ("0(1|2)?9", "09", True),
        ("[A-C]\\d?", "B", True),
        ("1.*", "1A*#", True),
    ],
)
async def test_the_whole_entry_must_match_the_pattern(
    phone: Phone, pattern: str, typed: str, good: bool
) -> None:
    _, response = await collected(phone, typed, pattern=pattern, max_digits=max(len(typed), 1))

    assert response.digits == typed
    assert response.result == (Response.RESULT_COLLECTED if good else Response.RESULT_NO_MATCH)


async def test_a_wrong_entry_is_tried_again(phone: Phone) -> None:
    call_id = await phone.answered()
    asked = Asked(
        phone,
        call_id,
        tries=2,
        pattern="9.*",
        max_digits=2,
        min_digits=2,
        prompt=[tone(100)],
        invalid_prompt=[common_pb2.MediaSource(silence=Duration(nanos=100_000_000))],
    )
    await asked.begun()
    await asked.typed("12")
    await phone.tape.event(
        "playback_started", call_id, lambda e: "silence" in e.playback_started.uri
    )
    await asked.typed("98")
    response = await asked.answer()
    await phone.hang_up(call_id)

    assert response.result == Response.RESULT_COLLECTED
    assert response.digits == "98"


async def test_an_entry_that_was_wrong_counts_when_nothing_comes_after_it(phone: Phone) -> None:
    _, response = await collected(phone, "1234", tries=2, pattern="9.*")

    assert response.result == Response.RESULT_NO_MATCH
    assert response.digits == "1234"


async def test_the_end_of_the_leg_is_a_result(phone: Phone) -> None:
    call_id = await phone.answered()
    asked = Asked(phone, call_id, timeout=Duration(seconds=20))
    await asked.begun()
    await asked.typed("12")
    await phone.tape.event("dtmf_received", call_id, lambda e: e.dtmf_received.digit == "2")
    await phone.hang_up(call_id)
    response = await asked.answer()

    assert response.result == Response.RESULT_CALL_ENDED
    assert response.digits == "12"


async def test_a_leg_that_is_sent_elsewhere_is_interrupted(phone: Phone) -> None:
    call_id = await phone.answered()
    asked = Asked(phone, call_id, timeout=Duration(seconds=20))
    await asked.begun()
    await asked.typed("12")
    await phone.tape.event("dtmf_received", call_id, lambda e: e.dtmf_received.digit == "2")
    await phone.calls.Park(calls_pb2.ParkRequest(call_id=call_id), timeout=DEADLINE_S)
    response = await asked.answer()
    await phone.hang_up(call_id)

    assert response.result == Response.RESULT_INTERRUPTED
    assert response.digits == "12"


async def finished(phone: Phone, call_id: str) -> event_pb2.Event:
    return await phone.tape.event(
        "application_finished",
        call_id,
        lambda e: e.application_finished.application.name == "play_and_get_digits",
    )


@pytest.mark.parametrize("prompt", [[], [tone(20_000)]], ids=["waiting", "in the prompt"])
async def test_a_client_that_goes_away_stops_the_collection(
    phone: Phone, prompt: list[common_pb2.MediaSource]
) -> None:
    call_id = await phone.answered()
    asked = Asked(phone, call_id, timeout=Duration(seconds=20), prompt=prompt, tries=3)
    await asked.begun()
    asked.call.cancel()
    async with asyncio.timeout(10):
        await finished(phone, call_id)
    played = await phone.calls.Play(
        calls_pb2.PlayRequest(call_id=call_id, sources=[tone()]), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)

    assert played.status.confirmation == CONFIRMED


async def test_a_deadline_stops_the_collection_too(phone: Phone) -> None:
    call_id = await phone.answered()
    request = asking(call_id, timeout=Duration(seconds=1), prompt=[tone(20_000)])
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await phone.calls.CollectDigits(request, timeout=2.5)
    async with asyncio.timeout(10):
        await finished(phone, call_id)
    await phone.hang_up(call_id)

    assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_deadline_that_cannot_do_is_refused(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.CollectDigits(asking(call_id, timeout=Duration(seconds=30)), timeout=5)
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["timeout"]


async def test_a_collection_waits_for_what_plays(phone: Phone) -> None:
    call_id = await phone.answered()
    playing = await phone.calls.Play(
        calls_pb2.PlayRequest(call_id=call_id, sources=[tone(1_000)]), timeout=DEADLINE_S
    )
    asked = Asked(phone, call_id)
    begun = await asked.begun()
    over = await phone.tape.event(
        "application_finished",
        call_id,
        lambda e: e.application_finished.operation_id == playing.playback_id,
    )
    await asked.typed("1234")
    response = await asked.answer()
    await phone.hang_up(call_id)

    assert response.digits == "1234"
    assert phone.tape.events.index(over) < phone.tape.events.index(begun)


async def test_a_collection_that_is_dropped_before_it_began_is_interrupted(phone: Phone) -> None:
    call_id = await phone.answered()
    await phone.calls.Play(
        calls_pb2.PlayRequest(call_id=call_id, sources=[tone(20_000)]), timeout=DEADLINE_S
    )
    asked = Asked(phone, call_id)
    # a playback behind it, whose answer says that both wait
    waits = await phone.calls.Play(
        calls_pb2.PlayRequest(call_id=call_id, sources=[tone()]), timeout=DEADLINE_S
    )
    await phone.calls.StopPlayback(
        calls_pb2.StopPlaybackRequest(call_id=call_id), timeout=DEADLINE_S
    )
    response = await asked.answer()
    await phone.hang_up(call_id)

    assert waits.status.confirmation == common_pb2.CONFIRMATION_ACCEPTED
    assert response.result == Response.RESULT_INTERRUPTED


async def test_no_digits_stay_on_the_leg(phone: Phone) -> None:
    call_id = await phone.answered()
    asked = Asked(phone, call_id, pattern="9.*")
    await asked.begun()
    await asked.typed("1234")
    await asked.answer()
    read = await phone.calls.GetVariables(
        calls_pb2.GetVariablesRequest(call_id=call_id), timeout=DEADLINE_S
    )
    await phone.hang_up(call_id)

    assert not [name for name in read.variables if "callcontrol_digits" in name]


async def test_a_prompt_that_is_not_there_is_told(phone: Phone) -> None:
    call_id = await phone.answered()
    missing = common_pb2.MediaSource(uri="local_stream://callcontrol-no-such-stream")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.CollectDigits(asking(call_id, prompt=[missing]), timeout=DEADLINE_S)
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "SWITCH_REFUSED"


BAD: dict[str, dict[str, object]] = {
    "max_digits": {"max_digits": 65},
    "min_digits": {"min_digits": 5},
    "tries": {"tries": 11},
    "timeout": {"timeout": Duration(seconds=601)},
    "digit_timeout": {"digit_timeout": Duration(nanos=1_000)},
    "terminators": {"terminators": "x#"},
    "pattern": {"pattern": "(1+)+"},
    "prompt[0].uri": {"prompt": [common_pb2.MediaSource(uri="/etc/passwd")]},
    "invalid_prompt[0].tone_stream": {
        "invalid_prompt": [common_pb2.MediaSource(tone_stream="a b")]
    },
}


@pytest.mark.parametrize("field", list(BAD))
async def test_what_the_switch_would_not_do_so_is_refused(phone: Phone, field: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.CollectDigits(asking(new_id(), **BAD[field]), timeout=DEADLINE_S)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == [field]


Over = Callable[[str], call_pb2.Endpoint]


@pytest.mark.parametrize("over", [loopback, sip])
async def test_a_leg_that_rings_has_no_digits(phone: Phone, over: Over) -> None:
    rings = await phone.originate(
        over("ring"), destination=parked(), wait_until=calls_pb2.WAIT_UNTIL_RINGING
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.CollectDigits(asking(rings.call.call_id), timeout=DEADLINE_S)
    await phone.hang_up(rings.call.call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"
