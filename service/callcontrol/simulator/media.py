"""How long sounds last, what digits are, and what a recording is."""

import re
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path

from callcontrol.simulator.events import Header

DEFAULT_DIGIT_SAMPLES = 2000
_TONE = re.compile(r"%\((\d+),(\d+)[^)]*")
_LOOPS = re.compile(r"loops=(-?\d+)")


def duration_s(path: str, files: Mapping[str, float]) -> float | None:
    """Seconds that a playback lasts, `inf` for one without end; None when it is not found.

    `files` are files that exist only here, with their lengths; others are looked for on disk.
    """
    kind, separator, rest = path.partition("://")
    if not separator:
        return _file_s(path, files)
    match kind:
        case "tone_stream":
            return _tone_s(rest)
        case "silence_stream":
            milliseconds = rest.partition(",")[0]
            return inf if milliseconds.startswith("-") else _int(milliseconds) / 1000
        case "file_string":
            lengths = [duration_s(part, files) for part in rest.split("!")]
            return sum(length for length in lengths if length is not None)
    return files.get(path)


def file_type(path: str) -> str:
    """Playback-File-Type, which only streams have."""
    kind, separator, _ = path.partition("://")
    return kind if separator and kind in ("tone_stream", "local_stream") else ""


def _tone_s(rest: str) -> float | None:
    tones = _TONE.findall(rest)
    if not tones:
        return None
    loops = _LOOPS.search(rest)
    times = int(loops[1]) if loops else 1
    length = sum(int(on) + int(off) for on, off in tones) / 1000
    return inf if times < 0 else length * max(times, 1)


def _file_s(path: str, files: Mapping[str, float]) -> float | None:
    if path in files:
        return files[path]
    try:
        with wave.open(path) as sound:
            return float(sound.getnframes() / sound.getframerate())
    except (OSError, EOFError, wave.Error):
        return None


def can_record(path: str) -> bool:
    """Whether a recording to this path could be opened: a known format, a place to write to."""
    target = Path(path)
    return target.suffix in (".wav", ".raw", ".mp3", ".PCMU") and "/proc/" not in path


def _int(text: str) -> int:
    return int(text) if text.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Digit:
    """A DTMF digit on its way: its length in samples at 8 kHz, and where it came from."""

    character: str
    samples: int = DEFAULT_DIGIT_SAMPLES
    source: str = "UNKNOWN"

    def headers(self) -> list[Header]:
        """What the DTMF event says of it."""
        return [
            ("DTMF-Digit", self.character),
            ("DTMF-Duration", str(self.samples)),
            ("DTMF-Source", self.source),
        ]


def parse_digits(text: str, source: str) -> list[Digit]:
    """Digits of `12#`, `12@100`, `12@200+34`; what is no digit is left out, pauses too."""
    digits: list[Digit] = []
    for group in text.split("+"):
        characters, _, milliseconds = group.partition("@")
        samples = _int(milliseconds) * 8 or DEFAULT_DIGIT_SAMPLES
        digits += [
            Digit(character, samples, source)
            for character in characters.upper()
            if character in "0123456789ABCDF*#"
        ]
    return digits


@dataclass(slots=True)
class Recording:
    """A file that a channel is recorded to."""

    path: str
    started_us: int
    variables: tuple[tuple[str, str], ...] = ()
    """What the command gave to this recording alone; its events repeat it."""

    def headers(self) -> list[Header]:
        """Its variables, as its events have them."""
        return [(f"Recording-Variable-{name}", value) for name, value in self.variables]
