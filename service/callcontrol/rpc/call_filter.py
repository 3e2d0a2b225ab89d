"""Filters of calls: a CEL expression over `call`, the API's message Call with its variables.

The runtime is Google's (the extra `cel`): its parser bounds nesting, its regular expressions are
RE2, and it counts its steps. What repeats work is left out, so that the cost of one evaluation is
bounded by the length of the expression; and a filter has so much time in all.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Final, Protocol

from google.protobuf import descriptor_pool

from callcontrol.calls.call import Call
from callcontrol.errors import InvalidRequest, NotImplementedYet, Violation
from callcontrol.rpc import convert
from callcontrol.v1 import call_pb2, common_pb2

MAX_LENGTH: Final = 2_048
"""Bytes of an expression."""
MAX_WORK_S: Final = 10.0
"""Of evaluating one filter, over all calls; a usual one takes 1 to 3 s for 10 000."""

_SLICE_S: Final = 0.01
"""Of work between two pauses in which others go on."""
_REPEATS: Final = re.compile(r"\.\s*(all|exists|exists_one|existsOne|map|filter)\s*\(")
_PLACE: Final = re.compile(r"<input>:\d+:(\d+): (.*)")
_MAX_TOLD: Final = 300
_ENUMS: Final = {
    value.name: f"{enum.full_name}.{value.name}"
    for enum in (
        call_pb2.Call.State.DESCRIPTOR,
        call_pb2.Call.Direction.DESCRIPTOR,
        common_pb2.HangupSide.DESCRIPTOR,
    )
    for value in enum.values
}


class _Value(Protocol):
    """What an evaluation gives."""

    def value(self) -> object:
        """As Python has it; a value of another kind for an error."""


class _Program(Protocol):
    """A compiled expression."""

    def eval(self, *, data: dict[str, call_pb2.Call]) -> _Value:
        """Its value for these variables. Raises RuntimeError where it costs too much."""


class CelFilter:
    """A compiled expression. It does not hold where it has no value, as where a label is asked
    for that the call has not.
    """

    def __init__(self, program: _Program, clock: Callable[[], float] = time.monotonic) -> None:
        self._program, self._clock = program, clock

    def holds_for(self, call: Call) -> bool:
        """Whether it is true of a call."""
        message = convert.call(call, with_variables=True)
        try:
            return self._program.eval(data={"call": message}).value() is True
        except RuntimeError:  # out of steps
            return False

    async def pick(self, calls: Iterable[Call], limit: int | None = None) -> list[Call]:
        """The calls it holds for, in order, at most `limit`. Others go on every 10 ms.

        Raises InvalidRequest for a filter that takes too long in all.
        """
        picked: list[Call] = []
        worked_s, since_s = 0.0, self._clock()
        for call in calls:
            if limit is not None and len(picked) >= limit:
                break
            if self.holds_for(call):
                picked.append(call)
            slice_s = self._clock() - since_s
            if slice_s > _SLICE_S:
                worked_s += slice_s
                if worked_s > MAX_WORK_S:
                    raise _refused("takes too long over the calls there are: make it simpler")
                await asyncio.sleep(0)
                since_s = self._clock()
        return picked


def compile_filter(expression: str) -> CelFilter:
    """The filter of an expression that is not empty.

    Raises InvalidRequest with the place and the reason, and NotImplementedYet without the extra.
    """
    if len(expression.encode()) > MAX_LENGTH:
        raise _refused(f"may have at most {MAX_LENGTH} bytes")
    if not expression.isprintable():
        raise _refused("may have no line breaks and no control characters")
    if repeats := _REPEATS.search(expression):
        place = repeats.start(1) + 1
        raise _refused(f"may not repeat, as `{repeats[1]}` does at character {place}")
    if find_spec("cel_expr_python") is None:
        raise NotImplementedYet("filtering calls without the extra `cel`", "filter")
    return CelFilter(_compiled(expression))


def _compiled(expression: str) -> _Program:
    from cel_expr_python import cel  # an extra, and slow to load

    environment = cel.NewEnv(
        descriptor_pool.Default(),
        variables={"call": cel.Type(call_pb2.Call.DESCRIPTOR.full_name)},
        container=cel.ExpressionContainer(call_pb2.Call.DESCRIPTOR.full_name, aliases=_ENUMS),
    )
    try:
        program = environment.compile(expression)
    except RuntimeError as error:
        raise _refused(_problem(str(error))) from error
    if program.return_type() != cel.Type.BOOL:
        kind = program.return_type().name()
        raise _refused(f"must be true or false of a call; this is of type {kind}: compare it")
    compiled: _Program = program
    return compiled


def _problem(told: str) -> str:
    """What the compiler says, as a sentence about the first mistake."""
    if place := _PLACE.search(told):
        reason = place[2].removesuffix(" [INVALID_ARGUMENT]")
        return f"is no CEL over `call`: at character {place[1]}: {reason}"[:_MAX_TOLD]
    if "recursion limit" in told:
        return "is nested too deeply: at most 32 brackets in each other"
    return "is no CEL expression over `call`"


def _refused(problem: str) -> InvalidRequest:
    return InvalidRequest([Violation("filter", problem)])
