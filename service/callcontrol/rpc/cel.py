"""CEL, the language of filters: what an expression may speak of, and how it is compiled.

The runtime is Google's, the extra `cel`: its parser bounds nesting, its patterns are RE2's, and it
counts its steps. With what `cel_text` refuses, the cost of one evaluation is bounded by the length
of the expression. Time zones by name are left out as well: to find one, the runtime opens a file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Final, Protocol

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import EnumDescriptor

from callcontrol.rpc.cel_text import BadExpression, Tokens, pattern_cost, tokens_of

_PLACE: Final = re.compile(r"<input>:\d+:(\d+): (.*)")
_MAX_TOLD: Final = 300
_EVALUATION_COST: Final = 50
_TOKEN_COST: Final = 1
_WITH_ZONE: Final[Mapping[str, str]] = {
    "getFullYear": "timestamp_to_year_with_tz",
    "getMonth": "timestamp_to_month_with_tz",
    "getDayOfYear": "timestamp_to_day_of_year_with_tz",
    "getDayOfMonth": "timestamp_to_day_of_month_with_tz",
    "getDate": "timestamp_to_day_of_month_1_based_with_tz",
    "getDayOfWeek": "timestamp_to_day_of_week_with_tz",
    "getHours": "timestamp_to_hours_with_tz",
    "getMinutes": "timestamp_to_minutes_with_tz",
    "getSeconds": "timestamp_to_seconds_tz",
    "getMilliseconds": "timestamp_to_milliseconds_with_tz",
}
_CONFIG: Final = "\n".join(
    [
        "stdlib:",
        "  exclude_macros: [all, exists, exists_one, map, filter]",
        "  exclude_functions:",
        *(
            f"  - name: {name}\n    overloads:\n    - id: {overload}"
            for name, overload in _WITH_ZONE.items()
        ),
    ]
)


class MissingExtra(Exception):
    """The runtime is not installed."""


class Value(Protocol):
    """What an evaluation gives."""

    def value(self) -> object:
        """As Python has it; a value of another kind for an error."""


class Program(Protocol):
    """A compiled expression."""

    def eval(self, activation: object) -> Value:
        """Its value for an activation. Raises RuntimeError where it costs too much."""


class _Environment(Protocol):
    """The runtime with its declarations; its own names and types."""

    def compile(self, expression: str) -> Any:  # Any: the extra has no types
        """A program. Raises RuntimeError."""

    def Activation(self, data: Mapping[str, object]) -> object:  # noqa: N802 - its name
        """Values of variables."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression that can be run."""

    program: Program
    tokens: Tokens
    cost: int
    """Of running it, beside that of making the values of its variables, in tenths of a
    microsecond."""


class Language:
    """What expressions of one kind may speak of."""

    def __init__(
        self, variables: Mapping[str, str], container: str, enums: tuple[EnumDescriptor, ...]
    ) -> None:
        """Variables by name, each with its type as CEL writes it. The values of the enums, and what
        is in the container, may be called by their short names.
        """
        self._variables, self._container = variables, container
        self._aliases = {
            value.name: f"{enum.full_name}.{value.name}" for enum in enums for value in enum.values
        }

    def compile(self, expression: str, max_cost: int | None = None) -> Compiled:
        """An expression that gives true or false. One that costs too much is not looked at, as to
        compile it takes long as well.

        Raises BadExpression with the place and the reason, and MissingExtra.
        """
        tokens = tokens_of(expression)
        cost = pattern_cost(tokens) + _EVALUATION_COST + len(tokens) * _TOKEN_COST
        if max_cost is not None and cost > max_cost:
            raise BadExpression(f"may cost at most {max_cost}; this costs {cost}: ask for less")
        if find_spec("cel_expr_python") is None:
            raise MissingExtra
        return Compiled(self._program(expression), tokens, cost)

    def activation(self, values: Mapping[str, object]) -> object:
        """The values of the variables, for any number of expressions that speak of them."""
        return self._environment.Activation(values)

    def _program(self, expression: str) -> Program:
        from cel_expr_python import cel  # an extra, and slow to load

        try:
            program = self._environment.compile(expression)
        except RuntimeError as error:
            raise BadExpression(self._problem(str(error))) from error
        if program.return_type() != cel.Type.BOOL:
            kind = program.return_type().name()
            raise BadExpression(f"must be true or false; this is of type {kind}: compare it")
        compiled: Program = program
        return compiled

    @cached_property
    def _environment(self) -> _Environment:
        from cel_expr_python import cel  # as above

        environment: _Environment = cel.NewEnv(
            descriptor_pool.Default(),
            config=cel.NewEnvConfigFromYaml(_CONFIG),
            variables={name: cel.Type(kind) for name, kind in self._variables.items()},
            container=cel.ExpressionContainer(self._container, aliases=self._aliases),
        )
        return environment

    def _problem(self, told: str) -> str:
        """What the compiler says, as a sentence about the first mistake."""
        spoken_of = " and ".join(f"`{name}`" for name in self._variables)
        if place := _PLACE.search(told):
            reason = place[2].removesuffix(" [INVALID_ARGUMENT]")
            return f"is no CEL over {spoken_of}: at character {place[1]}: {reason}"[:_MAX_TOLD]
        if "recursion limit" in told or "recursion depth" in told:
            return "is nested too deeply: at most 32 brackets in each other"
        return f"is no CEL expression over {spoken_of}"
