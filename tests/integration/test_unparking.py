"""A parked call goes on with its dialplan when a link that controls it ends, and fails in time."""

import asyncio

import pytest
from tests.support.fake_switch import FakeSwitch, notice, reply, stay_silent
from tests.support.node_recorder import NodeRecorder
from tests.support.nodes import QUICK, connected, until

from callcontrol.errors import NodeUnavailable, OutcomeUnknown, SwitchRefused
from callcontrol.ids import CallId

CALL = CallId("8c1c0b4e")


async def test_a_call_is_let_go_by_the_end_of_a_link_that_took_it(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    async with connected(switch, observer) as node:
        letting_go = asyncio.create_task(node.unpark(CALL))
        taken = await switch.commands.get()
        assert taken.text == f"myevents {CALL} json"
        taken.reply("+OK Events Enabled")
        left = await switch.commands.get()
        assert left.text == "exit"
        assert left.line is taken.line
        left.line.cut(reply("+OK bye") + notice())
        assert await letting_go is True


async def test_a_call_that_is_gone_is_told_and_the_link_is_closed(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    async with connected(switch, observer) as node:
        letting_go = asyncio.create_task(node.unpark(CALL))
        taken = await switch.commands.get()
        taken.reply("-ERR invalid uuid")
        assert await letting_go is False
        await until(lambda: taken.line not in switch.lines)


async def test_any_other_refusal_is_the_switchs(switch: FakeSwitch, observer: NodeRecorder) -> None:
    async with connected(switch, observer) as node:
        letting_go = asyncio.create_task(node.unpark(CALL))
        (await switch.commands.get()).reply("-ERR permission denied")
        with pytest.raises(SwitchRefused, match="permission denied"):
            await letting_go


async def test_a_link_that_breaks_leaves_it_open_whether_the_call_goes_on(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    async with connected(switch, observer) as node:
        letting_go = asyncio.create_task(node.unpark(CALL))
        (await switch.commands.get()).line.cut()
        with pytest.raises(OutcomeUnknown):
            await letting_go


async def test_a_switch_that_does_not_answer_is_left_in_time(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    async with connected(switch, observer, QUICK) as node:
        letting_go = asyncio.create_task(node.unpark(CALL))
        await switch.commands.get()
        with pytest.raises(OutcomeUnknown):
            await letting_go


async def test_a_switch_that_does_not_greet_gets_nothing(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    async with connected(switch, observer, QUICK) as node:
        switch.instead_of("greeting", stay_silent)
        with pytest.raises(NodeUnavailable):
            await node.unpark(CALL)
    assert not any(command.startswith("myevents") for command in switch.seen)
