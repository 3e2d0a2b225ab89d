"""Two event links to one switch: what one of them loses, the other one has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from tests.support.fake_switch import FakeSwitch, Line, notice, stay_silent
from tests.support.node_recorder import Lost, NodeRecorder, Saw
from tests.support.nodes import CALM, QUICK, connecting, until

from callcontrol.errors import NodeUnavailable
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.freeswitch.status import NodeState
from callcontrol.ids import JobId


def covering(node: Node) -> int:
    return sum(link.covers_events for link in node.status.connections)


@asynccontextmanager
async def twins(
    switch: FakeSwitch, observer: NodeRecorder, timings: LinkTimings = CALM, **settings: Any
) -> AsyncIterator[Node]:
    """A node with two event links, either of which covers for the other."""
    async with connecting(switch, observer, timings, event_links=2, **settings) as node:
        await observer.up()
        await until(lambda: covering(node) == 2)
        yield node


async def told(observer: NodeRecorder, last: str) -> list[str]:
    """The names of events up to the last one; nothing else may be told before that."""
    names: list[str] = []
    while last not in names:
        happening = await observer.next()
        assert isinstance(happening, Saw), happening
        names.append(happening.name)
    return names


class TestTwoLinks:
    async def test_both_come_up_and_the_layer_above_hears_of_one(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with twins(switch, observer) as node:
            links = [link for link in node.status.connections if link.purpose == "events"]
            assert [(link.connected, link.covers_events) for link in links] == [(True, True)] * 2
            assert node.state is NodeState.ACTIVE
            assert observer.happenings.empty()
            assert node.counters.reconnects == 0

    async def test_each_event_is_told_once(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with twins(switch, observer) as node:
            for number in range(50):
                switch.fire(f"E{number}")
            switch.fire("LAST")
            assert await told(observer, "LAST") == [*(f"E{n}" for n in range(50)), "LAST"]
            links = [link for link in node.status.connections if link.purpose == "events"]
            await until(lambda: node.counters.events >= 102)
            assert all(link.received_events for link in links)
            assert observer.happenings.empty()

    async def test_an_event_that_cannot_be_read_is_lost_once(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with twins(switch, observer):
            switch.fire_raw(b"{")
            assert await observer.next() == Lost(1)
            switch.fire("LAST")
            assert await told(observer, "LAST") == ["LAST"]

    @pytest.mark.parametrize("place", [0, 1])
    @pytest.mark.parametrize(
        "end",
        [
            pytest.param(lambda line: line.cut(), id="closed"),
            pytest.param(lambda line: line.reset(), id="reset"),
            pytest.param(
                lambda line: line.write(notice(b"killed listener because of lost events\n")),
                id="too slow for the switch",
            ),
        ],
    )
    async def test_losing_one_loses_nothing_and_is_nobodys_news(
        self, switch: FakeSwitch, observer: NodeRecorder, place: int, end: Any
    ) -> None:
        async with twins(switch, observer) as node:
            lost = node.counters.lost_links
            switch.fire("BEFORE")
            end(switch.event_lines[place])
            switch.fire("WHILE")
            await until(lambda: node.counters.lost_links > lost)
            assert node.is_ready
            await until(lambda: covering(node) == 2)
            switch.fire("AFTER")
            assert await told(observer, "AFTER") == ["BEFORE", "WHILE", "AFTER"]
            assert node.counters.reconnects == 0

    async def test_jobs_go_on_when_one_is_lost(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with twins(switch, observer) as node:
            starting = asyncio.create_task(node.start_job("originate", "", JobId("j")))
            (await switch.commands.get()).reply("+OK Job-UUID: j")
            job = await starting
            switch.event_lines[0].reset()
            await until(lambda: covering(node) == 1)
            switch.fire("BACKGROUND_JOB", "+OK", Job_UUID="j")
            assert await job.result() == "+OK"

    async def test_losing_both_is_a_gap(self, switch: FakeSwitch, observer: NodeRecorder) -> None:
        async with twins(switch, observer) as node:
            switch.fire("BEFORE")
            seen = await observer.next()
            assert isinstance(seen, Saw)
            for line in list(switch.event_lines):
                line.reset()
            assert await observer.down()
            assert not node.is_ready
            with pytest.raises(NodeUnavailable):
                await node.start_job("originate", "", JobId("j"))
            info = await observer.up()
            assert (info.first, info.restarted) == (False, False)
            assert info.last_before is not None
            assert info.last_before.sequence == seen.sequence < info.position.sequence
            assert node.counters.reconnects == 1

    async def test_a_restart_is_told_once(self, switch: FakeSwitch, observer: NodeRecorder) -> None:
        async with twins(switch, observer) as node:
            await switch.restart()
            assert await observer.down()
            assert (await observer.up()).restarted
            await until(lambda: covering(node) == 2)
            switch.fire("LAST")
            assert await told(observer, "LAST") == ["LAST"]
            assert node.counters.reconnects == 1

    async def test_a_link_to_the_former_process_ends_when_another_one_answers(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with twins(switch, observer):
            dying, stale = switch.event_lines
            switch.core_uuid = str(uuid4())
            dying.reset()
            assert await observer.down() == "another switch process answers now"
            assert (await observer.up()).restarted
            await until(lambda: stale not in switch.lines)

    async def test_the_switch_s_own_end_is_left_to_it_on_both(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with twins(switch, observer, QUICK) as node:
            switch.fire("SHUTDOWN")
            await until(lambda: not node.is_ready)
            switch.fire("LAST")
            assert await told(observer, "LAST") == ["SHUTDOWN", "LAST"]
            assert await observer.down() == "the switch announced its end"


class TestSlowLinks:
    async def test_a_link_that_stalls_gives_way_to_its_twin_at_once(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with twins(switch, observer, QUICK) as node:
            stalled = switch.event_lines[0]
            switch.silence(stalled)
            switch.fire("WHILE")
            assert await told(observer, "WHILE") == ["WHILE"]
            await until(lambda: stalled not in switch.lines)
            assert node.is_ready
            await until(lambda: covering(node) == 2)
            switch.fire("AFTER")
            assert await told(observer, "AFTER") == ["AFTER"]

    async def test_a_link_that_stalled_before_its_twin_came_gives_way_behind_a_gap(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async def stall_the_first(line: Line) -> None:
            switch.silence(switch.event_line)
            await switch.go_on(line)

        timings = replace(QUICK, silence_timeout_s=30, canary_late_s=30, reply_timeout_s=30)
        switch.instead_of("subscription", switch.go_on, stall_the_first)
        async with connecting(switch, observer, timings, event_links=2) as node:
            await observer.up()
            assert await observer.down() == "it tells nothing while its twin does"
            await observer.up()
            assert node.is_ready

    async def test_a_second_link_that_never_proves_itself_does_no_harm(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        switch.instead_of("canary", switch.go_on, *[stay_silent] * 3)
        timings = replace(QUICK, canary_interval_s=30, canary_late_s=60, silence_timeout_s=60)
        async with connecting(switch, observer, timings, event_links=2) as node:
            await observer.up()
            await until(lambda: node.counters.failed_dials >= 2)
            assert node.is_ready
            await until(lambda: covering(node) == 2)
            assert node.counters.reconnects == 0


@pytest.mark.parametrize("seed", range(4))
async def test_links_cut_at_random_under_load_lose_nothing_and_repeat_nothing(
    seed: int, switch: FakeSwitch, observer: NodeRecorder
) -> None:
    chance = Random(seed)
    fired: list[str] = []
    cuts = 0
    async with twins(switch, observer) as node:
        while cuts < 15:
            fired.append(f"E{len(fired)}")
            switch.fire(fired[-1])
            if covering(node) == 2 and node.counters.lost_links == cuts and chance.random() < 0.1:
                line = chance.choice(switch.event_lines)
                chance.choice([line.cut, line.reset])()
                cuts += 1
            if chance.random() < 0.3:
                await asyncio.sleep(chance.choice([0, 0, 0, 0.001]))
        switch.fire("LAST")
        assert await told(observer, "LAST") == [*fired, "LAST"]
        await until(lambda: node.counters.lost_links == cuts)
        assert node.counters.reconnects == 0
