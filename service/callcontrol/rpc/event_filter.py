"""Filters of events as clients write them: checked, and turned into conditions."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Final

from callcontrol.calls.encoding import grammar
from callcontrol.errors import InvalidFilter, NotImplementedYet, Violation
from callcontrol.events.filter import EventFilter
from callcontrol.ids import CallId, NodeId
from callcontrol.v1 import event_service_pb2

MAX_FILTERS: Final = 16
MAX_CONDITIONS: Final = 64
"""Values in all filters of a subscription together."""

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
        self, *, name_problem: Problem = knows_all, subclass_problem: Problem = knows_all
    ) -> None:
        self._name_problem, self._subclass_problem = name_problem, subclass_problem

    def read(self, filters: Sequence[event_service_pb2.EventFilter]) -> tuple[EventFilter, ...]:
        """The conditions that are asked for.

        Raises InvalidFilter with every violation, and NotImplementedYet for what is not served.
        """
        _refuse_what_is_not_served(filters)
        bad = self._violations(filters)
        if bad:
            raise InvalidFilter(bad)
        return tuple(_filter(each) for each in filters)

    def _violations(self, filters: Sequence[event_service_pb2.EventFilter]) -> list[Violation]:
        bad: list[Violation] = []
        if len(filters) > MAX_FILTERS:
            bad.append(Violation("filters", f"may be at most {MAX_FILTERS}"))
        conditions = 0
        for index, each in enumerate(filters[:MAX_FILTERS]):
            place = f"filters[{index}]"
            fields = (
                ("names", each.names, self._name_violation),
                ("subclasses", each.subclasses, self._subclass_violation),
                ("call_ids", each.call_ids, grammar.call_id_problem),
                ("node_ids", each.node_ids, grammar.node_id_problem),
            )
            for field, values, problem_of in fields:
                conditions += len(values)
                bad += list_violations(f"{place}.{field}", values, problem_of)
            if each.subclasses and each.names and "CUSTOM" not in each.names:
                problem = "must hold CUSTOM, or be left out, where subclasses are given"
                bad.append(Violation(f"{place}.names", problem))
        if conditions > MAX_CONDITIONS:
            problem = f"may hold at most {MAX_CONDITIONS} values together; these hold {conditions}"
            bad.append(Violation("filters", problem))
        return bad

    def _name_violation(self, name: str) -> str | None:
        if not _EVENT_NAME.fullmatch(name):
            return "must be the switch's name of an event, for example CHANNEL_ANSWER"
        return self._name_problem(name)

    def _subclass_violation(self, subclass: str) -> str | None:
        if not _SUBCLASS.fullmatch(subclass) or "*" in subclass[:-1]:
            return "must be 1 to 128 visible characters, with * only at the end"
        return self._subclass_problem(subclass)


def list_violations(place: str, values: Collection[str], problem_of: Problem) -> list[Violation]:
    """What is wrong with the values of a field, by their index."""
    problems = ((index, problem_of(value)) for index, value in enumerate(values))
    return [Violation(f"{place}[{index}]", problem) for index, problem in problems if problem]


def header_name_problem(name: str) -> str | None:
    """The whole name of a header."""
    return None if _HEADER_NAME.fullmatch(name) else "must be the name of a header"


def _refuse_what_is_not_served(filters: Sequence[event_service_pb2.EventFilter]) -> None:
    for index, each in enumerate(filters):
        for field, is_used in (
            ("headers", bool(each.headers)),
            ("labels", bool(each.labels)),
            ("expression", bool(each.expression)),
        ):
            if is_used:
                raise NotImplementedYet(f"filtering by {field}", f"filters[{index}].{field}")


def _filter(each: event_service_pb2.EventFilter) -> EventFilter:
    return EventFilter(
        names=frozenset(each.names),
        subclasses=frozenset(each.subclasses),
        call_ids=frozenset(CallId(value) for value in each.call_ids),
        node_ids=frozenset(NodeId(value) for value in each.node_ids),
        invert=each.invert,
    )
