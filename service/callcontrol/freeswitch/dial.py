"""Opens a link: TCP connection, greeting, login; and closes it, whatever happens inside."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from callcontrol.esl.commands import Auth, UserAuth
from callcontrol.esl.errors import UnencodableValue
from callcontrol.esl.messages import Reply
from callcontrol.freeswitch.link import ArrivedEvent, Link
from callcontrol.freeswitch.lookup import Address, look_up
from callcontrol.freeswitch.replies import LinkLost, LinkRefused
from callcontrol.freeswitch.settings import LinkTimings, NodeSettings
from callcontrol.freeswitch.status import NodeCounters


@asynccontextmanager
async def open_link(
    settings: NodeSettings,
    timings: LinkTimings,
    counters: NodeCounters,
    *,
    on_event: Callable[[ArrivedEvent], None] | None = None,
    on_idle: Callable[[], None] | None = None,
    on_end: Callable[[LinkLost], None] | None = None,
) -> AsyncIterator[Link]:
    """A link that is logged in; its socket is closed on leaving, also by cancellation.

    Raises LinkRefused for a wrong password or address, LinkLost for everything that may be
    better next time.
    """
    link = Link(timings, counters, on_event=on_event, on_idle=on_idle, on_end=on_end)
    counters.dials += 1
    try:
        await _connect(link, settings, timings)
        async with within(
            timings.handshake_timeout_s, "Event Socket greeting", hint="; is this its port?"
        ):
            await link.wait_greeted()
        async with within(timings.handshake_timeout_s, "login"):
            await _log_in(link, settings)
        yield link
    finally:
        link.end("closed by this service")


@asynccontextmanager
async def within(limit_s: float, what: str, *, hint: str = "") -> AsyncIterator[None]:
    """Raises LinkLost when the block takes longer: for the steps of bringing a link up."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as exc:
        raise LinkLost(f"no {what} within {limit_s:g} s{hint}", sent=False) from exc


async def _connect(link: Link, settings: NodeSettings, timings: LinkTimings) -> None:
    async with within(timings.connect_timeout_s, "connection"):
        try:
            addresses = await look_up(settings.host, settings.port)
            await _connect_to_first(link, addresses)
        except (OSError, UnicodeError) as exc:  # UnicodeError: a name that cannot be looked up
            raise LinkLost(f"cannot connect: {exc}", sent=False) from exc


async def _connect_to_first(link: Link, addresses: list[Address]) -> None:
    """Connect to the first address that lets us; raises what the last one says."""
    loop = asyncio.get_running_loop()
    for host, port in addresses[:-1]:
        with suppress(OSError):
            await loop.create_connection(lambda: link, host, port)
            return
    await loop.create_connection(lambda: link, *addresses[-1])


async def _log_in(link: Link, settings: NodeSettings) -> None:
    if link.rejected:
        raise LinkRefused(link.end_reason)
    login = UserAuth(settings.user, settings.password) if settings.user else Auth(settings.password)
    try:
        reply = await link.request(login)
    except UnencodableValue as exc:
        raise LinkRefused(f"the login cannot be sent: {exc}") from exc
    if not (isinstance(reply, Reply) and reply.ok):
        raise LinkRefused("the switch does not accept the password")
