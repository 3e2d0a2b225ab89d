"""`ivr_worker` serves real calls with the same words in each language; `originate` brings them."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from tests.support.small_programs import LANGUAGES, Ended, RunningProgram, alike, started
from tests.support.stage import QUICK, Audience, Stage, listening, settings_for

from callcontrol.app import running_service
from callcontrol.client.client import Client
from callcontrol.simulator import Simulator
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1.node_service_pb2 import ExecuteApiRequest

LIMIT_S = 30.0


@dataclass(frozen=True)
class Scene:
    """A worker that has one call, and everybody who can do something to it."""

    stage: Stage
    audience: Audience
    worker: RunningProgram
    call_id: str

    async def press(self, digit: str) -> None:
        """The caller presses a key, once the switch collects digits."""
        collecting = "play_and_get_digits"
        await self.audience.wait_for(
            lambda it: any(
                event.application_started.application.name == collecting
                for event in it.of("application_started", self.call_id)
            )
        )
        request = ExecuteApiRequest(
            node_id="fs1", command="uuid_recv_dtmf", arguments=f"{self.call_id} {digit}"
        )
        await self.stage.client.admin.ExecuteApi(request, timeout=LIMIT_S)

    async def hang_up(self) -> None:
        """The caller hangs up."""
        await self.stage.client.calls.Hangup(
            pb.HangupRequest(call_id=self.call_id), timeout=LIMIT_S
        )


Play = Callable[[Scene], Awaitable[None]]


@asynccontextmanager
async def scene(stage: Stage, language: str, whom: str) -> AsyncIterator[Scene]:
    """A worker of that language with a call that `originate` has brought to it."""
    target, application = stage.client.target, f"ivr-{language}"
    endpoint = f"sofia/internal/{whom}@example.org"
    async with AsyncExitStack() as stack:
        audience = await stack.enter_async_context(listening(stage))
        words = ("ivr_worker", application, endpoint, "--name", language)
        worker = await stack.enter_async_context(started(language, *words, target=target))
        await worker.until("ready")
        handed_over = ("originate", "sofia/internal/answer@example.org", "--worker", application)
        caller = await stack.enter_async_context(
            started(language, *handed_over, "--ids", target=target)
        )
        ended = await caller.end()
        call_id = ended.lines[0].split()[0]
        assert ended == Ended(0, [f"{call_id} calling", f"{call_id} answered"])
        await worker.until(f"call for {application}")
        yield Scene(stage, audience, worker, call_id)


async def played(stage: Stage, play: Play, *, whom: str = "answer") -> dict[str, Ended]:
    """What each worker says of a call to which that happens, and how it ends by a drain."""

    async def run(language: str) -> Ended:
        async with scene(stage, language, whom) as now:
            await play(now)
            while not now.worker.lines[-1].startswith("ended"):
                await now.worker.line()
            now.worker.process.send_signal(signal.SIGTERM)
            ended = await now.worker.end()
            assert ended.lines[1] == f"call for ivr-{language}"
            return Ended(ended.status, ["ready", *ended.lines[2:]])

    async with asyncio.TaskGroup() as scenes:
        tasks = {language: scenes.create_task(run(language)) for language in LANGUAGES}
    return {language: task.result() for language, task in tasks.items()}


def lines(*about: str) -> dict[str, Ended]:
    return alike(0, "ready", "answered", "menu", *about, "draining", "done")


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with (
        Simulator("127.0.0.1", 0, password="simulated", time_scale=0.1) as simulator,
        running_service(settings_for(simulator, raw_apis="uuid_recv_dtmf .*"), QUICK) as service,
    ):
        await service.wait_ready()
        async with Client(f"127.0.0.1:{service.port}") as client:
            yield Stage(simulator, service, client)


async def test_a_caller_is_connected_on_1(stage: Stage):
    ran = await played(stage, lambda now: now.press("1"), whom="short")
    assert ran == lines("digit 1", "bridging", "bridged", "ended NORMAL_CLEARING")


async def test_a_caller_whom_nobody_answers_is_hung_up(stage: Stage):
    ran = await played(stage, lambda now: now.press("1"), whom="busy")
    assert ran == lines("digit 1", "bridging", "not bridged: BUSY", "ended NORMAL_CLEARING")


async def test_a_caller_hears_a_goodbye_on_2(stage: Stage):
    ran = await played(stage, lambda now: now.press("2"))
    assert ran == lines("digit 2", "goodbye", "ended NORMAL_CLEARING")


async def test_another_digit_ends_the_call(stage: Stage):
    ran = await played(stage, lambda now: now.press("7"))
    assert ran == lines("digit 7", "ended NORMAL_CLEARING")


async def test_no_digit_ends_the_call(stage: Stage):
    async def wait(now: Scene) -> None:
        await now.worker.until("no digit")

    assert await played(stage, wait) == lines("no digit", "ended NORMAL_CLEARING")


async def test_a_caller_may_hang_up_at_the_menu(stage: Stage):
    async def leave(now: Scene) -> None:
        await now.worker.until("menu")
        await now.hang_up()

    assert await played(stage, leave) == lines("ended NORMAL_CLEARING")
