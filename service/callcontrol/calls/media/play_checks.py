"""What is wrong with something to play: its sources, and what cannot be mixed."""

from collections.abc import Iterator
from typing import Final, assert_never

from callcontrol.calls.checked import Checked
from callcontrol.calls.encoding import grammar
from callcontrol.calls.encoding.media_uri import (
    MAX_SOURCES,
    silence_problem,
    tone_problem,
    uri_problem,
)
from callcontrol.calls.media.say import SaySource
from callcontrol.calls.media.spoken import is_spoken, spoken_checks
from callcontrol.calls.requests import (
    MediaSource,
    PhraseSource,
    PlaySpec,
    SilenceSource,
    SpeechSource,
    ToneSource,
    UriSource,
)
from callcontrol.calls.settings import ControlSettings

MAX_REPEAT: Final = 1_000


def play_checks(spec: PlaySpec, settings: ControlSettings) -> Iterator[Checked]:
    """What is to be played, and to whom."""
    yield "call_id", grammar.call_id_problem(spec.call_id)
    if spec.playback_id is not None:
        yield "playback_id", grammar.operation_id_problem(spec.playback_id)
    if not 1 <= len(spec.sources) <= MAX_SOURCES:
        yield "sources", f"must have 1 to {MAX_SOURCES} entries"
    elif len(spec.sources) > 1 and any(map(is_spoken, spec.sources)):
        yield "sources", "must be one where it is speech, a phrase or something to say"
    for place, source in enumerate(spec.sources):
        yield from source_checks(source, f"sources[{place}]", settings)
    if spec.repeat > MAX_REPEAT:
        yield "repeat", f"may be at most {MAX_REPEAT}"
    elif spec.mix:
        yield from _mix_checks(spec)


def source_checks(source: MediaSource, field: str, settings: ControlSettings) -> Iterator[Checked]:
    """Something to be heard."""
    match source:
        case UriSource(uri=uri):
            yield f"{field}.uri", uri_problem(uri, settings)
        case ToneSource(tone=tone):
            yield f"{field}.tone_stream", tone_problem(tone)
        case SilenceSource(duration_us=duration_us):
            yield f"{field}.silence", silence_problem(duration_us)
        case SpeechSource() | PhraseSource() | SaySource():
            yield from spoken_checks(source, field, settings)
        case _:
            assert_never(source)


def is_lone_tone(spec: PlaySpec) -> bool:
    """Whether it is a single tone, which its own language can repeat."""
    match spec.sources:
        case (ToneSource(tone=tone),):
            return ";" not in tone and "=" not in tone
        case _:
            return False


def _mix_checks(spec: PlaySpec) -> Iterator[Checked]:
    if any(map(is_spoken, spec.sources)):
        yield "mix", "plays files, URLs, tones and silence only"
    if len(spec.sources) > 1 and spec.repeat < 0:
        yield "repeat", "may be without end only for one source when it is mixed"
    if len(spec.sources) * max(spec.repeat, 1) > MAX_SOURCES and not is_lone_tone(spec):
        yield "repeat", f"may make at most {MAX_SOURCES} sources in all when they are mixed"
