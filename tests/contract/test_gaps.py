"""What a subscriber is told when events of a switch are missing, and what makes up for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.contract.broken_wire import over_a_wire, until_links
from tests.contract.firehose import connected
from tests.contract.phone import CONTEXT, DEADLINE_S, Phone, State, new_id
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.cutting_proxy import CuttingProxy

from callcontrol.v1 import event_pb2
from callcontrol.v1 import event_service_pb2 as events_pb2

Told = event_pb2.Event | events_pb2.Gap
Reason = events_pb2.Gap.Reason
RESTART_LIMIT_S = 60.0
LOAD, BATCH = 110_000, 500
CUT_FOR_SLOWNESS = {
    False: (Reason.REASON_SWITCH_OVERLOADED,),
    True: (Reason.REASON_SWITCH_OVERLOADED, Reason.REASON_NODE_CONNECTION_LOST),
}
"""A real switch says so by the socket that is full, where mostly nothing comes through."""


class Following:
    """One stream, with its gaps in their places among the events."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._news = asyncio.Condition()

    async def follow(self, phone: Phone, in_place: asyncio.Event) -> None:
        async for response in phone.events.Events(events_pb2.EventsRequest()):
            async with self._news:
                self.told.extend(response.events)
                if response.HasField("gap"):
                    self.told.append(response.gap)
                self._news.notify_all()
            in_place.set()

    async def place(self, payload: str, call_id: str = "", after: int = 0) -> int:
        """Where the first such event is."""

        def found() -> list[int]:
            return [
                place
                for place, told in enumerate(self.told)
                if place >= after
                and isinstance(told, event_pb2.Event)
                and told.WhichOneof("payload") == payload
                and call_id in {"", told.call_id}
            ]

        async with self._news:
            await self._news.wait_for(lambda: bool(found()))
        return found()[0]

    async def gap(self, *reasons: Reason.ValueType) -> int:
        """Where the first gap for one of these reasons is."""

        def found() -> list[int]:
            return [
                place
                for place, told in enumerate(self.told)
                if isinstance(told, events_pb2.Gap) and told.reason in reasons
            ]

        async with self._news:
            await self._news.wait_for(lambda: bool(found()))
        return found()[0]

    def gap_at(self, place: int) -> events_pb2.Gap:
        gap = self.told[place]
        assert isinstance(gap, events_pb2.Gap)
        return gap

    def event_at(self, place: int) -> event_pb2.Event:
        event = self.told[place]
        assert isinstance(event, event_pb2.Event)
        return event

    def last_before(self, place: int) -> event_pb2.Event:
        """The last event of the switch itself before that place."""
        return [
            told
            for told in self.told[:place]
            if isinstance(told, event_pb2.Event) and not told.synthetic
        ][-1]


@pytest.fixture
async def wired(switch: SwitchUnderTest) -> AsyncIterator[tuple[Phone, CuttingProxy]]:
    """A client of a service with one event link, and its wire."""
    async with over_a_wire(switch, {}) as (phone, proxy):
        yield phone, proxy


@asynccontextmanager
async def following(phone: Phone, limit_s: float = DEADLINE_S) -> AsyncIterator[Following]:
    stream, in_place = Following(), asyncio.Event()
    async with asyncio.timeout(limit_s), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(stream.follow(phone, in_place))
        await in_place.wait()
        yield stream
        task.cancel()


async def out_of_sight(proxy: CuttingProxy, client: RawClient, ends: str, begins: str) -> None:
    """While the service is cut off, one call ends and another one begins."""
    proxy.is_shut = True
    for wire in proxy.wires:
        wire.cut()
    assert (await client.ask("event json CHANNEL_PARK CHANNEL_DESTROY")).startswith("+OK")
    assert (await client.ask(f"api uuid_kill {ends}")).startswith("+OK")
    dial = f"{{origination_uuid={begins}}}loopback/answer/{CONTEXT}"
    assert (await client.ask(f"bgapi originate {dial} &park()")).startswith("+OK")
    await client.event(Event_Name="CHANNEL_DESTROY", Unique_ID=ends)
    await client.event(Event_Name="CHANNEL_PARK", Unique_ID=begins)
    proxy.is_shut = False


async def test_what_a_lost_link_missed_stands_behind_its_gap(
    wired: tuple[Phone, CuttingProxy], switch: SwitchUnderTest
) -> None:
    phone, proxy = wired
    ended, begun = await phone.answered(), new_id()
    async with following(phone) as stream, connected(switch) as client:
        seen = await phone.answered()
        await out_of_sight(proxy, client, ended, begun)
        gap = await stream.gap(Reason.REASON_NODE_CONNECTION_LOST)
        back = await stream.place("node_changed", after=gap)
        end = await stream.place("call_ended", ended)
        beginning = await stream.place("call_created", begun)
        missing = stream.gap_at(gap)
        before = stream.last_before(gap)
        for call_id in (seen, begun):
            await phone.hang_up(call_id)

    assert gap < back < min(end, beginning)
    assert stream.event_at(back).node_changed.connected
    assert stream.event_at(end).synthetic
    assert stream.event_at(beginning).synthetic
    assert stream.event_at(beginning).call_created.call.state == State.STATE_PARKED
    assert missing.node_id == "switch"
    assert missing.last_before == before.position
    assert missing.first_after.core_uuid == missing.last_before.core_uuid
    assert missing.first_after.sequence > missing.last_before.sequence
    assert missing.count == 0


async def test_an_event_that_cannot_be_read_is_a_gap_of_one(
    wired: tuple[Phone, CuttingProxy], switch: SwitchUnderTest
) -> None:
    phone, proxy = wired
    call_id = await phone.answered()
    async with following(phone) as stream, connected(switch) as client:
        proxy.event_wires[0].spoil(b'{"')
        assert (await client.ask("sendevent CUSTOM\nEvent-Subclass: x::lost")).startswith("+OK")
        gap = await stream.gap(Reason.REASON_UNREADABLE_EVENT)
        await phone.hang_up(call_id)
        await stream.place("call_ended", call_id, after=gap)
        missing = stream.gap_at(gap)

    assert (missing.node_id, missing.count) == ("switch", 1)
    assert len(proxy.event_wires) == 1
    told = [told.subclass for told in stream.told if isinstance(told, event_pb2.Event)]
    assert "x::lost" not in told


async def overflow(switch: SwitchUnderTest, proxy: CuttingProxy) -> None:
    """Let the switch cut the event link: 500 events beyond the 100 000 that wait for it, and what
    sockets hold, which is some 4 MiB (mod_event_socket.c MAX_QUEUE_LEN, MAX_MISSED; tcp_wmem).
    """
    if switch.simulator is not None:
        switch.simulator.faults.overflow()
        return
    wire = proxy.event_wires[0]
    wire.hold()
    async with connected(switch) as client:
        for _ in range(LOAD // BATCH):
            client.write("\n\n".join(["sendevent CUSTOM\nEvent-Subclass: x::load"] * BATCH))
            for _ in range(BATCH):
                await client.answer()
    wire.go_on()


@pytest.mark.timeout(3 * DEADLINE_S)
async def test_a_link_that_the_switch_cut_for_slowness_is_a_gap(
    wired: tuple[Phone, CuttingProxy], switch: SwitchUnderTest
) -> None:
    phone, proxy = wired
    call_id = await phone.answered()
    async with following(phone, 2 * DEADLINE_S) as stream:
        await overflow(switch, proxy)
        gap = stream.gap_at(await stream.gap(*CUT_FOR_SLOWNESS[switch.is_real]))
        await until_links(phone, proxy, cover=1)
        await phone.hang_up(call_id)
    assert gap.first_after.sequence > gap.last_before.sequence > 0


async def restart(switch: SwitchUnderTest) -> None:
    """Let the switch begin anew, as another process; a real one needs some six seconds."""
    if switch.simulator is not None:
        await switch.simulator.restart()
        return
    async with connected(switch) as client:
        assert (await client.ask("api fsctl shutdown restart")).startswith("+OK")


@pytest.mark.timeout(2 * RESTART_LIMIT_S)
async def test_a_restart_ends_all_calls_behind_a_gap(phone: Phone, switch: SwitchUnderTest) -> None:
    call_id = await phone.answered()
    far = await phone.other_half(call_id)
    async with following(phone, RESTART_LIMIT_S) as stream:
        await restart(switch)
        gap = await stream.gap(Reason.REASON_NODE_RESTARTED)
        back = await stream.place("node_changed", after=gap)
        ends = [await stream.place("call_ended", each) for each in (call_id, far)]
        missing = stream.gap_at(gap)
    again = await phone.answered()
    await phone.hang_up(again)

    assert gap < back
    assert stream.event_at(back).node_changed.core_uuid == missing.first_after.core_uuid
    assert missing.first_after.core_uuid != missing.last_before.core_uuid
    for end in ends:  # a switch that ends well tells the end of its calls itself
        assert (end > back) == stream.event_at(end).synthetic
