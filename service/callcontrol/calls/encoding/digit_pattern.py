r"""Patterns for entries of digits: a small language that cannot keep the switch busy.

The switch matches each try itself, as it repeats the prompt itself, and does so with PCRE, which
goes back over what it has tried. So a client's pattern is read here, and written anew:

    0-9 A-D #   that digit            \*  the star         \d  0-9         .  any
    [0-9*#]     one of these          (a|b)  either       a|b  either
    ?  *  +  {2}  {2,}  {2,4}         so many of a digit or a set; after ( ) only ?

It is matched against the whole entry; `^` and `$` around it are allowed and mean nothing.
"""

import re
from typing import Final

MAX_PATTERN: Final = 128
"""Characters of a pattern."""
MAX_BRANCHES: Final = 32
"""Ways at its top level, which are tried one after the other."""
MAX_CHOICES: Final = 6
"""Places within it where the match may go one way or another. Each multiplies the work."""
MAX_COUNT: Final = 64

_TOKEN: Final = re.compile(
    r"(?P<atom>[0-9A-D#.]|\\[d*#]|\[[0-9A-D*#-]+\])(?P<count>[?*+]|\{\d{1,2}(?:,\d{0,2})?\})?"
    r"|(?P<open>\()|(?P<close>\)(?P<maybe>\??))|(?P<bar>\|)"
)
_SET: Final = re.compile(r"(?:[0-9]-[0-9]|[A-D]-[A-D]|[0-9A-D*#])+")
_WRITTEN: Final = {".": "[0-9A-D*#]", "\\d": "[0-9]", "\\*": "[*]", "\\#": "#"}


class BadPattern(ValueError):
    """A pattern that is not of this language; the text says how to mend it."""


def pattern_problem(pattern: str) -> str | None:
    """What keeps a pattern from being used, or None."""
    try:
        switch_pattern(pattern)
    except BadPattern as bad:
        return str(bad)
    return None


def switch_pattern(pattern: str) -> str:
    """The same for the switch, anchored at both ends; without blanks, quotes and backslashes.

    Raises BadPattern.
    """
    if not 0 < len(pattern) <= MAX_PATTERN:
        raise BadPattern(f"must have 1 to {MAX_PATTERN} characters")
    inner = pattern.removeprefix("^").removesuffix("$")
    written: list[str] = []
    position = depth = choices = branches = 0
    while position < len(inner):
        token = _TOKEN.match(inner, position)
        if token is None:
            raise BadPattern(
                "may have digits, A-D, #, \\*, \\d, ., sets such as [1-5*], ( | ), and behind a"
                " digit or a set ? * + {2} {2,4}"
            )
        position = token.end()
        depth += (token["open"] is not None) - (token["close"] is not None)
        if depth < 0:
            raise BadPattern("closes more than it opens")
        branches += token["bar"] is not None and depth == 0
        choices += _is_choice(token, depth)
        written.append(_written(token))
    if depth:
        raise BadPattern("opens more than it closes")
    if branches >= MAX_BRANCHES or choices > MAX_CHOICES:
        raise BadPattern(
            f"may have at most {MAX_BRANCHES} ways, and within them {MAX_CHOICES} of | ? * + {{}}"
        )
    return f"^(?:{''.join(written)})$"


def _is_choice(token: re.Match[str], depth: int) -> bool:
    if token["bar"] is not None:
        return depth > 0
    count = token["count"]
    return bool(token["maybe"]) or (count is not None and (count[0] != "{" or "," in count))


def _written(token: re.Match[str]) -> str:
    if token["open"]:
        return "(?:"
    if token["close"]:
        return token["close"]
    if token["bar"]:
        return "|"
    atom, count = token["atom"], token["count"] or ""
    if atom[0] == "[" and not _SET.fullmatch(atom[1:-1]):
        raise BadPattern("may have in a set 0-9, A-D, * and #, and from-to of digits or letters")
    if atom[0] == "[" and any(first > last for first, last in re.findall(r"(.)-(.)", atom)):
        raise BadPattern("may have from-to in a set only upwards")
    return _WRITTEN.get(atom, atom) + _checked(count)


def _checked(count: str) -> str:
    numbers = [int(number) for number in re.findall(r"\d+", count)]
    if any(number > MAX_COUNT for number in numbers) or numbers != sorted(numbers):
        raise BadPattern(f"may count to {MAX_COUNT}, and only upwards")
    return count
