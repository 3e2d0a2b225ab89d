"""What writes to one stream, and what is known of it, for whoever asks how slow a peer is."""

from callcontrol.rpc.aio import Context
from callcontrol.rpc.stream_tools import StreamTools


class Pen:
    """Writes the messages of one stream; one task holds it."""

    __slots__ = ("_tools", "_writes_since_s", "last_sent_s", "sent_events", "writing_events")

    def __init__(self, tools: StreamTools) -> None:
        self._tools = tools
        self._writes_since_s: float | None = None
        self.last_sent_s = tools.clock()
        """When the last message was taken, on the clock of the tools."""
        self.sent_events = 0
        self.writing_events = 0
        """Events in the message that is being written."""

    @property
    def stalled_s(self) -> float:
        """For how long the peer has not taken the message that is being written; 0 without one."""
        if self._writes_since_s is None:
            return 0.0
        return max(0.0, self._tools.clock() - self._writes_since_s)

    async def write(self, context: Context, data: bytes, events: int = 0) -> None:
        """Write a message with so many events in it. A peer that does not read keeps the caller
        here until its connection ends, which is InternalError or CancelledError.
        """
        clock, room = self._tools.clock, self._tools.room
        self._writes_since_s = began_s = clock()
        self.writing_events = events
        room.used += len(data)
        try:
            await context.write(data)
        finally:
            room.used -= len(data)
        self._writes_since_s = None
        self.writing_events = 0
        self.last_sent_s = clock()
        self.sent_events += events
        self._tools.recorder.batch_sent(events, len(data), self.last_sent_s - began_s)
