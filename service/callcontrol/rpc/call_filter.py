"""Filters of calls: a CEL expression over `call`, the API's message Call with its variables."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

from callcontrol.calls.call import Call
from callcontrol.errors import InvalidRequest, NotImplementedYet, Violation
from callcontrol.rpc import convert
from callcontrol.rpc.cel import Language, MissingExtra, Program
from callcontrol.rpc.cel_text import BadExpression
from callcontrol.v1 import call_pb2, common_pb2

MAX_WORK_S: Final = 10.0
"""Of evaluating one filter, over all calls; a usual one takes 1 to 3 s for 10 000."""

_SLICE_S: Final = 0.01
"""Of work between two pauses in which others go on."""
_CALL: Final = call_pb2.Call.DESCRIPTOR.full_name
_LANGUAGE: Final = Language(
    {"call": _CALL},
    _CALL,
    (
        call_pb2.Call.State.DESCRIPTOR,
        call_pb2.Call.Direction.DESCRIPTOR,
        common_pb2.HangupSide.DESCRIPTOR,
    ),
)


class CelFilter:
    """A compiled expression. It does not hold where it has no value, as where a label is asked
    for that the call has not.
    """

    def __init__(self, program: Program, clock: Callable[[], float] = time.monotonic) -> None:
        self._program, self._clock = program, clock

    def holds_for(self, call: Call) -> bool:
        """Whether it is true of a call."""
        message = convert.call(call, with_variables=True)
        try:
            return self._program.eval(_LANGUAGE.activation({"call": message})).value() is True
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
    try:
        return CelFilter(_LANGUAGE.compile(expression).program)
    except BadExpression as problem:
        raise _refused(str(problem)) from problem
    except MissingExtra as missing:
        raise NotImplementedYet("filtering calls without the extra `cel`", "filter") from missing


def _refused(problem: str) -> InvalidRequest:
    return InvalidRequest([Violation("filter", problem)])
