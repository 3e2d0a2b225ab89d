"""The connection that a switch makes for one call: a link that begins without a login."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from callcontrol.esl.commands import Command
from callcontrol.freeswitch.link import ArrivedEvent, Link
from callcontrol.freeswitch.replies import LinkLost, Waiter
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.freeswitch.status import NodeCounters

MAX_FIRST_BYTES: Final = 2 * 1024 * 1024
"""Bytes that a peer may send before it has shown which call it is. With every variable of the call,
percent-encoded, that is some 10 KB; nothing is known of whoever sends more."""


class CallSocket(Link):
    """A link from the moment of the accept. Replies may take any time: an application that the call
    runs on this socket is answered when it ends.
    """

    def __init__(
        self,
        timings: LinkTimings,
        counters: NodeCounters,
        *,
        on_connected: Callable[[], None],
        on_event: Callable[[ArrivedEvent], None],
        on_end: Callable[[LinkLost], None],
    ) -> None:
        patient = replace(timings, reply_timeout_s=float("inf"))
        super().__init__(patient, counters, on_event=on_event, on_end=on_end)
        self._on_connected = on_connected
        self._bytes_left: int | None = MAX_FIRST_BYTES
        self.peer_host = ""
        """Address of the other side, without its port."""
        self.local_host = ""
        """Address of ours to which it has connected."""

    def trust(self) -> None:
        """It may send any number of bytes from now on."""
        self._bytes_left = None

    def tell(self, command: Command) -> None:
        """Write a command that gets no reply: the first one on such a connection gets none unless
        it is `connect` or `api` (mod_event_socket.c, listener_run). Raises LinkLost.
        """
        if self._transport is None or not self.is_open:
            raise LinkLost(self.end_reason or "not connected", sent=False)
        self._transport.write(command.encode())

    def ask(self, command: Command) -> Waiter:
        """Write a command; what becomes of it is put into the future. Raises as `begin` does."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self.begin(command, waiter)
        return waiter

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop: the switch has connected."""
        super().connection_made(transport)
        peer, local = (transport.get_extra_info(name) for name in ("peername", "sockname"))
        self.peer_host = str(peer[0]) if peer else ""
        self.local_host = str(local[0]) if local else ""
        self._on_connected()

    def take(self, data: bytes) -> None:
        """Take bytes that the switch sent."""
        if self._bytes_left is not None:
            self._bytes_left -= len(data)
            if self._bytes_left < 0:
                self.end(f"more than {MAX_FIRST_BYTES} bytes came before a call was shown")
                return
        super().take(data)
