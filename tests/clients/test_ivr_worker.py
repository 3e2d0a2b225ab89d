"""`ivr_worker` serves real calls with the same words in each language; `originate` brings them."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from tests.support.programs import free_port
from tests.support.small_programs import LANGUAGES, Ended, RunningProgram, alike, started
from tests.support.stage import QUICK, Audience, Stage, listening, settings_for

from callcontrol.app import running_service
from callcontrol.client.client import Client
from callcontrol.simulator import Simulator
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1.event_pb2 import Event
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
        await self.audience.wait_for(
            lambda it: is_collecting(it.of("application_started", self.call_id))
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


def is_collecting(started: list[Event]) -> bool:
    names = [event.application_started.application.name for event in started]
    return "play_and_get_digits" in names


Play = Callable[[Scene], Awaitable[None]]


def words_for(language: str, whom: str = "answer") -> tuple[str, ...]:
    """Each language has an application of its own, so that its worker gets its calls."""
    return (f"ivr-{language}", f"sofia/internal/{whom}@example.org", "--name", language)


async def hand_over(stage: Stage, language: str) -> str:
    """The id of a call that `originate` brings to the worker of its language."""
    words = ("sofia/internal/answer@example.org", "--worker", f"ivr-{language}", "--ids")
    async with started(language, "originate", *words, target=stage.client.target) as caller:
        ended = await caller.end()
    call_id = ended.lines[0].split()[0]
    assert ended == Ended(0, [f"{call_id} calling", f"{call_id} answered"])
    return call_id


@asynccontextmanager
async def scene(
    stage: Stage, language: str, whom: str, more: tuple[str, ...]
) -> AsyncIterator[Scene]:
    """A worker of that language with a call, and more arguments."""
    words, target = (*words_for(language, whom), *more), stage.client.target
    async with (
        listening(stage) as audience,
        started(language, "ivr_worker", *words, target=target) as worker,
    ):
        await worker.until("ready")
        call_id = await hand_over(stage, language)
        await worker.until(f"call for ivr-{language}")
        yield Scene(stage, audience, worker, call_id)


async def played(
    stage: Stage, play: Play, *, whom: str = "answer", more: tuple[str, ...] = ()
) -> dict[str, Ended]:
    """What each worker says of a call to which that happens, and how it ends by a drain."""

    async def run(language: str) -> Ended:
        async with scene(stage, language, whom, more) as now:
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


@asynccontextmanager
async def service_for(simulator: Simulator, port: int) -> AsyncIterator[Stage]:
    """A service that begins, until the end of the block."""
    settings = settings_for(
        simulator, listen=f"127.0.0.1:{port}", raw_apis="uuid_recv_dtmf .*", worker_drain_s=0
    )
    async with running_service(settings, QUICK) as service:
        await service.wait_ready()
        async with Client(f"127.0.0.1:{service.port}") as client:
            yield Stage(simulator, service, client)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator("127.0.0.1", 0, password="simulated", time_scale=0.5) as simulator:
        yield simulator


@pytest.fixture
async def stage(simulator: Simulator) -> AsyncIterator[Stage]:
    async with service_for(simulator, 0) as stage:
        yield stage


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


async def test_where_a_call_cannot_be_handed_on_it_goes_on(stage: Stage):
    ran = await played(stage, lambda now: now.press("0"), more=("--operators", "no such name"))
    refused = "not handed on: INVALID_ARGUMENT"
    assert ran == lines("digit 0", "handing on", refused, "ended NORMAL_CLEARING")


async def test_no_digit_ends_the_call(stage: Stage):
    async def wait(now: Scene) -> None:
        await now.worker.until("no digit")

    assert await played(stage, wait) == lines("no digit", "ended NORMAL_CLEARING")


async def test_a_caller_may_hang_up_at_the_menu(stage: Stage):
    async def leave(now: Scene) -> None:
        await now.worker.until("menu")
        await now.hang_up()

    assert await played(stage, leave) == lines("ended NORMAL_CLEARING")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_call_goes_on_over_a_restart_of_the_service(simulator: Simulator, language: str):
    port, application = free_port(), f"ivr-{language}"
    async with AsyncExitStack() as programs:
        async with service_for(simulator, port) as stage:
            worker = await programs.enter_async_context(
                started(language, "ivr_worker", *words_for(language), target=stage.client.target)
            )
            await worker.until("ready")
            await hand_over(stage, language)
            await worker.until("menu")
        async with service_for(simulator, port):
            await worker.until("back")
            await worker.until("ended NORMAL_CLEARING")
            worker.process.send_signal(signal.SIGTERM)
            ended = await worker.end()
    about = (f"call for {application}", "answered", "menu", "back", "no digit")
    assert ended == Ended(0, ["ready", *about, "ended NORMAL_CLEARING", "draining", "done"])
