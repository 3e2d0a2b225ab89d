"""What there is to see of a stream of events, or of a worker, while it is open."""

import asyncio
from typing import Protocol


class Lag(Protocol):
    """How far a stream is behind."""

    @property
    def lag_events(self) -> int:
        """Events that wait for it."""

    @property
    def lag_s(self) -> float:
        """Age of the oldest of them."""

    @property
    def stalled_s(self) -> float:
        """For how long its client has not taken a message."""


class OpenStream(Lag, Protocol):
    """A stream, as operators see it."""

    @property
    def stream_id(self) -> str:
        """Names it to operators."""

    @property
    def name(self) -> str:
        """As its client calls itself."""

    @property
    def peer(self) -> str:
        """The gRPC peer."""

    @property
    def started_us(self) -> int:
        """Since when, microseconds since the epoch."""

    @property
    def sent_events(self) -> int:
        """Events sent."""

    @property
    def skipped_events(self) -> int:
        """Those it missed as its client was slow."""

    @property
    def ended(self) -> asyncio.Event:
        """Set when it has ended."""

    def close(self) -> None:
        """End it with SubscriptionEnded, as soon as that can be."""
