"""Channel variables as headers carry them, and the labels that are kept in some of them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from callcontrol.calls.picture.fields import ANY_VARIABLE, VARIABLE
from callcontrol.errors import Violation
from callcontrol.events.event import HeaderValue

LABEL_VARIABLE: Final = "cc_label_"
MARK: Final = "cc_request"
"""The variable that carries the fingerprint of the request a call came of, or what else tells it
from another call of the same id."""

_LABEL_HEADER: Final = VARIABLE + LABEL_VARIABLE
_MAX_LABEL_NAME: Final = 64
_LABEL_CHARACTERS: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
)


class ChannelVariables(Mapping[str, str]):
    """The variables among an event's headers, picked out when somebody looks, not before.

    Keeps the headers and copies nothing: most events are tracked without anyone asking for
    their variables. Arrays are given in the switch's spelling, `ARRAY::a|:b`.
    """

    __slots__ = ("headers",)

    def __init__(self, headers: Mapping[str, HeaderValue]) -> None:
        self.headers = headers

    def __getitem__(self, name: str) -> str:
        return as_text(self.headers[VARIABLE + name])

    def __iter__(self) -> Iterator[str]:
        start = len(VARIABLE)
        return (header[start:] for header in self.headers if header.startswith(VARIABLE))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"ChannelVariables({len(self)})"


NO_VARIABLES: Final = ChannelVariables({})


def mark_alone(variables: Mapping[str, str]) -> ChannelVariables:
    """Of these variables the one that tells whose call it is, copied."""
    mark = variables.get(MARK)
    return ChannelVariables({VARIABLE + MARK: mark}) if mark else NO_VARIABLES


def as_text(value: HeaderValue) -> str:
    """A header's value as one text; a list in the switch's own spelling of arrays."""
    return value if isinstance(value, str) else "ARRAY::" + "|:".join(value)


def carries_variables(headers: Mapping[str, HeaderValue]) -> bool:
    """Whether the event came with its channel's variables."""
    return ANY_VARIABLE in headers


def label_variable(label: str) -> str:
    """The channel variable that carries a label.

    The name goes through unchanged, so that a dialplan reads `${cc_label_team}` as it was
    written: letters, digits, `_`, `-` and `.` all survive in a variable name.
    """
    return LABEL_VARIABLE + label


def label_of_variable(variable: str) -> str | None:
    """The label that a channel variable carries, or None if it carries none."""
    return variable[len(LABEL_VARIABLE) :] if variable.startswith(LABEL_VARIABLE) else None


def label_violations(labels: Iterable[str], field: str = "labels") -> list[Violation]:
    """What is wrong with label names; nothing if all can be carried.

    The switch looks variables up without regard to case, so two labels that differ in nothing
    but case would overwrite each other.
    """
    found: list[Violation] = []
    seen: dict[str, str] = {}
    for label in labels:
        place = f"{field}[{label}]"
        if not 1 <= len(label) <= _MAX_LABEL_NAME or not _LABEL_CHARACTERS.issuperset(label):
            problem = f"a label name has 1 to {_MAX_LABEL_NAME} of the characters A-Z a-z 0-9 _ . -"
            found.append(Violation(place, problem))
        elif (other := seen.setdefault(label.lower(), label)) != label:
            problem = f"differs from {other} only in case, which the switch does not tell apart"
            found.append(Violation(place, problem))
    return found


def labels_in(headers: Mapping[str, HeaderValue]) -> dict[str, str] | None:
    """The labels among an event's variables; None when the event carries no variables."""
    if ANY_VARIABLE not in headers:
        return None
    # Joining the names and searching once is three times faster than asking each of a hundred.
    if _LABEL_HEADER not in "\n".join(headers):
        return {}
    start = len(_LABEL_HEADER)
    return {
        name[start:]: as_text(value)
        for name, value in headers.items()
        if name.startswith(_LABEL_HEADER)
    }
