"""Names of the values of enums, also of those that only a newer server has."""

from collections.abc import Iterable
from typing import Protocol


class Enum(Protocol):
    """An enum of the API."""

    def items(self) -> Iterable[tuple[str, int]]:
        """Names and numbers."""


def name_of(kind: Enum, value: int, prefix: str = "") -> str:
    """The name of a value without the prefix; its number where it is not known."""
    known = {number: name for name, number in kind.items()}
    return known.get(value, str(value)).removeprefix(prefix)
