"""One TCP connection to a switch: writes commands, hands each reply to its command, ends visibly.

A link never pauses reading, as a client that does not read stops the events of all clients of the
switch. It ends for one reason, known as `end_reason`; then everyone who waits for a reply is told.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, cast

from callcontrol.esl.commands import Command
from callcontrol.esl.errors import ProtocolError
from callcontrol.esl.messages import (
    AuthRequest,
    DisconnectNotice,
    LogLine,
    RudeRejection,
    SwitchEvent,
    UnknownFrame,
    UnreadableEvent,
    Unsolicited,
)
from callcontrol.esl.protocol import Answered, Connection
from callcontrol.freeswitch.last_words import OVERLOAD_NOTICE, LastWords
from callcontrol.freeswitch.replies import Answer, LinkLost, Slot, Waiter
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.freeswitch.sockets import set_socket_options
from callcontrol.freeswitch.status import NodeCounters
from callcontrol.freeswitch.watchdog import Watchdog

log = logging.getLogger(__name__)

MAX_READ_BYTES: Final = 8192
"""What is read in one turn of the loop: two or three events, so that others get their turn too.

grpc.aio above all: it takes one wake-up a turn, and once some 280 of them wait its thread stands
still until most have been taken. With the 256 KiB that asyncio reads by itself, streams got
nothing for a second at a time while a switch spoke as fast as it could (tests/soak/events.py)."""

ArrivedEvent = SwitchEvent | UnreadableEvent


class Link(asyncio.BufferedProtocol):
    """A link from the moment of the TCP connection; logging in is done by `dial`.

    `on_event` is called within the reading of the socket, in the order of arrival. `on_idle` is
    called when the last reply has come and nothing is unanswered, `on_end` once, at the end. None
    of them may raise; if one of the first two does, the link is lost.
    """

    def __init__(
        self,
        timings: LinkTimings,
        counters: NodeCounters,
        *,
        on_event: Callable[[ArrivedEvent], None] | None = None,
        on_idle: Callable[[], None] | None = None,
        on_end: Callable[[LinkLost], None] | None = None,
    ) -> None:
        self._timings, self._counters = timings, counters
        self._on_event, self._on_idle, self._on_end = on_event, on_idle, on_end
        self._loop = asyncio.get_running_loop()
        self._connection: Connection[Slot] = Connection()
        self._transport: asyncio.Transport | None = None
        self._read = memoryview(bytearray(MAX_READ_BYTES))
        self._greeted = asyncio.Event()
        self._ended = asyncio.Event()
        self._overdue = Watchdog(timings.reply_timeout_s, self._oldest_written_at, self._on_overdue)
        self._silence = Watchdog(
            timings.silence_timeout_s, lambda: self._last_event_at, self._on_silence
        )
        self._last_event_at: float | None = None
        self._last_words = LastWords()
        self.received_events = 0
        self.end_reason = ""
        """Why it ended; empty while it is open."""
        self.rejected = False
        """The switch's access list does not let us in."""

    @property
    def is_open(self) -> bool:
        """Whether commands can be written."""
        return self._transport is not None and not self._ended.is_set()

    @property
    def pending(self) -> int:
        """Commands written and not answered."""
        return self._connection.pending

    def begin(self, command: Command, waiter: Waiter) -> None:
        """Write a command; its outcome will go to `waiter`, and nothing is written later.

        Raises UnencodableValue, or LinkLost(sent=False): then nothing was written, and `waiter`
        is left alone. If the link is lost afterwards, LinkLost(sent=True) is the outcome.
        """
        if self._transport is None or self._ended.is_set():
            raise LinkLost(self.end_reason or "not connected", sent=False)
        data = self._connection.send(command, Slot(waiter, self._loop.time()))
        self._transport.write(data)
        self._counters.commands += 1
        self._overdue.arm()

    async def request(self, command: Command) -> Answer:
        """Write a command and await its reply. Raises UnencodableValue or LinkLost.

        Ends at the latest when the link closes over the overdue reply. If cancelled, the command
        still runs; its reply will be read and dropped.
        """
        waiter: Waiter = self._loop.create_future()
        self.begin(command, waiter)
        outcome = await waiter
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def wait_greeted(self) -> None:
        """Await the switch's request to log in, or the end of the link."""
        await self._greeted.wait()

    async def wait_ended(self) -> str:
        """Await the end of the link; return its reason. Can be cancelled without effect."""
        await self._ended.wait()
        return self.end_reason

    def watch_silence(self) -> None:
        """From now on, no event for `silence_timeout_s` ends the link."""
        self._last_event_at = self._loop.time()
        self._silence.arm()

    def end(self, reason: str) -> None:
        """Close the socket at once, and tell everyone who waits. Only the first reason counts."""
        if self._ended.is_set():
            return
        self.end_reason = reason
        self._ended.set()
        self._greeted.set()
        self._overdue.disarm()
        self._silence.disarm()
        if self._transport is not None:
            self._transport.abort()
        for slot in self._connection.abandon():
            slot.settle(LinkLost(reason, sent=True))
        if self._on_end is not None:
            self._on_end(LinkLost(reason, sent=False))

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop: the TCP connection is there."""
        # A loop gives a stream protocol a Transport; that of uvloop is one without inheriting.
        self._transport = cast(asyncio.Transport, transport)
        if self._ended.is_set():
            self._transport.abort()
            return
        try:
            set_socket_options(transport.get_extra_info("socket"), self._timings)
        except OSError as exc:
            self.end(f"the connection broke: {exc}")

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Called by the loop: where bytes go that have come."""
        return self._read

    def buffer_updated(self, nbytes: int) -> None:
        """Called by the loop: so many bytes came."""
        self.take(bytes(self._read[:nbytes]))

    def take(self, data: bytes) -> None:
        """Take bytes that the switch sent."""
        if self._ended.is_set():
            return
        self._last_words.hear(data)
        try:
            for message in self._connection.receive_data(data):
                self._dispatch(message)
                if self._ended.is_set():
                    return
        except ProtocolError as problem:
            self._end_by_switch(f"unreadable bytes from the switch: {problem}")
            return
        except Exception:
            log.exception("a link failed while it took what the switch sent")
            self.end("an internal error while reading")
            return
        if self._connection.failure is not None:
            self._end_by_switch(f"unreadable bytes from the switch: {self._connection.failure}")

    def eof_received(self) -> None:
        """Called by the loop: the switch closed its side."""
        try:
            self._connection.receive_eof()
        except ProtocolError as problem:
            self._end_by_switch(f"the switch closed the connection: {problem}")
        else:
            self._end_by_switch("the switch closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop: the socket is closed."""
        self._end_by_switch(f"the connection broke: {exc}" if exc else "the connection was closed")

    def _end_by_switch(self, reason: str) -> None:
        if self._last_words.tell_of_overload:
            reason = f"the switch said within another frame: {OVERLOAD_NOTICE}"
        self.end(reason)

    def _dispatch(self, message: Answered[Slot] | Unsolicited) -> None:
        match message:
            case SwitchEvent() | UnreadableEvent():
                self.received_events += 1
                self._last_event_at = self._loop.time()
                if self._on_event is not None:
                    self._on_event(message)
            case Answered(waiter=slot, answer=answer):
                slot.settle(answer)
                if self._on_idle is not None and self._connection.pending == 0:
                    self._on_idle()
            case AuthRequest():
                self._greeted.set()
            case RudeRejection():
                self.rejected = True
                self.end("the switch's access list does not let this address in")
            case DisconnectNotice(lingering=False, text=text):
                self._end_by_switch(f"the switch said goodbye: {_first_line(text)}")
            case DisconnectNotice() | LogLine() | UnknownFrame():
                pass

    def _oldest_written_at(self) -> float | None:
        slot = self._connection.oldest_waiter
        return slot.written_at if slot is not None else None

    def _on_overdue(self) -> None:
        self._counters.overdue_replies += 1
        self.end(f"no reply within {self._timings.reply_timeout_s:g} s")

    def _on_silence(self) -> None:
        self._counters.silent_links += 1
        self.end(f"no event within {self._timings.silence_timeout_s:g} s")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
