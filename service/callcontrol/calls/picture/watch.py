"""Waiting for what happens to calls, registered before the command that makes it happen."""

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Protocol, Self, TypeVar

from callcontrol.calls.call import Call, CallState
from callcontrol.calls.payloads import CallEnded, CallStateChanged
from callcontrol.calls.picture.held import Held
from callcontrol.errors import CallHasEnded, OutcomeUnknown
from callcontrol.events.event import Event
from callcontrol.ids import CallId, NodeId

T = TypeVar("T")


class Watches(Protocol):
    """Where watches are registered."""

    def add(self, watch: "Watch") -> None:
        """Begin to pass the watch the events of its calls."""

    def remove(self, watch: "Watch") -> None:
        """Pass it no more."""


class Watch:
    """The events of some calls from the moment of entering, and a way to wait for one of them.

        with tracker.watch(call_id) as watch:
            await send_the_command()
            await watch.until(lambda event: event.name == "CHANNEL_BRIDGE")

    Each wait ends: by what it waits for, the end of one of the calls (CallHasEnded), the loss of
    the node (OutcomeUnknown), or the deadline that the caller has set around it. Events that
    come before or between the waits are kept, at most 1 024, the oldest going first.
    """

    def __init__(
        self,
        watches: Watches,
        call_ids: Iterable[CallId],
        node_id: NodeId | None,
        ended: Call | None = None,
    ) -> None:
        self.call_ids = set(call_ids)
        self.node_id = node_id
        self._watches = watches
        self._held = Held[Event]()
        self._hung_up = ended
        self._ended = ended if ended is not None and ended.state is CallState.ENDED else None
        self._lost: str | None = None

    def __enter__(self) -> Self:
        self._watches.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watches.remove(self)

    async def until(
        self,
        found: Callable[[Event], T | None],
        *,
        past_hangup: bool = False,
        past_end: bool = False,
    ) -> T:
        """Wait for the first event for which `found` gives something but None or False, and
        return that. Events already looked at are not looked at again.

        Raises CallHasEnded once a call hangs up, for from then on the switch takes no commands
        for it; with `past_hangup`, once it has ended for good; with `past_end`, never. Raises
        OutcomeUnknown if the link to the node is lost. One wait at a time.
        """

        def end_if_over() -> None:
            over = self._ended if past_hangup else self._hung_up
            if over is not None and not past_end:
                cause = over.hangup_cause
                raise CallHasEnded(over.call_id, cause.name if cause else "")
            if self._lost is not None and self.node_id is not None:
                raise OutcomeUnknown(self.node_id, self._lost)

        return await self._held.first(found, end_if_over)

    def take(self, event: Event) -> None:
        """An event of one of the calls; called by the tracker."""
        self._held.take(event)
        match event.payload:
            case CallStateChanged(call=call) if call.state is CallState.ENDING:
                if call.call_id in self.call_ids:
                    self._hung_up = self._hung_up or call
            case CallEnded(call=call) if call.call_id in self.call_ids:
                self._hung_up = self._hung_up or call
                self._ended = self._ended or call
        self._held.wake()

    def lose(self, reason: str) -> None:
        """The node is gone; called by the tracker."""
        self._lost = self._lost or reason
        self._held.wake()
