"""Conditions on one named text of an event, a header or a label, and the tests made from them.

Patterns are RE2's, which takes time in proportion to pattern and text whatever they are; Python's
own `re` never sees what a client wrote.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

import re2

from callcontrol.events.event import HeaderValue, spelled

MAX_PATTERN_BYTES: Final = 512
MAX_PATTERN_STEPS: Final = 500
"""Instructions of a compiled pattern. A hostile one takes up to 10 ns for each and each byte of a
text."""

_MEMORY: Final = 256 * 1024
"""Bytes that a pattern may take to be searched for; most take a few thousand."""
_CHECKING_MEMORY: Final = 32 * 1024
"""Enough for so many steps. One that is too large is found out in a fraction of a millisecond."""
_REMEMBERED_TEXTS: Final = 512
"""By each pattern: as many as a busy switch has calls, at some 100 KiB."""
_MAX_REMEMBERED_LENGTH: Final = 128
_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class Comparison(Enum):
    """How a text is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    CONTAINS = "contains"
    REGEX = "regex"
    PRESENT = "present"
    """There is a text, whichever; the only one that does not look at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StringMatch:
    """A condition on one text, which may be missing: then only the turned-round ones hold."""

    how: Comparison
    text: str = ""
    """What it is compared with; the pattern of REGEX."""
    ignore_case: bool = False
    """ASCII letters count as the same in both cases; of REGEX all letters do."""
    invert: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether it holds for this one text alone."""
        return self.how is Comparison.EXACT and not self.ignore_case and not self.invert


TextTest = Callable[[str], bool]
ValueTest = Callable[[HeaderValue | None], bool]


def pattern_problem(pattern: str) -> str | None:
    """What keeps a pattern from being used."""
    if len(pattern.encode(errors="surrogatepass")) > MAX_PATTERN_BYTES:
        return f"may be a pattern of at most {MAX_PATTERN_BYTES} bytes"
    try:
        steps = pattern_steps(pattern)
    except re2.error as error:
        told = error.args[0] if error.args else b""
        reason = told.decode(errors="replace") if isinstance(told, bytes) else str(told)
        return f"is no pattern of RE2: {reason}"[:200]
    if steps > MAX_PATTERN_STEPS:
        return f"is a pattern of {steps} steps; at most {MAX_PATTERN_STEPS} may be: repeat less"
    return None


def pattern_steps(pattern: str) -> int:
    """How large a pattern is when it is compiled. Raises re2.error where it is none."""
    return int(_compiled(pattern, memory=_CHECKING_MEMORY).programsize)


def compile_match(wanted: StringMatch) -> ValueTest:
    """A test of a value, None for one that is missing; of an array any element, or all of it in the
    switch's spelling, may be the text that is looked for. Raises re2.error for what is no pattern.
    """
    invert = wanted.invert
    if wanted.how is Comparison.PRESENT:
        return lambda value: (value is None) is invert
    holds = compile_text_test(wanted)

    def passes(value: HeaderValue | None) -> bool:
        if value is None:
            return invert
        if isinstance(value, str):
            return holds(value) is not invert
        return (any(map(holds, value)) or holds(spelled(value))) is not invert

    return passes


def compile_text_test(wanted: StringMatch) -> TextTest:
    """The comparison alone, before it is turned round, of a text that is there."""
    if wanted.how is Comparison.REGEX:
        return _pattern_test(wanted.text, ignore_case=wanted.ignore_case)
    test = _plain_test(wanted.how, _folded(wanted.text) if wanted.ignore_case else wanted.text)
    if wanted.ignore_case:
        return lambda value: test(_folded(value))
    return test


def _plain_test(how: Comparison, text: str) -> TextTest:
    match how:
        case Comparison.EXACT:
            return lambda value: value == text
        case Comparison.PREFIX:
            return lambda value: value.startswith(text)
        case Comparison.SUFFIX:
            return lambda value: value.endswith(text)
        case Comparison.CONTAINS:
            return lambda value: text in value
        case _:
            return lambda _: True


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


def _pattern_test(pattern: str, *, ignore_case: bool) -> TextTest:
    """RE2 takes over a microsecond to be asked, and the headers of a call are mostly the same ones
    again: what it said of short texts is remembered.
    """
    search = _compiled(pattern, ignore_case=ignore_case, memory=_MEMORY).search

    def finds(text: str) -> bool:
        return search(text.encode(errors="surrogatepass")) is not None

    remembered = lru_cache(_REMEMBERED_TEXTS)(finds)
    return lambda text: remembered(text) if len(text) <= _MAX_REMEMBERED_LENGTH else finds(text)


def _compiled(pattern: str, *, memory: int, ignore_case: bool = False) -> "re2._Regexp":
    options = re2.Options()
    options.max_mem = memory
    options.case_sensitive = not ignore_case
    options.never_capture = True
    options.log_errors = False
    return re2.compile(pattern.encode(errors="surrogatepass"), options)
