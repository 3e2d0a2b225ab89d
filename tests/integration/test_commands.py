"""Commands are answered by their own reply, or fail with the truth about it."""

import asyncio

import pytest
from tests.support.fake_switch import (
    FakeSwitch,
)
from tests.support.node_recorder import NodeRecorder
from tests.support.nodes import QUICK, connected, until

from callcontrol.errors import CommandQueueFull, NodeUnavailable, OutcomeUnknown
from callcontrol.esl.errors import UnencodableValue
from callcontrol.freeswitch.settings import LinkTimings


async def _outcome(task: asyncio.Task[str]) -> str | Exception:
    try:
        return await task
    except OutcomeUnknown as unknown:
        return unknown


class TestCommands:
    async def test_a_refused_api_is_an_answer(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            asking = asyncio.create_task(node.api("status"))
            (await switch.commands.get()).reply("-ERR permission denied")
            assert await asking == "-ERR permission denied"

    async def test_a_late_reply_does_not_go_to_the_next_command(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            first = asyncio.create_task(node.api("first"))
            received = await switch.commands.get()
            first.cancel()
            second = asyncio.create_task(node.api("second"))
            await asyncio.wait([first])
            received.answer("one")
            (await switch.commands.get()).answer("two")
            assert await second == "two"

    async def test_a_command_cancelled_in_the_queue_is_never_sent(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            first, second, third = (
                asyncio.create_task(node.api(name)) for name in ("first", "second", "third")
            )
            received = await switch.commands.get()
            assert node.status.waiting_commands == 2
            second.cancel()
            received.answer("one")
            (await switch.commands.get()).answer("three")
            assert (await first, await third) == ("one", "three")
            assert second.cancelled()
            assert "api second" not in switch.seen
            assert node.counters.unsent_commands == 1

    async def test_a_link_lost_after_sending_leaves_the_outcome_unknown_and_sends_no_more(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            sent = asyncio.create_task(node.api("sent"))
            waiting = asyncio.create_task(node.api("waiting"))
            received = await switch.commands.get()
            received.line.cut()
            with pytest.raises(OutcomeUnknown):
                await sent
            with pytest.raises(NodeUnavailable):
                await waiting
            await until(lambda: node.is_ready)
            assert switch.seen.count("api sent") == 1
            assert "api waiting" not in switch.seen

    async def test_waiting_commands_go_to_the_links_that_remain(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, command_links=2) as node:
            asking = [asyncio.create_task(node.api(name)) for name in ("a", "b", "c")]
            first, second = await switch.commands.get(), await switch.commands.get()
            assert first.line is not second.line
            first.line.cut()
            second.answer("two")
            third = await switch.commands.get()
            third.answer("three")
            results = [await asyncio.wait_for(_outcome(task), 5) for task in asking]
            assert isinstance(results[0], OutcomeUnknown)
            assert results[1:] == ["two", "three"]

    async def test_an_overdue_reply_closes_its_link(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, QUICK) as node:
            asking = asyncio.create_task(node.api("stuck"))
            received = await switch.commands.get()
            with pytest.raises(OutcomeUnknown, match=r"no reply within 0\.2 s"):
                await asking
            await until(lambda: received.line not in switch.lines)
            assert node.counters.overdue_replies == 1
            await until(lambda: node.is_ready)

    async def test_an_overdue_reply_closes_its_link_also_when_nobody_waits(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, QUICK) as node:
            asking = asyncio.create_task(node.api("stuck"))
            received = await switch.commands.get()
            asking.cancel()
            await until(lambda: received.line not in switch.lines)
            assert node.counters.overdue_replies == 1

    async def test_a_dead_idle_command_link_is_noticed(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, QUICK) as node:
            line = switch.command_lines[0]
            switch.silence(line)
            await until(lambda: line not in switch.lines)
            assert node.counters.overdue_replies == 1

    async def test_without_a_link_a_command_fails_at_once(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, LinkTimings(backoff_first_s=60)) as node:
            await switch.kill()
            await observer.down()
            with pytest.raises(NodeUnavailable):
                await node.api("status")

    async def test_a_full_queue_refuses_further_commands(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, max_waiting_commands=1) as node:
            asking = [asyncio.create_task(node.api(name)) for name in ("sent", "waiting")]
            received = await switch.commands.get()
            with pytest.raises(CommandQueueFull) as full:
                await node.api("refused")
            assert full.value.waiting == 1
            received.answer("")
            (await switch.commands.get()).answer("")
            assert [await task for task in asking] == ["", ""]
            assert "api refused" not in switch.seen

    async def test_a_value_that_cannot_be_sent_harms_no_other_command(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            first = asyncio.create_task(node.api("first"))
            bad = asyncio.create_task(node.api("echo", "a\n\napi system"))
            last = asyncio.create_task(node.api("last"))
            (await switch.commands.get()).answer("one")
            with pytest.raises(UnencodableValue):
                await bad
            (await switch.commands.get()).answer("two")
            assert (await first, await last) == ("one", "two")
