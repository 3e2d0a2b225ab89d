"""When a node is dialled: one link after another, with pauses that grow, and for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.support.nodes import until

from callcontrol.freeswitch.backoff import Backoff
from callcontrol.freeswitch.link import Link
from callcontrol.freeswitch.redial import Redial
from callcontrol.freeswitch.replies import LinkLost, LinkRefused
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.freeswitch.status import NodeCounters
from callcontrol.ids import NodeId

TIMINGS = LinkTimings(permanent_retry_s=60.0, stable_after_s=3.0)


class Dialler:
    """Opens links that fail as the test says, and counts."""

    def __init__(self, *failures: Exception, cap_s: float = 0.0) -> None:
        self.counters = NodeCounters()
        backoff = Backoff(cap_s, cap_s, lambda _, high: high)
        self.redial = Redial(NodeId("fs1"), TIMINGS, self.counters, backoff)
        self.failures = list(failures)
        self.open = self.dialling = self.most_dialling = 0
        self.served = asyncio.Event()

    @asynccontextmanager
    async def bring_up(self) -> AsyncIterator[Link]:
        self.open += 1
        self.dialling += 1
        try:
            self.most_dialling = max(self.most_dialling, self.dialling)
            try:
                await asyncio.sleep(0)
                if self.failures:
                    raise self.failures.pop(0)
            finally:
                self.dialling -= 1
            yield Link(TIMINGS, self.counters)
        finally:
            self.open -= 1

    async def serve(self, link: Link) -> str:
        self.served.set()
        await asyncio.Event().wait()
        raise AssertionError

    @asynccontextmanager
    async def keeping(self, links: int = 1) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(self.redial.keep_up("commands", self.bring_up, self.serve))
            for _ in range(links)
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def test_it_never_gives_up() -> None:
    dialler = Dialler(*[LinkLost("refused", sent=False)] * 1_000)
    async with dialler.keeping():
        await dialler.served.wait()
    assert dialler.counters.failed_dials == 1_000
    assert dialler.redial.trouble is None


async def test_a_fault_of_ours_is_logged_and_does_not_end_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dialler = Dialler(RuntimeError("a bug"))
    async with dialler.keeping():
        await dialler.served.wait()
    assert "a bug" in caplog.text


async def test_a_refusal_is_followed_by_a_long_pause_for_all_links() -> None:
    dialler = Dialler(LinkRefused("wrong password"))
    async with dialler.keeping(links=3):
        await until(lambda: dialler.redial.trouble is not None)
        assert dialler.redial.trouble is not None
        assert dialler.redial.trouble.refused
        assert 59 < dialler.redial.retry_in_s <= 60
        for _ in range(50):
            await asyncio.sleep(0)
    assert dialler.counters.failed_dials == 1


async def test_the_same_trouble_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    lost = LinkLost("cannot connect", sent=False)
    dialler = Dialler(lost, lost, lost, LinkLost("no login", sent=False), lost)
    async with dialler.keeping():
        await dialler.served.wait()
    reasons = [vars(record)["reason"] for record in caplog.records]
    assert reasons == ["cannot connect", "no login", "cannot connect"]


async def test_links_lost_together_are_one_reason_to_pause() -> None:
    delays: list[float] = []

    def uniform(_: float, high: float) -> float:
        delays.append(high)
        return high

    redial = Redial(NodeId("fs1"), TIMINGS, NodeCounters(), Backoff(0.5, 8.0, uniform))
    for _ in range(4):
        redial._on_lost("commands", "the switch closed the connection", lived_s=100.0)
    assert delays == [0.5]


async def test_a_link_that_is_lost_soon_again_and_again_is_dialled_ever_more_rarely() -> None:
    delays: list[float] = []

    def uniform(_: float, high: float) -> float:
        delays.append(high)
        return 0.0

    redial = Redial(NodeId("fs1"), TIMINGS, NodeCounters(), Backoff(0.5, 8.0, uniform))
    for lived_s in (100.0, 0.1, 0.1, 0.1, 100.0):
        redial._on_lost("events", "cut", lived_s=lived_s)
    assert delays == [0.5, 1.0, 2.0, 4.0, 0.5]


async def test_a_cancellation_that_is_swallowed_on_the_way_still_ends_it() -> None:
    """As a task group swallows it when one of its tasks fails at the same moment."""
    dialler = Dialler()

    async def swallow(link: Link) -> str:
        dialler.served.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "lost at the same moment"
        raise AssertionError

    keeping = asyncio.create_task(dialler.redial.keep_up("events", dialler.bring_up, swallow))
    await dialler.served.wait()
    keeping.cancel()
    await asyncio.wait([keeping], timeout=5)
    assert keeping.cancelled()


async def test_it_can_be_cancelled_at_any_moment() -> None:
    for turns in range(30):
        dialler = Dialler(*[LinkLost("refused", sent=False)] * 3)
        async with dialler.keeping(links=2):
            for _ in range(turns):
                await asyncio.sleep(0)
        assert dialler.open == 0
        assert dialler.most_dialling <= 1
