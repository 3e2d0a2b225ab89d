"""What of raw access the operator allows: which commands and applications, with which arguments.

An entry is a name and a regular expression for the whole argument: `sofia status.*`, or `status`
for no argument at all. What an entry admits is admitted: this does not know what a command does.
It knows which commands hide others (mod_commands.c bgapi_function, sched_api_function,
expand_function, xml_wrap_api_function): what is inside, however deep, must be allowed as well. And
it refuses, whatever the list says, what would make the list say something else than it seems to.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from callcontrol.errors import CommandNotAllowed

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_QUOTING: Final = str.maketrans("", "", "'\"\\")
_SCOPED: Final = re.compile(r"%.?\[")
_WHEN: Final = re.compile(r"[+@]?[0-9]{1,10}")

MAX_ARGUMENT: Final = 4_096
"""Characters of an argument."""

APIS_SETTING: Final = "raw_apis"
APPLICATIONS_SETTING: Final = "raw_applications"

NEVER: Final = frozenset({"json", "alias", "coalesce"})
"""Api commands that no list can allow. `json` hides others and is read by cJSON, which takes the
first of two equal keys, without regard to case. `alias` gives the operator's console other words.
The argument of `coalesce` is a format for printf (mod_commands.c coalesce_function).
"""


@dataclass(frozen=True, slots=True)
class Permission:
    """An entry of a list."""

    name: str
    """In lower case: the switch finds commands and applications without regard to case."""
    argument: re.Pattern[str]
    """Of the whole argument."""

    def admits(self, name: str, argument: str) -> bool:
        """Whether a command of this name may have this argument."""
        return name.lower() == self.name and self.argument.fullmatch(argument) is not None


def read_permission(text: str) -> Permission:
    """An entry as an operator writes it: `command` or `command pattern`. Raises ValueError."""
    name, _, pattern = text.strip().partition(" ")
    if not _NAME.fullmatch(name):
        raise ValueError("each must be a name, and after a blank a pattern for its argument")
    if name.lower() in NEVER:
        raise ValueError(f"{name} can never be allowed")
    try:
        return Permission(name.lower(), re.compile(pattern.strip()))
    except re.error as error:
        raise ValueError(f"the pattern of {name} is no regular expression: {error}") from error


def name_problem(name: str) -> str | None:
    """What is wrong with the name of a command or an application, or None."""
    return None if _NAME.fullmatch(name) else "must be a name: 1 to 64 of A-Z a-z 0-9 _"


def argument_problem(argument: str) -> str | None:
    """What keeps an argument from being sent, whatever the list says, or None.

    `${` is looked for as if all quotes and backslashes were gone, as each split of an argument
    takes a layer of them away (switch_utils.c cleanup_separated_string).
    """
    if len(argument) > MAX_ARGUMENT:
        return f"may have at most {MAX_ARGUMENT} characters"
    if any(character < " " or character == "\x7f" for character in argument):
        return "may not contain line breaks or other control characters"
    if argument != argument.strip():
        return "may not begin or end with white space, which the switch would drop"
    if "${" in argument.translate(_QUOTING):
        return "may not contain ${, which the switch would expand"
    if "mod_event_socket" in argument.lower():
        return "may not name the module that carries the commands"
    return None


def api_argument_problem(argument: str) -> str | None:
    """The same for the argument of an api command."""
    if argument.startswith("^^"):
        return "may not begin with ^^, which chooses another delimiter"
    return argument_problem(argument)


def application_argument_problem(argument: str) -> str | None:
    """The same for the argument of an application."""
    if argument.startswith("ARRAY::"):
        return "may not begin with ARRAY::, which the switch takes for a list"
    if _SCOPED.match(argument):  # switch_core_session.c switch_core_session_exec
        return "may not begin with %[, which sets variables"
    return argument_problem(argument)


def require_api(permissions: Sequence[Permission], command: str, argument: str) -> None:
    """Raise CommandNotAllowed unless a command and all that it hides are on the list."""
    for name, rest in commands_in(command, argument):
        if name.lower() in NEVER or not _admitted(permissions, name, rest):
            raise CommandNotAllowed(
                "api command",
                _tellable(name),
                APIS_SETTING,
                is_listed=_is_listed(permissions, name),
            )


def require_application(permissions: Sequence[Permission], name: str, argument: str) -> None:
    """Raise CommandNotAllowed unless an application with this argument is on the list."""
    if not _admitted(permissions, name, argument):
        is_listed = _is_listed(permissions, name)
        raise CommandNotAllowed(
            "application", _tellable(name), APPLICATIONS_SETTING, is_listed=is_listed
        )


def commands_in(command: str, argument: str) -> Iterator[tuple[str, str]]:
    """A command and, one after the other, those inside, as the switch would find them.

    A name may be empty, or no name at all, where the switch would find none: no list has it.
    """
    while True:
        yield command, argument
        match command.lower():
            case "bgapi" | "expand":
                inside = _without_call(argument)
                # expand takes backslashes away from what it hands on, see
                # switch_event_expand_headers_check.
                if command.lower() == "expand" and not {"$", "\\"}.isdisjoint(inside):
                    inside = ""
            case "xml_wrap":
                is_encoded = argument[:8].lower() == "encoded "
                inside = argument[8:] if is_encoded else argument
            case "sched_api":
                inside = _scheduled(argument)
            case "eval" | "cond":
                if {"$", "\\"}.isdisjoint(argument):
                    return
                inside = ""
            case _:
                return
        command, _, argument = inside.partition(" ")
        argument = argument.strip()


def _without_call(argument: str) -> str:
    """What follows a leading `uuid:«call» `."""
    if argument[:5].lower() != "uuid:":
        return argument
    return argument.partition(" ")[2]


def _scheduled(argument: str) -> str:
    """What follows the time and the group, without the `&` that asks for a thread."""
    when, _, rest = argument.partition(" ")
    if not _WHEN.fullmatch(when):
        return ""
    return rest.partition(" ")[2].removesuffix("&")


def _admitted(permissions: Sequence[Permission], name: str, argument: str) -> bool:
    return any(permission.admits(name, argument) for permission in permissions)


def _is_listed(permissions: Sequence[Permission], name: str) -> bool:
    return any(permission.name == name.lower() for permission in permissions)


def _tellable(name: str) -> str:
    return name if _NAME.fullmatch(name) else "inside of it"
