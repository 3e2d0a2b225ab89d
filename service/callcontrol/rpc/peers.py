"""How much of this replica the event streams of one host may take, so that others find room."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from callcontrol.errors import FiltersCostTooMuch, TooManySubscriptions
from callcontrol.events.filter import EventFilter, Filters
from callcontrol.events.filter_cost import COST_LIMIT, cost_of
from callcontrol.events.matchers import MAX_COST


@dataclass(slots=True)
class _Held:
    """What one host has open."""

    streams: int = 0
    users: Counter[Filters] = field(default_factory=Counter)
    """How many of its streams have these filters."""
    cost: int = 0
    """Of these, each counted once."""


class Peers:
    """The hosts that have streams: at most `max_streams` in all, and `most` of one host. The
    filters of one host may cost the same share of what all may cost, but always those of a stream.
    """

    def __init__(self, max_streams: int, most: int) -> None:
        self._max_streams, self._most = max_streams, most
        self._max_cost = max(COST_LIMIT, MAX_COST * min(most, max_streams) // max_streams)
        self._streams = 0
        self._held: dict[str, _Held] = {}

    @contextmanager
    def place_for(self, peer: str, filters: Iterable[EventFilter]) -> Iterator[None]:
        """Room for a stream of this gRPC peer. Raises TooManySubscriptions and FiltersCostTooMuch;
        filters that another stream of the host has cost nothing.
        """
        host, wanted = host_of(peer), frozenset(filters)
        held = self._held.get(host) or _Held()
        cost = 0 if wanted in held.users else cost_of(wanted)
        if self._streams >= self._max_streams:
            raise TooManySubscriptions(self._max_streams, "this replica")
        if held.streams >= self._most:
            raise TooManySubscriptions(self._most, "one peer")
        if held.cost + cost > self._max_cost:
            raise FiltersCostTooMuch(cost, self._max_cost, "one peer")
        self._held[host] = held
        self._streams += 1
        held.streams += 1
        held.users[wanted] += 1
        held.cost += cost
        try:
            yield
        finally:
            self._leave(host, wanted)

    def _leave(self, host: str, filters: Filters) -> None:
        held = self._held[host]
        self._streams -= 1
        held.streams -= 1
        held.users[filters] -= 1
        if not held.users[filters]:
            del held.users[filters]
            held.cost -= cost_of(filters)
        if not held.streams:
            del self._held[host]


def host_of(peer: str) -> str:
    """The host of a gRPC peer: an address without its port; a Unix socket is one host."""
    if not peer.startswith(("ipv4:", "ipv6:")):
        return peer
    return peer.rpartition(":")[0]
