"""What asking a filter costs: the most that one evaluation takes of usual texts, in tenths of a
microsecond.

An estimate from the filter alone, measured on one core of a usual server, so that the same filter
costs the same everywhere. What is done about one that takes far longer: `asking`.
"""

from collections.abc import Iterable
from typing import Final

from callcontrol.events.filter import EventFilter
from callcontrol.events.string_match import Comparison, StringMatch, pattern_steps

COST_LIMIT: Final = 1_000
"""Of all filters of one subscription: a tenth of a millisecond an event."""

_ASKED: Final = 1
_SET: Final = 1
_TEXT: Final = 2
_FOLDING: Final = 1
_PATTERN: Final = 20
_STEPS_A_UNIT: Final = 10


def cost_of(filters: Iterable[EventFilter]) -> int:
    """The cost of filters that are asked one after the other, as none of them holds."""
    return sum(_cost(each) for each in filters)


def _cost(wanted: EventFilter) -> int:
    cost = _ASKED
    cost += _SET * (bool(wanted.names) + bool(wanted.node_ids))
    cost += 2 * _SET * (bool(wanted.subclasses) + bool(wanted.call_ids))
    cost += sum(_match_cost(match) for _, match in (*wanted.headers, *wanted.labels))
    return cost + (wanted.expression.cost if wanted.expression else 0)


def _match_cost(match: StringMatch) -> int:
    if match.how is Comparison.REGEX:
        return _TEXT + _PATTERN + pattern_steps(match.text) // _STEPS_A_UNIT
    return _TEXT + _FOLDING * match.ignore_case
