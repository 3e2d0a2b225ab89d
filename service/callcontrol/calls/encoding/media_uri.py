"""Which media may be played, and how several sources become one argument of `playback`.

The argument of `playback` is a small language: `!` joins files, `{...}` and `[...]` are
parameters, `@@` an offset, `${...}` is expanded, and a scheme chooses a module of the switch,
some of which run programs or fetch from anywhere. So paths have a grammar and a root, and
URLs a prefix that the operator allowed.
"""

import re
from collections.abc import Sequence
from typing import Final, assert_never

from callcontrol.calls.media.say import SaySource
from callcontrol.calls.requests import (
    MediaSource,
    PhraseSource,
    SilenceSource,
    SpeechSource,
    ToneSource,
    UriSource,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import NotImplementedYet

_PATH: Final = re.compile(r"/[A-Za-z0-9_./-]{1,511}")
_URL: Final = re.compile(r"[a-z][a-z0-9_+.-]*://[A-Za-z0-9_./:%?&=~+-]{0,1023}")
_TONE: Final = re.compile(r"[A-Za-z0-9%(),;=.+*#_-]{1,512}")
_HIDDEN_DOTS: Final = re.compile(r"%(?:2e|2f|5c|00)", re.IGNORECASE)
_MS: Final = 1_000

MAX_SILENCE_US: Final = 3_600_000_000
"""An hour."""

MAX_SOURCES: Final = 32
"""Sources of one playback."""


def uri_problem(uri: str, settings: ControlSettings) -> str | None:
    """What keeps a file or an URL from being played, or None."""
    if uri.startswith("/"):
        return _path_problem(uri, settings.media_roots)
    if not _URL.fullmatch(uri) or ".." in uri or _HIDDEN_DOTS.search(uri):
        return "must be an absolute path or an URL of plain characters, without .."
    if any(_begins(uri, prefix) for prefix in settings.media_prefixes):
        return None
    return "is not below an URL that the operator allows (media_prefixes)"


def tone_problem(tone: str) -> str | None:
    """What keeps a tone from being played, or None."""
    if _TONE.fullmatch(tone) and ".." not in tone and not tone.lower().startswith("path="):
        return None
    return "must be 1 to 512 characters of the switch's tone language"


def silence_problem(duration_us: int) -> str | None:
    """What keeps a silence from being played, or None."""
    if _MS <= duration_us <= MAX_SILENCE_US:
        return None
    return "must be from a millisecond to an hour"


def playback_argument(sources: Sequence[MediaSource]) -> str:
    """The argument of `playback` for sources that were checked.

    Raises NotImplementedYet for kinds of sources this version does not play.
    """
    parts = [_played(source) for source in sources]
    return parts[0] if len(parts) == 1 else "file_string://" + "!".join(parts)


def _played(source: MediaSource) -> str:
    match source:
        case UriSource(uri=uri):
            return uri
        case ToneSource(tone=tone):
            return f"tone_stream://{tone}"
        case SilenceSource(duration_us=duration_us):
            return f"silence_stream://{duration_us // _MS}"
        case SpeechSource():
            raise NotImplementedYet("playing speech")
        case PhraseSource() | SaySource():
            raise NotImplementedYet("playing a phrase or something to say")
        case _:
            assert_never(source)


def _path_problem(path: str, roots: Sequence[str]) -> str | None:
    if not _PATH.fullmatch(path) or "//" in path or {"..", "."} & set(path.split("/")):
        return "must be a normal absolute path of the characters A-Z a-z 0-9 _ . / -"
    if any(path.startswith(root.rstrip("/") + "/") for root in roots):
        return None
    return "is not below a directory that the operator allows (media_roots)"


def _begins(uri: str, prefix: str) -> bool:
    """Whether the prefix ends where a part of the URL does, so that a host cannot be prolonged."""
    if not prefix or not uri.startswith(prefix):
        return False
    return prefix.endswith(("/", "=")) or uri[len(prefix) : len(prefix) + 1] in ("", "/", "?")
