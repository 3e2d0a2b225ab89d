"""Links that were up are lost in every way there is, noticed, told, and come back."""

import asyncio
from typing import Any

import pytest
from tests.support.fake_switch import (
    GARBAGE,
    HALF_A_FRAME,
    SHUTTING_DOWN,
    FakeSwitch,
    notice,
    reply,
    say,
    stay_silent,
)
from tests.support.node_recorder import Down, Lost, NodeRecorder, Saw, Up
from tests.support.nodes import QUICK, connected, connecting, until

from callcontrol.errors import NodeUnavailable
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.observer import NodeUp
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.freeswitch.status import NodeState
from callcontrol.ids import NodeId


class TestLosingTheSwitch:
    async def test_a_restart_is_told_with_the_last_event_before_it(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            former = switch.core_uuid
            switch.fire("CHANNEL_CREATE")
            seen = await observer.next()
            assert isinstance(seen, Saw)
            await switch.restart()
            assert await observer.down()
            info = await observer.up()
            assert info.restarted
            assert not info.first
            assert info.core_uuid == switch.core_uuid != former
            assert info.last_before is not None
            assert info.last_before.core_uuid == former
            assert info.last_before.sequence == seen.sequence
            assert info.position.core_uuid == switch.core_uuid
            assert info.position.sequence > 0
            assert node.counters.reconnects == 1

    @pytest.mark.parametrize(
        "end",
        [
            pytest.param(lambda line: line.cut(), id="closed"),
            pytest.param(lambda line: line.reset(), id="reset"),
            pytest.param(lambda line: line.cut(HALF_A_FRAME), id="closed within a frame"),
            pytest.param(lambda line: line.write(GARBAGE), id="garbage"),
            pytest.param(lambda line: line.write(reply("+OK")), id="a reply without a command"),
            pytest.param(lambda line: line.write(notice()), id="goodbye"),
            pytest.param(lambda line: line.write(notice(SHUTTING_DOWN)), id="going down"),
        ],
    )
    async def test_a_lost_event_link_comes_back_and_both_are_told(
        self, end: Any, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            end(switch.event_line)
            assert await observer.down()
            assert not node.is_ready
            info = await observer.up()
            assert not info.restarted
            assert info.down_reason
            assert not info.overloaded
            assert node.is_ready

    async def test_being_cut_for_slowness_is_told_as_such(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer):
            switch.event_line.write(notice(b"killed listener because of lost events\n"))
            assert (await observer.up()).overloaded

    @pytest.mark.parametrize("last_words", [b"", HALF_A_FRAME], ids=["silence", "half a frame"])
    async def test_a_silent_event_link_is_replaced(
        self, last_words: bytes, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, QUICK) as node:
            switch.silence(switch.event_line)
            switch.event_line.write(last_words)
            assert "within" in await observer.down()
            await observer.up()
            assert node.counters.silent_links + node.counters.overdue_replies >= 1

    async def test_a_switch_whose_events_stop_is_not_ready_and_its_link_is_replaced(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, QUICK) as node:
            switch.canaries = False  # replies still come
            await until(lambda: not node.is_ready)
            assert node.state is NodeState.ACTIVE
            assert await observer.down() == "no event within 0.5 s"
            switch.canaries = True
            await observer.up()
            assert node.is_ready

    async def test_canaries_keep_an_idle_event_link(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, QUICK) as node:
            await until(lambda: node.status.connections[0].received_events >= 10)
            assert observer.happenings.empty()
            assert node.counters.lost_links == 0

    async def test_canaries_of_another_replica_are_not_passed_on(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer):
            switch.fire("CUSTOM", Event_Subclass="callcontrol::canary", Canary_ID="theirs-1")
            switch.fire("CUSTOM", Event_Subclass="sofia::register")
            seen = await observer.next()
            assert isinstance(seen, Saw)
            assert seen.sequence == switch._sequence

    async def test_hangups_after_an_announced_shutdown_are_still_taken(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            switch.fire("SHUTDOWN")
            switch.fire("CHANNEL_HANGUP")
            assert await observer.next() == Saw("SHUTDOWN", switch._sequence - 1)
            assert await observer.next() == Saw("CHANNEL_HANGUP", switch._sequence)
            assert not node.is_ready

    async def test_a_shutdown_that_does_not_happen_ends_in_a_fresh_link(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, QUICK) as node:
            switch.fire("SHUTDOWN")
            assert await observer.down() == "the switch announced its end"
            await observer.up()
            assert node.is_ready

    async def test_synchronising_is_cancelled_when_the_link_is_lost(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        cancelled = asyncio.Event()

        async def synchronise(info: NodeUp) -> None:
            observer.synchronise = None
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        observer.synchronise = synchronise
        async with connecting(switch, observer):
            assert isinstance(await observer.next(), Up)
            switch.event_line.cut()
            await cancelled.wait()
            assert isinstance(await observer.next(), Down)
            await observer.up()

    @pytest.mark.parametrize("error", [RuntimeError("bug"), NodeUnavailable(NodeId("fs1"), "x", 1)])
    async def test_synchronising_that_fails_begins_anew(
        self, error: Exception, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async def synchronise(info: NodeUp) -> None:
            observer.synchronise = None
            raise error

        observer.synchronise = synchronise
        async with connecting(switch, observer) as node:
            assert "could not be read" in await observer.down()
            await observer.up()
            assert node.is_ready

    async def test_the_figures_of_a_heartbeat_are_shown(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            switch.fire("HEARTBEAT", Session_Count="7", Max_Sessions="1000", Idle_CPU="99.5")
            assert isinstance(await observer.next(), Saw)
            status = node.status
            assert (status.session_count, status.max_sessions) == (7, 1000)
            assert status.idle_cpu_percent == 99.5


class TestObserverFaults:
    async def test_an_event_that_the_observer_cannot_take_is_told_as_lost(
        self, switch: FakeSwitch, observer: NodeRecorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with connected(switch, observer) as node:
            observer.fails_on = "DTMF"
            for _ in range(3):
                switch.fire("DTMF")
            switch.fire("CHANNEL_ANSWER")
            happenings = [await observer.next() for _ in range(4)]
            assert happenings == [Lost(1)] * 3 + [Saw("CHANNEL_ANSWER", switch._sequence)]
            assert node.counters.observer_failures == 3
            assert node.is_ready
        failures = [r for r in caplog.records if r.message == "an observer failed"]
        assert len(failures) == 2  # the first and the second, not the third

    async def test_an_unreadable_event_is_told_as_lost(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            switch.fire_raw(b'{"Event-Name": ')
            assert await observer.next() == Lost(1)
            assert node.is_ready


class TestWhatALostLinkMustNotForget:
    async def test_a_restart_is_told_again_if_the_link_was_lost_while_it_was_told(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer):

            async def lose_the_link(info: NodeUp) -> None:
                observer.synchronise = None
                switch.event_line.cut()
                await asyncio.Event().wait()

            observer.synchronise = lose_the_link
            await switch.restart()
            info = await observer.up()
            assert info.restarted
            assert info.core_uuid == switch.core_uuid

    async def test_a_link_on_which_only_canaries_are_missing_is_replaced(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, QUICK) as node:
            switch.canaries = False

            async def keep_talking() -> None:
                while True:
                    switch.fire("HEARTBEAT")
                    await asyncio.sleep(0.02)

            talking = asyncio.create_task(keep_talking())
            reason = await observer.down()
            talking.cancel()
            switch.canaries = True
            await observer.up()
            assert reason == "no canary came back"
            assert node.is_ready


async def test_a_switch_that_fires_no_events_still_gets_its_command_links_back(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    patient = LinkTimings(handshake_timeout_s=60, backoff_first_s=0.01, backoff_cap_s=0.05)
    async with connected(switch, observer, patient) as node:
        switch.canaries = False
        switch.event_line.cut()
        await observer.down()
        await until(lambda: switch.seen[-1].startswith("sendevent"))
        switch.command_lines[-1].cut()
        await until(lambda: node.counters.lost_links == 2)
        assert await answered(node, switch)
        assert not node.is_ready


async def answered(node: Node, switch: FakeSwitch) -> bool:
    """Whether a command gets through, as soon as there is a link."""
    await until(lambda: any(it.connected for it in node.status.connections))
    asking = asyncio.create_task(node.api("uptime"))
    (await switch.commands.get()).answer("1")
    return await asking == "1"


async def test_a_switch_that_lets_us_fire_no_events_refuses_us(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    switch.instead_of("canary", say(reply("-ERR permission denied"), stay_silent))
    async with connecting(switch, observer) as node:
        await until(lambda: node.state is NodeState.FAILED)
        assert "does not let us fire events" in node.status.last_error
