"""Collecting digits: what is sent, what the switch's words mean, and how it is stopped."""

import asyncio
from dataclasses import replace

import pytest
from tests.support.call_node import FIRST, A, Desk, until

from callcontrol.calls.media.collecting import collect_digits
from callcontrol.calls.media.collection import CollectOutcome, CollectSpec, Result, judge
from callcontrol.calls.requests import SilenceSource, ToneSource
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import (
    CallStateConflict,
    InvalidRequest,
    NodeUnavailable,
    OutcomeUnknown,
    SwitchRefused,
)

SPEC = CollectSpec(call_id=A, min_digits=2, max_digits=4, timeout_us=1_500_000, terminators="#")


@pytest.fixture
def desk() -> Desk:
    desk = Desk(ControlSettings(confirm_timeout_s=0.01))
    desk.parked(A)
    return desk


def begun(desk: Desk, spec: CollectSpec = SPEC) -> "asyncio.Task[CollectOutcome]":
    control = desk.control
    return asyncio.create_task(
        collect_digits(control.commander, spec, control.clean_up), name="collect"
    )


def operation(desk: Desk) -> str:
    return desk.node.sent[1].partition("Event-UUID: ")[2].split()[0]


def starts(desk: Desk) -> None:
    own = {"Application": "play_and_get_digits", "Application_UUID": operation(desk)}
    desk.happen("CHANNEL_EXECUTE", A, **own)


def finishes(desk: Desk, **variables: str) -> None:
    headers = {f"variable_{name}": value for name, value in variables.items()}
    own = {"Application": "play_and_get_digits", "Application_UUID": operation(desk)}
    desk.happen("CHANNEL_EXECUTE_COMPLETE", A, **own, **headers)


async def test_one_application_does_all_tries(desk: Desk) -> None:
    spec = replace(
        SPEC,
        prompt=(ToneSource("%(300,0,440)"), SilenceSource(500_000)),
        tries=3,
        digit_timeout_us=700_000,
        pattern=r"\d\*",
    )
    collecting = begun(desk, spec)
    await until(lambda: len(desk.node.sent) == 2)
    own_id = operation(desk)
    finishes(desk, read_result="success", callcontrol_digits="12", read_terminator_used="#")
    outcome = await collecting

    assert outcome.result is Result.COLLECTED
    assert (outcome.digits, outcome.terminator) == ("12", "#")
    assert desk.node.sent[0] == f"uuid_setvar {A} read_terminator_used"
    assert "execute-app-name: play_and_get_digits" in desk.node.sent[1]
    argument = (
        "2 4 3 1500 #F file_string://tone_stream://%(300,0,440)!silence_stream://500 '' "
        "callcontrol_digits ^(?:[0-9][*])$ 700"
    )
    assert f"execute-app-arg: {argument} | Event-UUID: {own_id}" in desk.node.sent[1]


async def test_no_digits_stay_behind_and_none_are_shown(desk: Desk) -> None:
    collecting = begun(desk)
    await until(lambda: len(desk.node.sent) == 2)
    finishes(desk, read_result="timeout", callcontrol_digits="4711")
    outcome = await collecting

    assert desk.node.sent[2:] == [
        f"uuid_setvar {A} callcontrol_digits",
        f"uuid_setvar {A} callcontrol_digits_invalid",
    ]
    assert "4711" not in repr(outcome)


JUDGED: list[tuple[dict[str, str], Result | None, str, str]] = [
    ({"read_result": "success", "callcontrol_digits": "1234"}, Result.COLLECTED, "1234", ""),
    (
        {
            "read_result": "success",
            "callcontrol_digits": "12",
            "read_terminator_used": "#",
        },
        Result.COLLECTED,
        "12",
        "#",
    ),
    ({"read_result": "timeout", "callcontrol_digits": "12"}, Result.COLLECTED, "12", ""),
    ({"read_result": "failure", "callcontrol_digits": "1"}, Result.TIMED_OUT, "1", ""),
    ({"read_result": "failure"}, Result.TIMED_OUT, "", ""),
    (
        {"read_result": "success", "callcontrol_digits_invalid": "99"},
        Result.NO_MATCH,
        "99",
        "",
    ),
    (
        {
            "read_result": "failure",
            "callcontrol_digits": "1",
            "read_terminator_used": "#",
        },
        Result.NO_MATCH,
        "1",
        "#",
    ),
    ({}, None, "", ""),
]


@pytest.mark.parametrize(("variables", "result", "digits", "terminator"), JUDGED)
def test_the_words_of_the_switch_have_one_meaning(
    variables: dict[str, str], result: Result | None, digits: str, terminator: str
) -> None:
    headers: dict[str, str | list[str]] = {
        f"variable_{name}": value for name, value in variables.items()
    }
    found = judge(SPEC, headers)

    assert (found.result, found.digits, found.terminator) == (result, digits, terminator)


@pytest.mark.parametrize(
    ("state", "result"),
    [("2", Result.INTERRUPTED), ("8", Result.INTERRUPTED), ("10", Result.CALL_ENDED)],
)
def test_a_leg_on_its_way_elsewhere_has_collected_nothing(state: str, result: Result) -> None:
    found = judge(
        SPEC,
        {
            "Channel-State-Number": state,
            "variable_read_result": "success",
            "variable_callcontrol_digits": "12",
        },
    )

    assert (found.result, found.digits) == (result, "12")


async def test_a_prompt_that_is_not_there_is_told(desk: Desk) -> None:
    collecting = begun(desk)
    await until(lambda: len(desk.node.sent) == 2)
    finishes(desk)
    with pytest.raises(SwitchRefused):
        await collecting


async def test_the_end_of_the_leg_without_a_word_is_a_result_too(desk: Desk) -> None:
    collecting = begun(desk)
    await until(lambda: len(desk.node.sent) == 2)
    desk.end(A)

    assert (await collecting).result is Result.CALL_ENDED


async def test_a_lost_node_is_an_unknown_outcome(desk: Desk) -> None:
    collecting = begun(desk)
    await until(lambda: len(desk.node.sent) == 2)
    desk.lose_node()
    with pytest.raises(OutcomeUnknown):
        await collecting


async def test_a_node_lost_after_the_first_command_is_an_unknown_outcome(desk: Desk) -> None:
    desk.node.answers["sendmsg"] = NodeUnavailable(FIRST, "gone", 1.0)
    with pytest.raises(OutcomeUnknown):
        await begun(desk)


async def test_a_collection_that_nobody_waits_for_is_stopped(desk: Desk) -> None:
    collecting = begun(desk)
    await until(lambda: len(desk.node.sent) == 2)
    starts(desk)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.control.run(), name="late work")
        collecting.cancel()
        await until(lambda: len(desk.node.sent) == 4)
        finishes(desk)
        await until(lambda: desk.control.late_work == 0)
        running.cancel()

    assert desk.node.sent[2:] == [f"uuid_break {A}", f"uuid_recv_dtmf {A} F"]


async def test_a_collection_that_has_yet_to_begin_is_stopped_when_it_does(desk: Desk) -> None:
    collecting = begun(desk)
    await until(lambda: len(desk.node.sent) == 2)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.control.run(), name="late work")
        collecting.cancel()
        await until(lambda: desk.control.late_work == 1)
        await until(collecting.done)
        assert len(desk.node.sent) == 2
        starts(desk)
        await until(lambda: len(desk.node.sent) == 4)
        desk.end(A)
        await until(lambda: desk.control.late_work == 0)
        running.cancel()


async def test_a_collection_that_is_dropped_before_it_begins_needs_no_stopping(desk: Desk) -> None:
    collecting = begun(desk)
    await until(lambda: len(desk.node.sent) == 2)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.control.run(), name="late work")
        collecting.cancel()
        await until(lambda: desk.control.late_work == 1)
        await until(collecting.done)
        await desk.control.stop_playback(A)
        await until(lambda: desk.control.late_work == 0)
        running.cancel()


async def test_a_collection_that_was_refused_does_not_wait(desk: Desk) -> None:
    desk.node.answers["sendmsg"] = "-ERR invalid session id\n"
    assert (await begun(desk)).result is Result.CALL_ENDED
    leg = desk.tracker.legs.alive(A)
    assert leg is not None
    assert not leg.queued


async def test_what_is_dropped_before_it_begins_is_interrupted(desk: Desk) -> None:
    collecting = begun(desk)
    await until(lambda: len(desk.node.sent) == 2)
    await desk.control.stop_playback(A)

    assert (await collecting).result is Result.INTERRUPTED


async def test_a_leg_that_is_not_answered_is_refused(desk: Desk) -> None:
    desk = Desk()
    desk.ringing(A)
    with pytest.raises(CallStateConflict):
        await begun(desk)

    assert desk.node.sent == []


async def test_what_the_switch_would_raise_or_expand_is_refused(desk: Desk) -> None:
    spec = replace(SPEC, timeout_us=900_000, pattern="${x}", terminators="##", max_digits=0)
    with pytest.raises(InvalidRequest) as refused:
        await begun(desk, spec)

    assert {violation.field for violation in refused.value.violations} == {
        "timeout",
        "pattern",
        "terminators",
        "max_digits",
        "min_digits",
    }
