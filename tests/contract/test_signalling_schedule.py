"""ScheduleHangup and its cancel: a later end, its handle, and what a restart leaves of it."""

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.phone import (
    CONTEXT,
    DEADLINE_S,
    Phone,
    State,
    new_id,
    reason_of,
    violated_fields,
)
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.app import running_service
from callcontrol.config_sources import load
from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import common_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED


async def schedule(
    phone: Phone, call_id: str, seconds: float = 600, cause: str = ""
) -> calls_pb2.ScheduleHangupResponse:
    after = Duration()
    after.FromMicroseconds(round(seconds * 1_000_000))
    request = calls_pb2.ScheduleHangupRequest(call_id=call_id, after=after, cause=cause)
    return await phone.calls.ScheduleHangup(request, timeout=DEADLINE_S)


async def cancel(
    phone: Phone, call_id: str, schedule_id: str = ""
) -> calls_pb2.CancelScheduledHangupResponse:
    request = calls_pb2.CancelScheduledHangupRequest(call_id=call_id, schedule_id=schedule_id)
    return await phone.calls.CancelScheduledHangup(request, timeout=DEADLINE_S)


@pytest.mark.parametrize("cause", ["", "CALL_REJECTED"])
async def test_a_call_ends_when_it_is_due_with_the_cause_that_was_given(
    phone: Phone, cause: str
) -> None:
    call_id = await phone.answered()
    scheduled = await schedule(phone, call_id, 2, cause)
    ended = (await phone.tape.event("call_ended", call_id)).call_ended

    assert scheduled.status.confirmation == CONFIRMED
    assert scheduled.schedule_id
    assert ended.cause.name == (cause or "ALLOTTED_TIMEOUT")
    # the switch's clock has whole seconds, and its scheduler looks twice a second
    late_s = ended.call.end_time.ToMicroseconds() - scheduled.hangup_time.ToMicroseconds()
    assert -1_000_000 <= late_s <= 1_500_000


async def test_one_of_several_is_cancelled_and_the_others_stay(phone: Phone) -> None:
    call_id = await phone.answered()
    first = await schedule(phone, call_id, 3, "USER_BUSY")
    second = await schedule(phone, call_id, 4, "CALL_REJECTED")
    cancelled = await cancel(phone, call_id, first.schedule_id)
    ended = await phone.tape.event("call_ended", call_id)

    assert first.schedule_id != second.schedule_id
    assert cancelled.status.confirmation == CONFIRMED
    assert list(cancelled.schedule_ids) == [first.schedule_id]
    assert ended.call_ended.cause.name == "CALL_REJECTED"


async def test_all_are_cancelled_and_the_call_goes_on(phone: Phone) -> None:
    call_id = await phone.answered()
    ids = [(await schedule(phone, call_id, seconds)).schedule_id for seconds in (3, 4, 500)]
    cancelled = await cancel(phone, call_id)
    # another call's hangup, due later than those, shows that their time has gone by
    clock = await phone.answered()
    await schedule(phone, clock, 6)
    await phone.tape.event("call_ended", clock)
    call = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=call_id), timeout=DEADLINE_S)
    await phone.hang_up(call_id)

    assert sorted(cancelled.schedule_ids) == sorted(ids)
    assert call.call.state == State.STATE_PARKED


async def test_nothing_to_cancel_is_no_error(phone: Phone) -> None:
    call_id = await phone.answered()
    cancelled = await cancel(phone, call_id)
    await phone.hang_up(call_id)

    assert cancelled.status.confirmation == CONFIRMED
    assert list(cancelled.schedule_ids) == []


async def test_a_schedule_of_another_call_or_of_none_is_not_found(phone: Phone) -> None:
    call_id, other = await phone.answered(), await phone.answered()
    theirs = await schedule(phone, other)
    reasons = []
    for schedule_id in (theirs.schedule_id, "999999"):
        with pytest.raises(grpc.aio.AioRpcError) as missing:
            await cancel(phone, call_id, schedule_id)
        reasons.append((missing.value.code(), reason_of(missing.value)))
    kept = await cancel(phone, other, theirs.schedule_id)
    await phone.hang_up(call_id)
    await phone.hang_up(other)

    assert reasons == [(grpc.StatusCode.NOT_FOUND, "OPERATION_NOT_FOUND")] * 2
    assert list(kept.schedule_ids) == [theirs.schedule_id]


async def test_another_replica_cancels_what_this_one_scheduled(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    # as the same one would after a restart: the switch keeps the schedule
    call_id = await phone.answered()
    scheduled = await schedule(phone, call_id)
    config = load(
        {
            "nodes": f"switch={switch.host}:{switch.port}",
            "password": switch.password,
            "listen": "127.0.0.1:0",
            "default_context": CONTEXT,
            "stream_notice_s": 0,
            "stream_spread_s": 0,
        }
    )
    async with running_service(config) as service:
        await service.wait_ready()
        async with Phone.connect(f"127.0.0.1:{service.port}") as other:
            cancelled = await cancel(other, call_id, scheduled.schedule_id)
    await phone.hang_up(call_id)

    assert list(cancelled.schedule_ids) == [scheduled.schedule_id]


async def test_two_at_once_have_a_handle_each(phone: Phone) -> None:
    call_id = await phone.answered()
    after = Duration(seconds=600)
    request = calls_pb2.ScheduleHangupRequest(call_id=call_id, after=after)
    both = [phone.calls.ScheduleHangup(request, timeout=DEADLINE_S) for _ in range(2)]
    ids = [(await each).schedule_id for each in both]
    await phone.hang_up(call_id)

    assert all(ids)
    assert len(set(ids)) == 2


@pytest.mark.parametrize("seconds", [0, 0.5, 1.5, 31 * 24 * 3600])
async def test_a_time_that_the_switch_cannot_keep_is_refused(phone: Phone, seconds: float) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await schedule(phone, new_id(), seconds)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["after"]


async def test_an_unknown_cause_is_refused(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await schedule(phone, new_id(), 5, "BECAUSE")

    assert violated_fields(refused.value) == ["cause"]


@pytest.mark.parametrize("schedule_id", ["all", "12 34", "-1", "1\n"])
async def test_a_malformed_handle_is_refused(phone: Phone, schedule_id: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await cancel(phone, new_id(), schedule_id)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["schedule_id"]


async def test_a_call_nobody_knows_is_not_found(phone: Phone) -> None:
    reasons = []
    for request in (schedule(phone, new_id()), cancel(phone, new_id())):
        with pytest.raises(grpc.aio.AioRpcError) as missing:
            await request
        reasons.append(reason_of(missing.value))

    assert reasons == ["CALL_NOT_FOUND"] * 2


async def test_a_call_that_has_ended_has_no_schedules(phone: Phone) -> None:
    call_id = await phone.answered()
    await schedule(phone, call_id)
    await phone.hang_up(call_id)
    reasons = []
    for request in (schedule(phone, call_id), cancel(phone, call_id)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await request
        reasons.append((refused.value.code(), reason_of(refused.value)))

    assert reasons == [(grpc.StatusCode.FAILED_PRECONDITION, "CALL_ENDED")] * 2
