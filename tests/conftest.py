"""What every test gets: no task outlives it, and the loop reports nothing unhandled."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

# The same examples each time, so that what fails is what was changed; `make fuzz` looks for more.
settings.register_profile(
    "default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "fuzz", parent=settings.get_profile("default"), derandomize=False, max_examples=20_000
)
settings.load_profile("default")


GOODBYE_S = 2.0
"""The longest a task may take to end after its test."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The contract suite runs on a real switch where one is named."""
    parser.addoption(
        "--switch",
        metavar="HOST:PORT",
        default=None,
        help="run tests/contract on this FreeSWITCH, which is restarted and loses its calls",
    )
    parser.addoption(
        "--switch-password",
        metavar="PASSWORD",
        default=os.environ.get("SWITCH_PASSWORD", "ClueCon"),
        help="its event socket password; better given as SWITCH_PASSWORD in the environment",
    )


def pytest_collection_finish() -> None:
    """Spare `quiet_loop` all that is here before the first test: thousands of tests, which it would
    look through after each.
    """
    gc.collect()
    gc.freeze()


@pytest_asyncio.fixture
async def quiet_loop() -> AsyncIterator[None]:
    """Fail the test when a task leaks or the loop reports an exception that nobody handled."""
    loop = asyncio.get_running_loop()
    reported: list[dict[str, Any]] = []  # Any: the loop's contexts hold whatever it has at hand
    before = asyncio.all_tasks()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    yield
    myself = asyncio.current_task()
    leaked = await still_running({t for t in asyncio.all_tasks() - before if t is not myself})
    gc.collect()  # a future that holds an exception reports it when it is collected
    await asyncio.sleep(0)
    problems = [f"leaked task: {task!r}" for task in leaked]
    problems += [f"loop reported: {describe(context)}" for context in reported]
    for task in leaked:
        task.cancel()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


async def still_running(tasks: set[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """The tasks that do not end by themselves: gRPC ends its own a moment after it was told to."""
    if tasks:
        _, tasks = await asyncio.wait(tasks, timeout=GOODBYE_S)
    return sorted(tasks, key=lambda task: task.get_name())


def describe(context: dict[str, Any]) -> str:
    """A report of the loop as one line."""
    exception = context.get("exception")
    return f"{context['message']}: {exception!r}" if exception else str(context["message"])


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request: pytest.FixtureRequest) -> None:
    """Ask for `quiet_loop` in every test that runs on a loop."""
    function = getattr(request.node, "obj", None)
    if asyncio.iscoroutinefunction(function):
        request.getfixturevalue("quiet_loop")
