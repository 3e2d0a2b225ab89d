"""What can be wrong with a request before anybody asks what it means: fields that are not set,
values outside their enum, times that are none.

Collects every violation, so that one answer tells all. What telephone numbers, names and values
may hold is for `calls.checks` to say.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol, TypeVar

from google.protobuf.duration_pb2 import Duration

from callcontrol.calls.checked import Checked
from callcontrol.calls.checks import violations_in
from callcontrol.errors import InvalidRequest, Violation

T = TypeVar("T")

_NANOS: Final = 1_000_000_000
_LONGEST_S: Final = 100 * 24 * 3600
"""No time in this API makes sense beyond a hundred days; the format has room for 10 000 years."""


DURATION_PROBLEM: Final = "must be a time from 0 to 100 days"


def microseconds(value: Duration) -> int | None:
    """A length of time in microseconds; None for one that is negative, endless or none at all."""
    if not (0 <= value.seconds <= _LONGEST_S and 0 <= value.nanos < _NANOS):
        return None
    return value.seconds * 1_000_000 + value.nanos // 1_000


class EnumNames(Protocol):
    """A generated enum, as far as it is needed here."""

    def items(self) -> Iterable[tuple[str, int]]:
        """Its names and numbers."""


class Problems:
    """The violations of one request, found one after the other."""

    def __init__(self) -> None:
        self._found: list[Violation] = []

    def add(self, field: str, problem: str) -> None:
        """Something is wrong with a field."""
        self._found.append(Violation(field, problem))

    def choice(self, field: str, value: int, table: Mapping[int, T], enum: EnumNames) -> T:
        """What an enum value stands for; the meaning of 0, and a violation, for an unknown one."""
        if value not in table:
            names = ", ".join(name for name, number in enum.items() if number in table and number)
            self.add(field, f"must be one of {names}, or left out")
            return table[0]
        return table[value]

    def duration_us(self, field: str, value: Duration) -> int:
        """A length of time in microseconds; 0, and a violation, for one that is none."""
        length_us = microseconds(value)
        if length_us is None:
            self.add(field, DURATION_PROBLEM)
        return length_us or 0

    def check(self, checked: Iterable[Checked] = ()) -> None:
        """Raise InvalidRequest with what was found and what else these say, if anything."""
        known = {violation.field for violation in self._found}
        more = [each for each in violations_in(checked) if each.field not in known]
        if self._found or more:
            raise InvalidRequest([*self._found, *more])
