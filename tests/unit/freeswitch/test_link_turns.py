"""A link that is read while the switch speaks as fast as it can: everyone else gets a turn."""

import asyncio

from tests.support.fake_switch import event_frame

from callcontrol.freeswitch.link import MAX_READ_BYTES, ArrivedEvent, Link
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.freeswitch.status import NodeCounters

FRAME = event_frame(b'{"Event-Name":"CHANNEL_STATE","Padding":"%b"}' % (b"x" * 1000))
EVENTS = 2_000


async def test_no_turn_of_the_loop_takes_more_than_a_few_events_of_a_flood() -> None:
    arrived: list[ArrivedEvent] = []
    in_a_turn: list[int] = []

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FRAME * EVENTS)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    loop = asyncio.get_running_loop()
    async with server:
        _, link = await loop.create_connection(
            lambda: Link(LinkTimings(), NodeCounters(), on_event=arrived.append), host, port
        )
        while link.is_open:
            before = len(arrived)
            await asyncio.sleep(0)
            in_a_turn.append(len(arrived) - before)

    assert len(arrived) == EVENTS
    assert max(in_a_turn) <= MAX_READ_BYTES // len(FRAME) + 1
