"""Where filters are filed: each under its most selective topic, so that an event meets few."""

from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from typing import Generic, TypeVar

from callcontrol.events.event import Event, HeaderValue, spelled
from callcontrol.events.filter import CUSTOM, EventFilter, Named

Filed = TypeVar("Filed")
"""Who is filed; any hashable identity."""

Group = dict[Filed, None]
"""Those filed under one topic; a dict for its order and its cheap removal."""

Table = dict[str, Group[Filed]]


class Topic(Enum):
    """What an event must have for a filter to be asked about it."""

    CALL = "call"
    LABEL = "label"
    SUBCLASS = "subclass"
    HEADER = "header"
    NAME = "name"
    NODE = "node"
    EVERYTHING = "everything"
    """Nothing: it is asked about every event."""


def topic_of(wanted: EventFilter) -> Topic:
    """The most selective topic that a filter has."""
    if wanted.invert:
        return Topic.EVERYTHING
    if wanted.call_ids:
        return Topic.CALL
    if _exact(wanted.labels):
        return Topic.LABEL
    if wanted.subclasses and not wanted.wants_prefix:
        return Topic.SUBCLASS
    if _exact(wanted.headers):
        return Topic.HEADER
    if wanted.subclasses or wanted.names:
        return Topic.NAME
    return Topic.NODE if wanted.node_ids else Topic.EVERYTHING


class Topics(Generic[Filed]):
    """Tables of groups. What is filed under none of them stands in `unfiled`."""

    def __init__(self) -> None:
        self.unfiled: Group[Filed] = {}
        self.by_call: Table[Filed] = {}
        self.by_subclass: Table[Filed] = {}
        self.by_name: Table[Filed] = {}
        self.by_node: Table[Filed] = {}
        self.by_label: dict[str, Table[Filed]] = {}
        """By name and then by value, as is the next."""
        self.by_header: dict[str, Table[Filed]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is filed, and nothing is left of what was."""
        tables = (self.by_call, self.by_subclass, self.by_name, self.by_node)
        return not any((self.unfiled, *tables, self.by_label, self.by_header))

    def file(self, filed: Filed, filters: Collection[EventFilter]) -> None:
        """File it under a topic, or several, of each filter; without filters as unfiled."""
        for table, value in self._places(filters):
            table.setdefault(value, {})[filed] = None
        if not filters or any(topic_of(each) is Topic.EVERYTHING for each in filters):
            self.unfiled[filed] = None

    def unfile(self, filed: Filed, filters: Collection[EventFilter]) -> None:
        """Take away what was filed with the same filters."""
        self.unfiled.pop(filed, None)
        for table, value in self._places(filters):
            if group := table.get(value):
                group.pop(filed, None)
                if not group:
                    del table[value]
        for each in filters:
            self._drop_empty(self.by_label, each.labels)
            self._drop_empty(self.by_header, each.headers)

    def groups(self, event: Event) -> Iterator[Group[Filed]]:
        """The groups that an event concerns; the same one may be filed in several of them."""
        if self.unfiled:
            yield self.unfiled
        if group := self.by_name.get(event.name):
            yield group
        if group := self.by_node.get(event.position.node_id):
            yield group
        if event.subclass and (group := self.by_subclass.get(event.subclass)):
            yield group
        if self.by_call:
            for call_id in (event.call_id, *event.peer_call_ids):
                if call_id is not None and (group := self.by_call.get(call_id)):
                    yield group
        if self.by_label and event.labels:
            yield from _named(self.by_label, event.labels)
        if self.by_header:
            yield from _named(self.by_header, event.headers)

    @staticmethod
    def _drop_empty(tables: dict[str, Table[Filed]], conditions: Named) -> None:
        for name, _ in _exact(conditions):
            if not tables.get(name, True):
                del tables[name]

    def _places(self, filters: Collection[EventFilter]) -> Iterator[tuple[Table[Filed], str]]:
        for each in filters:
            yield from self._tables(each)

    def _tables(self, wanted: EventFilter) -> Iterator[tuple[Table[Filed], str]]:
        """The table of the filter's topic, with each of its keys there."""
        match topic_of(wanted):
            case Topic.CALL:
                yield from ((self.by_call, call_id) for call_id in wanted.call_ids)
            case Topic.LABEL:
                for name, text in _exact(wanted.labels):
                    yield self.by_label.setdefault(name, {}), text
            case Topic.SUBCLASS:
                yield from ((self.by_subclass, subclass) for subclass in wanted.subclasses)
            case Topic.HEADER:
                for name, text in _exact(wanted.headers):
                    yield self.by_header.setdefault(name, {}), text
            case Topic.NAME:
                names = {CUSTOM} if wanted.subclasses else wanted.names
                yield from ((self.by_name, name) for name in names)
            case Topic.NODE:
                yield from ((self.by_node, node_id) for node_id in wanted.node_ids)
            case Topic.EVERYTHING:
                pass


def _exact(conditions: Named) -> list[tuple[str, str]]:
    """A name and the only text it may have, the same one each time; empty where there is none."""
    return sorted((name, match.text) for name, match in conditions if match.is_exact)[:1]


def _named(
    tables: Mapping[str, Table[Filed]], values: Mapping[str, HeaderValue]
) -> Iterator[Group[Filed]]:
    # whichever has fewer names: neither many filters nor many headers make it long
    for name in tables if len(tables) < len(values) else values:
        table, value = tables.get(name), values.get(name)
        if table is None or value is None:
            continue
        for text in (value,) if isinstance(value, str) else (*value, spelled(value)):
            if group := table.get(text):
                yield group
