"""Placing a call: what is sent, how it can come out, and what is done when the caller goes."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.support.call_node import A, Answer, B, Desk, until

from callcontrol.calls.call import CallState
from callcontrol.calls.outcome import Disposition, OriginateOutcome
from callcontrol.calls.requests import (
    ConferenceDestination,
    ExtensionDestination,
    GatewayEndpoint,
    LoopbackEndpoint,
    OriginateSpec,
    ParkDestination,
    RawEndpoint,
    SipEndpoint,
    UserEndpoint,
    WaitUntil,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.deadline import answering_within
from callcontrol.errors import (
    CallControlError,
    CallIdTaken,
    CommandNotAllowed,
    CommandQueueFull,
    InvalidRequest,
    NodeDraining,
    NodeFull,
    NodeNotFound,
    NodePaused,
    NodeRateLimited,
    NodeUnavailable,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.esl.messages import SwitchEvent
from callcontrol.freeswitch.jobs import JobLost
from callcontrol.ids import CallId, NodeId

SPEC = OriginateSpec(
    endpoints=(LoopbackEndpoint(extension="answer", context="callcontrol"),),
    destination=ParkDestination(),
    call_id=A,
    wait_until=WaitUntil.ANSWERED,
)
RINGING = replace(SPEC, wait_until=WaitUntil.RINGING)
CALLED_OFF = replace(SPEC, hangup_on_cancel=True)


class Placing:
    """An Originate under way."""

    def __init__(self, desk: Desk, tasks: asyncio.TaskGroup, spec: OriginateSpec = SPEC) -> None:
        self.desk, self._spec = desk, spec
        self.error: CallControlError | None = None
        self.task = tasks.create_task(self._place())

    async def _place(self) -> OriginateOutcome | None:
        try:
            return await self.desk.control.originate(self._spec)
        except CallControlError as error:
            self.error = error
            return None

    async def sent(self) -> str:
        return await self.desk.node.arrivals.get()

    def result(self, text: str) -> None:
        self.desk.node.job.outcome.set_result(text)

    @property
    def outcome(self) -> OriginateOutcome:
        assert self.error is None
        outcome = self.task.result()
        assert outcome is not None
        return outcome


def sent_variables(command: str) -> Mapping[str, str]:
    block = re.match(r"originate \{(.*?)\}", command)
    assert block is not None
    return dict(pair.split("=", 1) for pair in block[1].split(","))


async def test_an_answer_is_an_answer_before_the_job_says_so() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.ringing(A, "outbound")
        desk.happen("CHANNEL_ANSWER", A, Answer_State="answered")
    assert placing.outcome.disposition is Disposition.ANSWERED
    assert placing.outcome.reached is WaitUntil.ANSWERED
    assert placing.outcome.confirmed
    assert placing.outcome.call.state is CallState.ACTIVE


async def test_the_job_may_say_so_before_the_event_comes() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.ringing(A, "outbound")
        placing.result(f"+OK {A}\n")
        for _ in range(5):
            await asyncio.sleep(0)
        assert not placing.task.done()
        desk.happen("CHANNEL_ANSWER", A, Answer_State="answered")
    assert placing.outcome.disposition is Disposition.ANSWERED


async def test_the_result_may_come_before_the_reply() -> None:
    desk = Desk()
    reply = asyncio.get_running_loop().create_future()
    desk.node.answers["originate"] = reply
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        placing.result("-ERR USER_BUSY\n")
        reply.set_result("+OK")
    assert placing.outcome.disposition is Disposition.BUSY


async def test_an_answer_that_was_over_at_once_was_one() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.active(A)
        desk.end(A)
    assert placing.outcome.disposition is Disposition.ANSWERED
    assert placing.outcome.call.state is CallState.ENDED


async def test_early_media_is_not_an_answer() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        command = await placing.sent()
        desk.happen("CHANNEL_CREATE", A)
        desk.happen("CHANNEL_PROGRESS_MEDIA", A, Answer_State="early")
        for _ in range(5):
            await asyncio.sleep(0)
        assert not placing.task.done()
        desk.end(A, "NO_ANSWER")
        placing.result("-ERR NO_ANSWER\n")
    assert sent_variables(command)["ignore_early_media"] == "true"
    assert placing.outcome.disposition is Disposition.NO_ANSWER


async def test_ringing_is_reached_without_an_outcome() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, RINGING)
        command = await placing.sent()
        desk.ringing(A, "outbound")
    assert placing.outcome.reached is WaitUntil.RINGING
    assert placing.outcome.disposition is None
    assert placing.outcome.call.state is CallState.RINGING
    assert "ignore_early_media" not in sent_variables(command)


async def test_who_waits_for_the_ringing_may_get_the_answer() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, RINGING)
        await placing.sent()
        desk.happen("CHANNEL_CREATE", A)
        desk.happen("CHANNEL_ANSWER", A, Answer_State="answered")
    assert placing.outcome.reached is WaitUntil.ANSWERED
    assert placing.outcome.disposition is Disposition.ANSWERED


async def test_accepted_returns_with_the_reply() -> None:
    desk = Desk()
    spec = replace(SPEC, wait_until=WaitUntil.ACCEPTED, labels={"team": "a"})
    outcome = await desk.control.originate(spec)
    assert outcome.reached is WaitUntil.ACCEPTED
    assert outcome.disposition is None
    assert not outcome.confirmed
    assert outcome.call.call_id == A
    assert outcome.call.labels == {"team": "a"}


async def test_a_failure_brings_the_sip_code_of_the_call() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.happen("CHANNEL_CREATE", A)
        desk.hang_up(A, "USER_BUSY")
        placing.result("-ERR USER_BUSY\n")
        await asyncio.sleep(0)
        desk.happen(
            "CHANNEL_HANGUP_COMPLETE",
            A,
            Hangup_Cause="USER_BUSY",
            variable_uuid=A,
            variable_sip_term_status="486",
        )
    outcome = placing.outcome
    assert outcome.disposition is Disposition.BUSY
    assert outcome.cause is not None
    assert (outcome.cause.name, outcome.cause.q850_code, outcome.cause.sip_code) == (
        "USER_BUSY",
        17,
        486,
    )
    assert outcome.call.state is CallState.ENDED


async def test_the_verdict_of_the_switch_counts_more_than_the_cause_of_the_leg() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.happen("CHANNEL_CREATE", A)
        desk.end(A, "NORMAL_CLEARING")
        placing.result("-ERR NO_ANSWER\n")
    assert placing.outcome.disposition is Disposition.NO_ANSWER
    assert placing.outcome.cause is not None
    assert placing.outcome.cause.name == "NO_ANSWER"


async def test_without_a_verdict_the_cause_of_the_leg_counts() -> None:
    desk = Desk(ControlSettings(confirm_timeout_s=0.01))
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.happen("CHANNEL_CREATE", A)
        desk.end(A, "CALL_REJECTED")
    assert placing.outcome.disposition is Disposition.REJECTED


async def test_the_verdict_is_waited_for_no_longer_than_the_caller_waits() -> None:
    desk = Desk(ControlSettings(confirm_timeout_s=60.0))
    with answering_within(0.05):
        async with asyncio.TaskGroup() as tasks:
            placing = Placing(desk, tasks)
            await placing.sent()
            desk.happen("CHANNEL_CREATE", A)
            desk.end(A, "CALL_REJECTED")
    assert placing.outcome.disposition is Disposition.REJECTED


async def test_an_attempt_that_never_became_a_call_is_an_outcome_too() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        placing.result("-ERR INVALID_GATEWAY\n")
    outcome = placing.outcome
    assert outcome.disposition is Disposition.UNREACHABLE
    assert outcome.call.state is CallState.ENDED
    assert outcome.call.hangup_cause == outcome.cause


async def test_a_usage_text_is_a_refusal() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        placing.result("-USAGE: <call url>\n")
    assert isinstance(placing.error, SwitchRefused)


async def test_an_id_in_use_on_the_switch_is_told_apart() -> None:
    desk = Desk()
    desk.node.answers["uuid_exists"] = "true"
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        placing.result("-ERR DESTINATION_OUT_OF_ORDER\n")
    assert isinstance(placing.error, CallIdTaken)


@pytest.mark.parametrize("question", ["uuid_exists", "fsctl", "status"])
async def test_what_cannot_be_asked_after_an_originate_is_an_unknown_outcome(
    question: str,
) -> None:
    desk = Desk()
    desk.node.answers["uuid_exists"] = "false"
    desk.node.answers[question] = NodeUnavailable(NodeId("fs1"), "no command link is up", 1.0)
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        placing.result("-ERR DESTINATION_OUT_OF_ORDER\n")
    assert isinstance(placing.error, OutcomeUnknown)


STATUS = "2 session(s) - peak 3, last 5min 3\n10 session(s) max\n"
UNLIMITED: Mapping[str, str] = {
    "uuid_exists": "false",
    "fsctl": "+OK sessions: 0\n",
    "status": STATUS,
}


async def test_an_attempt_that_no_limit_explains_has_failed() -> None:
    desk = Desk()
    desk.node.answers |= UNLIMITED
    desk.node.answers["fsctl"] = lambda words: "9" if words == "sps" else "0"
    with answering_within(0.0):
        placing = await refused_attempt(desk)
    assert placing.outcome.disposition is Disposition.FAILED


async def refused_attempt(desk: Desk) -> Placing:
    """An attempt that the switch refuses without a leg."""
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        placing.result("-ERR DESTINATION_OUT_OF_ORDER\n")
    return placing


@pytest.mark.parametrize(
    ("command", "answer", "refusal"),
    [
        ("fsctl", lambda words: "true" if words == "pause_check outbound" else "0", NodePaused),
        ("status", STATUS.replace("10 s", "2 s"), NodeFull),
        ("fsctl", lambda words: "30" if "sps" in words else "false", NodeRateLimited),
    ],
)
async def test_the_limits_of_the_switch_are_told_apart(
    command: str, answer: Answer, refusal: type[CallControlError]
) -> None:
    desk = Desk()
    desk.node.answers |= UNLIMITED
    desk.node.answers[command] = answer
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        placing.result("-ERR DESTINATION_OUT_OF_ORDER\n")
    assert isinstance(placing.error, refusal)
    assert not desk.tracker.is_taken(A)


async def test_a_call_that_the_switch_gave_another_id_is_none_of_ours() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        placing.result(f"+OK {B}\n")
    assert isinstance(placing.error, CallIdTaken)


async def test_a_call_that_the_switch_gave_another_id_is_ended_although_nobody_waits() -> None:
    desk = Desk()
    await desk.control.originate(replace(SPEC, wait_until=WaitUntil.ACCEPTED))
    (job_id,) = desk.node.jobs
    headers: dict[str, str | list[str]] = {"Event-Name": "BACKGROUND_JOB", "Job-UUID": job_id}
    desk.tracker.apply(desk.node.node_id, SwitchEvent(headers, body=f"+OK {B}\n"))
    working = asyncio.create_task(desk.control.run())
    await until(lambda: f"uuid_kill {B} ORIGINATOR_CANCEL" in desk.node.sent)
    working.cancel()
    await asyncio.wait([working])


async def test_a_known_id_is_refused_before_anything_is_sent() -> None:
    desk = Desk()
    desk.active(A)
    with pytest.raises(CallIdTaken):
        await desk.control.originate(SPEC)
    assert desk.node.sent == []


async def test_an_id_that_is_just_being_used_is_refused_too() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        with pytest.raises(CallIdTaken):
            await desk.control.originate(SPEC)
        desk.active(A)
    assert len(desk.node.sent) == 1


async def test_the_job_of_a_switch_that_was_restarted_has_an_unknown_outcome() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.node.job.outcome.set_result(JobLost("the switch was restarted", gone=True))
    assert isinstance(placing.error, OutcomeUnknown)


@pytest.mark.parametrize("sent", [True, False])
async def test_a_command_whose_reply_was_lost_is_never_sent_again(sent: bool) -> None:
    desk = Desk(ControlSettings(first_sign_timeout_s=0.0))
    desk.node.answers["originate"] = OutcomeUnknown(NodeId("fs1"), "the link was lost")
    desk.node.answers["uuid_exists"] = "false"

    def asked(_: str) -> str:
        desk.active(A)
        return "true"

    if sent:
        desk.node.answers["uuid_exists"] = asked
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
    if sent:
        assert placing.outcome.disposition is Disposition.ANSWERED
    else:
        assert isinstance(placing.error, OutcomeUnknown)
    assert [line.split()[0] for line in desk.node.sent].count("originate") == 1


async def test_after_an_interruption_a_call_that_is_not_there_has_an_unknown_outcome() -> None:
    desk = Desk(ControlSettings(first_sign_timeout_s=0.0))
    desk.node.answers["uuid_exists"] = "false"
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.lose_node()
    assert isinstance(placing.error, OutcomeUnknown)
    assert desk.node.sent[-1] == f"uuid_exists {A}"


async def test_a_call_is_followed_on_when_the_node_is_back() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.ringing(A, "outbound")
        desk.node.reachable = False
        desk.lose_node()
        for _ in range(5):
            await asyncio.sleep(0)
        desk.node.reachable = True
        desk.happen("CHANNEL_ANSWER", A, Answer_State="answered")
    assert placing.outcome.disposition is Disposition.ANSWERED


async def test_a_call_that_ended_while_the_node_was_away_has_failed() -> None:
    desk = Desk(ControlSettings(confirm_timeout_s=0.0))
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.ringing(A, "outbound")
        desk.lose_node()
        desk.end(A, "USER_BUSY")
    assert placing.outcome.disposition is Disposition.BUSY


async def test_a_node_that_does_not_come_back_makes_the_outcome_unknown() -> None:
    desk = Desk(ControlSettings(node_return_timeout_s=0.0))
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.node.reachable = False
        desk.lose_node()
    assert isinstance(placing.error, OutcomeUnknown)


@pytest.mark.parametrize(
    "error",
    [
        CommandQueueFull(NodeId("fs1"), 1_000, 1.0),
        SwitchRefused(NodeId("fs1"), "-ERR permission denied"),
    ],
)
async def test_what_the_node_raises_goes_on_and_nothing_is_sent_again(error: Exception) -> None:
    desk = Desk()
    desk.node.answers["originate"] = error
    with pytest.raises(type(error)):
        await desk.control.originate(SPEC)
    assert len(desk.node.sent) == 1
    # What may have been sent keeps its id; else it is free again.
    taken = isinstance(error, OutcomeUnknown)
    with pytest.raises(CallIdTaken if taken else type(error)):
        await desk.control.originate(SPEC)


async def test_a_node_that_drains_takes_no_calls() -> None:
    desk = Desk()
    desk.node.draining = True
    with pytest.raises(NodeDraining):
        await desk.control.originate(replace(SPEC, node_id=desk.node.node_id))
    desk.node.draining, desk.node.reachable = False, False
    with pytest.raises(NodeUnavailable):
        await desk.control.originate(replace(SPEC, node_id=desk.node.node_id))
    with pytest.raises(NodeNotFound):
        await desk.control.originate(replace(SPEC, node_id=NodeId("nowhere")))


async def test_a_burst_is_spread_over_the_nodes() -> None:
    desk = Desk(nodes=2)
    loop = asyncio.get_running_loop()
    replies = [loop.create_future() for _ in desk.nodes]
    for node, reply in zip(desk.nodes, replies, strict=True):
        node.answers["originate"] = reply
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            spec = replace(SPEC, call_id=None, wait_until=WaitUntil.ACCEPTED)
            tasks.create_task(desk.control.originate(spec))
        await desk.nodes[1].arrivals.get()
        for reply in replies:
            reply.set_result("+OK")
    assert [len(node.sent) for node in desk.nodes] == [2, 2]


async def cancelled(desk: Desk, spec: OriginateSpec) -> None:
    """Cancel an Originate once its command was sent."""
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, spec)
        await placing.sent()
        placing.task.cancel()
    assert placing.task.cancelled()
    assert not desk.tracker._watches


async def test_cancelled_it_leaves_the_call_alone() -> None:
    desk = Desk()
    await cancelled(desk, SPEC)
    assert len(desk.node.sent) == 1


class Cleaning:
    """`run` of call control, for as long as the block lasts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __aenter__(self) -> None:
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._run = self._tasks.create_task(self._desk.control.run())

    async def __aexit__(self, *error: object) -> None:  # Any: whatever a test raises
        await until(lambda: not self._desk.control._late_work)
        self._run.cancel()
        await self._tasks.__aexit__(None, None, None)


async def test_cancelled_it_ends_the_call_where_that_was_asked_for() -> None:
    desk = Desk()
    await cancelled(desk, CALLED_OFF)
    async with Cleaning(desk):
        assert await desk.node.arrivals.get() == f"uuid_kill {A} ORIGINATOR_CANCEL"


async def test_cancelled_before_it_was_sent_it_leaves_nothing_to_do() -> None:
    desk = Desk()
    desk.node.busy = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks, CALLED_OFF)
        await until(lambda: bool(desk.node.jobs))
        placing.task.cancel()
    assert desk.node.sent == []
    assert desk.control.late_work == 0
    assert desk.tracker.get(A) is None


async def test_an_accepted_call_can_be_read_and_ended_before_its_first_event() -> None:
    desk = Desk()
    await desk.control.originate(replace(SPEC, wait_until=WaitUntil.ACCEPTED))
    assert desk.tracker.require(A).state is CallState.CREATING

    def killed(_: str) -> str:
        desk.end(A)
        return "+OK\n"

    desk.node.answers["uuid_kill"] = killed
    outcome = await desk.control.hangup(A)
    assert outcome.confirmed
    assert outcome.call.state is CallState.ENDED
    assert desk.node.sent[1:] == [f"uuid_kill {A} NORMAL_CLEARING"]


async def test_a_call_that_was_hung_up_before_it_began_is_ended_as_it_begins() -> None:
    desk = Desk(ControlSettings(confirm_timeout_s=0.01))
    await desk.control.originate(replace(SPEC, wait_until=WaitUntil.ACCEPTED))
    desk.node.answers["uuid_kill"] = "-ERR No such channel!\n"
    outcome = await desk.control.hangup(A, "CALL_REJECTED")
    assert not outcome.confirmed
    assert outcome.call.state is CallState.CREATING
    async with Cleaning(desk):
        await until(lambda: len(desk.node.sent) == 3)
        desk.node.answers["uuid_kill"] = "+OK\n"
        desk.happen("CHANNEL_CREATE", A)
        await until(lambda: len(desk.node.sent) == 4)
    assert desk.node.sent[1:] == [f"uuid_kill {A} CALL_REJECTED"] * 3


async def test_a_hangup_that_cannot_be_kept_for_later_is_refused() -> None:
    desk = Desk(ControlSettings(max_late_work=0))
    await desk.control.originate(replace(SPEC, wait_until=WaitUntil.ACCEPTED))
    desk.node.answers["uuid_kill"] = "-ERR No such channel!\n"
    with pytest.raises(CommandQueueFull):
        await desk.control.hangup(A)


async def test_only_an_id_that_a_client_chose_may_be_another_calls() -> None:
    desk = Desk()
    for spec in (SPEC, replace(SPEC, call_id=B, call_id_is_new=True)):
        await desk.control.originate(replace(spec, wait_until=WaitUntil.ACCEPTED))
    for job_id in desk.node.jobs:
        event = SwitchEvent(
            {"Event-Name": "BACKGROUND_JOB", "Job-UUID": job_id},
            "-ERR DESTINATION_OUT_OF_ORDER\n",
        )
        desk.tracker.apply(desk.node.node_id, event)
    assert desk.tracker.require(A).state is CallState.CREATING
    assert desk.tracker.require(B).state is CallState.ENDED


async def test_cancelled_before_the_reply_it_ends_the_call_all_the_same() -> None:
    desk = Desk()
    desk.node.answers["originate"] = asyncio.get_running_loop().create_future()
    await cancelled(desk, CALLED_OFF)
    async with Cleaning(desk):
        assert await desk.node.arrivals.get() == f"uuid_kill {A} ORIGINATOR_CANCEL"


async def test_a_call_that_begins_after_it_was_called_off_is_ended_too() -> None:
    desk = Desk()
    desk.node.answers["uuid_kill"] = "-ERR No such channel!\n"
    await cancelled(desk, CALLED_OFF)
    async with Cleaning(desk):
        await desk.node.arrivals.get()
        desk.node.answers["uuid_kill"] = "+OK\n"
        await asyncio.sleep(0)
        desk.happen("CHANNEL_CREATE", A)
        assert await desk.node.arrivals.get() == f"uuid_kill {A} ORIGINATOR_CANCEL"


async def test_a_call_that_is_over_needs_no_calling_off() -> None:
    desk = Desk()
    await cancelled(desk, CALLED_OFF)
    desk.active(A)
    desk.end(A)
    async with Cleaning(desk):
        pass
    assert len(desk.node.sent) == 1


@pytest.mark.parametrize(
    "hiccup",
    [
        OutcomeUnknown(NodeId("east"), "the link was lost"),
        NodeUnavailable(NodeId("east"), "no command link", 0.1),
        CommandQueueFull(NodeId("east"), 1_000, 0.1),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_calling_off_that_meets_a_hiccup_is_tried_again(hiccup: CallControlError) -> None:
    desk = Desk(ControlSettings(call_off_retry_s=0))
    desk.node.answers["uuid_kill"] = hiccup
    await cancelled(desk, CALLED_OFF)
    async with Cleaning(desk):
        await desk.node.arrivals.get()
        desk.node.answers["uuid_kill"] = "+OK\n"
        assert await desk.node.arrivals.get() == f"uuid_kill {A} ORIGINATOR_CANCEL"


async def test_a_fault_in_a_calling_off_stops_nothing() -> None:
    desk = Desk()
    desk.node.answers["uuid_kill"] = RuntimeError("a fault")
    await cancelled(desk, replace(CALLED_OFF, call_id=B))
    async with Cleaning(desk):
        await desk.node.arrivals.get()


async def test_an_id_is_taken_for_longer_than_its_call_can_be_read() -> None:
    desk = Desk()
    desk.tracker.legs._ended.bury(A)
    assert desk.tracker.get(A) is None
    with pytest.raises(CallIdTaken):
        await desk.control.originate(SPEC)
    assert desk.node.sent == []


async def test_too_many_clean_ups_are_refused_and_a_slow_one_is_given_up() -> None:
    desk = Desk(ControlSettings(max_late_work=1, late_work_timeout_s=0.01))
    desk.node.answers["uuid_kill"] = asyncio.get_running_loop().create_future()
    await cancelled(desk, CALLED_OFF)
    await cancelled(desk, replace(CALLED_OFF, call_id=B))
    assert len(desk.control._late_work) == 1
    async with Cleaning(desk):
        await desk.node.arrivals.get()


@pytest.mark.parametrize(
    ("endpoint", "written"),
    [
        (UserEndpoint(user="1000"), "user/1000"),
        (UserEndpoint(user="1000", domain="example.org"), "user/1000@example.org"),
        (GatewayEndpoint(gateway="carrier", number="+493012"), "sofia/gateway/carrier/+493012"),
        (
            SipEndpoint(profile="internal", address="bob@10.0.0.1:5080"),
            "sofia/internal/bob@10.0.0.1:5080",
        ),
        (LoopbackEndpoint(extension="9000"), "loopback/9000/default"),
        (
            LoopbackEndpoint(extension="9000", context="lab", ring_timeout_s=2.5),
            "[leg_timeout=3]loopback/9000/lab",
        ),
    ],
)
async def test_each_endpoint_is_written_as_the_switch_knows_it(
    endpoint: UserEndpoint, written: str
) -> None:
    desk = Desk()
    spec = replace(SPEC, call_id_is_new=True, endpoints=(endpoint,), wait_until=WaitUntil.ACCEPTED)
    await desk.control.originate(spec)
    assert desk.node.sent == [f"originate {{origination_uuid={A}}}{written} &park"]


@pytest.mark.parametrize(
    ("destination", "written"),
    [
        (ParkDestination(), "&park"),
        (ExtensionDestination(extension="9000"), "9000 XML default"),
        (
            ExtensionDestination(extension="9000", dialplan="XML", context="lab"),
            "9000 XML lab",
        ),
        (ConferenceDestination(name="room"), "&conference(room@default)"),
        (
            ConferenceDestination(name="room", profile="wide", flags=("mute", "deaf"), pin="4711"),
            "&conference(room@wide+4711+flags{mute|deaf})",
        ),
    ],
)
async def test_each_destination_is_written_as_the_switch_knows_it(
    destination: ParkDestination, written: str
) -> None:
    desk = Desk()
    spec = replace(SPEC, destination=destination, wait_until=WaitUntil.ACCEPTED)
    await desk.control.originate(spec)
    assert desk.node.sent[0].endswith("}loopback/answer/callcontrol " + written)


async def test_everything_asked_for_travels_in_variables() -> None:
    desk = Desk()
    endpoint = LoopbackEndpoint(extension="x", variables={"own": "leg", "both": "leg"})
    spec = replace(
        SPEC,
        call_id_is_new=True,
        endpoints=(endpoint,),
        variables={"both": "call"},
        labels={"campaign.id": "spring"},
        caller_number="+4930",
        caller_name="Zoë",
        ring_timeout_s=2.1,
        wait_until=WaitUntil.ACCEPTED,
        ignore_early_media=True,
    )
    await desk.control.originate(spec)
    assert sent_variables(desk.node.sent[0]) == {
        "both": "leg",
        "own": "leg",
        "cc_label_campaign.id": "spring",
        "origination_caller_id_number": "+4930",
        "origination_caller_id_name": "Zoë",
        "originate_timeout": "4",
        "ignore_early_media": "true",
        "origination_uuid": A,
    }


async def test_a_raw_dial_string_is_refused_unless_the_operator_lists_it() -> None:
    desk = Desk()
    spec = replace(SPEC, endpoints=(RawEndpoint(dial_string="error/user_busy"),))
    with pytest.raises(CommandNotAllowed):
        await desk.control.originate(spec)
    with pytest.raises(CommandNotAllowed):
        desk.control.validate(spec)
    assert desk.node.sent == []


async def test_every_violation_is_told_at_once() -> None:
    desk = Desk()
    spec = replace(
        SPEC,
        call_id=CallId("no uuid"),
        node_id=NodeId("bad node"),
        endpoints=(
            SipEndpoint(profile="gateway", address="bob", variables={"api_hangup_hook": "x"}),
        ),
        destination=ExtensionDestination(extension="undef", dialplan="inline", context="a b"),
        caller_number="1\n2",
        caller_name="a\nb",
        ring_timeout_s=0.0,
        variables={"x": "}", "bad name": "x"},
        labels={"bad label": "x", "team": "${uuid}"},
    )
    with pytest.raises(InvalidRequest) as invalid:
        await desk.control.originate(spec)
    assert sorted({violation.field for violation in invalid.value.violations}) == sorted(
        [
            "call_id",
            "node_id",
            "endpoints[0].sip.profile",
            "endpoints[0].sip.address",
            "endpoints[0].variables[api_hangup_hook]",
            "destination.extension.extension",
            "destination.extension.dialplan",
            "destination.extension.context",
            "caller.number",
            "caller.name",
            "ring_timeout",
            "variables[x]",
            'variables["bad name"]',
            "labels[bad label]",
            "labels[team]",
        ]
    )
    assert desk.node.sent == []


async def test_an_answer_of_another_call_of_the_same_id_is_not_ours() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        placing = Placing(desk, tasks)
        await placing.sent()
        desk.ringing(A, "outbound")
        desk.happen("CHANNEL_ANSWER", A, Answer_State="answered", variable_uuid=A)
    assert isinstance(placing.error, CallIdTaken)
