"""A link without a network: whose reply is whose, and how it ends."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from tests.support.fake_switch import api_response, event_frame, notice, reply
from tests.support.fake_transport import FakeTransport

from callcontrol.esl.commands import Api
from callcontrol.esl.errors import UnencodableValue
from callcontrol.esl.messages import ApiResponse, SwitchEvent
from callcontrol.freeswitch.last_words import OVERLOAD_NOTICE
from callcontrol.freeswitch.link import Link
from callcontrol.freeswitch.replies import Answer, LinkLost
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.freeswitch.status import NodeCounters


class Bench:
    """A connected link with everything around it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.idle = 0
        self.ends: list[LinkLost] = []
        self.counters = NodeCounters()
        self.transport = FakeTransport()
        self.link = Link(
            LinkTimings(),
            self.counters,
            on_event=self._on_event,
            on_idle=self._on_idle,
            on_end=self.ends.append,
        )
        self.link.connection_made(self.transport)

    async def begin(self, *names: str) -> list[asyncio.Task[Answer]]:
        tasks = [asyncio.create_task(self.link.request(Api(name))) for name in names]
        await asyncio.sleep(0)
        return tasks

    def receive(self, data: bytes) -> None:
        self.link.take(data)

    def _on_event(self, event: object) -> None:
        assert isinstance(event, SwitchEvent)
        if event.text("Event-Name") == "BAD":
            raise RuntimeError("a fault of ours")
        self.events.append(event.text("Event-Name"))

    def _on_idle(self) -> None:
        self.idle += 1


@asynccontextmanager
async def a_bench() -> AsyncIterator[Bench]:
    bench = Bench()
    try:
        yield bench
    finally:
        bench.link.end("the test is over")


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with a_bench() as bench:
        yield bench


def event(name: str) -> bytes:
    return event_frame(b'{"Event-Name":"%b"}' % name.encode())


async def test_a_late_reply_goes_to_the_command_that_was_cancelled(bench: Bench) -> None:
    first, second = await bench.begin("a", "b")
    first.cancel()
    await asyncio.wait([first])
    assert bench.link.pending == 2
    bench.receive(api_response("one") + api_response("two"))
    assert await second == ApiResponse(b"two")
    assert bench.link.pending == 0


async def test_idleness_is_told_when_the_last_reply_has_come(bench: Bench) -> None:
    tasks = await bench.begin("a", "b")
    bench.receive(api_response("one"))
    assert bench.idle == 0
    bench.receive(api_response("two"))
    assert bench.idle == 1
    await asyncio.wait(tasks)


async def test_events_before_a_fault_in_the_same_piece_are_taken(bench: Bench) -> None:
    bench.receive(event("ONE") + reply("+OK nobody asked"))
    assert bench.events == ["ONE"]
    assert not bench.link.is_open
    assert "unreadable" in bench.link.end_reason


async def test_a_fault_of_ours_while_reading_ends_the_link_visibly(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.receive(event("BAD") + event("ONE"))
    assert bench.transport.aborted
    assert bench.events == []
    assert "a fault of ours" in caplog.text


async def test_nothing_is_taken_after_the_end(bench: Bench) -> None:
    bench.receive(event("ONE") + notice() + event("TWO"))
    bench.receive(event("THREE"))
    assert bench.events == ["ONE"]


async def test_an_end_is_told_once_with_its_first_reason(bench: Bench) -> None:
    bench.link.end("first")
    bench.link.end("second")
    bench.link.connection_lost(OSError("third"))
    assert [lost.reason for lost in bench.ends] == ["first"]
    assert bench.link.end_reason == "first"
    assert await bench.link.wait_ended() == "first"


async def test_a_lost_connection_tells_everyone_that_the_command_was_sent(bench: Bench) -> None:
    tasks = await bench.begin("a", "b")
    bench.link.connection_lost(None)
    for task in tasks:
        with pytest.raises(LinkLost) as lost:
            await task
        assert lost.value.sent


async def test_after_the_end_nothing_is_written(bench: Bench) -> None:
    bench.link.end("gone")
    with pytest.raises(LinkLost) as lost:
        await bench.link.request(Api("a"))
    assert not lost.value.sent
    assert bench.transport.written == b""


async def test_an_unencodable_command_takes_no_slot(bench: Bench) -> None:
    with pytest.raises(UnencodableValue):
        await bench.link.request(Api("a\n\napi b"))
    assert (bench.link.pending, bench.transport.written) == (0, b"")


async def test_a_connection_that_comes_after_the_end_is_closed() -> None:
    link, transport = Link(LinkTimings(), NodeCounters()), FakeTransport()
    link.end("cancelled while connecting")
    link.connection_made(transport)
    assert transport.aborted


async def test_waiting_for_the_end_can_be_cancelled_by_one_of_two(bench: Bench) -> None:
    one, two = (asyncio.create_task(bench.link.wait_ended()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    bench.link.end("over")
    assert await two == "over"


@given(st.integers(min_value=0), st.lists(st.sampled_from(["ask", "cancel", "answer"])))
def test_each_reply_goes_to_its_own_command_whatever_is_cancelled(
    seed: int, actions: list[str]
) -> None:
    asyncio.run(_shuffle(random.Random(seed), actions))


async def _shuffle(chance: random.Random, actions: list[str]) -> None:
    async with a_bench() as bench:
        asked: list[asyncio.Task[Answer]] = []
        answered = 0
        for action in actions:
            if action == "ask":
                asked += await bench.begin(f"command{len(asked)}")
            elif action == "cancel" and asked:
                chance.choice(asked).cancel()
            elif action == "answer" and answered < len(asked):
                bench.receive(api_response(str(answered)))
                answered += 1
            if chance.random() < 0.5:
                await asyncio.sleep(0)
        while answered < len(asked):
            bench.receive(api_response(str(answered)))
            answered += 1
        for number, task in enumerate(asked):
            await asyncio.wait([task])
            if not task.cancelled():
                answer = task.result()
                assert answer == ApiResponse(str(number).encode())


BUSY_NOTICE = notice(f"{OVERLOAD_NOTICE}\n".encode())


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(BUSY_NOTICE, id="between events"),
        pytest.param(event_frame(b"x" * 300)[:60] + BUSY_NOTICE, id="within an event"),
        pytest.param(b"Content-Length: 9" + BUSY_NOTICE, id="within the head of an event"),
        pytest.param(
            BUSY_NOTICE.replace(b"\n\n", b"\n\n" + event_frame(b"x" * 300)[:49]),
            id="parted by the head of an event",
        ),
    ],
)
async def test_the_notice_of_a_switch_that_lost_events_is_heard_wherever_it_stands(
    stream: bytes,
) -> None:
    """As recorded: two threads of the switch write, and neither waits for the other."""
    async with a_bench() as bench:
        bench.receive(stream)
        bench.link.eof_received()
        assert OVERLOAD_NOTICE in bench.link.end_reason
