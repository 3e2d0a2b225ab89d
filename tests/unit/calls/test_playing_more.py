"""Playing over a conversation, speech, phrases and numbers: what is sent, and what proves it."""

import asyncio

import pytest
from tests.support.call_node import FIRST, A, B, Desk, until

from callcontrol.calls.media.say import SayKind, SayMethod, SaySource
from callcontrol.calls.outcome import PlayOutcome
from callcontrol.calls.payloads import PlaybackStarted, PlaybackStopped
from callcontrol.calls.requests import (
    Leg,
    MediaSource,
    PhraseSource,
    PlaySpec,
    SpeechSource,
    ToneSource,
    UriSource,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallStateConflict,
    InvalidRequest,
    NodeUnavailable,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.ids import CallId, OperationId

P = OperationId("99999999-0000-4000-8000-000000000009")
SETTINGS = ControlSettings(confirm_timeout_s=0.01, media_roots=("/srv",), speech_engine="flite")
FILE = UriSource("/srv/a.wav")
TARGET = f"{{callcontrol_playback={P}}}/srv/a.wav"
HELLO = SpeechSource("hello", voice="kal")
TWELVE = SaySource(text="12", kind=SayKind.NUMBER)


@pytest.fixture
def desk() -> Desk:
    desk = Desk(SETTINGS)
    desk.bridged(A, B)
    return desk


def spec(*sources: MediaSource, leg: Leg = Leg.A, mix: bool = False, repeat: int = 0) -> PlaySpec:
    return PlaySpec(call_id=A, sources=sources, leg=leg, mix=mix, repeat=repeat, playback_id=P)


def playing(desk: Desk, asked: PlaySpec) -> "asyncio.Task[PlayOutcome]":
    return asyncio.create_task(desk.control.play(asked), name="play")


def taps(desk: Desk, call_id: CallId, event: str = "START", target: str = TARGET) -> None:
    desk.happen(
        f"MEDIA_BUG_{event}", call_id, Media_Bug_Function="displace", Media_Bug_Target=target
    )


def bugs(*targets: str) -> str:
    return "".join(
        f"<function>displace</function>\n  <target>{target}</target>\n" for target in targets
    ).join(("<media-bugs>\n", "</media-bugs>\n"))


# Over the conversation


async def test_both_hear_it_and_the_taps_prove_it(desk: Desk) -> None:
    task = playing(desk, spec(FILE, mix=True, leg=Leg.BOTH))
    await until(lambda: len(desk.node.sent) == 2)
    taps(desk, A)
    taps(desk, B)

    assert (await task).confirmed
    assert desk.node.sent == [f"uuid_displace {one} start {TARGET} 0 m" for one in (A, B)]


@pytest.mark.parametrize(
    ("sources", "repeat", "sound", "flags"),
    [
        ((FILE,), -1, "/srv/a.wav", "ml"),
        ((FILE, FILE), 2, "file_string://" + "!".join(["/srv/a.wav"] * 4), "m"),
        ((ToneSource("%(1,2,3)"),), -1, "tone_stream://%(1,2,3);loops=-1", "m"),
        ((ToneSource("%(1,2,3)"),), 900, "tone_stream://%(1,2,3);loops=900", "m"),
    ],
)
async def test_it_is_repeated_as_the_switch_can(
    desk: Desk, sources: tuple[MediaSource, ...], repeat: int, sound: str, flags: str
) -> None:
    await desk.control.play(spec(*sources, mix=True, repeat=repeat))

    target = f"{{callcontrol_playback={P}}}{sound}"
    assert desk.node.sent == [f"uuid_displace {A} start {target} 0 {flags}"]


async def test_a_node_lost_between_both_is_an_unknown_outcome(desk: Desk) -> None:
    def answer(arguments: str) -> str:
        if arguments.startswith(B):
            raise NodeUnavailable(FIRST, "gone", 1.0)
        return "+OK Success\n"

    desk.node.answers["uuid_displace"] = answer
    with pytest.raises(OutcomeUnknown):
        await desk.control.play(spec(FILE, mix=True, leg=Leg.BOTH))


async def test_a_leg_alone_has_nothing_to_play_over() -> None:
    desk = Desk(SETTINGS)
    desk.parked(A)
    with pytest.raises(CallStateConflict):
        await desk.control.play(spec(FILE, mix=True))

    assert desk.node.sent == []


async def test_a_sound_that_cannot_be_opened_is_told(desk: Desk) -> None:
    desk.node.answers["uuid_displace"] = "-ERR Cannot displace session!\n"
    with pytest.raises(SwitchRefused):
        await desk.control.play(spec(FILE, mix=True))


async def test_what_is_mixed_is_stopped_by_what_the_switch_lists(desk: Desk) -> None:
    desk.node.answers["uuid_buglist"] = bugs("/of/a/dialplan.wav", TARGET)

    def stopped(_: str) -> str:
        taps(desk, A, "STOP")
        return "+OK Success\n"

    desk.node.answers["uuid_displace"] = stopped
    outcome = await desk.control.stop_playback(A, P)

    assert outcome.confirmed
    assert desk.node.sent == [f"uuid_buglist {A}", f"uuid_displace {A} stop {TARGET}"]


async def test_what_ended_meanwhile_is_stopped_already(desk: Desk) -> None:
    desk.node.answers["uuid_buglist"] = bugs(TARGET)
    desk.node.answers["uuid_displace"] = "-ERR Cannot stop displace session!\n"

    assert not (await desk.control.stop_playback(A, P)).confirmed


async def test_a_node_that_is_away_has_stopped_nothing(desk: Desk) -> None:
    desk.node.reachable = False
    with pytest.raises(NodeUnavailable):
        await desk.control.stop_playback(A, P)


async def test_a_node_lost_before_what_is_mixed_was_asked_for_is_an_unknown_outcome(
    desk: Desk,
) -> None:
    desk.node.answers["uuid_buglist"] = NodeUnavailable(desk.node.node_id, "not connected", 1.0)
    with pytest.raises(OutcomeUnknown):
        await desk.control.stop_playback(A)
    assert desk.node.sent == [f"uuid_break {A} all", f"uuid_buglist {A}"]


def test_the_taps_are_told_as_playbacks_whoever_began_them(desk: Desk) -> None:
    def told(event: str, function: str, target: str) -> object:
        headers = {"Media_Bug_Function": function, "Media_Bug_Target": target}
        return desk.happen(f"MEDIA_BUG_{event}", A, **headers).payload

    assert told("START", "displace", TARGET) == PlaybackStarted(P, "/srv/a.wav")
    assert told("STOP", "displace", TARGET) == PlaybackStopped(P, "/srv/a.wav", False)
    assert told("START", "displace", "/b.wav") == PlaybackStarted(OperationId(""), "/b.wav")
    assert told("START", "audio", "mute") is None


# From text


def executes(desk: Desk, application: str, at_us: int = 0) -> None:
    desk.happen(
        "CHANNEL_EXECUTE",
        A,
        Application=application,
        Application_UUID=P,
        Event_Date_Timestamp=str(at_us),
    )


def completes(desk: Desk, application: str, response: str = "_none_", at_us: int = 0) -> None:
    desk.happen(
        "CHANNEL_EXECUTE_COMPLETE",
        A,
        Application=application,
        Application_UUID=P,
        Application_Response=response,
        Event_Date_Timestamp=str(at_us),
    )


@pytest.mark.parametrize(
    ("source", "application", "argument"),
    [
        (HELLO, "speak", "flite|kal|hello"),
        (SpeechSource("it's | me", "a", "b"), "speak", "a|b|it's | me"),
        (PhraseSource("welcome"), "phrase", "welcome"),
        (PhraseSource("at", "12:30", "de-DE"), "phrase", "%[language=de-DE]at,12:30"),
        (TWELVE, "say", "en number pronounced 12"),
        (
            SaySource(text="ab", kind=SayKind.SPELLED, method=SayMethod.ITERATED, language="de"),
            "say",
            "de name_spelled iterated ab",
        ),
    ],
)
async def test_each_has_its_application(
    desk: Desk, source: MediaSource, application: str, argument: str
) -> None:
    await desk.control.play(spec(source, repeat=2))

    assert f"execute-app-name: {application} | execute-app-arg: {argument} |" in desk.node.sent[0]
    assert "| loops: 2" in desk.node.sent[0]


@pytest.mark.parametrize(
    ("source", "application"), [(TWELVE, "say"), (PhraseSource("x"), "phrase")]
)
async def test_a_sound_that_begins_proves_it(
    desk: Desk, source: MediaSource, application: str
) -> None:
    task = playing(desk, spec(source))
    await until(lambda: bool(desk.node.sent))
    executes(desk, application)
    desk.happen("PLAYBACK_START", A, Playback_File_Path="x")

    assert (await task).confirmed


async def test_a_phrase_without_a_sound_is_proven_by_its_end(desk: Desk) -> None:
    task = playing(desk, spec(PhraseSource("x")))
    await until(lambda: bool(desk.node.sent))
    completes(desk, "phrase", "PHRASE PLAYED")

    assert (await task).confirmed


@pytest.mark.parametrize(
    ("source", "application", "response"),
    [
        (TWELVE, "say", "_none_"),
        (PhraseSource("x"), "phrase", "UNKNOWN ERROR"),
        (PhraseSource("x"), "phrase", "NOTHING"),
    ],
)
async def test_an_end_without_a_sound_is_a_refusal(
    desk: Desk, source: MediaSource, application: str, response: str
) -> None:
    task = playing(desk, spec(source))
    await until(lambda: bool(desk.node.sent))
    executes(desk, application)
    completes(desk, application, response)
    with pytest.raises(SwitchRefused):
        await task


@pytest.mark.parametrize(("lasted_us", "is_heard"), [(20_000, False), (500_000, True)])
async def test_speech_that_is_over_at_once_never_began(
    desk: Desk, lasted_us: int, is_heard: bool
) -> None:
    task = playing(desk, spec(HELLO))
    await until(lambda: bool(desk.node.sent))
    executes(desk, "speak", 1_000_000)
    completes(desk, "speak", at_us=1_000_000 + lasted_us)
    if not is_heard:
        with pytest.raises(SwitchRefused):
            await task
    else:
        assert not (await task).confirmed


async def test_speech_that_goes_on_is_taken_and_not_proven(desk: Desk) -> None:
    task = playing(desk, spec(HELLO))
    await until(lambda: bool(desk.node.sent))
    executes(desk, "speak", 1_000_000)

    assert not (await task).confirmed


@pytest.mark.parametrize(
    ("sources", "field"),
    [
        ((SpeechSource("x"),), "sources[0].speech.voice"),
        ((SpeechSource(""),), "sources[0].speech.text"),
        ((SpeechSource("{a=b}x", voice="v"),), "sources[0].speech.text"),
        ((SpeechSource("a\nb", voice="v"),), "sources[0].speech.text"),
        ((SpeechSource("a\\'b", voice="v"),), "sources[0].speech.text"),
        ((SpeechSource("x", "a|b", "v"),), "sources[0].speech.engine"),
        ((PhraseSource("%[a=b]x"),), "sources[0].phrase.name"),
        ((PhraseSource("x", "a/b"),), "sources[0].phrase.data"),
        ((PhraseSource("x", "", "en]x"),), "sources[0].phrase.language"),
        ((SaySource(text="1 2", kind=SayKind.NUMBER),), "sources[0].say.text"),
        ((SaySource(text="300.0.0", kind=SayKind.IP_ADDRESS),), "sources[0].say.text"),
        ((TWELVE, FILE), "sources"),
    ],
)
async def test_what_would_be_read_otherwise_is_refused(
    desk: Desk, sources: tuple[MediaSource, ...], field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await desk.control.play(spec(*sources))

    assert field in [violation.field for violation in refused.value.violations]
    assert desk.node.sent == []
