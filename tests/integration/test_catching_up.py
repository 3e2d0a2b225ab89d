"""Waiting until the events are taken that a switch told before: over the links that bring them."""

import asyncio

import pytest
from tests.support.fake_switch import FakeSwitch, Line, reply
from tests.support.node_recorder import NodeRecorder, Saw
from tests.support.nodes import CALM, connected, until

from callcontrol.errors import NodeUnavailable


def keeps_canaries(switch: FakeSwitch, count: int = 1) -> asyncio.Semaphore:
    """Let the next canaries be answered, and not come back by themselves; released for each."""
    kept = asyncio.Semaphore(0)

    async def keep(line: Line) -> None:
        line.write(reply("+OK"))
        kept.release()
        await line.wait_closed_by_peer()

    switch.instead_of("canary", *[keep] * count)
    return kept


def fire_last_canary(switch: FakeSwitch) -> None:
    """The canary that was kept comes back now."""
    command = next(seen for seen in reversed(switch.seen) if seen.startswith("sendevent"))
    headers = dict(line.split(": ") for line in command.splitlines()[1:] if line)
    switch.fire_raw(switch.event_body("CUSTOM", "", headers))


async def saw(observer: NodeRecorder) -> str:
    happening = await observer.next()
    assert isinstance(happening, Saw)
    return happening.name


async def test_it_is_over_when_all_that_was_told_before_has_been_taken(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    async with connected(switch, observer) as node:
        switch.fire("BEFORE")
        await node.caught_up()
        assert observer.happenings.qsize() == 1
        assert await saw(observer) == "BEFORE"


async def test_it_waits_for_events_that_are_under_way(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    async with connected(switch, observer) as node:
        kept = keeps_canaries(switch)
        waiting = asyncio.create_task(node.caught_up())
        await kept.acquire()
        switch.fire("LATE")
        assert await saw(observer) == "LATE"
        assert not waiting.done()
        fire_last_canary(switch)
        await waiting


async def test_with_two_links_the_one_that_is_ahead_counts(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    async with connected(switch, observer, CALM, event_links=2) as node:
        await until(lambda: sum(link.covers_events for link in node.status.connections) == 2)
        switch.event_lines[0].subscribed = ""  # is told nothing more, and stays
        await node.caught_up()


@pytest.mark.parametrize("waiters", [1, 3])
async def test_it_ends_with_the_events(
    switch: FakeSwitch, observer: NodeRecorder, waiters: int
) -> None:
    async with connected(switch, observer, CALM, command_links=waiters) as node:
        kept = keeps_canaries(switch, waiters)
        waiting = [asyncio.create_task(node.caught_up()) for _ in range(waiters)]
        for _ in range(waiters):
            await kept.acquire()
        switch.event_line.reset()
        for each in waiting:
            with pytest.raises(NodeUnavailable):
                await each


async def test_without_events_there_is_nothing_to_wait_for(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    async with connected(switch, observer) as node:
        switch.may_subscribe = False
        switch.event_line.reset()
        await observer.down()
        with pytest.raises(NodeUnavailable, match="no event link is up"):
            await node.caught_up()


async def test_cancelled_it_leaves_nothing_behind(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    async with connected(switch, observer) as node:
        kept = keeps_canaries(switch)
        waiting = asyncio.create_task(node.caught_up())
        await kept.acquire()
        waiting.cancel()
        await asyncio.wait([waiting])
        assert not node._events._catching_up._awaited
        fire_last_canary(switch)
        switch.fire("AFTER")
        assert await saw(observer) == "AFTER"


async def test_a_switch_that_does_not_let_us_fire_is_told(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    async def refuse(line: Line) -> None:
        line.write(reply("-ERR permission denied"))
        await line.wait_closed_by_peer()

    async with connected(switch, observer) as node:
        switch.instead_of("canary", refuse)
        with pytest.raises(NodeUnavailable, match="does not let us fire"):
            await node.caught_up()
