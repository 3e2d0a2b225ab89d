"""What a rule is: how failures of one class are told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

import grpc

from callcontrol.errors import CallControlError, Violation
from callcontrol.rpc.failure import Reason

E = TypeVar("E", bound=CallControlError)


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one failure, beside what is told of all of its class."""

    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Facts that are not known are empty, and left out in the end."""
    violations: tuple[Violation, ...] = ()
    retry_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """How failures of one class are told. For the fields see `failure.Failure`."""

    kind: type[CallControlError]
    code: grpc.StatusCode
    reason: Reason.ValueType
    is_definite: bool
    tell: Callable[[CallControlError], Told]


def rule(
    kind: type[E],
    code: grpc.StatusCode,
    reason: Reason.ValueType,
    tell: Callable[[E], Told],
    *,
    is_definite: bool = True,
) -> Rule:
    """A rule for one class, whose sentence is made from the fields of that class."""
    # cast: rules are found by `kind`, so one is only ever given errors of its kind.
    return Rule(kind, code, reason, is_definite, lambda error: tell(cast("E", error)))
