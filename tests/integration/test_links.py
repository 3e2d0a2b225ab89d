"""Links come up in order, and again when any step of that is cut."""

import asyncio

import pytest
from tests.support.fake_switch import (
    GARBAGE,
    HALF_A_FRAME,
    FakeSwitch,
    Line,
    Step,
    api_response,
    cut,
    notice,
    reply,
    say,
    stay_silent,
)
from tests.support.node_recorder import NodeRecorder, Saw, Synchronised, Up
from tests.support.nodes import QUICK, connected, connecting, until

from callcontrol.errors import NodeUnavailable
from callcontrol.freeswitch.observer import NodeUp
from callcontrol.freeswitch.status import NodeState


class TestComingUp:
    async def test_a_node_logs_in_subscribes_and_proves_that_events_come(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            assert node.is_ready
            status = node.status
            assert status.state is NodeState.ACTIVE
            assert (status.core_uuid, status.hostname) == (switch.core_uuid, "fake")
            assert status.version == "1.10.12-fake"
            assert status.last_error == ""
            assert [c.purpose for c in status.connections] == ["events", "commands"]
            assert switch.event_line.subscribed == "event json ALL"

    async def test_no_api_is_ever_sent_on_the_event_link(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, QUICK) as node:
            asking = asyncio.create_task(node.api("status"))
            received = await switch.commands.get()
            assert received.line is not switch.event_line
            received.answer("UP")
            assert await asking == "UP"

    async def test_a_user_of_the_directory_logs_in_as_such(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, user="user@domain"):
            assert switch.seen[0] == "userauth user@domain:ClueCon"

    async def test_the_layer_above_hears_of_the_link_before_it_hears_its_events(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async def fire_before_the_canary_is_back(line: Line) -> None:
            switch.fire("CHANNEL_CREATE")
            switch.fire("CHANNEL_ANSWER")
            await asyncio.sleep(0)
            switch._answer(line, switch.seen[-1], "canary")
            await stay_silent(line)

        switch.instead_of("canary", fire_before_the_canary_is_back)
        async with connecting(switch, observer):
            first, second, third = [await observer.next() for _ in range(3)]
            assert isinstance(first, Up)
            assert [h.name for h in (second, third) if isinstance(h, Saw)] == [
                "CHANNEL_CREATE",
                "CHANNEL_ANSWER",
            ]

    async def test_events_flow_while_the_layer_above_synchronises(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        saw_event = asyncio.Event()

        async def synchronise(info: NodeUp) -> None:
            switch.fire("CHANNEL_CREATE")
            await saw_event.wait()

        observer.synchronise = synchronise
        async with connecting(switch, observer) as node:
            assert isinstance(await observer.next(), Up)
            assert isinstance(await observer.next(), Saw)
            assert not node.is_ready
            assert node.state is NodeState.CONNECTING
            saw_event.set()
            assert isinstance(await observer.next(), Synchronised)
            await asyncio.sleep(0)
            assert node.is_ready

    async def test_links_of_a_node_dial_one_after_another(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        most = 0

        async def count(line: Line) -> None:
            nonlocal most
            most = max(most, len(switch.lines))
            line.cut()

        switch.instead_of("greeting", *[count] * 6)
        async with connected(switch, observer, command_links=4):
            assert most == 1


FAULTS: dict[str, tuple[str, Step]] = {
    "silence after connecting": ("greeting", stay_silent),
    "cut after connecting": ("greeting", cut),
    "cut after the password": ("login", cut),
    "silence after the password": ("login", stay_silent),
    "garbage instead of a greeting": ("greeting", say(GARBAGE, stay_silent)),
    "half a greeting": ("greeting", say(b"Content-Type: auth/req", stay_silent)),
    "cut at the first command": ("first command", cut),
    "silence at the first command": ("first command", stay_silent),
    "a reply that nobody asked for": (
        "first command",
        say(api_response("a") + api_response("b"), stay_silent),
    ),
    "cut at the subscription": ("subscription", cut),
    "silence at the subscription": ("subscription", stay_silent),
    "cut at the canary": ("canary", cut),
    "a canary that is answered and never comes back": ("canary", say(reply("+OK"), stay_silent)),
    "half a frame at the canary, then the end": ("canary", say(HALF_A_FRAME)),
    "half a frame at the canary, then silence": ("canary", say(HALF_A_FRAME, stay_silent)),
    "garbage at the canary": ("canary", say(GARBAGE, stay_silent)),
    "goodbye at the canary": ("canary", say(notice(), stay_silent)),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_node_comes_up_after(
    fault: str, switch: FakeSwitch, observer: NodeRecorder
) -> None:
    stage, step = FAULTS[fault]
    switch.instead_of(stage, step, step)
    async with connected(switch, observer, QUICK) as node:
        counters = node.counters
        assert counters.failed_dials + counters.lost_links == 2
        assert node.state is NodeState.ACTIVE


async def test_a_port_that_is_not_the_event_socket_is_told(
    switch: FakeSwitch, observer: NodeRecorder
) -> None:
    switch.instead_of("greeting", stay_silent, stay_silent)
    async with connecting(switch, observer, QUICK) as node:
        await until(lambda: node.counters.failed_dials > 0)
        error = "no Event Socket greeting within 0.2 s; is this its port?"
        assert node.status.last_error == error
        await observer.up()


async def test_a_node_comes_up_when_its_switch_begins_to_listen(observer: NodeRecorder) -> None:
    async with FakeSwitch() as switch:
        await switch.kill()
        async with connecting(switch, observer, QUICK) as node:
            await until(lambda: node.counters.failed_dials >= 3)
            with pytest.raises(NodeUnavailable) as refused:
                await node.api("status")
            assert "cannot connect" in refused.value.reason
            assert refused.value.retry_in_s > 0
            assert node.state is NodeState.CONNECTING
            await switch.start()
            await observer.up()


@pytest.mark.parametrize("turns", range(0, 120, 3))
async def test_a_node_can_be_stopped_at_any_moment(
    turns: int, switch: FakeSwitch, observer: NodeRecorder
) -> None:
    """Nothing may be left: tasks and open sockets fail the test."""
    async with connecting(switch, observer, QUICK, command_links=2):
        for _ in range(turns):
            await asyncio.sleep(0)
    await until(lambda: not switch.lines)
