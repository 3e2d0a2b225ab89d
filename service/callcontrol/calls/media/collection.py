"""A collection of digits: what is asked for, and what the switch's words at its end mean.

Found on FreeSWITCH 1.10.12 (switch_ivr_play_say.c switch_ivr_read, switch_play_and_get_digits):

    read_result             absent: the prompt could not be played, or something cut it off
                            failure: too few digits; timeout, success: enough of them
    the variable            the digits of the last try, unless they do not fit the pattern
    the variable, _invalid  the last digits that did not fit
    read_terminator_used    stays from the try, or the collection, before
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.checked import Checked
from callcontrol.calls.encoding.digit_pattern import pattern_problem
from callcontrol.calls.encoding.media_uri import MAX_SOURCES
from callcontrol.calls.media.play_checks import source_checks
from callcontrol.calls.media.spoken import is_spoken
from callcontrol.calls.outcome import CallOutcome
from callcontrol.calls.picture import fields
from callcontrol.calls.picture.translate import Headers, number, text
from callcontrol.calls.requests import MediaSource
from callcontrol.calls.settings import ControlSettings
from callcontrol.ids import CallId

VARIABLE: Final = "callcontrol_digits"
INVALID_VARIABLE: Final = f"{VARIABLE}_invalid"
STOP_DIGIT: Final = "F"
"""A flash, which no key is: ends each try from here. It is among the terminators of each
collection, as nothing else ends the wait for digits."""

MAX_DIGITS: Final = 64
MAX_TRIES: Final = 10

_LEAST_US: Final = 1_000_000
_LEAST_BETWEEN_US: Final = 100_000
_MOST_US: Final = 600_000_000
_KEYS: Final = frozenset("0123456789ABCD*#")
_LEAVING: Final = frozenset({2, 8, 9})
"""States of a leg that is on its way elsewhere: CS_ROUTING, CS_HIBERNATE, CS_RESET."""
_HUNG_UP: Final = 10
"""CS_HANGUP and what comes after it (switch_types.h switch_channel_state_t)."""


class Result(Enum):
    """How a collection ended."""

    COLLECTED = "collected"
    TIMED_OUT = "timed_out"
    NO_MATCH = "no_match"
    CALL_ENDED = "call_ended"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectSpec:
    """Digits to collect. Times are in microseconds."""

    call_id: CallId
    prompt: tuple[MediaSource, ...] = ()
    invalid_prompt: tuple[MediaSource, ...] = ()
    min_digits: int = 0
    max_digits: int
    tries: int = 1
    timeout_us: int
    digit_timeout_us: int | None = None
    terminators: str = ""
    pattern: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectOutcome(CallOutcome):
    """What was collected. The digits are those of the last entry, as far as they came."""

    result: Result
    digits: str
    terminator: str = ""

    def __repr__(self) -> str:
        """Without the digits, which may be a secret."""
        return f"CollectOutcome({self.result.name})"


def collect_checks(spec: CollectSpec, settings: ControlSettings) -> Iterator[Checked]:
    """What is to be collected, and how."""
    yield checks.call_id_check(spec.call_id)
    yield from _prompt_checks(spec.prompt, "prompt", settings)
    yield from _prompt_checks(spec.invalid_prompt, "invalid_prompt", settings)
    if not 1 <= spec.max_digits <= MAX_DIGITS:
        yield "max_digits", f"must be from 1 to {MAX_DIGITS}"
    if not 0 <= spec.min_digits <= max(0, spec.max_digits):
        yield "min_digits", "must be from 0 to max_digits"
    if not 1 <= spec.tries <= MAX_TRIES:
        yield "tries", f"must be at most {MAX_TRIES}"
    if not _LEAST_US <= spec.timeout_us <= _MOST_US:
        yield "timeout", "must be from 1 second, the least that the switch waits, to 10 minutes"
    between_us = spec.digit_timeout_us
    if between_us is not None and not _LEAST_BETWEEN_US <= between_us <= _MOST_US:
        yield "digit_timeout", "must be from 100 milliseconds to 10 minutes"
    if len(set(spec.terminators)) != len(spec.terminators) or not _KEYS.issuperset(
        spec.terminators
    ):
        yield "terminators", "must be different ones of 0-9 A-D * #"
    if spec.pattern:
        yield "pattern", pattern_problem(spec.pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the end of the application says; `result` is None where the prompt was not played."""

    result: Result | None
    digits: str = ""
    terminator: str = ""


def judge(spec: CollectSpec, headers: Headers) -> Verdict:
    """What CHANNEL_EXECUTE_COMPLETE says of a collection."""
    digits = text(headers, fields.VARIABLE + VARIABLE)
    invalid = text(headers, fields.VARIABLE + INVALID_VARIABLE)
    said = text(headers, fields.VARIABLE_READ_RESULT)
    pressed = text(headers, fields.VARIABLE_READ_TERMINATOR)
    state = number(headers, fields.CHANNEL_STATE_NUMBER)
    terminator = pressed if pressed in spec.terminators else ""
    so_far = digits or invalid
    if state >= _HUNG_UP:
        return Verdict(result=Result.CALL_ENDED, digits=so_far)
    if state in _LEAVING:
        return Verdict(result=Result.INTERRUPTED, digits=so_far)
    if said != "failure" and digits and len(digits) >= spec.min_digits:
        ended_by = terminator if said == "success" and len(digits) < spec.max_digits else ""
        return Verdict(result=Result.COLLECTED, digits=digits, terminator=ended_by)
    if said == "success" and not so_far and terminator:
        return Verdict(result=Result.COLLECTED, terminator=terminator)
    if not said:
        return Verdict(result=None)
    if invalid or terminator:
        return Verdict(result=Result.NO_MATCH, digits=so_far, terminator=terminator)
    return Verdict(result=Result.TIMED_OUT, digits=so_far)


def _prompt_checks(
    sources: Sequence[MediaSource], field: str, settings: ControlSettings
) -> Iterator[Checked]:
    if len(sources) > MAX_SOURCES:
        yield field, f"may have at most {MAX_SOURCES} entries"
    for place, source in enumerate(sources):
        if is_spoken(source):
            yield f"{field}[{place}]", "must be an uri, a tone_stream or silence"
        else:
            yield from source_checks(source, f"{field}[{place}]", settings)
