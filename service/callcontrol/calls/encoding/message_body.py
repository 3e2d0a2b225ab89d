r"""A text of any lines as the last argument of a blank-separated command, exactly or not at all.

Line breaks and tabs are written `\r`, `\n` and `\t`, which the switch makes of them again
(switch_utils.c, cleanup_separated_string). `${` may stand in it: nothing expands an argument of an
API command.
"""

from typing import Final

from callcontrol.esl.errors import UnencodableValue

MAX_BODY: Final = 4_096
"""Bytes of UTF-8."""

_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "\r": "\\r", "\n": "\\n", "\t": "\\t"}
)
_ALLOWED_CONTROLS: Final = frozenset("\r\n\t")


def body_problem(body: str) -> str | None:
    """What keeps a text from being carried, or None."""
    if not body:
        return "may not be empty"
    try:
        size = len(body.encode("utf-8"))
    except UnicodeEncodeError:
        return "must be Unicode text"
    if size > MAX_BODY:
        return f"may have at most {MAX_BODY} bytes"
    if any((c < " " and c not in _ALLOWED_CONTROLS) or c == "\x7f" for c in body):
        return "may not contain control characters but line breaks and tabs"
    inner = body.strip(" \r\n\t")
    if inner != inner.strip():
        return "may begin or end with no white space but blanks, line breaks and tabs"
    if "mod_event_socket" in body.lower():
        return "may not name the module that carries the commands"
    return None


def body_argument(body: str) -> str:
    """The text as the rest of a command line. Raises UnencodableValue for what `body_problem`
    names.
    """
    problem = body_problem(body)
    if problem is not None:
        raise UnencodableValue("the body", problem)
    inner = body.strip(" ")
    before = len(body) - len(body.lstrip(" ")) if inner else len(body)
    after = len(body) - len(body.rstrip(" ")) if inner else 0
    return "\\s" * before + inner.translate(_ESCAPES) + "\\s" * after
