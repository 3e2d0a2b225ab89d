"""Results of bgapi commands, in any order and across interruptions."""

import asyncio

import pytest
from tests.support.fake_switch import (
    FakeSwitch,
)
from tests.support.node_recorder import NodeRecorder
from tests.support.nodes import connected

from callcontrol.errors import CommandQueueFull, NodeUnavailable, OutcomeUnknown, SwitchRefused
from callcontrol.freeswitch.jobs import Job, JobLost
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.observer import NodeUp
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.ids import JobId

JOB = JobId("job-1")


async def start_job(node: Node, switch: FakeSwitch) -> Job:
    starting = asyncio.create_task(node.start_job("originate", "x", JOB))
    (await switch.commands.get()).reply(f"+OK Job-UUID: {JOB}", f"Job-UUID: {JOB}")
    return await starting


class TestJobs:
    async def test_a_result_may_come_before_the_reply(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            starting = asyncio.create_task(node.start_job("originate", "x", JOB))
            received = await switch.commands.get()
            assert received.text == f"bgapi originate x\nJob-UUID: {JOB}"
            switch.fire("BACKGROUND_JOB", "+OK done\n", Job_UUID=JOB)
            await observer.next()
            received.reply(f"+OK Job-UUID: {JOB}")
            assert await (await starting).result() == "+OK done\n"
            assert node.status.jobs == 0

    async def test_a_refused_job_is_an_error_and_leaves_nothing(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            starting = asyncio.create_task(node.start_job("originate", "x", JOB))
            (await switch.commands.get()).reply("-ERR permission denied")
            with pytest.raises(SwitchRefused):
                await starting
            assert node.status.jobs == 0

    async def test_a_job_is_not_started_while_its_result_could_not_be_seen(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, LinkTimings(backoff_first_s=60)) as node:
            switch.event_line.cut()
            await observer.down()
            with pytest.raises(NodeUnavailable):
                await node.start_job("originate", "x", JOB)
            assert switch.commands.empty()

    async def test_a_restart_ends_a_job_for_good(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            job = await start_job(node, switch)
            await switch.restart()
            with pytest.raises(JobLost) as lost:
                await job.result()
            assert lost.value.gone
            assert node.status.jobs == 0

    async def test_an_interruption_ends_the_wait_after_the_calls_were_read_but_not_the_job(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            job = await start_job(node, switch)
            waiting = asyncio.create_task(job.result())

            async def synchronise(info: NodeUp) -> None:
                assert not waiting.done()

            observer.synchronise = synchronise
            switch.event_line.cut()
            with pytest.raises(JobLost) as lost:
                await waiting
            assert not lost.value.gone
            switch.fire("BACKGROUND_JOB", "+OK late\n", Job_UUID=JOB)
            assert await job.result() == "+OK late\n"

    async def test_a_node_that_does_not_come_back_ends_the_wait(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        timings = LinkTimings(backoff_first_s=60, job_grace_s=0.05)
        async with connected(switch, observer, timings) as node:
            job = await start_job(node, switch)
            await switch.kill()
            with pytest.raises(JobLost, match="unreachable"):
                await job.result()

    async def test_too_many_jobs_are_refused(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer, max_jobs=1) as node:
            job = await start_job(node, switch)
            with pytest.raises(CommandQueueFull):
                await node.start_job("originate", "y", JobId("job-2"))
            with job:
                pass
            assert node.status.jobs == 0

    async def test_everyone_who_waits_is_told_when_the_service_stops(
        self, switch: FakeSwitch, observer: NodeRecorder
    ) -> None:
        async with connected(switch, observer) as node:
            job = await start_job(node, switch)
            sent = asyncio.create_task(node.api("sent"))
            waiting = asyncio.create_task(node.api("waiting"))
            await switch.commands.get()
        with pytest.raises(OutcomeUnknown):
            await sent
        with pytest.raises(NodeUnavailable):
            await waiting
        with pytest.raises(JobLost) as lost:
            await job.result()
        assert lost.value.gone
