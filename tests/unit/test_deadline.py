"""How long an answer may be held back."""

import asyncio

from callcontrol.deadline import answering_within, patience_s


async def test_without_a_deadline_patience_is_what_one_has():
    assert patience_s(5) == 5
    with answering_within(None):
        assert patience_s(5) == 5


async def test_patience_ends_with_the_deadline_of_the_caller():
    with answering_within(2):
        assert 1 < patience_s(5) <= 2
        assert patience_s(1) == 1
    assert patience_s(5) == 5


async def test_after_the_deadline_there_is_no_patience_left():
    with answering_within(-1):
        assert patience_s(5) == 0


async def test_each_caller_has_a_deadline_of_its_own():
    async def ask(seconds: float | None) -> float:
        with answering_within(seconds):
            await asyncio.sleep(0)
            return patience_s(100)

    async with asyncio.TaskGroup() as tasks:
        short, long, none = [tasks.create_task(ask(seconds)) for seconds in (10, 50, None)]
    assert short.result() <= 10 < long.result() <= 50 < none.result() == 100
