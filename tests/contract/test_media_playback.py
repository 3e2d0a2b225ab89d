"""Controlling what plays, and playing over a conversation."""

import asyncio
import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.phone import (
    DEADLINE_S,
    RECORDING_ROOT,
    Over,
    Phone,
    loopback,
    new_id,
    reason_of,
    sip,
    violated_fields,
)

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_pb2, common_pb2, event_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
ACCEPTED = common_pb2.CONFIRMATION_ACCEPTED
LONG_MS = 20_000


@pytest.fixture
def service_settings() -> dict[str, object]:
    return {"media_roots": RECORDING_ROOT}


def tone(milliseconds: int = 300) -> common_pb2.MediaSource:
    return common_pb2.MediaSource(tone_stream=f"%({milliseconds},0,440)")


async def play(
    phone: Phone, call_id: str, *sources: common_pb2.MediaSource, **options: object
) -> calls_pb2.PlayResponse:
    request = calls_pb2.PlayRequest(call_id=call_id, sources=sources)
    request.MergeFrom(calls_pb2.PlayRequest(**options))  # type: ignore[arg-type]  # test sugar
    return await phone.calls.Play(request, timeout=DEADLINE_S)


async def control(
    phone: Phone, call_id: str, playback_id: str, **action: object
) -> calls_pb2.ControlPlaybackResponse:
    request = calls_pb2.ControlPlaybackRequest(call_id=call_id, playback_id=playback_id)
    request.MergeFrom(calls_pb2.ControlPlaybackRequest(**action))  # type: ignore[arg-type]  # test sugar
    return await phone.calls.ControlPlayback(request, timeout=DEADLINE_S)


async def stop(phone: Phone, call_id: str, playback_id: str = "") -> calls_pb2.StopPlaybackResponse:
    request = calls_pb2.StopPlaybackRequest(call_id=call_id, playback_id=playback_id)
    return await phone.calls.StopPlayback(request, timeout=DEADLINE_S)


async def started(phone: Phone, call_id: str, playback_id: str) -> event_pb2.Event:
    return await phone.tape.event(
        "playback_started", call_id, lambda e: e.playback_started.playback_id == playback_id
    )


async def stopped(phone: Phone, call_id: str, playback_id: str) -> event_pb2.Event:
    return await phone.tape.event(
        "playback_stopped", call_id, lambda e: e.playback_stopped.playback_id == playback_id
    )


async def bridged(phone: Phone, over: Over = loopback) -> tuple[str, str]:
    first, second = await phone.answered(over=over), await phone.answered(over=over)
    await phone.calls.Bridge(
        calls_pb2.BridgeRequest(call_id=first, peer_call_id=second), timeout=DEADLINE_S
    )
    return first, second


async def end(phone: Phone, *call_ids: str) -> None:
    for call_id in call_ids:
        await phone.hang_up(call_id)


async def is_over_within(phone: Phone, call_id: str, playback_id: str, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await stopped(phone, call_id, playback_id)
    except TimeoutError:
        return False
    return True


# Control


async def test_what_is_paused_does_not_end_until_it_goes_on(phone: Phone) -> None:
    call_id = await phone.answered()
    playing = await play(phone, call_id, tone(800))
    paused = await control(phone, call_id, playing.playback_id, pause=True)
    again = await control(phone, call_id, playing.playback_id, pause=True)
    over_while_paused = await is_over_within(phone, call_id, playing.playback_id, 1.5)
    goes_on = await control(phone, call_id, playing.playback_id, pause=False)
    ended = await stopped(phone, call_id, playing.playback_id)
    await end(phone, call_id)

    assert not over_while_paused
    assert ended.playback_stopped.completed
    for response in (paused, again, goes_on):
        assert response.status.confirmation == ACCEPTED


async def test_what_is_paused_can_be_stopped(phone: Phone) -> None:
    call_id = await phone.answered()
    playing = await play(phone, call_id, tone(LONG_MS))
    await control(phone, call_id, playing.playback_id, pause=True)
    response = await stop(phone, call_id, playing.playback_id)
    await end(phone, call_id)

    assert response.status.confirmation == CONFIRMED


async def recorded(phone: Phone, seconds: float) -> common_pb2.MediaSource:
    """A file on the switch of about that length."""
    call_id = await phone.answered()
    begun = await phone.calls.StartRecording(
        calls_pb2.StartRecordingRequest(call_id=call_id, path=f"tests/{new_id()}.wav"),
        timeout=DEADLINE_S,
    )
    await play(phone, call_id, tone(round(seconds * 1_000)))
    await phone.tape.event("playback_stopped", call_id)
    await phone.calls.StopRecording(
        calls_pb2.StopRecordingRequest(call_id=call_id), timeout=DEADLINE_S
    )
    await end(phone, call_id)
    return common_pb2.MediaSource(uri=begun.path)


async def test_seeking_in_a_file(phone: Phone) -> None:
    sound = await recorded(phone, 3)
    call_id = await phone.answered()
    playing = await play(phone, call_id, sound)
    began = time.monotonic()
    forward = await control(
        phone, call_id, playing.playback_id, seek_by=Duration(seconds=2, nanos=500_000_000)
    )
    back = await control(phone, call_id, playing.playback_id, seek_by=Duration(nanos=-100_000_000))
    await control(phone, call_id, playing.playback_id, volume=-2)
    await control(phone, call_id, playing.playback_id, volume=4)
    await stopped(phone, call_id, playing.playback_id)
    took_s = time.monotonic() - began
    again = await play(phone, call_id, sound)
    await control(phone, call_id, again.playback_id, seek_to=Duration(seconds=60))
    is_over = await is_over_within(phone, call_id, again.playback_id, 2)
    await end(phone, call_id)

    assert took_s < 2.5
    assert is_over
    assert forward.status.confirmation == back.status.confirmation == ACCEPTED


async def test_a_playback_nobody_plays_cannot_be_controlled(phone: Phone) -> None:
    call_id = await phone.answered()
    playing = await play(phone, call_id, tone(100))
    await stopped(phone, call_id, playing.playback_id)
    await phone.tape.event(
        "application_finished",
        call_id,
        lambda e: e.application_finished.operation_id == playing.playback_id,
    )
    refusals = []
    for playback_id in (playing.playback_id, new_id()):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await control(phone, call_id, playback_id, pause=True)
        refusals.append((refused.value.code(), reason_of(refused.value)))
    await end(phone, call_id)

    assert refusals == [(grpc.StatusCode.NOT_FOUND, "OPERATION_NOT_FOUND")] * 2


async def test_a_playback_that_waits_cannot_be_controlled_yet(phone: Phone) -> None:
    call_id = await phone.answered()
    await play(phone, call_id, tone(LONG_MS))
    waiting = asyncio.create_task(play(phone, call_id, tone()), name="waits behind the first")
    response = await waiting
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await control(phone, call_id, response.playback_id, pause=True)
    await end(phone, call_id)

    assert response.status.confirmation == ACCEPTED
    assert reason_of(refused.value) == "CALL_STATE"


@pytest.mark.parametrize(
    ("action", "field"),
    [
        ({}, "action"),
        ({"volume": 5}, "volume"),
        ({"seek_by": Duration()}, "seek_by"),
        ({"seek_by": Duration(seconds=-90_000)}, "seek_by"),
        ({"seek_to": Duration(seconds=-1)}, "seek_to"),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused(
    phone: Phone, action: dict[str, object], field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await control(phone, new_id(), new_id(), **action)

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == [field]


async def test_to_stop_what_is_repeated_ends_all_its_runs(phone: Phone) -> None:
    call_id = await phone.answered()
    playing = await play(phone, call_id, tone(LONG_MS), tone(LONG_MS), repeat=5)
    # a run that took less than half a second would end it anyway
    is_over = await is_over_within(phone, call_id, playing.playback_id, 0.7)
    response = await stop(phone, call_id, playing.playback_id)
    later = await play(phone, call_id, tone(100))
    await stopped(phone, call_id, later.playback_id)
    runs = [
        event.playback_started.playback_id
        for event in phone.tape.events
        if event.WhichOneof("payload") == "playback_started"
    ]
    await end(phone, call_id)

    assert not is_over
    assert response.status.confirmation == CONFIRMED
    assert runs == [playing.playback_id, later.playback_id]


# Over the conversation


@pytest.mark.parametrize("over", [loopback, sip])
async def test_a_sound_plays_over_a_conversation_to_its_end(phone: Phone, over: Over) -> None:
    first, second = await bridged(phone, over)
    playing = await play(phone, first, tone(500), mix=True)
    began = await started(phone, first, playing.playback_id)
    ended = await stopped(phone, first, playing.playback_id)
    talking = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=first), timeout=DEADLINE_S)
    await end(phone, first, second)

    assert playing.status.confirmation == CONFIRMED
    assert began.playback_started.uri == "tone_stream://%(500,0,440)"
    assert not ended.playback_stopped.completed  # the switch does not say
    assert talking.call.bridged_call_id == second


@pytest.mark.parametrize("leg", ["A", "B", "BOTH"])
async def test_one_or_both_hear_it(phone: Phone, leg: str) -> None:
    first, second = await bridged(phone)
    playing = await play(
        phone, first, tone(LONG_MS), mix=True, leg=common_pb2.Leg.Value(f"LEG_{leg}")
    )
    hearing = {"A": (first,), "B": (second,), "BOTH": (first, second)}[leg]
    for call_id in hearing:
        await started(phone, call_id, playing.playback_id)
    stops = [await stop(phone, call_id, playing.playback_id) for call_id in hearing]
    for call_id in hearing:
        await stopped(phone, call_id, playing.playback_id)
    await end(phone, first, second)

    assert playing.status.confirmation == CONFIRMED
    assert [each.status.confirmation for each in stops] == [CONFIRMED] * len(hearing)


async def test_the_same_sound_plays_twice_at_once_and_is_stopped_by_its_id(phone: Phone) -> None:
    first, second = await bridged(phone)
    one = await play(phone, first, tone(LONG_MS), mix=True)
    two = await play(phone, first, tone(LONG_MS), mix=True)
    await stop(phone, first, one.playback_id)
    await stopped(phone, first, one.playback_id)
    over = await is_over_within(phone, first, two.playback_id, 0.3)
    everything = await stop(phone, first)
    await stopped(phone, first, two.playback_id)
    await end(phone, first, second)

    assert one.playback_id != two.playback_id
    assert not over
    assert everything.status.confirmation == CONFIRMED


@pytest.mark.parametrize("repeat", [-1, 100])
async def test_it_plays_until_it_is_stopped(phone: Phone, repeat: int) -> None:
    first, second = await bridged(phone)
    playing = await play(phone, first, tone(200), mix=True, repeat=repeat)
    over = await is_over_within(phone, first, playing.playback_id, 1)
    response = await stop(phone, first, playing.playback_id)
    await end(phone, first, second)

    assert not over
    assert response.status.confirmation == CONFIRMED


async def test_several_sources_are_mixed_one_after_the_other(phone: Phone) -> None:
    first, second = await bridged(phone)
    silence = common_pb2.MediaSource(silence=Duration(nanos=100_000_000))
    playing = await play(phone, first, tone(200), silence, tone(200), mix=True, repeat=2)
    await stopped(phone, first, playing.playback_id)
    await end(phone, first, second)

    assert playing.status.confirmation == CONFIRMED


async def test_in_place_of_the_conversation_it_plays_beside_what_is_mixed(phone: Phone) -> None:
    first, second = await bridged(phone)
    over = await play(phone, first, tone(LONG_MS), mix=True)
    in_place = await play(phone, first, tone(200))
    await stopped(phone, first, in_place.playback_id)
    talking = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=first), timeout=DEADLINE_S)
    response = await stop(phone, first, over.playback_id)
    await end(phone, first, second)

    assert in_place.status.confirmation == CONFIRMED
    assert talking.call.bridged_call_id == second
    assert response.status.confirmation == CONFIRMED


async def test_what_is_mixed_cannot_be_paused(phone: Phone) -> None:
    first, second = await bridged(phone)
    playing = await play(phone, first, tone(LONG_MS), mix=True)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await control(phone, first, playing.playback_id, pause=True)
    await end(phone, first, second)

    assert reason_of(refused.value) == "CALL_STATE"


async def test_the_end_of_the_leg_stops_it(phone: Phone) -> None:
    first, second = await bridged(phone)
    playing = await play(phone, first, tone(LONG_MS), mix=True)
    await phone.hang_up(first)
    await stopped(phone, first, playing.playback_id)
    await phone.tape.event("call_ended", second)


async def test_a_leg_in_a_conference_hears_it_over_the_others(phone: Phone) -> None:
    room = call_pb2.JoinConference(name=f"room{new_id()[:8]}")
    response = await phone.originate(
        loopback("answer"), destination=call_pb2.Destination(conference=room)
    )
    call_id = response.call.call_id
    await phone.tape.event(
        "conference_changed", call_id, lambda e: e.conference_changed.action == "add-member"
    )
    playing = await play(phone, call_id, tone(300), mix=True)
    await stopped(phone, call_id, playing.playback_id)
    await end(phone, call_id)

    assert playing.status.confirmation == CONFIRMED


async def test_a_leg_alone_has_no_conversation_to_play_over(phone: Phone) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await play(phone, call_id, tone(), mix=True)
    await end(phone, call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "CALL_STATE"


async def test_a_file_that_is_not_there_is_told(phone: Phone) -> None:
    first, second = await bridged(phone)
    missing = common_pb2.MediaSource(uri=f"{RECORDING_ROOT}/{new_id()}.wav")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await play(phone, first, missing, mix=True)
    await end(phone, first, second)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "SWITCH_REFUSED"


async def test_what_cannot_be_mixed_is_refused(phone: Phone) -> None:
    speech = common_pb2.MediaSource(speech=common_pb2.Speech(text="x", engine="y", voice="z"))
    refusals = []
    for sources, repeat in (([speech], 0), ([tone(), tone()], -1), ([tone(), tone()], 17)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await play(phone, new_id(), *sources, mix=True, repeat=repeat)
        refusals.append(violated_fields(refused.value))

    assert refusals == [["mix"], ["repeat"], ["repeat"]]
