"""Our end of the socket application of one call: from `connect` to the end that lets it go on.

A call that waits in a park beside its socket must really be in it before the socket ends: the end
of a socket ends a park, but one that begins after that lasts for ever (mod_event_socket.c,
socket_function; switch_ivr.c, switch_ivr_park). So CHANNEL_PARK is asked for before `connect` lets
the park begin, and is awaited before `exit`.

A call that waits at its socket itself would hear nothing else. It is put into a park by the socket,
which is answered when that ends; only then the socket can be used, or closed, again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from callcontrol.errors import CallControlError
from callcontrol.esl.commands import Exit, Filter, FilterDelete, Subscribe
from callcontrol.esl.messages import SwitchEvent
from callcontrol.esl.messaging import execute
from callcontrol.esl.session_commands import Connect, Linger, MyEvents
from callcontrol.freeswitch import fields
from callcontrol.freeswitch.call_data import CallData, NotACall, read_call_data
from callcontrol.freeswitch.call_socket import CallSocket
from callcontrol.freeswitch.dial import within
from callcontrol.freeswitch.link import ArrivedEvent
from callcontrol.freeswitch.replies import Answer, LinkLost, Waiter
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.freeswitch.status import NodeCounters

log: Final = logging.getLogger(__name__)

PARK_S: Final = 1.0
"""Time in which a call is in its park after `connect`: a millisecond, on a switch that is well."""
UNPARK_ATTEMPTS: Final = 3
LINGER_S: Final = 5
"""Time for which a switch keeps a socket open behind the end of its call, if we do not close it."""

Unpark = Callable[[], Awaitable[bool]]
"""Ends the park of the call by other means than its socket."""


class CallLink:
    """One call at our door. `shake_hands` first, then `serve`, and `leave` when it is to go on."""

    def __init__(
        self,
        timings: LinkTimings,
        counters: NodeCounters,
        *,
        end_timeout_s: float,
        on_connected: Callable[["CallLink"], None],
    ) -> None:
        """`end_timeout_s` is the time the switch has for a proper end; `on_connected` is called
        when its socket is there.
        """
        self.socket: Final = CallSocket(
            timings,
            counters,
            on_connected=lambda: on_connected(self),
            on_event=self._on_event,
            on_end=lambda _: self._on_end(),
        )
        self._end_timeout_s = end_timeout_s
        self._parked = asyncio.Event()
        self._leaving = asyncio.Event()
        self._closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._is_async = True
        self._unpark: Unpark | None = None
        self._park_over: Waiter | None = None
        self._last_park: SwitchEvent | None = None
        self._take: Callable[[ArrivedEvent], None] | None = None

    @property
    def closed(self) -> asyncio.Future[str]:
        """Done, with the reason, when the connection is over."""
        return self._closed

    async def shake_hands(self, limit_s: float) -> CallData:
        """Take the call: the switch says which it is. Raises LinkLost and NotACall."""
        async with within(limit_s, "answer to connect"):
            self.socket.tell(Filter("Event-Name", "CHANNEL_PARK"))
            self.socket.ask(MyEvents(format="json"))
            data = read_call_data(await outcome(self.socket.ask(Connect())))
        self._is_async = data.is_async
        return data

    def park(self, unpark: Unpark) -> None:
        """Have a call that waits at the socket itself wait in a park instead, as all others do.

        `unpark` is to end that. Raises LinkLost.
        """
        self._unpark = unpark
        self._park_over = self.socket.ask(execute("", "park", event_lock=False))
        self._park_over.add_done_callback(lambda _: self._leaving.set())

    async def follow(self, take: Callable[[ArrivedEvent], None]) -> None:
        """Pass on the events of the call, from its park on, to its end: the switch holds that for
        a moment. Only for a socket that may be told everything, of a call that is parked beside it.

        Raises LinkLost, and NotACall where the switch refuses that. A limit is the caller's to set.
        """
        await self._parked.wait()
        if self._last_park is not None:
            take(self._last_park)
        self._take = take
        commands = (FilterDelete("all"), Subscribe(("ALL",)), Linger(LINGER_S))
        for waiter in [self.socket.ask(command) for command in commands]:
            reply = await outcome(waiter)
            if not reply.text.startswith("+OK"):
                raise NotACall(f"its socket does not allow us to follow it: {reply.text[:100]}")

    def leave(self) -> None:
        """Let the call go on; `serve` does it."""
        self._leaving.set()

    async def go_on(self) -> None:
        """Let the call go on, and return when the connection is over. See `CallLine`."""
        self.leave()
        await asyncio.wait([self._closed])

    async def serve(self) -> None:
        """Hold the connection until it ends, or the call is to go on and has been sent on.

        The caller closes the socket then, also when this is cancelled.
        """
        await self._leaving.wait()
        await self.let_go()

    async def let_go(self) -> None:
        """Say goodbye, so that the call goes on; ends in time whatever the switch does."""
        if not self.socket.is_open:
            return
        with suppress(TimeoutError, LinkLost):
            async with asyncio.timeout(self._end_timeout_s):
                await self._get_ready_to_end()
                await self.socket.request(Exit())
                await self.socket.wait_ended()

    async def _get_ready_to_end(self) -> None:
        if self._park_over is not None:
            await self._end_park(self._park_over)
        elif self._is_async:
            with suppress(TimeoutError):
                async with asyncio.timeout(PARK_S):
                    await self._parked.wait()

    async def _end_park(self, over: Waiter) -> None:
        """End the park that the socket began: maybe again, as it may not have begun at first."""
        for _ in range(UNPARK_ATTEMPTS):
            if over.done() or self._unpark is None:
                return
            try:
                with suppress(TimeoutError):
                    async with _until(over):
                        if not await self._unpark():
                            return
            except CallControlError as problem:
                log.warning("a call cannot be let go", extra={"reason": str(problem)})
                return
            await asyncio.wait([over], timeout=PARK_S)

    def _on_event(self, event: ArrivedEvent) -> None:
        match fields.event_name(event) if isinstance(event, SwitchEvent) else "":
            case "CHANNEL_PARK":
                self._last_park = event if isinstance(event, SwitchEvent) else None
                self._parked.set()
            case "CHANNEL_HANGUP_COMPLETE":
                self._leaving.set()
        if self._take is not None:
            self._take(event)

    def _on_end(self) -> None:
        """There is nothing more to wait for."""
        self._parked.set()
        self._leaving.set()
        if not self._closed.done():
            self._closed.set_result(self.socket.end_reason)


@asynccontextmanager
async def _until(over: Waiter) -> AsyncIterator[None]:
    """Cut the block off, by TimeoutError, when that has come."""
    loop = asyncio.get_running_loop()
    is_inside = True
    async with asyncio.timeout(None) as limit:

        def cut_off(_: Waiter) -> None:
            if is_inside:
                limit.reschedule(loop.time())

        over.add_done_callback(cut_off)
        try:
            yield
        finally:
            is_inside = False


async def outcome(waiter: Waiter) -> Answer:
    """The reply that came. Raises LinkLost."""
    result = await waiter
    if isinstance(result, Exception):
        raise result
    return result
