"""The table of verbs, the dispositions, and the wait for the first of two."""

import asyncio

import pytest

from callcontrol.calls.call import Call, CallState
from callcontrol.calls.causes import CAUSES
from callcontrol.calls.commands.race import first_of
from callcontrol.calls.commands.verb import NOT_ENDED, Verb
from callcontrol.calls.commands.verbs import CONFIRMATIONS, require_state
from callcontrol.calls.outcome import Disposition, disposition_of
from callcontrol.errors import CallStateConflict
from callcontrol.ids import CallId, NodeId


@pytest.mark.parametrize("verb", Verb)
def test_every_verb_says_what_it_sends_and_where_it_makes_sense(verb: Verb) -> None:
    confirmation = CONFIRMATIONS[verb]
    assert confirmation.sends
    assert confirmation.needs
    assert confirmation.states


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.HANGUP])
@pytest.mark.parametrize("state", CallState)
def test_a_verb_is_refused_where_it_makes_no_sense(verb: Verb, state: CallState) -> None:
    call = Call(call_id=CallId("a"), node_id=NodeId("fs1"), state=state)
    if state in CONFIRMATIONS[verb].states:
        require_state(verb, call)
        assert state in NOT_ENDED
        return
    with pytest.raises(CallStateConflict) as refused:
        require_state(verb, call)
    assert refused.value.state == state.value


@pytest.mark.parametrize(
    ("cause", "disposition"),
    [
        ("USER_BUSY", Disposition.BUSY),
        ("NO_ANSWER", Disposition.NO_ANSWER),
        ("ALLOTTED_TIMEOUT", Disposition.NO_ANSWER),
        ("CALL_REJECTED", Disposition.REJECTED),
        ("NO_ROUTE_DESTINATION", Disposition.UNREACHABLE),
        ("USER_NOT_REGISTERED", Disposition.UNREACHABLE),
        ("ORIGINATOR_CANCEL", Disposition.CANCELED),
        ("NORMAL_CLEARING", Disposition.FAILED),
        ("NO_CAUSE_OF_THE_SWITCH", Disposition.FAILED),
    ],
)
def test_causes_and_how_they_count(cause: str, disposition: Disposition) -> None:
    assert disposition_of(cause) is disposition


@pytest.mark.parametrize("cause", CAUSES)
def test_no_cause_of_an_attempt_that_failed_is_an_answer(cause: str) -> None:
    assert disposition_of(cause) is not Disposition.ANSWERED


async def fails() -> str:
    raise KeyError("lost")


async def never(begun: asyncio.Event, ended: list[str]) -> str:
    begun.set()
    try:
        forever: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await forever
    finally:
        ended.append("never")


async def gives(value: str, begun: asyncio.Event) -> str:
    await begun.wait()
    return value


async def test_the_first_to_end_decides_and_the_other_has_ended_too() -> None:
    begun, ended = asyncio.Event(), list[str]()
    assert await first_of(never(begun, ended), gives("x", begun)) == "x"
    assert ended == ["never"]


async def test_of_two_at_once_the_first_decides() -> None:
    begun = asyncio.Event()
    begun.set()
    assert await first_of(gives("x", begun), gives("y", begun)) == "x"


async def test_a_failure_decides_as_well() -> None:
    with pytest.raises(KeyError):
        await first_of(never(asyncio.Event(), []), fails())


async def test_cancelled_both_are() -> None:
    begun, ended = asyncio.Event(), list[str]()
    async with asyncio.TaskGroup() as tasks:
        racing = tasks.create_task(first_of(never(begun, ended), never(begun, ended)))
        await begun.wait()
        racing.cancel()
    assert ended == ["never", "never"]
    assert racing.cancelled()
