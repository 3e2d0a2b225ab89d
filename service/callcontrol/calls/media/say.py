"""What can be said with recorded words: the kinds of text, and what each may hold.

The words are those of the application `say` (switch_ivr_say.c SAY_TYPE_NAMES, SAY_METHOD_NAMES).
A text that a kind does not know is said by nobody, with no more than a line in the switch's log.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final


class SayKind(Enum):
    """What a text is, in the switch's words."""

    NUMBER = "number"
    ITEMS = "items"
    CURRENCY = "currency"
    TIME_MEASUREMENT = "time_measurement"
    DATE = "current_date"
    TIME = "current_time"
    DATE_TIME = "current_date_time"
    TELEPHONE_NUMBER = "telephone_number"
    IP_ADDRESS = "ip_address"
    SPELLED = "name_spelled"
    SPELLED_PHONETIC = "name_phonetic"


class SayMethod(Enum):
    """How numbers are said, in the switch's words."""

    PRONOUNCED = "pronounced"
    ITERATED = "iterated"
    COUNTED = "counted"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaySource:
    """A number, date or the like, put together from recorded words of a language."""

    text: str
    kind: SayKind
    method: SayMethod = SayMethod.PRONOUNCED
    language: str = ""
    """Empty is `en`."""


_SECONDS: Final = re.compile(r"\d{1,12}")
_TEXTS: Final[dict[SayKind, tuple[re.Pattern[str], str]]] = {
    SayKind.NUMBER: (re.compile(r"-?\d{1,9}"), "a whole number of at most 9 digits"),
    SayKind.ITEMS: (re.compile(r"\d{1,9}"), "a whole number of at most 9 digits"),
    SayKind.CURRENCY: (re.compile(r"-?\d{1,9}(?:\.\d\d)?"), "an amount such as 12 or 12.50"),
    SayKind.TIME_MEASUREMENT: (
        re.compile(r"\d{1,9}|\d{1,4}:[0-5]?\d(?::[0-5]?\d)?"),
        "seconds, or a time such as 2:30 or 1:02:30",
    ),
    SayKind.DATE: (_SECONDS, "seconds since 1970"),
    SayKind.TIME: (_SECONDS, "seconds since 1970"),
    SayKind.DATE_TIME: (_SECONDS, "seconds since 1970"),
    SayKind.TELEPHONE_NUMBER: (
        re.compile(r"\+?[0-9*#]{1,32}"),
        "1 to 32 of 0-9 * # after an optional +",
    ),
    SayKind.IP_ADDRESS: (re.compile(r"\d{1,3}(?:\.\d{1,3}){3}"), "an IPv4 address"),
    SayKind.SPELLED: (re.compile(r"[A-Za-z0-9@._*#+-]{1,64}"), "1 to 64 letters and digits"),
    SayKind.SPELLED_PHONETIC: (
        re.compile(r"[A-Za-z0-9@._*#+-]{1,64}"),
        "1 to 64 letters and digits",
    ),
}


def say_text_problem(source: SaySource) -> str | None:
    """What keeps a text from being said as what it is, or None."""
    known, sentence = _TEXTS[source.kind]
    return None if known.fullmatch(source.text) else f"must be {sentence}"
