"""The window of request ids."""

import asyncio

import grpc
import pytest

from callcontrol.errors import NodeUnavailable, OutcomeUnknown, RequestIdReused, SwitchRefused
from callcontrol.ids import NodeId
from callcontrol.rpc.failure import Failure
from callcontrol.rpc.replay import Answer, ReplayLimits, ReplayWindow
from callcontrol.rpc.status import failure_of

NODE = NodeId("east")


class Work:
    """Something done on request, which counts how often it was done."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.done = 0
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self) -> Answer:
        answer = self.answers[min(self.done, len(self.answers) - 1)]
        self.done += 1
        await self.may_end.wait()
        return answer


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_repeat_gets_the_first_answer_and_nothing_is_done_twice():
    window, work = ReplayWindow(), Work(b"first", b"second")
    assert await window.once("me", "r-1", b"hash", work) == (b"first", False)
    assert await window.once("me", "r-1", b"hash", work) == (b"first", True)
    assert work.done == 1


async def test_the_same_id_with_another_request_is_refused():
    window, work = ReplayWindow(), Work(b"first")
    await window.once("me", "r-1", b"hash", work)
    with pytest.raises(RequestIdReused):
        await window.once("me", "r-1", b"other", work)
    assert work.done == 1


async def test_the_same_id_of_another_caller_is_another_id():
    window, work = ReplayWindow(), Work(b"first", b"second")
    await window.once("me", "r-1", b"hash", work)
    assert await window.once("you", "r-1", b"hash", work) == (b"second", False)


async def test_a_repeat_while_the_first_still_runs_waits_for_its_answer():
    window, work = ReplayWindow(), Work(b"first", b"second")
    work.may_end.clear()
    first = asyncio.create_task(window.once("me", "r-1", b"hash", work))
    second = asyncio.create_task(window.once("me", "r-1", b"hash", work))
    await asyncio.sleep(0)
    with pytest.raises(RequestIdReused):
        await window.once("me", "r-1", b"other", work)
    work.may_end.set()
    assert await first == (b"first", False)
    assert await second == (b"first", True)
    assert work.done == 1


async def test_a_repeat_that_is_cancelled_leaves_the_first_alone():
    window, work = ReplayWindow(), Work(b"first")
    work.may_end.clear()
    first = asyncio.create_task(window.once("me", "r-1", b"hash", work))
    second = asyncio.create_task(window.once("me", "r-1", b"hash", work))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    work.may_end.set()
    assert await first == (b"first", False)


async def test_a_failure_that_did_nothing_is_forgotten_so_that_a_repeat_may_try_again():
    down = failure_of(NodeUnavailable(NODE, "no link", 1.0))
    window, work = ReplayWindow(), Work(down, b"second")
    assert await window.once("me", "r-1", b"hash", work) == (down, False)
    assert await window.once("me", "r-1", b"hash", work) == (b"second", False)
    assert len(window) == 1


@pytest.mark.parametrize(
    "failure",
    [failure_of(OutcomeUnknown(NODE, "link lost")), failure_of(SwitchRefused(NODE, "-ERR"))],
    ids=["unknown outcome", "refused by the switch"],
)
async def test_a_failure_after_sending_is_told_again(failure):
    window, work = ReplayWindow(), Work(failure, b"second")
    await window.once("me", "r-1", b"hash", work)
    assert await window.once("me", "r-1", b"hash", work) == (failure, True)
    assert work.done == 1


async def test_after_a_first_that_was_cut_off_the_outcome_is_unknown():
    window, work = ReplayWindow(), Work(b"first")
    work.may_end.clear()
    first = asyncio.create_task(window.once("me", "r-1", b"hash", work))
    second = asyncio.create_task(window.once("me", "r-1", b"hash", work))
    await asyncio.sleep(0)
    first.cancel()
    answer, replayed = await second
    assert replayed
    assert isinstance(answer, Failure)
    assert (answer.code, answer.reason_name) == (grpc.StatusCode.UNKNOWN, "OUTCOME_UNKNOWN")
    assert await window.once("me", "r-1", b"hash", work) == (answer, True)
    assert first.cancelled()
    assert work.done == 1


async def test_answers_are_forgotten_after_their_time():
    clock = Clock()
    window = ReplayWindow(ReplayLimits(keep_s=10), clock)
    work = Work(b"first", b"second")
    await window.once("me", "r-1", b"hash", work)
    clock.now = 10.0
    assert await window.once("me", "r-1", b"hash", work) == (b"first", True)
    clock.now = 10.1
    assert await window.once("me", "r-1", b"hash", work) == (b"second", False)
    assert window.dropped_early == 0


async def test_the_oldest_answers_make_room_for_new_ones():
    window = ReplayWindow(ReplayLimits(max_entries=2))
    for name in ("r-1", "r-2", "r-3"):
        await window.once("me", name, b"hash", Work(b"answer"))
    assert len(window) == 2
    assert window.dropped_early == 1
    again = Work(b"again")
    assert await window.once("me", "r-1", b"hash", again) == (b"again", False)


async def test_large_answers_are_bounded_in_bytes():
    window = ReplayWindow(ReplayLimits(max_bytes=100))
    for name in ("r-1", "r-2", "r-3"):
        await window.once("me", name, b"hash", Work(b"x" * 60))
    assert len(window) == 1


def unknown() -> Failure:
    return failure_of(OutcomeUnknown(NODE, "the link was lost"))


async def test_what_finds_again_is_run_again_after_an_unknown_outcome():
    window, work = ReplayWindow(), Work(unknown(), b"found")
    assert await window.once("me", "r-1", b"hash", work, finds_again=True) == (unknown(), False)
    assert await window.once("me", "r-1", b"hash", work, finds_again=True) == (b"found", False)
    assert await window.once("me", "r-1", b"hash", work, finds_again=True) == (b"found", True)


async def test_a_repeat_takes_over_from_one_that_is_cut_off():
    window, work = ReplayWindow(), Work(b"never", b"found")
    work.may_end.clear()
    first = asyncio.create_task(window.once("me", "r-1", b"hash", work, finds_again=True))
    second = asyncio.create_task(window.once("me", "r-1", b"hash", work, finds_again=True))
    third = asyncio.create_task(window.once("me", "r-1", b"hash", work, finds_again=True))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    work.may_end.set()
    assert await second == (b"found", False)
    assert await third == (b"found", True)
    assert work.done == 2


async def test_another_request_is_told_apart_also_where_the_outcome_is_unknown():
    window, work = ReplayWindow(), Work(unknown())
    await window.once("me", "r-1", b"hash", work, finds_again=True)
    with pytest.raises(RequestIdReused):
        await window.once("me", "r-1", b"other", work, finds_again=True)
