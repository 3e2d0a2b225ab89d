"""What level readers take alike: looked up and put together once, and not once for each of them.

Readers of one filter that keep up are all at the same place when something comes, so the first one
takes, and the others get what it took with all that has been made of it.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from callcontrol.events.ring import Entry

T = TypeVar("T")

MAX_PIECES: Final = 16
"""Pieces kept, each with at most a batch of entries and the messages made of them: some MiB at
most beside the log, and let go of at the next sweep."""


class Piece:
    """Entries that were taken one after the other, and what was made of them last."""

    __slots__ = ("_made", "entries", "goes_on")

    def __init__(self, entries: list[Entry], *, goes_on: bool) -> None:
        self.entries = entries
        """In order; not to be changed."""
        self.goes_on = goes_on
        """There was more to take, so that it is the same for whoever takes here later."""
        self._made: tuple[Hashable, object] = (None, None)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives; made again only where another key was asked for in between."""
        if self._made[0] != key:
            self._made = (key, make())
        return cast("T", self._made[1])  # a key stands for one kind of thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a subscription took. Of the matches up to `last_number`, only `overtaken` is missing."""

    piece: Piece
    """What was taken; who takes the same at the same place may have the same piece."""
    overtaken: int
    """Matching entries, gaps included, dropped before they were taken; they come before
    `entries`. Exact."""
    unread: int = 0
    """Entries of the past that were dropped before it was looked whether they match; they come
    before `entries`."""
    filtered: int
    """Entries that the filters left out between the batch before and `last_number`. Exact."""
    last_number: int
    """The log up to here is dealt with, whether it matched or not."""

    @property
    def entries(self) -> list[Entry]:
        """In order. A Gap is always the last, so that a message can tell of it after its events."""
        return self.piece.entries


class Pieces:
    """The newest ones, by who takes what from where."""

    def __init__(self) -> None:
        self._pieces: dict[Hashable, tuple[int, Piece]] = {}

    def take(self, key: Hashable, matched: int, collect: Callable[[], Piece]) -> Piece:
        """The piece of this key, as long as it is what `collect` would give: that depends on how
        many entries have matched so far, unless the piece was cut.
        """
        matched_then, piece = self._pieces.get(key, (0, None))
        if piece is None or not (piece.goes_on or matched_then == matched):
            piece = collect()
            self._pieces.pop(key, None)
            self._pieces[key] = (matched, piece)
            if len(self._pieces) > MAX_PIECES:
                del self._pieces[next(iter(self._pieces))]
        return piece

    def clear(self) -> None:
        """Let go of all."""
        self._pieces.clear()
