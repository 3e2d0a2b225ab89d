r"""Applications as an extension of the dialplan `inline`, as one argument of an api command.

The switch takes two layers away (mod_dptools.c inline_dialplan_hunt): the blank split of the
command, then `m:|:` chooses the sign between the applications, and each is split, unescaped and
trimmed anew. What then runs is expanded once more: without `${` that changes nothing but some
backslashes (switch_utils.h switch_string_has_escaped_data), so these are refused. So is `\'`, for
which the application would be left out without a word (switch_caller.c
switch_caller_extension_add_application).
"""

import re
from collections.abc import Iterable
from typing import Final

from callcontrol.calls.encoding.dialstring import escaped, word
from callcontrol.calls.encoding.policy import application_argument_problem
from callcontrol.esl.errors import UnencodableValue

MAX_APPLICATIONS: Final = 32
"""Applications of one destination; the switch takes 128."""

_CHANGED: Final = re.compile(r"\\[\\nst']")


def application_data_problem(data: str) -> str | None:
    """What keeps an argument from reaching an application as it is, or None."""
    if (problem := application_argument_problem(data)) is not None:
        return problem
    if _CHANGED.search(data):
        return r"may not contain \\, \n, \s, \t or \', which the switch would change"
    return None


def inline_extension(applications: Iterable[tuple[str, str]]) -> str:
    """`m:|:name:argument|name` for names and arguments; an empty argument is none.

    Raises UnencodableValue for what `application_data_problem` names.
    """
    extension = "m:|:" + "|".join(_item(name, data) for name, data in applications)
    return escaped(extension).replace(" ", "\\s")


def _item(name: str, data: str) -> str:
    if (problem := application_data_problem(data)) is not None:
        raise UnencodableValue("an argument of an application", problem)
    if not data:
        return word(name)
    return f"{word(name)}:" + escaped(data).replace("|", "\\|")
