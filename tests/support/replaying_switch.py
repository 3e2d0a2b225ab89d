"""A switch, in a process of its own, that says what a recording says, as fast as it is read."""

import asyncio
import multiprocessing as mp
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_uint64
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import Synchronized
from typing import Final, TypeAlias

from tests.support.corpus_replay import CORE_UUID, Replay
from tests.support.fake_switch import FakeSwitch, Line

_PIECE: Final = 16
"""Events written in one go, some 50 KB."""
_POLL_S: Final = 0.005
_ANSWERS: Final = {
    "api show channels as json": '{"row_count":0}\n',
    "api show bridged_calls as json": '{"row_count":0}\n',
}

Counter: TypeAlias = "Synchronized[int]"
SPAWN: Final = mp.get_context("spawn")


def counter() -> Counter:
    """A number that processes share, 0 at first."""
    shared: Counter = SPAWN.Value(c_uint64, 0)
    return shared


@dataclass(frozen=True)
class Feed:
    """How far the switch is, and how far it may go; for all processes."""

    port: Counter = field(default_factory=counter)
    """Where the switch listens; 0 until it does."""
    fed: Counter = field(default_factory=counter)
    """Events written so far."""
    goal: Counter = field(default_factory=counter)
    """Events that it may write."""


@contextmanager
def replaying(feed: Feed) -> Iterator[None]:
    """The switch runs until the end of the block."""
    process = SPAWN.Process(target=_run, args=(feed,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _run(feed: Feed) -> None:
    asyncio.run(_serve(feed))


async def _serve(feed: Feed) -> None:
    replay = Replay()
    switch = FakeSwitch()
    switch.core_uuid = CORE_UUID
    async with switch, asyncio.TaskGroup() as tasks:
        feed.port.value = switch.port
        tasks.create_task(_answer(switch))
        tasks.create_task(_feed(switch, replay, feed))


async def _answer(switch: FakeSwitch) -> None:
    """Say that there are no calls, but that any that is asked for is there: nothing is ended."""
    while True:
        command = await switch.commands.get()
        command.answer(_ANSWERS.get(command.text, "true"))


async def _feed(switch: FakeSwitch, replay: Replay, feed: Feed) -> None:
    number = 0
    while True:
        end = min(number + _PIECE, feed.goal.value)
        if end <= number:
            await asyncio.sleep(_POLL_S)
            continue
        line: Line = switch.event_line
        line.write(b"".join(map(replay.frame, range(number, end))))
        await line.writer.drain()
        number = feed.fed.value = end
