"""Two links that tell the same events in the same order become one stream, each event once.

The switch gives an event to all its clients under one lock (mod_event_socket.c, event_handler), so
two links that subscribed to the same differ only in how far they are, and in events that the switch
could not queue for one of them. What either tells first is passed on at once, and owed by the other
one until that has told it too.

A link that comes later is told apart by canaries, which all links tell. It misses nothing behind
its own, and covers for the other one as soon as both have told the same one.
"""

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

MAX_BEHIND_EVENTS: Final = 16_384
"""Events that one link may be behind the other."""
MAX_HELD_BYTES: Final = 32 << 20
"""Bytes of events that a link may tell before both have told the same canary: what the other one,
which covers, is behind. A link that tells more is given up, and may come again."""
_MAX_CANARIES: Final = 1_024
"""Canaries remembered: each link tells one in ten seconds, those of other replicas too."""


class Side(Enum):
    """One of the two links."""

    LEFT = 0
    RIGHT = 1

    @property
    def other(self) -> "Side":
        """Its twin."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


_Owed = deque[Hashable]
"""What the other link told and this one did not yet, in order."""


def _take(owed: _Owed, key: Hashable) -> int | None:
    """A link told it. How many before it were left out; None if it was not owed."""
    if not owed:
        return None
    if owed[0] == key:
        owed.popleft()
        return 0
    if key not in owed:  # a search, but rarely: only a link that left something out gets here
        return None
    left_out = 0
    while owed.popleft() != key:
        left_out += 1
    return left_out


@dataclass(slots=True)
class _Waiting(Generic[Item]):
    """A link that tells all from its canary on, and shares none with the other one yet."""

    canaries: set[str]
    held: list[tuple[str, Item | None]]
    """What it told in order: canaries, and events, which have an empty text before them."""
    held_bytes: int = 0


@dataclass(slots=True)
class Merge(Generic[Item]):
    """Decides for each event of either link whether it is new. Knows no sockets and no time."""

    key_of: Callable[[Item], Hashable]
    """What tells an event from its neighbours; no text, which canaries have."""
    size_of: Callable[[Item], int]
    """The bytes it takes to hold an event."""
    on_straggler: Callable[[Side], None]
    """Told of a link that was so far apart from the other that it has left."""
    max_behind_events: int = MAX_BEHIND_EVENTS
    max_held_bytes: int = MAX_HELD_BYTES
    left_out: int = 0
    """Events that one link did not tell, and the other did."""
    _recent: deque[Hashable] = field(init=False)
    """Keys of the newest events that were passed on, and canaries, in order."""
    _former: list[Hashable] = field(init=False, default_factory=list)
    """The same from before the last gap: a link that was under way then may tell some again."""
    _canaries: deque[str] = field(init=False, default_factory=lambda: deque(maxlen=_MAX_CANARIES))
    """Those that were told, for longer."""
    _owed: dict[Side, _Owed] = field(init=False, default_factory=dict)
    """Of the links that cover."""
    _waiting: dict[Side, _Waiting[Item]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._recent = deque(maxlen=self.max_behind_events)

    @property
    def is_covered(self) -> bool:
        """Whether a link lives that misses nothing."""
        return bool(self._owed)

    def covers(self, side: Side) -> bool:
        """Whether nothing is lost while this link lives, whatever becomes of the other."""
        return side in self._owed

    def waits(self, side: Side) -> bool:
        """Whether this link has told no canary yet that the other one told too."""
        return side in self._waiting

    def joined(self, side: Side, canary: str) -> bool:
        """A link told its own canary. Whether events begin with it, as none covered."""
        is_first = not self._owed
        if self._meet(side, canary):
            return is_first
        if canary in self._canaries:
            self._give_up(side)
            return False
        if is_first:
            self._begin(side)
            self._is_new_canary(side, canary)
        else:
            self._waiting[side] = _Waiting({canary}, [(canary, None)])
        return is_first

    def canary(self, side: Side, canary: str) -> list[Item]:
        """A link told a canary, whosesoever. Returns what the other one's events add now."""
        if side in self._owed:
            if canary in self._former:
                self._recall(side, canary)
            elif self._is_new_canary(side, canary):
                return self._release_behind(side.other, canary)
        elif side in self._waiting:
            if self._meet(side, canary):
                del self._waiting[side]  # what was held, the other one told
            elif canary in self._canaries:
                self._give_up(side)
            else:
                self._waiting[side].canaries.add(canary)
                self._waiting[side].held.append((canary, None))
        return []

    def is_new(self, side: Side, item: Item) -> bool:
        """A link told an event. Whether to pass it on now; else it was, or will be if need be."""
        if side in self._owed:
            return self._is_new_key(side, self.key_of(item))
        waiting = self._waiting.get(side)
        if waiting is not None:
            waiting.held.append(("", item))
            waiting.held_bytes += self.size_of(item)
            if waiting.held_bytes > self.max_held_bytes:
                self._give_up(side)
        return False

    def left(self, side: Side) -> None:
        """A link is lost. If none covers any more, see `take_over`."""
        self._owed.pop(side, None)
        self._waiting.pop(side, None)

    def take_over(self) -> tuple[Side, list[Item]] | None:
        """When none covers: let a link that waits begin, behind a gap. Returns it and what it told
        since its canary; None if none waits.
        """
        for side, waiting in self._waiting.items():
            if not self._owed:
                self._begin(side)
                return side, self._release(side, waiting.held)
        return None

    def forget(self) -> None:
        """Another switch process begins: nothing that it tells was told."""
        self._recent.clear()
        self._former.clear()

    def _begin(self, side: Side) -> None:
        """Let a link cover that knows nothing of what was told."""
        self._owed[side] = _Owed()
        self._former = list(self._recent)
        self._recent.clear()

    def _recall(self, side: Side, canary: str) -> None:
        """From that canary on, a link tells what another one told before the last gap."""
        self._owed[side].extendleft(reversed(self._former[self._former.index(canary) + 1 :]))
        self._former.clear()

    def _meet(self, side: Side, canary: str) -> bool:
        """Let a link cover from that canary on, if it is one of the newest that were told."""
        if canary not in self._recent:
            return False
        recent = list(self._recent)
        self._owed[side] = _Owed(recent[recent.index(canary) + 1 :])
        return True

    def _release_behind(self, side: Side, canary: str) -> list[Item]:
        waiting = self._waiting.get(side)
        if waiting is None or canary not in waiting.canaries:
            return []
        return self._release(side, waiting.held[waiting.held.index((canary, None)) + 1 :])

    def _release(self, side: Side, held: list[tuple[str, Item | None]]) -> list[Item]:
        """Let a link cover that waited, and what it told be told."""
        del self._waiting[side]
        self._owed.setdefault(side, _Owed())
        new = []
        for canary, item in held:
            if item is None:
                self._is_new_canary(side, canary)
            elif self.is_new(side, item):
                new.append(item)
        return new

    def _is_new_canary(self, side: Side, canary: str) -> bool:
        if self._former and canary in self._canaries and canary not in self._owed[side]:
            self._give_up(side)  # so far behind that it tells again what nobody remembers
            return False
        self._canaries.append(canary)
        return self._is_new_key(side, canary)

    def _is_new_key(self, side: Side, key: Hashable) -> bool:
        left_out = _take(self._owed[side], key)
        if left_out is not None:
            self.left_out += left_out
            return False
        self._recent.append(key)
        owed = self._owed.get(side.other)
        if owed is not None:
            owed.append(key)
            if len(owed) > self.max_behind_events:
                self._give_up(side.other)
        return True

    def _give_up(self, side: Side) -> None:
        self.left(side)
        self.on_straggler(side)
