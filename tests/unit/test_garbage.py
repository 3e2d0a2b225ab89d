"""What lives for long is not looked at, and what is garbage goes all the same."""

import asyncio
import gc
import weakref
from collections.abc import Callable

from callcontrol.garbage import resting


class Knot:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.me = self


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - the collector tells nobody
        await asyncio.sleep(0.001)


async def test_what_lives_is_put_to_rest() -> None:
    async with resting(rest_every_s=0.001):
        alive = Knot()
        await until(lambda: not any(each is alive for each in gc.get_objects()))


async def test_garbage_goes_all_the_same() -> None:
    async with resting(rest_every_s=0.001, look_every_s=0.005):
        left = weakref.ref(Knot())
        await until(lambda: gc.get_freeze_count() > 0)
        await until(lambda: left() is None)


async def test_what_is_garbage_already_is_not_put_to_rest() -> None:
    async with resting(rest_every_s=0.001):
        await until(lambda: gc.get_freeze_count() > 0)
        left = weakref.ref(Knot())
        await until(lambda: left() is None)


async def test_afterwards_the_collector_looks_at_everything_again() -> None:
    alive = Knot()
    async with resting(rest_every_s=0.001):
        await until(lambda: gc.get_freeze_count() > 0)
    assert gc.get_freeze_count() == 0
    assert any(each is alive for each in gc.get_objects())
