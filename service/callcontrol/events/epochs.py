"""Former runs of a log whose entries were kept: what their resume tokens mean in this run.

Numbers go on from run to run, as far as they were written down. What a run numbered after that was
lost with it, and the next run gives the same numbers again: so each has an id of its own, and a
token of a former one leads to its place, or, from what was lost, to where the next run begins.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from callcontrol.events.event import Event, Gap
from callcontrol.events.token import Token

MAX_EPOCHS: Final = 256
"""Former runs that are known; tokens of older ones have expired."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One run of a log."""

    log_id: bytes
    first_number: int
    """The number of its first entry."""


class FormerEpochs:
    """The runs before this one, the oldest first; this one begins with entry `next_number`."""

    def __init__(self, epochs: Sequence[Epoch] = (), next_number: int = 1) -> None:
        self.epochs = tuple(epochs[-MAX_EPOCHS:])
        ends = [epoch.first_number for epoch in self.epochs[1:]] + [next_number]
        self._end_by_id = {epoch.log_id: end for epoch, end in zip(self.epochs, ends, strict=False)}

    def place_of(self, token: Token) -> int | None:
        """The number, counted as this run does, of what comes after the token; None where it is of
        no former run.

        Whatever of its run was not written down is missing there, and the Gaps with which the next
        run begins tell it.
        """
        end = self._end_by_id.get(token.log_id)
        return None if end is None else min(token.number, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What former runs have left."""

    next_number: int = 1
    """The number behind the newest entry."""
    items: Sequence[Event | Gap] = ()
    """The newest entries without a hole, in order, up to `next_number`."""
    epochs: Sequence[Epoch] = ()
    """The runs that wrote it, the oldest first."""
    secret: bytes = field(repr=False, default=b"")
    """What resume tokens are sealed with."""


def ages(items: Sequence[Event | Gap], now_us: int) -> Iterator[float]:
    """How old entries are, in seconds, and never negative, as clocks are set.

    A gap does not know; it is as old as the event before it.
    """
    events = (item for item in items if isinstance(item, Event))
    first = next(events, None)
    received_us = now_us if first is None else first.received_us
    for item in items:
        if isinstance(item, Event):
            received_us = item.received_us
        yield max(0.0, (now_us - received_us) / 1e6)
