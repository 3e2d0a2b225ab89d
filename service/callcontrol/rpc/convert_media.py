"""Sounds in requests as the values that `calls` takes. Each function adds what is wrong with the
form of its part to the problems, and then gives a stand-in that no check minds.
"""

from typing import Final

from callcontrol.calls import requests
from callcontrol.calls.media.say import SayKind, SayMethod, SaySource
from callcontrol.rpc.validate import Problems
from callcontrol.v1 import common_pb2

_STAND_IN: Final = requests.ToneSource("0")
_KINDS: Final[dict[int, SayKind]] = {
    common_pb2.Say.KIND_NUMBER: SayKind.NUMBER,
    common_pb2.Say.KIND_ITEMS: SayKind.ITEMS,
    common_pb2.Say.KIND_CURRENCY: SayKind.CURRENCY,
    common_pb2.Say.KIND_TIME_MEASUREMENT: SayKind.TIME_MEASUREMENT,
    common_pb2.Say.KIND_DATE: SayKind.DATE,
    common_pb2.Say.KIND_TIME: SayKind.TIME,
    common_pb2.Say.KIND_DATE_TIME: SayKind.DATE_TIME,
    common_pb2.Say.KIND_TELEPHONE_NUMBER: SayKind.TELEPHONE_NUMBER,
    common_pb2.Say.KIND_IP_ADDRESS: SayKind.IP_ADDRESS,
    common_pb2.Say.KIND_SPELLED: SayKind.SPELLED,
    common_pb2.Say.KIND_SPELLED_PHONETIC: SayKind.SPELLED_PHONETIC,
}
_METHODS: Final[dict[int, SayMethod]] = {
    common_pb2.Say.METHOD_UNSPECIFIED: SayMethod.PRONOUNCED,
    common_pb2.Say.METHOD_PRONOUNCED: SayMethod.PRONOUNCED,
    common_pb2.Say.METHOD_ITERATED: SayMethod.ITERATED,
    common_pb2.Say.METHOD_COUNTED: SayMethod.COUNTED,
}


def read_source(
    source: common_pb2.MediaSource, field: str, problems: Problems
) -> requests.MediaSource:
    """Something to be heard."""
    match source.WhichOneof("source"):
        case "uri":
            return requests.UriSource(source.uri)
        case "tone_stream":
            return requests.ToneSource(source.tone_stream)
        case "silence":
            length_us = problems.duration_us(f"{field}.silence", source.silence)
            return requests.SilenceSource(length_us)
        case "speech":
            speech = source.speech
            return requests.SpeechSource(speech.text, engine=speech.engine, voice=speech.voice)
        case "phrase":
            phrase = source.phrase
            return requests.PhraseSource(phrase.name, phrase.data, phrase.language)
        case "say":
            return _read_say(source.say, f"{field}.say", problems)
        case _:
            kinds = "uri, tone_stream, silence, speech, phrase or say"
            problems.add(field, f"must say what to play: {kinds}")
            return _STAND_IN


def _read_say(say: common_pb2.Say, field: str, problems: Problems) -> requests.MediaSource:
    method = problems.choice(f"{field}.method", say.method, _METHODS, common_pb2.Say.Method)
    if say.kind not in _KINDS:
        problems.add(f"{field}.kind", "must say what the text is")
        return _STAND_IN
    return SaySource(text=say.text, kind=_KINDS[say.kind], method=method, language=say.language)
