"""What the rpc layer counts and measures, for whoever keeps the metrics."""

from typing import Protocol


class Recorder(Protocol):
    """Told of what happens, on the event loop; every method must return at once and not raise.

    `method` is service and method without the package, for example EventService/Events.
    """

    def rpc_started(self, method: str) -> None:
        """An RPC came in."""

    def rpc_ended(self, method: str, code: str, seconds: float) -> None:
        """It ended with that gRPC code by name, after so long; a stream's whole life."""

    def rpc_replayed(self, method: str) -> None:
        """A repeated request id got its first answer again."""

    def subscription_opened(self) -> None:
        """An event stream began."""

    def subscription_closed(self) -> None:
        """An event stream ended."""

    def batch_sent(self, events: int, size: int, write_s: float) -> None:
        """A message of a stream was written: events in it, bytes, and how long the write took."""

    def events_skipped(self, count: int) -> None:
        """A slow subscriber was overtaken by so many events."""

    def expression_failed(self) -> None:
        """The expression of a filter had no value for an event, and counted as false."""


class NoRecorder:
    """Records nothing."""

    def rpc_started(self, method: str) -> None:
        """Nothing."""

    def rpc_ended(self, method: str, code: str, seconds: float) -> None:
        """Nothing."""

    def rpc_replayed(self, method: str) -> None:
        """Nothing."""

    def subscription_opened(self) -> None:
        """Nothing."""

    def subscription_closed(self) -> None:
        """Nothing."""

    def batch_sent(self, events: int, size: int, write_s: float) -> None:
        """Nothing."""

    def events_skipped(self, count: int) -> None:
        """Nothing."""

    def expression_failed(self) -> None:
        """Nothing."""
