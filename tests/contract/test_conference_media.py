"""What is played to a conference, and what it is recorded in."""

from collections.abc import Callable

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.contract.hall import CONFIRMED, Hall, hall_of, refused
from tests.contract.phone import RECORDING_ROOT, Phone, new_id, reason_of, violated_fields
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.v1 import common_pb2, event_pb2
from callcontrol.v1 import conference_service_pb2 as pb


@pytest.fixture
async def hall(phone: Phone):
    async with hall_of(phone) as hall:
        yield hall


def tone(milliseconds: int = 200) -> common_pb2.MediaSource:
    return common_pb2.MediaSource(tone_stream=f"%({milliseconds},0,440)")


def silence(seconds: int = 60) -> common_pb2.MediaSource:
    return common_pb2.MediaSource(silence=Duration(seconds=seconds))


def of_playback(playback_id: str) -> Callable[[event_pb2.ConferenceChanged], bool]:
    return lambda told: told.playback_id == playback_id


def of_recording(recording_id: str) -> Callable[[event_pb2.ConferenceChanged], bool]:
    return lambda told: told.recording_id == recording_id


async def played(hall: Hall, source: common_pb2.MediaSource, member_id: int = 0) -> str:
    request = pb.PlayToConferenceRequest(name=hall.name, source=source, member_id=member_id)
    response = await hall.stub.PlayToConference(request)
    assert response.status.confirmation == CONFIRMED
    return response.playback_id


async def test_a_tone_is_played_to_all_and_comes_to_its_end(hall: Hall) -> None:
    await hall.filled(1)
    playback_id = await played(hall, tone())
    began = await hall.changed("play-file")
    ended = await hall.changed("play-file-done")

    assert began.conference_changed.playback_id == playback_id
    assert ended.conference_changed.playback_id == playback_id
    assert began.conference_changed.file == "tone_stream://%(200,0,440)"
    assert not began.call_id


async def test_a_tone_is_played_to_one_member(hall: Hall) -> None:
    first, _ = await hall.filled(2)
    playback_id = await played(hall, tone(), first.member_id)
    began = await hall.changed("play-file-member")
    ended = await hall.changed("play-file-member-done")

    assert began.call_id == ended.call_id == first.call_id
    assert began.conference_changed.playback_id == playback_id
    assert ended.conference_changed.playback_id == playback_id


async def test_what_plays_and_what_waits_is_stopped(hall: Hall) -> None:
    await hall.filled(1)
    playbacks = [await played(hall, silence(seconds)) for seconds in (60, 50)]
    request = pb.StopConferencePlaybackRequest(name=hall.name)
    response = await hall.stub.StopConferencePlayback(request)
    for playback_id in playbacks:
        await hall.changed("play-file-done", of_playback(playback_id))
    again = await hall.stub.StopConferencePlayback(request)

    assert response.status.confirmation == CONFIRMED
    assert again.status.confirmation == CONFIRMED


async def test_what_plays_to_one_member_is_stopped_alone(hall: Hall) -> None:
    first, _ = await hall.filled(2)
    await played(hall, silence(), first.member_id)
    await played(hall, silence())
    request = pb.StopConferencePlaybackRequest(name=hall.name, member_id=first.member_id)
    response = await hall.stub.StopConferencePlayback(request)
    await hall.changed("play-file-member-done")

    assert response.status.confirmation == CONFIRMED
    assert "play-file-done" not in hall.actions()


@pytest.mark.parametrize("method", ["PlayToConference", "StopConferencePlayback"])
async def test_a_member_that_is_not_there_hears_nothing(hall: Hall, method: str) -> None:
    await hall.filled(1)
    request = {
        "PlayToConference": pb.PlayToConferenceRequest(
            name=hall.name, source=tone(), member_id=999_999
        ),
        "StopConferencePlayback": pb.StopConferencePlaybackRequest(
            name=hall.name, member_id=999_999
        ),
    }[method]
    assert reason_of(await refused(hall, method, request)) == "MEMBER_NOT_FOUND"


@pytest.mark.parametrize(
    ("source", "field"),
    [
        (common_pb2.MediaSource(uri="/etc/passwd"), "source.uri"),
        (common_pb2.MediaSource(uri="https://elsewhere.example/a.wav"), "source.uri"),
        (common_pb2.MediaSource(uri="local_stream://x async"), "source.uri"),
        (common_pb2.MediaSource(tone_stream="%(1,2,3)!/etc/passwd"), "source.tone_stream"),
        (common_pb2.MediaSource(tone_stream="${hostname}"), "source.tone_stream"),
        (
            common_pb2.MediaSource(speech=common_pb2.Speech(text="${hostname}")),
            "source.speech.text",
        ),
        (common_pb2.MediaSource(speech=common_pb2.Speech(text="{a=b}x")), "source.speech.text"),
        (common_pb2.MediaSource(), "source"),
    ],
)
async def test_what_may_not_be_played_is_refused(
    hall: Hall, source: common_pb2.MediaSource, field: str
) -> None:
    request = pb.PlayToConferenceRequest(name=hall.name, source=source)
    error = await refused(hall, "PlayToConference", request)
    assert violated_fields(error) == [field]


async def test_speech_without_an_engine_is_refused_by_the_switch(hall: Hall) -> None:
    hall.name = "sayings-" + hall.name  # the switch looks for its command `say` in the name too
    await hall.filled(1)
    speech = common_pb2.Speech(text="it's twelve o'clock")
    request = pb.PlayToConferenceRequest(
        name=hall.name, source=common_pb2.MediaSource(speech=speech)
    )
    error = await refused(hall, "PlayToConference", request)
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(error) == "SWITCH_REFUSED"


async def test_a_stream_that_is_not_there_is_refused_by_the_switch(hall: Hall) -> None:
    await hall.filled(1)
    source = common_pb2.MediaSource(uri="local_stream://nowhere")
    request = pb.PlayToConferenceRequest(name=hall.name, source=source)
    error = await refused(hall, "PlayToConference", request)
    failed = await hall.changed("play-file")

    assert reason_of(error) == "SWITCH_REFUSED"
    assert failed.conference_changed.error


async def test_a_conference_is_recorded_until_that_is_stopped(hall: Hall) -> None:
    await hall.filled(1)
    request = pb.StartConferenceRecordingRequest(name=hall.name, path=f"{hall.name}.wav")
    response = await hall.stub.StartConferenceRecording(request)
    began = await hall.changed("start-recording")
    again = await hall.stub.StartConferenceRecording(request)
    recorded = await hall.get()
    stop = pb.StopConferenceRecordingRequest(name=hall.name, recording_id=response.recording_id)
    stopped = await hall.stub.StopConferenceRecording(stop)
    ended = await hall.changed("stop-recording")
    gone = await refused(hall, "StopConferenceRecording", stop)

    assert response.status.confirmation == CONFIRMED
    assert response.path == f"{RECORDING_ROOT}/{hall.name}.wav"
    assert again.recording_id == response.recording_id
    assert began.conference_changed.recording_id == response.recording_id
    assert began.conference_changed.file == response.path
    assert recorded.recording
    assert [each.recording_id for each in recorded.recordings] == [response.recording_id]
    assert stopped.status.confirmation == CONFIRMED
    assert ended.conference_changed.recording_id == response.recording_id
    assert reason_of(gone) == "OPERATION_NOT_FOUND"
    assert not (await hall.get()).recordings


async def test_all_recordings_are_stopped_at_a_time(hall: Hall) -> None:
    await hall.filled(1)
    recordings = [
        (
            await hall.stub.StartConferenceRecording(
                pb.StartConferenceRecordingRequest(name=hall.name)
            )
        ).recording_id
        for _ in range(2)
    ]
    for recording_id in recordings:
        await hall.changed("start-recording", of_recording(recording_id))
    while len((await hall.get()).recordings) < 2:  # listed a moment after they began
        pass
    request = pb.StopConferenceRecordingRequest(name=hall.name)
    response = await hall.stub.StopConferenceRecording(request)
    none_left = await hall.stub.StopConferenceRecording(request)

    assert len(set(recordings)) == 2
    assert response.status.confirmation == CONFIRMED
    assert none_left.status.confirmation == CONFIRMED


async def test_a_recording_ends_with_its_conference(hall: Hall) -> None:
    await hall.filled(1)
    await hall.ask("StartConferenceRecording", pb.StartConferenceRecordingRequest(name=hall.name))
    await hall.ask("EndConference", pb.EndConferenceRequest(name=hall.name))
    await hall.changed("stop-recording")
    await hall.changed("conference-destroy")
    assert hall.actions()[-2:] == ["stop-recording", "conference-destroy"]


async def test_a_file_that_cannot_be_written_is_an_error(
    hall: Hall, switch: SwitchUnderTest
) -> None:
    await hall.filled(1)
    # a file cannot be where a directory of another recording is
    below = pb.StartConferenceRecordingRequest(name=hall.name, path=f"{hall.name}.wav/a.wav")
    await hall.ask("StartConferenceRecording", below)
    request = pb.StartConferenceRecordingRequest(name=hall.name, path=f"{hall.name}.wav")
    error = await refused(hall, "StartConferenceRecording", request)
    failed = await hall.changed("start-recording", lambda told: bool(told.error))

    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(error) == "SWITCH_REFUSED"
    assert failed.conference_changed.file == f"{RECORDING_ROOT}/{hall.name}.wav"


@pytest.mark.parametrize(
    "path", ["/etc/a.wav", "../a.wav", "a", "a.sh", "a b.wav", "{x=y}a.wav", "${hostname}.wav"]
)
async def test_a_path_outside_of_the_root_is_refused(hall: Hall, path: str) -> None:
    request = pb.StartConferenceRecordingRequest(name=hall.name, path=path)
    error = await refused(hall, "StartConferenceRecording", request)
    assert violated_fields(error) == ["path"]


async def test_a_recording_that_is_none_is_not_found(hall: Hall) -> None:
    await hall.filled(1)
    request = pb.StopConferenceRecordingRequest(name=hall.name, recording_id=new_id())
    error = await refused(hall, "StopConferenceRecording", request)
    assert reason_of(error) == "OPERATION_NOT_FOUND"
    nonsense = pb.StopConferenceRecordingRequest(name=hall.name, recording_id="all")
    assert violated_fields(await refused(hall, "StopConferenceRecording", nonsense)) == [
        "recording_id"
    ]
