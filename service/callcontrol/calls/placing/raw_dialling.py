"""Raw dial strings: one endpoint in the switch's own language, as far as the operator allows it.

A raw dial string may have variables of its own in brackets. It may not be several endpoints, as
each leg needs an id of its own, and it may hold no braces, whose variables would count for all.
"""

import re
from collections.abc import Sequence
from typing import Final

from callcontrol.calls.encoding.dialstring import originate_value_problem
from callcontrol.calls.requests import Endpoint, RawEndpoint
from callcontrol.errors import CommandNotAllowed

SETTING: Final = "raw_dial_strings"

_BESIDE_OTHERS: Final = frozenset("'\"\\,|[] ")
_BEGINNING: Final = re.compile(r"[A-Za-z0-9\[]")
"""Not a quote: the switch takes quotes away, and what is then first may be `^^`, which chooses
another sign to part legs (switch_utils.c switch_separate_string)."""
_MAX_SHOWN: Final = 64


def raw_problem(text: str, *, beside_others: bool = False) -> str | None:
    """What keeps a raw dial string from being dialled as one leg, or None."""
    problem = originate_value_problem(text)
    if problem is not None:
        return problem
    if text != text.strip() or not _BEGINNING.match(text):
        return "must begin with an endpoint or its variables in brackets, without blanks"
    if not _has_matching_brackets(text):
        return "must have brackets that match"
    variables, endpoint = _parted(text)
    if "|" in text or "," in endpoint or "\\" in variables:
        return "must be one endpoint; give several as endpoints of the request"
    if beside_others and not _BESIDE_OTHERS.isdisjoint(text):
        return "may hold no quotes, commas, brackets, backslashes and blanks beside other endpoints"
    return None


def read_pattern(text: str) -> re.Pattern[str]:
    """An entry of the operator's list. Raises ValueError."""
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"{text} is no regular expression: {error}") from error


def require_allowed(endpoints: Sequence[Endpoint], allowed: Sequence[re.Pattern[str]]) -> None:
    """Raise CommandNotAllowed unless each raw dial string is as a whole what an entry admits."""
    for endpoint in endpoints:
        if isinstance(endpoint, RawEndpoint):
            text = endpoint.dial_string
            if not any(pattern.fullmatch(text) for pattern in allowed):
                raise CommandNotAllowed("dial string", text[:_MAX_SHOWN], SETTING)


def _has_matching_brackets(text: str) -> bool:
    """Whether none is closed that was not opened, and none is left open."""
    depth = 0
    for character in text:
        depth += (character == "[") - (character == "]")
        if depth < 0:
            return False
    return depth == 0


def _parted(text: str) -> tuple[str, str]:
    """The variables in brackets at the beginning, and what follows them.

    The dialler splits at bars before it looks for brackets, and at a comma within brackets where a
    backslash stands before it; brackets behind the beginning are no variables to it, but part of
    an endpoint (switch_ivr_originate.c, switch_ivr_originate).
    """
    depth = 0
    for place, character in enumerate(text):
        if depth == 0 and character != "[":
            return text[:place], text[place:]
        depth += (character == "[") - (character == "]")
    return text, ""
