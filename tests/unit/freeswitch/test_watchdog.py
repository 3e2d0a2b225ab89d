"""The timer that looks instead of being moved."""

import asyncio

from callcontrol.freeswitch.watchdog import Watchdog


async def test_it_calls_when_what_it_watches_is_too_old() -> None:
    loop, late = asyncio.get_running_loop(), asyncio.Event()
    since = loop.time()
    Watchdog(0.01, lambda: since, late.set).arm()
    await late.wait()
    assert loop.time() - since >= 0.01


async def test_signs_of_life_put_it_off() -> None:
    loop, late = asyncio.get_running_loop(), asyncio.Event()
    signs = iter([loop.time(), loop.time() + 0.01, loop.time() + 0.02])
    last = loop.time() + 0.03
    Watchdog(0.01, lambda: next(signs, last), late.set).arm()
    await late.wait()
    assert loop.time() >= last + 0.01


async def test_it_sleeps_while_there_is_nothing_to_watch() -> None:
    watchdog = Watchdog(0.0, lambda: None, lambda: None)
    watchdog.arm()
    assert watchdog._timer is None


async def test_disarmed_it_does_not_call() -> None:
    loop, calls = asyncio.get_running_loop(), list[str]()
    watchdog = Watchdog(0.0, loop.time, lambda: calls.append("late"))
    watchdog.arm()
    watchdog.disarm()
    later = asyncio.Event()
    loop.call_later(0.005, later.set)
    await later.wait()
    assert calls == []
