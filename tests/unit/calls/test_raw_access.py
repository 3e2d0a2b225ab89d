"""Raw commands and applications: what is sent, by which way, and how each wait ends."""

import asyncio

import pytest
from tests.support.call_node import FIRST, A, Desk, until

from callcontrol.calls.commands.raw_access import (
    ApiSpec,
    ExecuteSpec,
    execute_api,
    execute_application,
)
from callcontrol.calls.encoding.policy import read_permission
from callcontrol.calls.requests import Application
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallHasEnded,
    CommandNotAllowed,
    InvalidRequest,
    NodeNotFound,
    OutcomeUnknown,
)
from callcontrol.freeswitch.jobs import JobLost
from callcontrol.ids import NodeId

LISTED = ControlSettings(
    confirm_timeout_s=0.01,
    raw_apis=tuple(map(read_permission, ("status", "originate .*", "bgapi .*"))),
    raw_applications=tuple(map(read_permission, ("sleep [0-9]+", "set a=.*"))),
)
SLEEP = ExecuteSpec(call_id=A, application=Application("sleep", "100"))


def api(command: str, arguments: str = "", *, background: bool = False) -> ApiSpec:
    return ApiSpec(node_id=FIRST, command=command, arguments=arguments, background=background)


async def test_what_answers_at_once_is_sent_as_api() -> None:
    desk = Desk(LISTED)
    desk.node.answers["status"] = "UP 1 year\n"
    outcome = await execute_api(desk.control.commander, api("status"))
    assert (outcome.body, outcome.job_id) == ("UP 1 year\n", None)
    assert not desk.node.jobs


@pytest.mark.parametrize("spec", [api("status", background=True), api("originate", "null/x &park")])
async def test_what_may_block_or_is_asked_for_so_is_sent_as_a_job(spec: ApiSpec) -> None:
    desk = Desk(LISTED)
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(execute_api(desk.control.commander, spec))
        await until(lambda: bool(desk.node.sent) and bool(desk.node.jobs))
        desk.node.job.outcome.set_result("-ERR busy\n")
    assert asked.result().body == "-ERR busy\n"
    assert asked.result().job_id in desk.node.jobs


async def test_a_job_whose_output_is_lost_has_an_unknown_outcome() -> None:
    desk = Desk(LISTED)
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(_raises(desk, api("originate", "x &park")))
        await until(lambda: bool(desk.node.jobs))
        desk.node.job.outcome.set_result(JobLost("the link was lost", gone=False))
    assert asked.result() is OutcomeUnknown


async def _raises(desk: Desk, spec: ApiSpec) -> type[Exception]:
    with pytest.raises(OutcomeUnknown) as raised:
        await execute_api(desk.control.commander, spec)
    return raised.type


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (api("status", "x"), CommandNotAllowed),
        (api("system", "id"), CommandNotAllowed),
        (api("bgapi", "system id"), CommandNotAllowed),
        (api("", ""), InvalidRequest),
        (api("sta tus"), InvalidRequest),
        (api("originate", "${x} &park"), InvalidRequest),
        (ApiSpec(node_id=NodeId(""), command="status"), InvalidRequest),
        (ApiSpec(node_id=NodeId("else"), command="status"), NodeNotFound),
    ],
)
async def test_nothing_is_sent_of_what_may_not_be(spec: ApiSpec, error: type[Exception]) -> None:
    desk = Desk(LISTED)
    with pytest.raises(error):
        await execute_api(desk.control.commander, spec)
    assert desk.node.sent == []


async def test_an_application_that_does_not_begin_in_time_is_only_accepted() -> None:
    desk = Desk(LISTED)
    desk.active(A)
    spec = ExecuteSpec(call_id=A, application=Application("sleep", "100"), wait=True)
    outcome = await execute_application(desk.control.commander, spec)
    assert not outcome.confirmed
    (sent,) = desk.node.sent
    assert "execute-app-name: sleep | execute-app-arg: 100" in sent
    assert f"Event-UUID: {outcome.operation_id}" in sent
    assert "event-lock" not in sent


async def test_one_in_the_queue_is_locked_and_may_repeat() -> None:
    desk = Desk(LISTED)
    desk.active(A)
    spec = ExecuteSpec(call_id=A, application=SLEEP.application, queue=True, loops=3)
    await execute_application(desk.control.commander, spec)
    assert "event-lock: true | loops: 3" in desk.node.sent[0]


async def test_one_that_waits_in_the_queue_ends_with_the_call() -> None:
    desk = Desk(LISTED)
    desk.active(A)
    spec = ExecuteSpec(call_id=A, application=SLEEP.application, queue=True, wait=True)

    async def ends() -> None:
        with pytest.raises(CallHasEnded):
            await execute_application(desk.control.commander, spec)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ends())
        await until(lambda: bool(desk.node.sent))
        desk.end(A)


async def test_the_loss_of_the_node_ends_the_waiting() -> None:
    desk = Desk(LISTED)
    desk.active(A)
    spec = ExecuteSpec(call_id=A, application=SLEEP.application, queue=True, wait=True)

    async def is_lost() -> None:
        with pytest.raises(OutcomeUnknown):
            await execute_application(desk.control.commander, spec)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(is_lost())
        await until(lambda: bool(desk.node.sent))
        desk.lose_node()


async def test_an_application_that_is_not_listed_is_not_sent() -> None:
    desk = Desk(LISTED)
    desk.active(A)
    spec = ExecuteSpec(call_id=A, application=Application("sleep", "1 2"))
    with pytest.raises(CommandNotAllowed):
        await execute_application(desk.control.commander, spec)
    assert desk.node.sent == []
