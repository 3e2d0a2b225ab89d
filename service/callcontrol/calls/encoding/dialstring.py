"""The one encoder: free text into the arguments of API commands, without loss or not at all.

What the switch does to a value on its way, and so what is undone here, layer by layer:

    uuid_setvar U name value       blank split; the last argument is the rest of the line
    originate {name=value,...}url  blank split, braces matched, commas split, `=` split

Each split removes quotes, unescapes, and trims blanks (switch_utils.c switch_separate_string and
cleanup_separated_string; switch_event.c switch_event_create_brackets). Braces are matched before
anything is unescaped, so a brace in a value cannot be carried into an originate.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from callcontrol.esl.errors import UnencodableValue

MAX_VALUE: Final = 4_096
"""Characters of a value. The switch reads commands byte by byte."""

MAX_VARIABLES: Final = 100
"""Variables of one request."""

_LINE_BREAKERS: Final = frozenset("\r\n\0")
_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@:/+*#._-")
_SPLIT: Final = frozenset(" '\"\\")
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "'": "\\'", '"': '\\"'})


def set_value_problem(value: str) -> str | None:
    """What keeps a value from being set on a call, or None.

    `${` is refused although it would be stored as it is: the switch expands it when an application
    uses the variable, and that can run any API command.
    """
    if len(value) > MAX_VALUE:
        return f"may have at most {MAX_VALUE} characters"
    if not _LINE_BREAKERS.isdisjoint(value):
        return "may not contain a line break or NUL"
    if any((character < " " and character != "\t") or character == "\x7f" for character in value):
        return "may not contain control characters"
    if "${" in value:
        return "may not contain ${, which the switch would expand"
    if "mod_event_socket" in value.lower():
        return "may not name the module that carries the commands"
    if value.startswith("ARRAY::"):
        return "may not begin with ARRAY::, which the switch takes for a list"
    inner = value.strip(" ")
    if inner != inner.strip():
        return "may begin or end with no white space but blanks"
    return None if _is_unicode(value) else "must be Unicode text"


def originate_value_problem(value: str) -> str | None:
    """What keeps a value from being given to a new call, or None."""
    if not value:
        return "may not be empty: the switch drops empty variables"
    if "{" in value or "}" in value:
        return "may not contain braces: the switch knows no way to write them here"
    if ":_:" in value:
        return "may not contain :_:, which begins another attempt"
    return set_value_problem(value)


def rest_of_line(value: str) -> str:
    """A value as the last argument of a blank-separated command.

    Raises UnencodableValue for what `set_value_problem` names.
    """
    _refuse(set_value_problem(value))
    inner = value.strip(" ")
    if not inner:
        return "\\s" * len(value)
    before = len(value) - len(value.lstrip(" "))
    after = len(value) - len(value.rstrip(" "))
    return "\\s" * before + inner.translate(_ESCAPES) + "\\s" * after


def quoted(value: str) -> str:
    """Free text as one argument of a blank-separated command, not the first.

    Raises UnencodableValue for what `set_value_problem` names, and for empty text.
    """
    _refuse(set_value_problem(value) if value else "may not be empty")
    return value.translate(_ESCAPES).replace(" ", "\\s")


def word(value: str) -> str:
    """An argument that needs no quoting. Its grammar is checked elsewhere; this is the last guard.

    Raises UnencodableValue for a value that is empty, begins with `-`, or has any character but
    letters, digits and `@ : / + * # . _ -`.
    """
    if not value or value.startswith("-") or not _PLAIN.issuperset(value):
        raise UnencodableValue("an argument", "may only be plain characters")
    return value


def unsplit(value: str) -> str:
    """An argument whose grammar has more than `word` takes, tones for example, but nothing that
    the switch splits or unquotes there. The last guard, as above.

    Raises UnencodableValue for a value that is empty, or has blanks, quotes, backslashes, control
    characters or `${`.
    """
    if not value or not value.isprintable() or not _SPLIT.isdisjoint(value) or "${" in value:
        raise UnencodableValue("an argument", "may have no blanks, quotes, backslashes or ${")
    return value


def escaped(text: str, separator: str = "") -> str:
    """A text that one layer of the switch's reading gives back, also where that layer splits at
    `separator`; blanks at its edges are lost.
    """
    text = text.translate(_ESCAPES)
    return text.replace(separator, f"\\{separator}") if separator else text


def variable_block(variables: Mapping[str, str]) -> str:
    """`{name=value,...}` as it stands before a dial string, within an api command.

    Names must have passed their grammar. Raises UnencodableValue for what
    `originate_value_problem` names.
    """
    return "{" + ",".join(f"{word(name)}={_braced(variables[name])}" for name in variables) + "}"


def arguments(words: Iterable[str]) -> str:
    """Arguments that need no quoting, as one command line."""
    return " ".join(word(argument) for argument in words)


def _braced(value: str) -> str:
    _refuse(originate_value_problem(value))
    in_pair = value.translate(_ESCAPES).replace(" ", "\\s")
    in_list = in_pair.translate(_ESCAPES).replace(",", "\\,")
    return in_list.translate(_ESCAPES)


def _refuse(problem: str | None) -> None:
    if problem is not None:
        raise UnencodableValue("a value", problem)


def _is_unicode(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
