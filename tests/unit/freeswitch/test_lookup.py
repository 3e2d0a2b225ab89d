"""Finding a host: by number at once, by name in a thread of its own."""

import asyncio
import socket
import threading

import pytest
from tests.support.nodes import until

from callcontrol.freeswitch.lookup import look_up


async def test_a_number_needs_no_look_up() -> None:
    assert await look_up("127.0.0.1", 8021) == [("127.0.0.1", 8021)]
    assert await look_up("::1", 8021) == [("::1", 8021)]


async def test_a_name_is_looked_up() -> None:
    assert ("127.0.0.1", 8021) in await look_up("localhost", 8021)


async def test_a_name_that_is_none_is_an_error() -> None:
    with pytest.raises((OSError, UnicodeError)):
        await look_up("a" * 300, 8021)


async def test_nobody_waits_for_a_look_up_that_was_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        begun.set()
        may_end.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    looking = asyncio.create_task(look_up("switch.example.org", 8021))
    await until(begun.is_set)
    looking.cancel()
    await asyncio.wait([looking])
    (thread,) = [it for it in threading.enumerate() if it.name == "look up switch.example.org"]
    assert thread.daemon
    may_end.set()
    thread.join()
