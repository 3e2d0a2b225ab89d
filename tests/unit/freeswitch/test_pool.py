"""The queue in front of the command links, moment by moment."""

import asyncio

import pytest
from tests.support.fake_switch import api_response
from tests.support.fake_transport import FakeTransport

from callcontrol.errors import NodeUnavailable
from callcontrol.esl.commands import Api
from callcontrol.esl.messages import ApiResponse
from callcontrol.freeswitch.backoff import Backoff
from callcontrol.freeswitch.link import Link
from callcontrol.freeswitch.pool import CommandPool
from callcontrol.freeswitch.redial import Redial
from callcontrol.freeswitch.replies import Answer
from callcontrol.freeswitch.settings import LinkTimings, NodeSettings
from callcontrol.freeswitch.status import NodeCounters
from callcontrol.ids import NodeId


class Bench:
    """A pool with one link, as `_serve` leaves it."""

    def __init__(self) -> None:
        settings = NodeSettings(node_id=NodeId("fs1"), host="h", password="p", command_links=1)
        timings, self.counters = LinkTimings(), NodeCounters()
        redial = Redial(settings.node_id, timings, self.counters, Backoff(1.0, 1.0))
        self.pool = CommandPool(settings, timings, self.counters, redial)
        self.transport = FakeTransport()
        self.link = Link(timings, self.counters, on_idle=self.pool._write_waiting)
        self.link.connection_made(self.transport)
        self.pool._links[0] = self.link

    async def ask(self, *names: str) -> list[asyncio.Task[Answer]]:
        tasks = [asyncio.create_task(self.pool.request(Api(name))) for name in names]
        await asyncio.sleep(0)
        return tasks


async def test_a_command_cancelled_at_the_moment_of_its_turn_is_not_written() -> None:
    bench = Bench()
    first, second, third = await bench.ask("first", "second", "third")
    second.cancel()
    bench.link.take(api_response("one"))  # before the cancelled task has run
    assert bench.transport.written == b"api first\n\napi third\n\n"
    bench.link.take(api_response("three"))
    assert await third == ApiResponse(b"three")
    await asyncio.wait([first, second])
    assert second.cancelled()
    assert (bench.pool.waiting, bench.counters.unsent_commands) == (0, 1)
    bench.link.end("the test is over")


async def test_who_asked_for_a_command_is_told_when_it_is_written_and_only_then() -> None:
    bench = Bench()
    told: list[bytes] = []

    def note() -> None:
        told.append(bench.transport.written)

    (first,) = await bench.ask("first")
    second, third = (
        asyncio.create_task(bench.pool.request(Api(name), note)) for name in ("second", "third")
    )
    await asyncio.sleep(0)
    assert told == []
    second.cancel()
    await asyncio.wait([second])
    bench.link.take(api_response("one"))
    assert told == [b"api first\n\n"]
    bench.link.take(api_response("three"))
    await asyncio.wait([first, third])
    assert len(told) == 1
    bench.link.end("the test is over")


async def test_a_link_that_ended_a_moment_ago_gets_no_command() -> None:
    bench = Bench()
    bench.link.end("cut")
    with pytest.raises(NodeUnavailable):
        await bench.pool.request(Api("a"))
    assert bench.transport.written == b""
