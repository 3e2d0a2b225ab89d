"""Recordings: what proves them, what they cannot do, and how they end."""

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.phone import (
    DEADLINE_S,
    RECORDING_ROOT,
    Phone,
    loopback,
    new_id,
    reason_of,
    sip,
    violated_fields,
)
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import common_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
ACCEPTED = common_pb2.CONFIRMATION_ACCEPTED


async def start(
    phone: Phone, call_id: str, path: str = "", **options: object
) -> calls_pb2.StartRecordingResponse:
    request = calls_pb2.StartRecordingRequest(call_id=call_id, path=path)
    request.MergeFrom(calls_pb2.StartRecordingRequest(**options))  # type: ignore[arg-type]  # test sugar
    return await phone.calls.StartRecording(request, timeout=DEADLINE_S)


async def stop(phone: Phone, call_id: str, one: str = "") -> calls_pb2.StopRecordingResponse:
    request = calls_pb2.StopRecordingRequest(call_id=call_id, recording_id=one)
    return await phone.calls.StopRecording(request, timeout=DEADLINE_S)


async def mask(
    phone: Phone, call_id: str, one: str, *, masked: bool = True
) -> calls_pb2.MaskRecordingResponse:
    request = calls_pb2.MaskRecordingRequest(call_id=call_id, recording_id=one, masked=masked)
    return await phone.calls.MaskRecording(request, timeout=DEADLINE_S)


def some_path() -> str:
    return f"tests/{new_id()}.wav"


@pytest.mark.parametrize("over", [loopback, sip])
async def test_a_recording_begins_and_is_stopped(phone: Phone, over: object) -> None:
    call_id = await phone.answered(over=over)  # type: ignore[arg-type]  # one of two ways
    path = some_path()
    begun = await start(phone, call_id, path)
    started = await phone.tape.event("recording_started", call_id)
    ended = await stop(phone, call_id, begun.recording_id)
    stopped = await phone.tape.event("recording_stopped", call_id)
    await phone.hang_up(call_id)

    assert begun.status.confirmation == CONFIRMED
    assert begun.path == f"{RECORDING_ROOT}/{path}"
    assert started.recording_started.recording_id == begun.recording_id
    assert started.recording_started.path == begun.path
    assert ended.status.confirmation == CONFIRMED
    assert list(ended.recording_ids) == [begun.recording_id]
    assert stopped.recording_stopped.recording_id == begun.recording_id
    assert stopped.recording_stopped.path == begun.path


async def test_without_a_path_the_name_is_made_of_the_leg_and_the_time(phone: Phone) -> None:
    call_id = await phone.answered()
    begun = await start(phone, call_id)
    await phone.hang_up(call_id)

    assert begun.status.confirmation == CONFIRMED
    assert begun.path.startswith(f"{RECORDING_ROOT}/{call_id}-")
    assert begun.path.endswith(".wav")


@pytest.mark.parametrize(
    "options",
    [
        {"stereo": True, "sample_rate_hz": 16_000},
        {"direction": common_pb2.MEDIA_DIRECTION_READ},
        {"direction": common_pb2.MEDIA_DIRECTION_WRITE},
    ],
    ids=["stereo", "read", "write"],
)
async def test_what_is_recorded_is_as_was_asked_for(
    phone: Phone, options: dict[str, object]
) -> None:
    call_id = await phone.answered()
    begun = await start(phone, call_id, some_path(), **options)
    await phone.hang_up(call_id)

    assert begun.status.confirmation == CONFIRMED


async def test_a_recording_stops_by_itself_when_its_time_is_up(phone: Phone) -> None:
    call_id = await phone.answered()
    begun = await start(phone, call_id, some_path(), max_duration=Duration(nanos=100_000_000))
    stopped = await phone.tape.event("recording_stopped", call_id)
    with pytest.raises(grpc.aio.AioRpcError) as gone:
        await stop(phone, call_id, begun.recording_id)
    await phone.hang_up(call_id)

    assert stopped.recording_stopped.recording_id == begun.recording_id
    assert gone.value.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(gone.value) == "OPERATION_NOT_FOUND"


async def test_two_recordings_are_stopped_at_once(phone: Phone) -> None:
    call_id = await phone.answered()
    begun = {(await start(phone, call_id, some_path())).recording_id for _ in range(2)}
    ended = await stop(phone, call_id)
    again = await stop(phone, call_id)
    await phone.hang_up(call_id)

    assert len(begun) == 2
    assert set(ended.recording_ids) == begun
    assert ended.status.confirmation == CONFIRMED
    assert list(again.recording_ids) == []


async def test_a_path_that_is_recorded_already_is_refused(phone: Phone) -> None:
    call_id = await phone.answered()
    path = some_path()
    await start(phone, call_id, path)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await start(phone, call_id, path)
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"


async def test_the_end_of_the_leg_ends_its_recording_first(phone: Phone) -> None:
    call_id = await phone.answered()
    begun = await start(phone, call_id, some_path())
    await phone.hang_up(call_id)
    stopped = await phone.tape.event("recording_stopped", call_id)
    ended = await phone.tape.event("call_ended", call_id)

    assert stopped.recording_stopped.recording_id == begun.recording_id
    assert phone.tape.events.index(stopped) < phone.tape.events.index(ended)


async def test_masking_is_taken_but_cannot_be_proven(phone: Phone) -> None:
    call_id = await phone.answered()
    begun = await start(phone, call_id, some_path())
    masked = await mask(phone, call_id, begun.recording_id)
    unmasked = await mask(phone, call_id, begun.recording_id, masked=False)
    await phone.hang_up(call_id)

    assert masked.status.confirmation == ACCEPTED
    assert unmasked.status.confirmation == ACCEPTED


async def test_a_recording_of_others_is_masked_and_stopped_whatever_its_path(
    phone: Phone, switch: SwitchUnderTest
) -> None:
    call_id = await phone.answered()
    name = f"{RECORDING_ROOT}/o\\'brien\\sand {new_id()}.wav".replace(" ", "\\s")
    async with await RawClient.connect(switch.host, switch.port) as others:
        await others.log_in(switch.password)
        assert await others.ask(f"api uuid_record {call_id} start {name}") == "+OK Success\n"
    told = (await phone.tape.event("recording_started", call_id)).recording_started
    masked = await mask(phone, call_id, told.recording_id)
    ended = await stop(phone, call_id, told.recording_id)
    await phone.hang_up(call_id)

    assert "o'brien and " in told.path
    assert masked.status.confirmation == ACCEPTED
    assert ended.status.confirmation == CONFIRMED


async def test_a_kind_of_file_that_the_switch_cannot_write_is_refused_by_it(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await start(phone, call_id, f"{new_id()}.opus")
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "SWITCH_REFUSED"


@pytest.mark.parametrize("path", ["../escape.wav", "/etc/passwd.wav", "no-kind", "a b.wav"])
async def test_a_path_outside_of_the_root_is_never_sent(phone: Phone, path: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await start(phone, new_id(), path)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == ["path"]


async def test_every_mistake_of_a_request_is_told_at_once(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await start(
            phone,
            new_id(),
            "x.exe",
            stereo=True,
            direction=common_pb2.MEDIA_DIRECTION_READ,
            sample_rate_hz=7,
            max_duration=Duration(seconds=-1),
        )

    assert sorted(violated_fields(refused.value)) == [
        "max_duration",
        "path",
        "sample_rate_hz",
        "stereo",
    ]


@pytest.mark.parametrize("verb", ["mask", "stop"])
async def test_a_recording_that_the_leg_does_not_have_is_not_found(phone: Phone, verb: str) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await (mask if verb == "mask" else stop)(phone, call_id, new_id())
    await phone.hang_up(call_id)

    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    assert reason_of(missing.value) == "OPERATION_NOT_FOUND"


async def test_a_leg_without_media_cannot_be_recorded(phone: Phone) -> None:
    response = await phone.originate(loopback("ring"), wait_until=calls_pb2.WAIT_UNTIL_RINGING)
    call_id = response.call.call_id
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await start(phone, call_id, some_path())
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"
