"""`originate` places a call, in each language with the same words."""

import signal

import pytest
from tests.support.programs import free_port
from tests.support.small_programs import LANGUAGES, alike, run_all, started
from tests.support.stage import Stage, listening

ANSWERED = ("calling", "answered", "playing", "played", "ended NORMAL_CLEARING")


async def test_a_call_that_is_answered_gets_its_tone_and_is_hung_up(target: str):
    ran = await run_all("originate", "sofia/internal/ring-answer@example.org", target=target)
    assert ran == alike(0, *ANSWERED)


@pytest.mark.parametrize(
    ("whom", "line"),
    [
        ("busy", "not answered: BUSY USER_BUSY"),
        ("reject", "not answered: REJECTED CALL_REJECTED"),
        ("hangup-NO_ANSWER", "not answered: NO_ANSWER NO_ANSWER"),
    ],
)
async def test_a_call_that_nobody_answers_is_an_outcome(target: str, whom: str, line: str):
    ran = await run_all("originate", f"sofia/internal/{whom}@example.org", target=target)
    assert ran == alike(1, "calling", line)


async def test_a_far_end_that_hangs_up_ends_it_wherever_it_is(target: str):
    ran = await run_all("originate", "sofia/internal/short@example.org", target=target)
    assert ran == alike(0, "calling", "answered", "playing", "ended NORMAL_CLEARING")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("sofia/internal/answer@example.org", "more"),
        ("sofia/internal/answer@example.org", "--unknown"),
        ("sofia/internal/answer@example.org", "--worker"),
        ("sofia/internal",),
        ("gateway/",),
        ("user/",),
        ("user/1000/more",),
        ("loopback/",),
        ("fax/1000",),
    ],
    ids=" ".join,
)
async def test_wrong_arguments_end_it_with_2(target: str, words: tuple[str, ...]):
    assert await run_all("originate", *words, target=target) == alike(2)


async def test_each_line_has_the_id_of_its_leg_where_that_is_wanted(target: str, stage: Stage):
    whom = "sofia/internal/answer@example.org"
    async with listening(stage) as audience:
        ran = await run_all("originate", "--ids", whom, target=target)
        for ended in ran.values():
            call_id = ended.lines[0].split()[0]
            assert ended.lines == [f"{call_id} {line}" for line in ANSWERED]
            assert (await audience.ended(call_id)).call_ended.cause.name == "NORMAL_CLEARING"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_service_that_is_not_there_ends_it_with_1(language: str):
    words = ("originate", "loopback/answer")
    async with started(language, *words, target=f"127.0.0.1:{free_port()}") as running:
        assert (await running.failure()).startswith("UNAVAILABLE: ")
        assert (await running.end()).status == 1


async def test_a_request_that_is_refused_ends_it_with_1(target: str):
    ran = await run_all("originate", "sofia/internal/a b@example.org", target=target)
    assert ran == alike(1, "calling")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_telephone_stops_ringing_when_it_is_interrupted(
    language: str, stage: Stage, target: str
):
    whom = "sofia/internal/ring@example.org"
    async with (
        listening(stage) as audience,
        started(language, "originate", "--ids", whom, target=target) as running,
    ):
        call_id = (await running.line()).split()[0]
        await audience.wait_for(lambda it: bool(it.of("call_created", call_id)))
        running.process.send_signal(signal.SIGINT)
        assert (await running.end()).status == 130
        assert (await audience.ended(call_id)).call_ended.cause.name == "ORIGINATOR_CANCEL"
