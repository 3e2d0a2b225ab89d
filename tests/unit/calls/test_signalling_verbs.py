"""Ring, later ends, deflecting and messages: what is sent, what proves it, what is refused."""

import asyncio
import json
from collections.abc import Iterable

import pytest
from tests.support.call_node import FIRST, A, B, Desk, until

from callcontrol.calls.commands.deflect import deflect
from callcontrol.calls.commands.ringing import ring
from callcontrol.calls.commands.schedule import ScheduledHangups
from callcontrol.calls.commands.sip_message import MessageMethod, send_message
from callcontrol.calls.encoding.message_body import body_argument, body_problem
from callcontrol.calls.encoding.sip_uri import uri_argument, uri_problem
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallHasEnded,
    CallStateConflict,
    CommandQueueFull,
    InvalidRequest,
    NodeUnavailable,
    OperationNotFound,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.esl.errors import UnencodableValue
from callcontrol.freeswitch.jobs import JobLost
from callcontrol.ids import NodeId, OperationId

IMPATIENT = ControlSettings(confirm_timeout_s=0.01)
SECOND_US = 1_000_000
URI = "sip:1000@example.org"


def told_at(time_us: int) -> str:
    """A dump of a call whose caller was told at that time that it rings."""
    return json.dumps(
        {"Event-Name": "CHANNEL_DATA", "Unique-ID": A, "Caller-Channel-Progress-Time": str(time_us)}
    )


def tasks(*numbers: int, call_id: str = A, description: str = "switch_ivr_schedule_hangup") -> str:
    rows = [
        {
            "task_id": str(number),
            "task_desc": description,
            "task_group": call_id,
            "task_runtime": str(1_000 + number),
        }
        for number in numbers
    ]
    return json.dumps({"row_count": len(rows), "rows": rows} if rows else {"row_count": 0})


def one_after_the_other(desk: Desk, answers: Iterable[str]) -> None:
    """The list of tasks changes with each look at it; the last one stays."""
    left = list(answers)
    desk.node.answers["show"] = lambda _: left.pop(0) if len(left) > 1 else left[0]


def sip_call(desk: Desk) -> None:
    """An inbound call over SIP that was answered."""
    name = "sofia/internal/1000@example.org"
    desk.happen("CHANNEL_CREATE", A, Call_Direction="inbound", Channel_Name=name)
    desk.happen("CHANNEL_ANSWER", A, Answer_State="answered", Channel_Name=name)


@pytest.mark.parametrize(("time_us", "confirmed"), [(17, True), (0, False)])
async def test_ringing_is_proven_by_the_time_at_which_it_was_told(
    time_us: int, *, confirmed: bool
) -> None:
    desk = Desk()
    desk.ringing(A)
    desk.node.answers["uuid_dump"] = told_at(time_us)
    outcome = await ring(desk.control.commander, A)

    assert desk.node.sent == [f"uuid_ring_ready {A}", f"uuid_dump {A} json"]
    assert outcome.confirmed == confirmed


async def test_ringing_that_cannot_be_read_back_is_accepted() -> None:
    desk = Desk()
    desk.ringing(A)
    desk.node.answers["uuid_dump"] = NodeUnavailable(NodeId("fs1"), "gone", 1.0)

    assert not (await ring(desk.control.commander, A)).confirmed


async def test_nothing_is_sent_to_a_leg_that_cannot_ring() -> None:
    desk = Desk()
    desk.ringing(A, "outbound")
    desk.active(B)
    for call_id in (A, B):
        with pytest.raises(CallStateConflict):
            await ring(desk.control.commander, call_id)

    assert desk.node.sent == []


async def test_a_schedule_is_the_task_that_was_not_there_before() -> None:
    desk = Desk()
    desk.active(A)
    one_after_the_other(desk, [tasks(4), tasks(4), tasks(4, 7)])
    outcome = await ScheduledHangups(desk.control.commander, pause_s=0).schedule(
        A, 90 * SECOND_US, "USER_BUSY"
    )

    assert f"sched_hangup +90 {A} USER_BUSY" in desk.node.sent
    assert outcome.confirmed
    assert outcome.schedule_id == OperationId("7")
    assert outcome.due_us == 1_007 * SECOND_US


@pytest.mark.parametrize(
    "listed", [tasks(), tasks(7, 8), tasks(7, call_id=B), tasks(7, description="x")]
)
async def test_a_schedule_that_is_not_told_apart_is_accepted_without_a_handle(listed: str) -> None:
    desk = Desk(IMPATIENT)
    desk.active(A)
    one_after_the_other(desk, [tasks(), listed])
    outcome = await ScheduledHangups(
        desk.control.commander, pause_s=0, clock=lambda: 50.0
    ).schedule(A, 10 * SECOND_US)

    assert not outcome.confirmed
    assert outcome.schedule_id is None
    assert outcome.due_us == 60 * SECOND_US


async def test_a_call_that_ends_while_its_schedule_is_looked_for() -> None:
    desk = Desk()
    desk.active(A)
    desk.node.answers["show"] = tasks()
    async with asyncio.TaskGroup() as group:
        schedules = ScheduledHangups(desk.control.commander, pause_s=0)
        scheduling = group.create_task(_ending(schedules))
        await until(lambda: len(desk.node.sent) > 3)
        desk.end(A)

    assert isinstance(scheduling.result(), CallHasEnded)


@pytest.mark.parametrize(
    "error",
    [
        NodeUnavailable(FIRST, "the last link was lost", 1.0),
        CommandQueueFull(FIRST, 1, 1.0),
        OutcomeUnknown(FIRST, "the link was lost"),
    ],
)
async def test_a_schedule_that_cannot_be_looked_for_was_made_all_the_same(error: Exception) -> None:
    desk = Desk(IMPATIENT)
    desk.active(A)
    desk.node.answers["show"] = tasks()

    def schedule(_: str) -> str:
        desk.node.answers["show"] = error
        return "+OK\n"

    desk.node.answers["sched_hangup"] = schedule
    schedules = ScheduledHangups(desk.control.commander, pause_s=0)
    outcome = await schedules.schedule(A, SECOND_US)

    assert not outcome.confirmed
    assert outcome.schedule_id is None


async def _ending(schedules: ScheduledHangups) -> Exception | None:
    try:
        await schedules.schedule(A, SECOND_US)
    except CallHasEnded as ended:
        return ended
    return None


async def test_two_requests_for_one_call_take_turns() -> None:
    desk = Desk()
    desk.active(A)
    listed = [3]
    desk.node.answers["show"] = lambda _: tasks(*listed)

    def schedule(_: str) -> str:
        listed.append(listed[-1] + 1)
        return "+OK\n"

    desk.node.answers["sched_hangup"] = schedule
    schedules = ScheduledHangups(desk.control.commander, pause_s=0)
    async with asyncio.TaskGroup() as group:
        both = [group.create_task(schedules.schedule(A, SECOND_US)) for _ in range(2)]

    assert [task.result().schedule_id for task in both] == ["4", "5"]


@pytest.mark.parametrize("after_us", [0, 1, SECOND_US // 2, 3 * SECOND_US // 2, 10**13])
async def test_times_that_are_no_whole_seconds_are_refused(after_us: int) -> None:
    desk = Desk()
    desk.active(A)
    with pytest.raises(InvalidRequest):
        await ScheduledHangups(desk.control.commander).schedule(A, after_us)

    assert desk.node.sent == []


async def test_schedules_are_cancelled_by_their_numbers() -> None:
    desk = Desk()
    desk.active(A)
    desk.node.answers["show"] = tasks(4, 12, 5)
    desk.node.answers["sched_del"] = lambda which: f"+OK Deleted: {0 if which == '5' else 1}\n"
    outcome = await ScheduledHangups(desk.control.commander).cancel(A)

    assert desk.node.sent[1:] == ["sched_del 4", "sched_del 5", "sched_del 12"]
    assert outcome.schedule_ids == ("4", "12")


@pytest.mark.parametrize("listed", [tasks(), tasks(4, call_id=B)])
async def test_a_number_that_is_not_the_calls_is_not_cancelled(listed: str) -> None:
    desk = Desk()
    desk.active(A)
    desk.node.answers["show"] = listed
    with pytest.raises(OperationNotFound):
        await ScheduledHangups(desk.control.commander).cancel(A, OperationId("4"))

    assert not any(sent.startswith("sched_del") for sent in desk.node.sent)


async def test_a_node_that_is_lost_between_two_cancels_leaves_the_outcome_unknown() -> None:
    desk = Desk()
    desk.active(A)
    desk.node.answers["show"] = tasks(4, 5)

    def lost_after_the_first(which: str) -> str:
        if which == "5":
            raise NodeUnavailable(NodeId("fs1"), "gone", 1.0)
        return "+OK Deleted: 1\n"

    desk.node.answers["sched_del"] = lost_after_the_first
    with pytest.raises(OutcomeUnknown):
        await ScheduledHangups(desk.control.commander).cancel(A)


async def test_a_list_of_tasks_that_is_none_is_a_refusal() -> None:
    desk = Desk()
    desk.active(A)
    desk.node.answers["show"] = "{"
    with pytest.raises(SwitchRefused):
        await ScheduledHangups(desk.control.commander).cancel(A)


@pytest.mark.parametrize(
    ("said", "code", "phrase"),
    [
        ("+OK:SIP/2.0 200 OK\r\n\n", 200, "OK"),
        ("+OK:SIP/2.0 603 Decline\r\n\n", 603, "Decline"),
        ("+OK:no reply\n", 0, ""),
    ],
)
async def test_what_the_far_end_said_to_a_refer(said: str, code: int, phrase: str) -> None:
    desk = Desk()
    sip_call(desk)
    async with asyncio.TaskGroup() as group:
        deflecting = group.create_task(deflect(desk.control.commander, A, URI))
        assert await desk.node.arrivals.get() == f"uuid_deflect {A} {URI}"
        desk.node.job.outcome.set_result(said)
    outcome = deflecting.result()

    assert (outcome.sip_code, outcome.sip_phrase) == (code, phrase)
    assert outcome.confirmed == bool(code)


async def test_a_refer_whose_answer_is_lost_has_an_unknown_outcome() -> None:
    desk = Desk()
    sip_call(desk)
    async with asyncio.TaskGroup() as group:
        deflecting = group.create_task(_outcome_of(desk))
        await desk.node.arrivals.get()
        desk.node.job.outcome.set_result(JobLost("the link broke", gone=False))

    assert deflecting.result() is OutcomeUnknown


async def _outcome_of(desk: Desk) -> type[Exception] | None:
    try:
        await deflect(desk.control.commander, A, URI)
    except OutcomeUnknown as error:
        return type(error)
    return None


async def test_only_sip_calls_are_deflected_and_outbound_ones_when_they_are_answered() -> None:
    desk = Desk()
    desk.active(A)
    outbound = {"Call_Direction": "outbound", "Channel_Name": "sofia/internal/1@example.org"}
    desk.happen("CHANNEL_CREATE", B, **outbound)
    desk.happen("CHANNEL_PROGRESS", B, **outbound)
    for call_id in (A, B):
        with pytest.raises(CallStateConflict):
            await deflect(desk.control.commander, call_id, URI)

    assert desk.node.sent == []


@pytest.mark.parametrize(
    "uri",
    [
        "sip:1000@example.org",
        "sips:1000@10.0.0.1:5061;transport=tls",
        "sip:+49@x;user=phone;transport=tcp",
        "tel:+4930123",
    ],
)
def test_an_uri_goes_into_the_command_as_it_is(uri: str) -> None:
    assert uri_problem(uri) is None
    assert uri_argument(uri) == uri


@pytest.mark.parametrize(
    "uri", ["sip:a@b?x=y", "sip:a@b;x=y", "sip:a@b;transport=udp;transport=tcp", "tel:1;a=b", "a@b"]
)
def test_an_uri_that_could_say_more_has_a_problem(uri: str) -> None:
    assert uri_problem(uri) is not None


@pytest.mark.parametrize("uri", ["sip:a b@c", "sip:a@b,sip:c@d", "<sip:a@b>", "sip:a@b\n"])
def test_the_last_guard_lets_nothing_out_of_the_line(uri: str) -> None:
    with pytest.raises(UnencodableValue):
        uri_argument(uri)


@pytest.mark.parametrize(
    ("body", "argument"),
    [
        ("hello you", "hello you"),
        (" x ", "\\sx\\s"),
        ("  ", "\\s\\s"),
        ('it\'s\r\n"a"\t\\', 'it\\\'s\\r\\n\\"a\\"\\t\\\\'),
    ],
)
def test_a_body_is_written_so_that_the_switch_reads_it_back(body: str, argument: str) -> None:
    assert body_problem(body) is None
    assert body_argument(body) == argument


@pytest.mark.parametrize("body", ["", "\0", "\x7f", "\ud800", "ö" * 2_049])
def test_a_body_that_cannot_be_carried_is_refused(body: str) -> None:
    assert body_problem(body) is not None
    with pytest.raises(UnencodableValue):
        body_argument(body)


async def test_a_message_is_sent_after_the_variable_that_lets_it_out() -> None:
    desk = Desk()
    sip_call(desk)
    info = await send_message(
        desk.control.commander, A, MessageMethod.INFO, "a b", "application/json"
    )
    await send_message(desk.control.commander, A, MessageMethod.MESSAGE, "hi")

    assert desk.node.sent == [
        f"uuid_setvar {A} fs_send_unsupported_info true",
        f"uuid_send_info {A} application json a b",
        f"uuid_setvar {A} fs_send_unsupported_message true",
        f"uuid_send_message {A} hi",
    ]
    assert not info.confirmed


async def test_a_node_that_is_lost_before_the_message_leaves_the_outcome_unknown() -> None:
    desk = Desk()
    sip_call(desk)
    desk.node.answers["uuid_send_info"] = NodeUnavailable(NodeId("fs1"), "gone", 1.0)
    with pytest.raises(OutcomeUnknown):
        await send_message(desk.control.commander, A, MessageMethod.INFO, "x")
