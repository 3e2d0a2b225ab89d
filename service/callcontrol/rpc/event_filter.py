"""Filters of events as clients write them: checked, and turned into conditions."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from callcontrol.calls.encoding import grammar
from callcontrol.calls.picture.variables import label_violations
from callcontrol.errors import InvalidFilter, NotImplementedYet, Violation
from callcontrol.events.filter import CUSTOM, EventFilter, Named
from callcontrol.events.filter_cost import COST_LIMIT, cost_of
from callcontrol.events.string_match import Comparison, StringMatch, pattern_problem
from callcontrol.ids import CallId, NodeId
from callcontrol.rpc.cel import MissingExtra
from callcontrol.rpc.cel_text import BadExpression
from callcontrol.rpc.event_expression import Expression, Expressions
from callcontrol.v1 import common_pb2, event_service_pb2

MAX_FILTERS: Final = 16
MAX_CONDITIONS: Final = 64
"""Values in all filters of a subscription together."""
MAX_PATTERNS: Final = 16
"""Of those values: to look at a hostile one takes some milliseconds."""
MAX_TEXT: Final = 1_024
"""Characters that a header or label is compared with."""

_CONDITIONS: Final = ("names", "subclasses", "call_ids", "node_ids", "headers", "labels")
_EVENT_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_SUBCLASS: Final = re.compile(r"[!-~]{1,128}")
_HEADER_NAME: Final = re.compile(r"[!-)+-9;-~]{1,128}")

Problem = Callable[[str], str | None]
"""What is wrong with a value, as a sentence; None where nothing is."""


def knows_all(_: str) -> str | None:
    """Where every kind of event is heard of."""
    return None


class FilterReader:
    """Reads the filters of a request. One for a replica.

    `name_problem` and `subclass_problem` say what keeps events of a name, or of a subclass that may
    end in *, from ever coming here, for example that no node is asked for them: to wait for what
    never comes is refused.
    """

    def __init__(
        self,
        expressions: Expressions | None = None,
        *,
        name_problem: Problem = knows_all,
        subclass_problem: Problem = knows_all,
    ) -> None:
        self._expressions = expressions or Expressions()
        self._name_problem, self._subclass_problem = name_problem, subclass_problem

    def read(self, filters: Sequence[event_service_pb2.EventFilter]) -> tuple[EventFilter, ...]:
        """The conditions that are asked for.

        Raises InvalidFilter with every violation, and NotImplementedYet for an expression where the
        runtime of its language is not installed.
        """
        patterns = sum(map(_patterns_in, filters[:MAX_FILTERS]))
        if patterns > MAX_PATTERNS:
            problem = f"may hold at most {MAX_PATTERNS} patterns together; these hold {patterns}"
            raise InvalidFilter([Violation("filters", problem)])
        bad = self._violations(filters)
        expressions = self._expressions_in(filters[:MAX_FILTERS], bad)
        if bad:
            raise InvalidFilter(bad)
        wanted = tuple(map(_filter, filters, expressions))
        if (cost := cost_of(wanted)) > COST_LIMIT:
            raise _too_costly(cost)
        return wanted

    def _expressions_in(
        self, filters: Sequence[event_service_pb2.EventFilter], bad: list[Violation]
    ) -> list[Expression | None]:
        """The expression of each. After one that is bad or too much no other is compiled, which
        may take some 10 ms for each.
        """
        found: list[Expression | None] = []
        cost = 0
        for index, each in enumerate(filters):
            expression = self._expression(f"filters[{index}].expression", each.expression, bad)
            if each.expression and expression is None:
                break
            found.append(expression)
            cost += expression.cost if expression else 0
            if cost > COST_LIMIT:
                raise _too_costly(cost)
        return found

    def _expression(self, place: str, text: str, bad: list[Violation]) -> Expression | None:
        if not text:
            return None
        try:
            return self._expressions.compile(text)
        except BadExpression as problem:
            bad.append(Violation(place, str(problem)))
        except MissingExtra as missing:
            feature = "filtering by expression without the extra `cel`"
            raise NotImplementedYet(feature, place) from missing
        return None

    def _violations(self, filters: Sequence[event_service_pb2.EventFilter]) -> list[Violation]:
        bad: list[Violation] = []
        if len(filters) > MAX_FILTERS:
            bad.append(Violation("filters", f"may be at most {MAX_FILTERS}"))
        conditions = 0
        for index, each in enumerate(filters[:MAX_FILTERS]):
            conditions += sum(len(getattr(each, field)) for field in _CONDITIONS)
            conditions += bool(each.expression)
            bad += self._problems_of(f"filters[{index}]", each)
        if conditions > MAX_CONDITIONS:
            problem = f"may hold at most {MAX_CONDITIONS} values together; these hold {conditions}"
            bad.append(Violation("filters", problem))
        return bad

    def _problems_of(self, place: str, each: event_service_pb2.EventFilter) -> list[Violation]:
        bad = [
            *list_violations(f"{place}.names", each.names, self.event_name_problem),
            *list_violations(f"{place}.subclasses", each.subclasses, self._subclass_violation),
            *list_violations(f"{place}.call_ids", each.call_ids, grammar.call_id_problem),
            *list_violations(f"{place}.node_ids", each.node_ids, grammar.node_id_problem),
            *_match_violations(f"{place}.headers", each.headers, header_name_problem),
            *_match_violations(f"{place}.labels", each.labels, _label_name_problem),
        ]
        if each.subclasses and each.names and CUSTOM not in each.names:
            problem = "must hold CUSTOM, or be left out, where subclasses are given"
            bad.append(Violation(f"{place}.names", problem))
        return bad

    def event_name_problem(self, name: str) -> str | None:
        """What is wrong with the name of an event that somebody wants."""
        if not _EVENT_NAME.fullmatch(name):
            return "must be the switch's name of an event, for example CHANNEL_ANSWER"
        return self._name_problem(name)

    def _subclass_violation(self, subclass: str) -> str | None:
        if not _SUBCLASS.fullmatch(subclass) or "*" in subclass[:-1]:
            return "must be 1 to 128 visible characters, with * only at the end"
        return self._subclass_problem(subclass)


def _too_costly(cost: int) -> InvalidFilter:
    problem = f"may cost at most {COST_LIMIT} together; these cost {cost}: ask for less"
    return InvalidFilter([Violation("filters", problem)])


def require_nodes(filters: Iterable[EventFilter], knows_node: Callable[[NodeId], object]) -> None:
    """Raises what `knows_node` does, NodeNotFound, for the first node that it does not know."""
    for node_id in sorted({node_id for each in filters for node_id in each.node_ids}):
        knows_node(node_id)


def list_violations(place: str, values: Collection[str], problem_of: Problem) -> list[Violation]:
    """What is wrong with the values of a field, by their index."""
    problems = ((index, problem_of(value)) for index, value in enumerate(values))
    return [Violation(f"{place}[{index}]", problem) for index, problem in problems if problem]


def header_name_problem(name: str) -> str | None:
    """The whole name of a header."""
    return None if _HEADER_NAME.fullmatch(name) else "must be the name of a header"


def _label_name_problem(name: str) -> str | None:
    found = label_violations([name])
    return found[0].problem if found else None


def _match_violations(
    place: str, matches: Mapping[str, common_pb2.StringMatch], name_problem: Problem
) -> list[Violation]:
    problems = (
        (name, name_problem(name) or _match_problem(matches[name])) for name in sorted(matches)
    )
    return [Violation(f"{place}[{name}]", problem) for name, problem in problems if problem]


def _patterns_in(each: event_service_pb2.EventFilter) -> int:
    matches = (*each.headers.values(), *each.labels.values())
    return sum(match.WhichOneof("test") == "regex" for match in matches)


def _match_problem(match: common_pb2.StringMatch) -> str | None:
    how = match.WhichOneof("test")
    if how is None:
        return "must say how to compare: exact, prefix, suffix, contains, regex or present"
    if how == "present":
        return None
    text: str = getattr(match, how)
    if how == "regex":
        return pattern_problem(text)
    return f"may have at most {MAX_TEXT} characters" if len(text) > MAX_TEXT else None


def _named(matches: Mapping[str, common_pb2.StringMatch]) -> Named:
    return frozenset((name, _match(match)) for name, match in matches.items())


def _match(match: common_pb2.StringMatch) -> StringMatch:
    how = Comparison(match.WhichOneof("test"))
    if how is Comparison.PRESENT:  # its two ways of saying no are one condition
        return StringMatch(how=how, invert=match.invert is match.present)
    return StringMatch(
        how=how,
        text=getattr(match, how.value),
        ignore_case=match.ignore_case,
        invert=match.invert,
    )


def _filter(each: event_service_pb2.EventFilter, expression: Expression | None) -> EventFilter:
    return EventFilter(
        names=frozenset(each.names),
        subclasses=frozenset(each.subclasses),
        call_ids=frozenset(CallId(value) for value in each.call_ids),
        node_ids=frozenset(NodeId(value) for value in each.node_ids),
        headers=_named(each.headers),
        labels=_named(each.labels),
        expression=expression,
        invert=each.invert,
    )
