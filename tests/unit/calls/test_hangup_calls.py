"""HangupCalls: each call is told on its own, and what could not be ended is told with the rest."""

import asyncio
from collections.abc import Iterable

import pytest
from tests.support.call_node import A, B, Desk

from callcontrol.calls.call import Call
from callcontrol.calls.commands.hangup_calls import count_calls, hang_up_calls
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import InvalidRequest, NodeUnavailable, OutcomeUnknown, TooManyCalls
from callcontrol.ids import CallId, NodeId

IMPATIENT = ControlSettings(confirm_timeout_s=0.01)
C = CallId("cccccccc-0000-4000-8000-000000000003")


class All:
    """Picks every call."""

    async def pick(self, calls: Iterable[Call], limit: int | None = None) -> list[Call]:
        return list(calls)[:limit]


def ends_when_told(desk: Desk) -> None:
    def kill(arguments: str) -> str:
        call_id, cause = arguments.split()
        desk.end(CallId(call_id), cause)
        return "+OK\n"

    desk.node.answers["uuid_kill"] = kill


async def test_each_call_is_told_to_end_and_seen_to() -> None:
    desk = Desk()
    desk.active(A)
    desk.active(B)
    ends_when_told(desk)
    outcome = await hang_up_calls(desk.control.commander, All(), "USER_BUSY")

    assert desk.node.sent == [f"uuid_kill {A} USER_BUSY", f"uuid_kill {B} USER_BUSY"]
    assert outcome.confirmed
    assert outcome.ended == (A, B)
    assert outcome.failed == ()


async def test_a_call_that_is_gone_already_counts_as_ended() -> None:
    desk = Desk(IMPATIENT)
    desk.active(A)
    desk.node.answers["uuid_kill"] = "-ERR No such channel!\n"
    outcome = await hang_up_calls(desk.control.commander, All())

    assert outcome.ended == (A,)
    assert not outcome.confirmed


async def test_what_one_node_cannot_do_is_told_beside_what_others_did() -> None:
    desk = Desk(nodes=2)
    desk.active(A)
    desk.active(B, node=1)
    desk.active(C, node=1)
    ends_when_told(desk)
    desk.nodes[1].answers["uuid_kill"] = NodeUnavailable(NodeId("fs2"), "gone", 1.0)
    outcome = await hang_up_calls(desk.control.commander, All())

    assert outcome.matched == 3
    assert outcome.ended == (A,)
    assert {call_id for call_id, _ in outcome.failed} == {B, C}
    assert not outcome.confirmed
    # a node that is gone is not asked again
    assert desk.nodes[1].sent == [f"uuid_kill {B} NORMAL_CLEARING"]


async def test_where_nothing_was_sent_the_failure_is_that_of_the_request() -> None:
    desk = Desk()
    desk.active(A)
    desk.node.answers["uuid_kill"] = NodeUnavailable(NodeId("fs1"), "gone", 1.0)
    with pytest.raises(NodeUnavailable):
        await hang_up_calls(desk.control.commander, All())


async def test_a_node_that_is_lost_afterwards_leaves_its_calls_in_doubt() -> None:
    desk = Desk()
    desk.active(A)
    async with asyncio.TaskGroup() as tasks:
        ending = tasks.create_task(hang_up_calls(desk.control.commander, All()))
        await desk.node.arrivals.get()
        desk.lose_node()
    outcome = ending.result()

    assert outcome.ended == ()
    assert [call_id for call_id, _ in outcome.failed] == [A]


@pytest.mark.parametrize(("count", "max_calls"), [(2, 1), (101, 0)])
async def test_more_calls_than_allowed_and_none_is_told(count: int, max_calls: int) -> None:
    desk = Desk()
    for number in range(count):
        desk.active(CallId(f"call-{number}"))
    with pytest.raises(TooManyCalls) as refused:
        await hang_up_calls(desk.control.commander, All(), max_calls=max_calls)

    assert refused.value.found == count
    assert desk.node.sent == []


async def test_counting_sends_nothing() -> None:
    desk = Desk()
    desk.active(A)
    outcome = await count_calls(desk.control.commander, All())

    assert (outcome.matched, outcome.ended, desk.node.sent) == (1, (A,), [])


@pytest.mark.parametrize(("cause", "max_calls"), [("BECAUSE", 0), ("", -1), ("", 10_001)])
async def test_a_malformed_request_ends_nothing(cause: str, max_calls: int) -> None:
    desk = Desk()
    desk.active(A)
    with pytest.raises(InvalidRequest):
        await hang_up_calls(desk.control.commander, All(), cause, max_calls)

    assert desk.node.sent == []


async def test_a_call_whose_id_no_command_can_carry_keeps_no_other_from_its_end() -> None:
    desk = Desk()
    strange = CallId("a=b'c@host")
    desk.active(strange)
    desk.active(A)
    ends_when_told(desk)
    outcome = await hang_up_calls(desk.control.commander, All())

    assert outcome.ended == (A,)
    ((call_id, error),) = outcome.failed
    assert call_id == strange
    assert isinstance(error, InvalidRequest)


async def test_what_may_have_ended_is_not_told_as_never_sent() -> None:
    desk = Desk(nodes=2)
    desk.active(A)
    desk.active(B, node=1)
    desk.nodes[0].answers["uuid_kill"] = NodeUnavailable(NodeId("fs1"), "gone", 1.0)
    desk.nodes[1].answers["uuid_kill"] = OutcomeUnknown(NodeId("fs2"), "the link was lost")
    with pytest.raises(OutcomeUnknown):
        await hang_up_calls(desk.control.commander, All())
