"""Which calls a snapshot has, for a subscriber who asked for certain events.

A filter is about events, and a call is none: of some conditions it can be said whether they hold
for a call, of others, such as the name of the event, it cannot. A call is left out only where no
event of it could pass, as it is now.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from callcontrol.calls.call import Call
from callcontrol.calls.picture.fields import VARIABLE
from callcontrol.calls.picture.variables import ChannelVariables, carries_variables
from callcontrol.events.filter import EventFilter
from callcontrol.events.string_match import StringMatch, compile_match

Answer = bool | None
"""None where it cannot be said."""
Question = Callable[[Call], Answer]

_UNKNOWN: Final[Answer] = None


def call_chooser(filters: Collection[EventFilter]) -> Callable[[Call], bool]:
    """A test whether events of a call might pass at least one of the filters; none pass all."""
    if not filters:
        return lambda _: True
    choosers = [_chooser(each) for each in filters]
    return lambda call: any(chooser(call) is not False for chooser in choosers)


def _chooser(wanted: EventFilter) -> Question:
    questions = list(_questions(wanted))

    def passes(call: Call) -> Answer:
        answers = [question(call) for question in questions]
        holds: Answer = True
        if False in answers:
            holds = False
        elif _UNKNOWN in answers:
            holds = _UNKNOWN
        return (not holds) if wanted.invert and holds is not None else holds

    return passes


def _questions(wanted: EventFilter) -> Iterable[Question]:
    if wanted.names or wanted.subclasses or wanted.expression:
        yield lambda _: _UNKNOWN
    if wanted.call_ids:
        ids = wanted.call_ids
        yield lambda call: call.call_id in ids or call.bridged_call_id in ids
    if wanted.node_ids:
        yield lambda call: call.node_id in wanted.node_ids
    for name, match in wanted.labels:
        yield _label_question(name, match)
    for name, match in wanted.headers:
        yield _header_question(name, match)


def _label_question(name: str, wanted: StringMatch) -> Question:
    passes = compile_match(wanted)
    return lambda call: passes(call.labels.get(name))


def _header_question(name: str, wanted: StringMatch) -> Question:
    """Only variables are known of a call, and not every event carries them."""
    passes = compile_match(wanted)
    where_missing = passes(None)

    def holds(call: Call) -> Answer:
        variables = call.variables
        if not name.startswith(VARIABLE) or not isinstance(variables, ChannelVariables):
            return _UNKNOWN
        if not carries_variables(variables.headers):
            return _UNKNOWN
        return where_missing if passes(variables.headers.get(name)) is where_missing else _UNKNOWN

    return holds
