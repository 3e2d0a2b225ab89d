"""`tail_events` tells the same of a switch's calls in each language, whatever breaks on the way."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random

from tests.support.cutting_proxy import CuttingProxy
from tests.support.small_programs import LANGUAGES, RunningProgram, started
from tests.support.stage import QUICK, Stage, listening, settings_for

from callcontrol.app import running_service
from callcontrol.client.client import Client
from callcontrol.simulator import Simulator
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import event_pb2
from callcontrol.v1.node_service_pb2 import ListSubscriptionsRequest

LIMIT_S = 30.0
KEY = "a secret that replicas share"


@asynccontextmanager
async def tails(target: str, *words: str) -> AsyncIterator[list[RunningProgram]]:
    """The program in each language, until the end of the block."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(started(language, "tail_events", *words, target=target))
            for language in LANGUAGES
        ]


async def all_in_place(client: Client) -> None:
    """Return when each of them has a stream."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            page = await client.admin.ListSubscriptions(ListSubscriptionsRequest())
            names = [one.subscriber_name for one in page.subscriptions]
            if sum(name.startswith("tail_events") for name in names) >= len(LANGUAGES):
                return
            await asyncio.sleep(0.02)


async def said_until(tails: list[RunningProgram], line: str) -> list[list[str]]:
    """What each has said when all have said this line."""
    async with asyncio.TaskGroup() as readers:
        for tail in tails:
            readers.create_task(tail.until(line))
    return [tail.lines for tail in tails]


def line_of(event: event_pb2.Event) -> str:
    words = (event.name, event.call_id or "-", event.WhichOneof("payload") or "-")
    return f"{event.position.node_id} {' '.join(words)}"


async def short_call(stage: Stage) -> str:
    """The id of a call that is answered and ended."""
    placed = await stage.call("sofia/internal/answer@example.org")
    await stage.client.calls.Hangup(pb.HangupRequest(call_id=placed.call.call_id), timeout=LIMIT_S)
    return placed.call.call_id


async def test_events_are_told_line_by_line_until_it_is_interrupted(stage: Stage, target: str):
    async with listening(stage) as audience, tails(target) as running:
        await all_in_place(stage.client)
        first = await audience.ended(await short_call(stage))
        last = await audience.ended(await short_call(stage))
        told = await said_until(running, line_of(last))
        heard = [line_of(event) for event in audience.events]
        assert line_of(first) in heard
        for lines in told:
            assert lines == heard[heard.index(lines[0]) : heard.index(line_of(last)) + 1]
        assert all(any(line.endswith("call_created") for line in lines) for lines in told)
        for tail in running:
            tail.process.send_signal(signal.SIGINT)
            assert (await tail.end()).status == 130


async def test_only_the_calls_that_are_named_are_told(stage: Stage, target: str):
    placed = await stage.call("sofia/internal/answer@example.org")
    call_id = placed.call.call_id
    async with tails(target, call_id) as running:
        await all_in_place(stage.client)
        await short_call(stage)
        await stage.client.calls.Hangup(pb.HangupRequest(call_id=call_id), timeout=LIMIT_S)
        told = await said_until(running, f"fs1 CHANNEL_HANGUP_COMPLETE {call_id} call_ended")
        assert all(f" {call_id} " in line for line in told[0])
        assert told == [told[0]] * len(LANGUAGES)


async def test_a_wire_that_is_cut_loses_and_repeats_nothing(stage: Stage):
    async with (
        CuttingProxy(stage.service.port, Random(1)).listening() as proxy,
        listening(stage) as audience,
        tails(f"127.0.0.1:{proxy.port}") as running,
    ):
        await all_in_place(stage.client)
        first = await audience.ended(await short_call(stage))
        await said_until(running, line_of(first))
        begun = [len(tail.lines) for tail in running]
        for _ in range(2):
            for wire in proxy.wires:
                wire.cut()
            await audience.ended(await short_call(stage))
        last = await audience.ended(await short_call(stage))
        told = await said_until(running, line_of(last))
        heard = [line_of(event) for event in audience.events]
        missed = heard[heard.index(line_of(first)) + 1 : heard.index(line_of(last)) + 1]
        assert [lines[at:] for lines, at in zip(told, begun, strict=True)] == [missed] * len(told)


@dataclass(frozen=True)
class Replicas:
    """Two services on one switch: one that can be ended, and one that stays, for a test to see."""

    former: Client
    end_former: Callable[[], Awaitable[None]]
    stage: Stage

    @property
    def target(self) -> str:
        return f"ipv4:{self.former.target},{self.stage.client.target}"


@asynccontextmanager
async def replicas(*keys: str) -> AsyncIterator[Replicas]:
    async with (
        Simulator("127.0.0.1", 0, password="simulated", time_scale=0.1) as simulator,
        AsyncExitStack() as former,
    ):
        old, new = (settings_for(simulator, token_key=key) for key in keys)
        leaving = await former.enter_async_context(running_service(old, QUICK))
        async with running_service(new, QUICK) as staying:
            await leaving.wait_ready()
            await staying.wait_ready()
            async with (
                Client(f"127.0.0.1:{leaving.port}") as first,
                Client(f"127.0.0.1:{staying.port}") as second,
            ):
                yield Replicas(first, former.aclose, Stage(simulator, staying, second))


async def told_over_a_change(keys: tuple[str, str]) -> tuple[list[list[str]], list[str]]:
    """What is told from when one replica ends until a call at the other one has ended: by each of
    the programs, and by a stream that nothing happens to."""
    async with (
        replicas(*keys) as both,
        listening(both.stage) as audience,
        tails(both.target) as running,
    ):
        await all_in_place(both.former)
        first = await audience.ended(await short_call(both.stage))
        await said_until(running, line_of(first))
        begun = [len(tail.lines) for tail in running]
        await both.end_former()
        await all_in_place(both.stage.client)
        last = await audience.ended(await short_call(both.stage))
        told = await said_until(running, line_of(last))
        heard = [line_of(event) for event in audience.events]
    since = [lines[at:] for lines, at in zip(told, begun, strict=True)]
    return since, heard[heard.index(line_of(first)) + 1 : heard.index(line_of(last)) + 1]


async def test_another_replica_goes_on_without_loss_and_repeats():
    told, heard = await told_over_a_change((KEY, KEY))
    assert told == [heard] * len(LANGUAGES)


async def test_another_service_that_does_not_know_the_place_is_a_gap():
    told, heard = await told_over_a_change((KEY, "another secret of theirs"))
    for lines in told:
        assert [line for line in lines if line not in heard] == [
            "events are missing: - HISTORY_EXPIRED"
        ]
