"""A switch that refuses us is told apart from one that cannot be reached."""

import asyncio

import pytest
from tests.support.fake_switch import (
    FakeSwitch,
    notice,
    say,
)
from tests.support.node_recorder import NodeRecorder
from tests.support.nodes import QUICK, connected, connecting, until

from callcontrol.errors import NodeUnavailable
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.freeswitch.status import NodeState


class TestRefusal:
    async def test_a_wrong_password_fails_the_node_and_is_tried_slowly(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        timings = LinkTimings(permanent_retry_s=60.0)
        async with connecting(switch, observer, timings, password="wrong") as node:
            await until(lambda: node.state is NodeState.FAILED)
            assert node.status.last_error == "the switch does not accept the password"
            with pytest.raises(NodeUnavailable) as refused:
                await node.api("status")
            assert refused.value.retry_in_s > 59
        assert switch.connections == 1

    async def test_an_access_list_that_excludes_us_fails_the_node(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        text = b"Access Denied, go away.\n"
        rude = b"Content-Type: text/rude-rejection\nContent-Length: %d\n\n" % len(text) + text
        switch.instead_of("greeting", *[say(rude + notice())] * 50)
        async with connecting(switch, observer, LinkTimings()) as node:
            await until(lambda: node.state is NodeState.FAILED)
            assert "access list" in node.status.last_error

    async def test_events_that_are_not_allowed_fail_the_node_but_commands_work(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        switch.may_subscribe = False
        async with connecting(switch, observer, LinkTimings()) as node:
            await until(lambda: node.state is NodeState.FAILED)
            asking = asyncio.create_task(node.api("status"))
            (await switch.commands.get()).answer("UP")
            assert await asking == "UP"
            assert not node.is_ready

    async def test_a_refusal_that_is_mended_is_forgotten(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        switch.password = "another"
        async with connecting(switch, observer, QUICK) as node:
            await until(lambda: node.state is NodeState.FAILED)
            switch.password = "ClueCon"
            await observer.up()
            status = node.status
            assert (status.state, status.last_error) == (NodeState.ACTIVE, "")

    async def test_a_refusal_is_logged_once_and_without_the_password(
        self, switch: FakeSwitch, observer: NodeRecorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with connecting(switch, observer, QUICK, password="s3cret") as node:
            await until(lambda: node.counters.failed_dials >= 3)
        errors = [record for record in caplog.records if record.levelname == "ERROR"]
        assert len(errors) == 1
        assert all("s3cret" not in str(vars(record)) for record in caplog.records)

    async def test_a_user_who_may_run_no_api_still_has_command_links(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        switch.may_run_api = False
        async with connected(switch, observer) as node:
            assert node.is_ready
