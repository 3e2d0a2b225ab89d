"""Where filters are filed: each under its most selective topic, so that an event meets few."""

from collections.abc import Collection, Iterator, Mapping
from typing import Generic, TypeVar

from callcontrol.events.event import Event, HeaderValue, spelled
from callcontrol.events.filter import CUSTOM, EventFilter, Named

Filed = TypeVar("Filed")
"""Who is filed; any hashable identity."""

Group = dict[Filed, None]
"""Those filed under one topic; a dict for its order and its cheap removal."""

Table = dict[str, Group[Filed]]


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
        if not filters or any(_is_of_no_topic(each) for each in filters):
            self.unfiled[filed] = None

    def unfile(self, filed: Filed, filters: Collection[EventFilter]) -> None:
        """Take away what was filed with the same filters."""
        self.unfiled.pop(filed, None)
        for table, value in self._places(filters):
            if group := table.get(value):
                group.pop(filed, None)
                if not group:
                    del table[value]
        for tables in (self.by_label, self.by_header):
            for name in [name for name, table in tables.items() if not table]:
                del tables[name]

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

    def _places(self, filters: Collection[EventFilter]) -> Iterator[tuple[Table[Filed], str]]:
        for each in filters:
            if not _is_of_no_topic(each):
                yield from self._topics(each)

    def _topics(self, wanted: EventFilter) -> Iterator[tuple[Table[Filed], str]]:
        """The most selective table for a filter, and its keys there."""
        if wanted.call_ids:
            for call_id in wanted.call_ids:
                yield self.by_call, call_id
        elif exact := _exact(wanted.labels):
            yield self.by_label.setdefault(exact[0], {}), exact[1]
        elif wanted.subclasses and not wanted.wants_prefix:
            for subclass in wanted.subclasses:
                yield self.by_subclass, subclass
        elif exact := _exact(wanted.headers):
            yield self.by_header.setdefault(exact[0], {}), exact[1]
        elif wanted.subclasses:
            yield self.by_name, CUSTOM
        elif wanted.names:
            for name in wanted.names:
                yield self.by_name, name
        else:
            for node_id in wanted.node_ids:
                yield self.by_node, node_id


def _is_of_no_topic(wanted: EventFilter) -> bool:
    if wanted.invert:
        return True
    sets = (wanted.call_ids, wanted.subclasses, wanted.names, wanted.node_ids)
    return not any((*sets, _exact(wanted.labels), _exact(wanted.headers)))


def _exact(conditions: Named) -> tuple[str, str] | None:
    """A name and the only text it may have, the same one each time."""
    return min(((name, match.text) for name, match in conditions if match.is_exact), default=None)


def _named(
    tables: Mapping[str, Table[Filed]], values: Mapping[str, HeaderValue]
) -> Iterator[Group[Filed]]:
    for name, table in tables.items():
        value = values.get(name)
        if value is None:
            continue
        for text in (value,) if isinstance(value, str) else (*value, spelled(value)):
            if group := table.get(text):
                yield group
