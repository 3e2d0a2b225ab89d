"""Which events a subscriber asked for: conditions as values, and the test made from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from callcontrol.events.event import Event
from callcontrol.events.string_match import (
    Comparison,
    StringMatch,
    compile_match,
)
from callcontrol.ids import CallId, NodeId

CUSTOM = "CUSTOM"
"""The name of every event that has a subclass."""

Test = Callable[[Event], bool]


class Predicate(Protocol):
    """A condition in a language that this layer does not know. Equal ones mean the same."""

    @property
    def cost(self) -> int:
        """What asking it once may take, in tenths of a microsecond."""

    def __call__(self, event: Event) -> bool:
        """Whether it holds for an event; it never raises."""

    def __hash__(self) -> int:
        """The same for equal ones."""


Named = frozenset[tuple[str, StringMatch]]
"""Conditions on texts by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Conditions that must all hold; an empty one always holds."""

    names: frozenset[str] = frozenset()
    """The event's name is one of these."""
    subclasses: frozenset[str] = frozenset()
    """The event is CUSTOM with one of these subclasses; `x*` takes each that begins with `x`."""
    call_ids: frozenset[CallId] = frozenset()
    """The event's call, or one of its peers, is one of these."""
    node_ids: frozenset[NodeId] = frozenset()
    """The event is from one of these nodes."""
    headers: Named = frozenset()
    """Headers by name, all of which must be so."""
    labels: Named = frozenset()
    """Labels by name, all of which must be so."""
    expression: Predicate | None = None
    """Asked last, when everything else holds."""
    invert: bool = False
    """Turn the outcome of all the conditions together round."""

    @property
    def wants_prefix(self) -> bool:
        """Whether a subclass is given by how it begins."""
        return any(subclass.endswith("*") for subclass in self.subclasses)

    def may_match_node(self, node_id: NodeId) -> bool:
        """Whether an event of that node could pass; never False where one could.

        The node of a call is not known here, so a condition on calls may touch every node.
        """
        if not self.invert:
            return not self.node_ids or node_id in self.node_ids
        return bool(
            self.names
            or self.subclasses
            or self.call_ids
            or self.headers
            or self.labels
            or self.expression
            or (self.node_ids and node_id not in self.node_ids)
        )


Filters = frozenset[EventFilter]
"""At least one of these passes the event; none at all means every event."""


def may_match_node(filters: Filters, node_id: NodeId | None) -> bool:
    """Whether events of that node, of any node for None, could pass one of the filters."""
    if node_id is None or not filters:
        return True
    return any(event_filter.may_match_node(node_id) for event_filter in filters)


def conditions_of(wanted: EventFilter) -> list[tuple[str, EventFilter]]:
    """Each condition of a filter by itself, not turned round, and the field that it stands in."""
    alone = [
        ("names", EventFilter(names=wanted.names)),
        ("subclasses", EventFilter(subclasses=wanted.subclasses)),
        ("call_ids", EventFilter(call_ids=wanted.call_ids)),
        ("node_ids", EventFilter(node_ids=wanted.node_ids)),
        *(
            (f"headers[{name}]", EventFilter(headers=frozenset({(name, match)})))
            for name, match in sorted(wanted.headers, key=_name_of)
        ),
        *(
            (f"labels[{name}]", EventFilter(labels=frozenset({(name, match)})))
            for name, match in sorted(wanted.labels, key=_name_of)
        ),
        ("expression", EventFilter(expression=wanted.expression)),
    ]
    return [(field, condition) for field, condition in alone if condition != EventFilter()]


def compile_filters(filters: Filters) -> Test:
    """Make one function of the filters. It never raises, and takes what `filter_cost` says."""
    if not filters:
        return _always
    return _any_of([_compile(event_filter) for event_filter in filters])


def _compile(wanted: EventFilter) -> Test:
    tests: list[Test] = []
    if wanted.names:
        tests.append(_name_test(wanted.names))
    if wanted.subclasses:
        tests.append(_subclass_test(wanted.subclasses))
    if wanted.node_ids:
        tests.append(_node_test(wanted.node_ids))
    if wanted.call_ids:
        tests.append(_call_test(wanted.call_ids))
    tests += [_label_test(name, match) for name, match in _cheapest_first(wanted.labels)]
    tests += [_header_test(name, match) for name, match in _cheapest_first(wanted.headers)]
    if wanted.expression:
        tests.append(wanted.expression)
    test = _all_of(tests)
    return (lambda event: not test(event)) if wanted.invert else test


def _name_test(names: frozenset[str]) -> Test:
    return lambda event: event.name in names


def _subclass_test(subclasses: frozenset[str]) -> Test:
    exact = frozenset(value for value in subclasses if not value.endswith("*"))
    prefixes = tuple(value[:-1] for value in subclasses if value.endswith("*"))

    def has_subclass(event: Event) -> bool:
        return event.name == CUSTOM and (
            event.subclass in exact or event.subclass.startswith(prefixes)
        )

    return has_subclass


def _node_test(node_ids: frozenset[NodeId]) -> Test:
    return lambda event: event.position.node_id in node_ids


def _call_test(call_ids: frozenset[CallId]) -> Test:
    def concerns(event: Event) -> bool:
        if event.call_id in call_ids:
            return True
        return bool(event.peer_call_ids) and not call_ids.isdisjoint(event.peer_call_ids)

    return concerns


def _name_of(named: tuple[str, StringMatch]) -> str:
    return named[0]


def _cheapest_first(conditions: Named) -> list[tuple[str, StringMatch]]:
    return sorted(conditions, key=lambda each: each[1].how is Comparison.REGEX)


def _label_test(name: str, wanted: StringMatch) -> Test:
    passes = compile_match(wanted)
    return lambda event: passes(event.labels.get(name))


def _header_test(name: str, wanted: StringMatch) -> Test:
    passes = compile_match(wanted)
    return lambda event: passes(event.headers.get(name))


def _always(_event: Event) -> bool:
    return True


# Most filters have one or two conditions, and a loop costs more than the tests in it.


def _all_of(tests: Sequence[Test]) -> Test:
    match tests:
        case []:
            return _always
        case [only]:
            return only
        case [first, second]:
            return lambda event: first(event) and second(event)
        case _:
            return lambda event: all(test(event) for test in tests)


def _any_of(tests: Sequence[Test]) -> Test:
    match tests:
        case [only]:
            return only
        case [first, second]:
            return lambda event: first(event) or second(event)
        case _:
            return lambda event: any(test(event) for test in tests)
