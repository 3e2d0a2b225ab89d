"""Finds the addresses of a host, in a thread that nobody has to wait for.

The loop's own look-up runs in its pool of a few threads, which one name server that does not answer
can fill, and for which the process waits when it ends (asyncio.run, before Python 3.12).
"""

import asyncio
import ipaddress
import socket
import threading

Address = tuple[str, int]
"""A numeric host and a port."""


async def look_up(host: str, port: int) -> list[Address]:
    """The addresses to try, in the system's order, at least one.

    Raises OSError and UnicodeError, as the system's look-up does. Cancelled, the thread goes on
    until the system answers it, which ends by itself within its own limits.
    """
    if _is_numeric(host):
        return [(host, port)]
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[list[Address] | Exception] = loop.create_future()

    def settle(outcome: list[Address] | Exception) -> None:
        if not answered.done():
            answered.set_result(outcome)

    def ask() -> None:
        outcome: list[Address] | Exception
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            outcome = [(str(address[0]), int(address[1])) for *_, address in found]
        except (OSError, UnicodeError) as exc:
            outcome = exc
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    outcome = await answered
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
