"""What one replica began, another one ends: nothing of it is kept in memory."""

from tests.contract.phone import DEADLINE_S, Phone

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import common_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
TONE = common_pb2.MediaSource(tone_stream="%(20000,0,440)")


async def test_a_recording_is_masked_and_stopped_by_another_replica(
    phone: Phone, other: Phone
) -> None:
    call_id = await phone.answered()
    await other.tape.event("call_created", call_id)
    begun = await phone.calls.StartRecording(
        calls_pb2.StartRecordingRequest(call_id=call_id), timeout=DEADLINE_S
    )
    await other.calls.MaskRecording(
        calls_pb2.MaskRecordingRequest(
            call_id=call_id, recording_id=begun.recording_id, masked=True
        ),
        timeout=DEADLINE_S,
    )
    ended = await other.calls.StopRecording(
        calls_pb2.StopRecordingRequest(call_id=call_id, recording_id=begun.recording_id),
        timeout=DEADLINE_S,
    )
    told = [await each.tape.event("recording_stopped", call_id) for each in (phone, other)]
    await phone.hang_up(call_id)

    assert ended.status.confirmation == CONFIRMED
    assert list(ended.recording_ids) == [begun.recording_id]
    assert [each.recording_stopped.recording_id for each in told] == [begun.recording_id] * 2


async def test_what_plays_over_the_conversation_is_stopped_by_another_replica(
    phone: Phone, other: Phone
) -> None:
    first, second = await phone.bridged()
    await other.tape.event("call_bridged")
    playing = await phone.calls.Play(
        calls_pb2.PlayRequest(call_id=first, sources=[TONE], mix=True), timeout=DEADLINE_S
    )
    ended = await other.calls.StopPlayback(
        calls_pb2.StopPlaybackRequest(call_id=first, playback_id=playing.playback_id),
        timeout=DEADLINE_S,
    )
    told = [await each.tape.event("playback_stopped", first) for each in (phone, other)]
    for call_id in (first, second):
        await phone.hang_up(call_id)

    assert ended.status.confirmation == CONFIRMED
    assert [each.playback_stopped.playback_id for each in told] == [playing.playback_id] * 2
