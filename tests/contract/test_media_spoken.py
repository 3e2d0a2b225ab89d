"""Speech, phrases and numbers: what proves them, and what a node may lack."""

import grpc
import pytest
from tests.contract.phone import (
    DEADLINE_S,
    Phone,
    State,
    new_id,
    reason_of,
    violated_fields,
)

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import common_pb2

CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED
ACCEPTED = common_pb2.CONFIRMATION_ACCEPTED
Source = common_pb2.MediaSource


@pytest.fixture
def service_settings() -> dict[str, object]:
    return {"speech_engine": "tts_commandline", "speech_voice": "anybody"}


def speech(text: str = "hello, it's me", engine: str = "", voice: str = "") -> Source:
    return Source(speech=common_pb2.Speech(text=text, engine=engine, voice=voice))


def phrase(name: str = "contract_phrase", data: str = "1", language: str = "en") -> Source:
    return Source(phrase=common_pb2.Phrase(name=name, data=data, language=language))


def say(
    text: str = "23", kind: str = "NUMBER", method: str = "PRONOUNCED", language: str = ""
) -> Source:
    return Source(
        say=common_pb2.Say(
            text=text,
            kind=common_pb2.Say.Kind.Value(f"KIND_{kind}"),
            method=common_pb2.Say.Method.Value(f"METHOD_{method}"),
            language=language,
        )
    )


async def play(
    phone: Phone, call_id: str, *sources: Source, repeat: int = 0
) -> calls_pb2.PlayResponse:
    request = calls_pb2.PlayRequest(call_id=call_id, sources=sources, repeat=repeat)
    return await phone.calls.Play(request, timeout=DEADLINE_S)


@pytest.mark.parametrize("source", [phrase(), phrase(data=""), phrase(language="")])
async def test_a_phrase_is_heard(phone: Phone, source: Source) -> None:
    call_id = await phone.answered()
    playing = await play(phone, call_id, source)
    started = await phone.tape.event("playback_started", call_id)
    stopped = await phone.tape.event("playback_stopped", call_id)
    finished = await phone.tape.event(
        "application_finished",
        call_id,
        lambda e: e.application_finished.operation_id == playing.playback_id,
    )
    await phone.hang_up(call_id)

    assert playing.status.confirmation == CONFIRMED
    assert started.playback_started.playback_id == playing.playback_id
    assert stopped.playback_stopped.playback_id == playing.playback_id
    assert finished.application_finished.response == "PHRASE PLAYED"


SAID = [
    ("23", "NUMBER", "PRONOUNCED"),
    ("3", "ITEMS", "PRONOUNCED"),
    ("1.20", "CURRENCY", "PRONOUNCED"),
    ("1:02:03", "TIME_MEASUREMENT", "PRONOUNCED"),
    ("1700000000", "DATE", "PRONOUNCED"),
    ("1700000000", "TIME", "PRONOUNCED"),
    ("1700000000", "DATE_TIME", "PRONOUNCED"),
    ("+4912", "TELEPHONE_NUMBER", "ITERATED"),
    ("10.0.0.1", "IP_ADDRESS", "ITERATED"),
    ("ab1", "SPELLED", "PRONOUNCED"),
    ("ab1", "SPELLED_PHONETIC", "PRONOUNCED"),
    ("23", "NUMBER", "COUNTED"),
]


@pytest.mark.parametrize(("text", "kind", "method"), SAID)
async def test_every_kind_is_said(phone: Phone, text: str, kind: str, method: str) -> None:
    call_id = await phone.answered()
    playing = await play(phone, call_id, say(text, kind, method))
    started = await phone.tape.event("playback_started", call_id)
    await phone.hang_up(call_id)

    assert playing.status.confirmation == CONFIRMED
    assert started.playback_started.playback_id == playing.playback_id


async def test_speech_is_taken_and_told_by_its_application(phone: Phone) -> None:
    call_id = await phone.answered()
    playing = await play(phone, call_id, speech())
    started = await phone.tape.event(
        "application_started",
        call_id,
        lambda e: e.application_started.operation_id == playing.playback_id,
    )
    await phone.tape.event(
        "application_finished",
        call_id,
        lambda e: e.application_finished.operation_id == playing.playback_id,
    )
    await phone.hang_up(call_id)

    assert playing.status.confirmation == ACCEPTED
    assert started.application_started.application.name == "speak"
    assert started.application_started.application.data == "tts_commandline|anybody|hello, it's me"


async def test_speech_can_be_stopped(phone: Phone) -> None:
    call_id = await phone.answered()
    # the engine of the tests speaks for half a second, however long the text
    playing = await play(phone, call_id, speech(), repeat=20)
    stopped = await phone.calls.StopPlayback(
        calls_pb2.StopPlaybackRequest(call_id=call_id, playback_id=playing.playback_id),
        timeout=DEADLINE_S,
    )
    await phone.hang_up(call_id)

    assert stopped.status.confirmation == CONFIRMED


async def test_speech_has_no_file_to_be_paused(phone: Phone) -> None:
    call_id = await phone.answered()
    playing = await play(phone, call_id, speech(), repeat=20)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await phone.calls.ControlPlayback(
            calls_pb2.ControlPlaybackRequest(
                call_id=call_id, playback_id=playing.playback_id, pause=True
            ),
            timeout=DEADLINE_S,
        )
    await phone.hang_up(call_id)

    assert reason_of(refused.value) == "CALL_STATE"


MISSING = {
    "engine": speech(engine="nobody", voice="none"),
    "phrase": phrase("no_such_phrase"),
    "language of a phrase": phrase(language="xx"),
    "language of words": say(language="xx"),
}


@pytest.mark.parametrize("what", list(MISSING))
async def test_what_the_node_lacks_is_told_and_the_call_goes_on(phone: Phone, what: str) -> None:
    call_id = await phone.answered()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await play(phone, call_id, MISSING[what])
    left = await phone.calls.GetCall(calls_pb2.GetCallRequest(call_id=call_id), timeout=DEADLINE_S)
    await phone.hang_up(call_id)

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "SWITCH_REFUSED"
    assert left.call.state == State.STATE_PARKED


BAD = {
    "sources[0].speech.text": speech("a ${uuid} b"),
    "sources[0].speech.engine": speech(engine="a|b"),
    "sources[0].speech.voice": speech(voice="a b"),
    "sources[0].phrase.name": phrase("a,b"),
    "sources[0].phrase.data": phrase(data="../../etc"),
    "sources[0].phrase.language": phrase(language="e]n"),
    "sources[0].say.text": say("twelve"),
    "sources[0].say.kind": say(kind="UNSPECIFIED"),
    "sources[0].say.language": say(language="en:fr"),
}


@pytest.mark.parametrize("field", list(BAD))
async def test_nothing_that_the_switch_would_read_otherwise_is_sent(
    phone: Phone, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await play(phone, new_id(), BAD[field])

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violated_fields(refused.value) == [field]


async def test_what_is_made_from_text_is_the_only_source(phone: Phone) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await play(phone, new_id(), say(), say())

    assert violated_fields(refused.value) == ["sources"]
