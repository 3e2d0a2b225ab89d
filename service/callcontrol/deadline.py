"""When the caller stops waiting: for those who hold an answer back for the sake of a proof.

The edge sets one deadline and cancels what runs beyond it. Who only waits for more certainty
stops a little earlier, so that the answer can still say what was reached.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_s: ContextVar[float | None] = ContextVar("answer deadline", default=None)


@contextmanager
def answering_within(seconds: float | None) -> Iterator[None]:
    """What runs inside should have its answer after so many seconds; None sets no limit."""
    ends_s = None if seconds is None else asyncio.get_running_loop().time() + seconds
    token = _ends_s.set(ends_s)
    try:
        yield
    finally:
        _ends_s.reset(token)


def patience_s(most_s: float) -> float:
    """How long to wait for more certainty: `most_s`, or what the caller's deadline leaves of it."""
    ends_s = _ends_s.get()
    if ends_s is None:
        return most_s
    return max(0.0, min(most_s, ends_s - asyncio.get_running_loop().time()))
