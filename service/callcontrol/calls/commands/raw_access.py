"""What is run as it is, as far as the operator's lists go: api commands, and applications on a leg.

An api command whose reply is not known to come at once runs on a thread of the switch (`bgapi`),
and its output comes as an event. So a command that blocks blocks nothing here: sent as `api`, it
would hold a command connection that the calls of others need.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from callcontrol.calls import checks
from callcontrol.calls.checked import Checked
from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.commands.nodes import CommandNode
from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import require_state
from callcontrol.calls.encoding.grammar import node_id_problem
from callcontrol.calls.encoding.policy import (
    api_argument_problem,
    name_problem,
    require_api,
    require_application,
)
from callcontrol.calls.outcome import Outcome
from callcontrol.calls.payloads import ApplicationFinished, ApplicationStarted
from callcontrol.calls.requests import Application
from callcontrol.errors import OutcomeUnknown
from callcontrol.esl.errors import UnencodableValue
from callcontrol.esl.messaging import execute
from callcontrol.events.event import Event
from callcontrol.freeswitch.jobs import JobLost
from callcontrol.ids import CallId, JobId, NodeId, OperationId

ANSWERS_AT_ONCE: Final = frozenset(
    {
        "acl",
        "create_uuid",
        "echo",
        "global_getvar",
        "hostname",
        "is_lan_addr",
        "module_exists",
        "show",
        "status",
        "strftime",
        "switchname",
        "uptime",
        "uuid_buglist",
        "uuid_dump",
        "uuid_exists",
        "uuid_getvar",
        "version",
    }
)
"""Api commands that only look something up in the memory of the switch."""

MAX_LOOPS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSpec:
    """An api command to run as it is."""

    node_id: NodeId
    command: str
    arguments: str = ""
    background: bool = False
    """Run it on a thread of the switch also where it is known to answer at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOutcome:
    """What the switch answered, which may say that it refused. The switch offers no proof."""

    body: str
    job_id: JobId | None
    """The thread's handle, where it ran on one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteSpec:
    """An application to run on a leg."""

    call_id: CallId
    application: Application
    queue: bool = False
    """After what runs now; else inside of it, at once."""
    loops: int = 1
    wait: bool = False
    """Until it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteOutcome(Outcome):
    """The command's handle and, where it was waited for, how it went."""

    operation_id: OperationId
    response: str = ""
    completed_us: int | None = None
    """Microseconds since 1970, of the switch; None while it is not done."""


def api_checks(spec: ApiSpec) -> Iterator[Checked]:
    """An api command to run. Whether it may be, the operator's list says."""
    yield "node_id", node_id_problem(spec.node_id)
    yield "command", name_problem(spec.command)
    yield "arguments", api_argument_problem(spec.arguments)


def execute_checks(spec: ExecuteSpec) -> Iterator[Checked]:
    """An application to run on a leg."""
    yield checks.call_id_check(spec.call_id)
    yield from checks.application_checks(spec.application, "application")
    if not 1 <= spec.loops <= MAX_LOOPS:
        yield "loops", f"must be from 0 to {MAX_LOOPS}"
    elif spec.wait and spec.loops > 1:
        # The switch repeats nothing that took less than half a second, and does not say so.
        yield "loops", "must be 0 or 1 where the end is waited for"


async def execute_api(commander: Commander, spec: ApiSpec) -> ApiOutcome:
    """Run an api command and give what the switch answers, whatever it is.

    Raises CommandNotAllowed, NodeNotFound, and what the node raises; OutcomeUnknown also when the
    event link is lost before the output of a command on a thread has come. Such a command goes on
    when the caller goes away.
    """
    checks.require_valid(api_checks(spec))
    require_api(commander.settings.raw_apis, spec.command, spec.arguments)
    node = commander.nodes.get(spec.node_id)
    try:
        if spec.background or spec.command.lower() not in ANSWERS_AT_ONCE:
            return await _as_job(node, spec)
        return ApiOutcome(body=await node.api(spec.command, spec.arguments), job_id=None)
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc


async def _as_job(node: CommandNode, spec: ApiSpec) -> ApiOutcome:
    job_id = JobId(str(uuid4()))
    job = await node.start_job(spec.command, spec.arguments, job_id, lambda: None)
    try:
        return ApiOutcome(body=await job.result(), job_id=job_id)
    except JobLost as lost:
        raise OutcomeUnknown(node.node_id, lost.reason) from lost


async def execute_application(commander: Commander, spec: ExecuteSpec) -> ExecuteOutcome:
    """Run an application on a leg. One that the switch does not have ends the call.

    Waits for its begin, and where the spec says so for its end: that is without limit but the
    caller's, unless it does not begin in time; queued, it may wait for what runs before it.
    Raises CommandNotAllowed, CallHasEnded when the call ends before it begins, OutcomeUnknown when
    the node is lost.
    """
    checks.require_valid(execute_checks(spec))
    require_application(
        commander.settings.raw_applications, spec.application.name, spec.application.data
    )
    call = commander.tracker.require(spec.call_id, alive=True)
    require_state(Verb.EXECUTE_APPLICATION, call)
    operation_id = OperationId(str(uuid4()))
    message = execute(
        spec.call_id,
        spec.application.name,
        spec.application.data,
        operation_id=operation_id,
        event_lock=spec.queue,
        loops=spec.loops,
    )
    with commander.tracker.watch(spec.call_id) as watch:
        await commander.send(call, message)

        def began(event: Event) -> Event | None:
            return event if _is_about(event, operation_id) else None

        first = (
            await watch.until(began)
            if spec.wait and spec.queue
            else await commander.proof(watch, began)
        )
        last = first
        if spec.wait and first is not None and not _has_finished(first):
            # The end of the call ends what runs on it, and that is told before the call is over.
            last = await watch.until(lambda event: _finished(event, operation_id), past_hangup=True)
    return _outcome(operation_id, last)


def _outcome(operation_id: OperationId, last: Event | None) -> ExecuteOutcome:
    if last is not None and isinstance(last.payload, ApplicationFinished):
        return ExecuteOutcome(
            confirmed=True,
            operation_id=operation_id,
            response=last.payload.response,
            completed_us=last.position.time_us,
        )
    return ExecuteOutcome(confirmed=last is not None, operation_id=operation_id)


def _is_about(event: Event, operation_id: OperationId) -> bool:
    match event.payload:
        case ApplicationStarted(operation_id=about) | ApplicationFinished(operation_id=about):
            return about == operation_id
        case _:
            return False


def _has_finished(event: Event) -> bool:
    return isinstance(event.payload, ApplicationFinished)


def _finished(event: Event, operation_id: OperationId) -> Event | None:
    return event if _has_finished(event) and _is_about(event, operation_id) else None
