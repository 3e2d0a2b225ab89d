"""The figures of a benchmark, one JSON object a line, and whether they meet their targets."""

import json
import sys
from collections.abc import Mapping


class Figures:
    """Prints each figure, and knows which missed its target."""

    def __init__(
        self, *, most: Mapping[str, float] | None = None, least: Mapping[str, float] | None = None
    ) -> None:
        """What a figure may be at most, and has to be at least, by its name."""
        self._most, self._least = most or {}, least or {}
        self._missed: list[str] = []

    def report(self, name: str, value: float, unit: str) -> None:
        """One figure as one line."""
        line: dict[str, object] = {"name": name, "value": round(value, 3), "unit": unit}
        if name in self._most:
            line |= {"target": f"at most {self._most[name]}", "met": value <= self._most[name]}
        if name in self._least:
            line |= {"target": f"at least {self._least[name]}", "met": value >= self._least[name]}
        if line.get("met") is False:
            self._missed.append(name)
        print(json.dumps(line), flush=True)

    def conclude(self) -> None:
        """Raises SystemExit, and says which, where some missed their targets."""
        if self._missed:
            sys.exit(f"missed: {', '.join(self._missed)}")
