"""Speech, phrases and numbers: sounds that a module of the switch makes from text.

Each is an application of its own, whose argument is a small language again:

    speak   engine|voice|text           the text is all that follows; `{...}` before it are
                                        parameters of the engine
    phrase  macro,data                  the language is the variable `language` of that run
    say     module:language kind method text
"""

import re
from collections.abc import Iterator
from typing import Final

from callcontrol.calls.checked import Checked
from callcontrol.calls.encoding import grammar
from callcontrol.calls.media.say import SaySource, say_text_problem
from callcontrol.calls.requests import MediaSource, PhraseSource, SpeechSource
from callcontrol.calls.settings import ControlSettings

SPEAK: Final = "speak"
PHRASE: Final = "phrase"
SAY: Final = "say"

MAX_SPEECH: Final = 4_000
"""Characters of a text to be spoken."""

_ENGINE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{2,8})?")
_DATA: Final = re.compile(r"[A-Za-z0-9 _.:,+*#@-]{0,256}")
_DEFAULT_LANGUAGE: Final = "en"

Spoken = SpeechSource | PhraseSource | SaySource


def is_spoken(source: MediaSource) -> bool:
    """Whether it is made from text, so that it must be the only source."""
    return isinstance(source, SpeechSource | PhraseSource | SaySource)


def spoken_checks(source: Spoken, field: str, settings: ControlSettings) -> Iterator[Checked]:
    """A text, and who or what makes it heard."""
    match source:
        case SpeechSource(text=text, engine=engine, voice=voice):
            yield f"{field}.speech.text", _speech_problem(text)
            yield f"{field}.speech.engine", _named(engine or settings.speech_engine, "engine")
            yield f"{field}.speech.voice", _named(voice or settings.speech_voice, "voice")
        case PhraseSource(name=name, data=data, language=language):
            yield f"{field}.phrase.name", grammar.name_problem(name)
            if not _DATA.fullmatch(data) or ".." in data:
                problem = "may have at most 256 letters, digits, blanks and _ . : , + * # @ -"
                yield f"{field}.phrase.data", problem
            if language:
                yield f"{field}.phrase.language", _language_problem(language)
        case SaySource(language=language):
            yield f"{field}.say.text", say_text_problem(source)
            if language:
                yield f"{field}.say.language", _language_problem(language)


def spoken_application(source: Spoken, settings: ControlSettings) -> tuple[str, str]:
    """The application that makes it heard, and its argument. The source was checked."""
    match source:
        case SpeechSource(text=text, engine=engine, voice=voice):
            who = f"{engine or settings.speech_engine}|{voice or settings.speech_voice}"
            return SPEAK, f"{who}|{text}"
        case PhraseSource(name=name, data=data, language=language):
            scope = f"%[language={language}]" if language else ""
            return PHRASE, f"{scope}{name},{data}" if data else f"{scope}{name}"
        case SaySource(text=text, kind=kind, method=method, language=language):
            return SAY, f"{language or _DEFAULT_LANGUAGE} {kind.value} {method.value} {text}"


def _speech_problem(text: str) -> str | None:
    if not 0 < len(text) <= MAX_SPEECH or not text.strip():
        return f"must have 1 to {MAX_SPEECH} characters"
    if any(not character.isprintable() for character in text):
        return "may not contain control characters or line breaks"
    if "${" in text or "\\" in text:
        return "may not contain ${ or a backslash, which the switch would expand"
    return "may not begin with {, which begins parameters" if text.lstrip()[0] == "{" else None


def _named(name: str, what: str) -> str | None:
    if not name:
        return f"must be given: the operator has set no speech_{what}"
    return None if _ENGINE.fullmatch(name) else f"must be the name of {what} of the node"


def _language_problem(language: str) -> str | None:
    return None if _LANGUAGE.fullmatch(language) else "must be a language such as en or pt-BR"
