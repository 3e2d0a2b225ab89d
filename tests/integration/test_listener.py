"""Calls that come by their socket from a switch that says what the test wants: each end is one.

Nothing is left of any of them: no task, no socket, no place under the limit.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Self

import pytest
from tests.support.fake_switch import FakeSwitch, event_frame, notice, reply
from tests.support.node_recorder import NodeRecorder
from tests.support.nodes import connected, until
from tests.support.scripted_call import ScriptedCall

from callcontrol.freeswitch import listener as module
from callcontrol.freeswitch.arrivals import ArrivedCall
from callcontrol.freeswitch.call_socket import MAX_FIRST_BYTES
from callcontrol.freeswitch.door import MAX_FAILURES
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.listener import OutboundListener
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.outbound_settings import OutboundSettings, read_network
from callcontrol.ids import CallId

SETTINGS = OutboundSettings(host="0.0.0.0", port=0)
PARKED = CallId("0d7c2a3e")
HASTY = replace(SETTINGS, handshake_timeout_s=0.1, end_timeout_s=0.1)


@dataclass
class Door:
    """A listener that takes calls of one node."""

    listener: OutboundListener
    switch: FakeSwitch
    arrived: asyncio.Queue[ArrivedCall]
    nodes: tuple[Node, ...] = ()
    rung: list[ScriptedCall] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        switch: FakeSwitch,
        settings: OutboundSettings = SETTINGS,
        *,
        on_arrival: Callable[[ArrivedCall], None] | None = None,
    ) -> AsyncIterator[Self]:
        calls: asyncio.Queue[ArrivedCall] = asyncio.Queue()
        async with connected(switch, NodeRecorder()) as node:
            handler = Handler(on_arrival or calls.put_nowait)
            listener = OutboundListener(settings, Fleet([node]), handler)
            door = cls(listener, switch, calls, (node,))
            try:
                async with listener.listening():
                    yield door
            finally:
                await door.forget()

    async def ring(self, host: str = "127.0.0.1") -> ScriptedCall:
        call = await ScriptedCall.ring(self.listener.port, host)
        self.rung.append(call)
        return call

    async def forget(self) -> None:
        """Close what the test left open."""
        for call in self.rung:
            await call.vanish()

    async def knows(self, call: ScriptedCall, answer: str = "true") -> None:
        """The node is asked for the call, and answers so."""
        asked = await self.switch.commands.get()
        assert asked.text == f"api uuid_exists {call.call_id}"
        asked.answer(answer)

    async def call_in(self, mode: str = "async") -> tuple[ScriptedCall, ArrivedCall]:
        """A call that was handed over; it is not in its park yet."""
        call = await self.ring()
        await call.is_asked_who_it_is()
        call.answers_connect(
            self.switch.core_uuid, mode=mode, callcontrol_application="ivr", socket_path="app"
        )
        await self.knows(call)
        return call, await self.arrived.get()

    async def is_empty(self) -> None:
        await until(lambda: self.listener.connections == 0)


@dataclass
class Handler:
    """Takes calls as the test wants it."""

    on_arrival: Callable[[ArrivedCall], None]


@pytest.fixture
async def door(switch: FakeSwitch) -> AsyncIterator[Door]:
    async with Door.open(switch) as door:
        yield door


@pytest.fixture
async def hasty(switch: FakeSwitch) -> AsyncIterator[Door]:
    """One that gives up soon."""
    async with Door.open(switch, HASTY) as door:
        yield door


async def test_a_variable_names_the_application_before_a_path_does(door: Door) -> None:
    call, arrived = await door.call_in()
    assert (arrived.application, arrived.is_named_by_path) == ("ivr", False)
    assert arrived.call_id == call.call_id
    call.resets()


async def test_a_call_is_sent_on_only_when_it_is_in_its_park(door: Door) -> None:
    call, arrived = await door.call_in()
    going_on = asyncio.create_task(arrived.go_on())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await call.command()
    call.parks()
    await call.hears("exit")
    call.says_goodbye()
    await going_on
    assert arrived.closed.done()


async def test_a_call_that_is_never_seen_in_its_park_is_sent_on_all_the_same(door: Door) -> None:
    call, arrived = await door.call_in()
    going_on = asyncio.create_task(arrived.go_on())
    await call.hears("exit")
    call.says_goodbye()
    await going_on


async def test_a_call_is_sent_on_once_however_often_that_is_asked(door: Door) -> None:
    call, arrived = await door.call_in()
    call.parks()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(arrived.go_on())
        await call.hears("exit")
        call.says_goodbye()
    await arrived.go_on()


async def test_a_call_goes_on_though_whoever_wanted_it_is_cancelled(door: Door) -> None:
    call, arrived = await door.call_in()
    going_on = asyncio.create_task(arrived.go_on())
    await asyncio.sleep(0)
    going_on.cancel()
    await asyncio.wait([going_on])
    call.parks()
    await call.hears("exit")
    call.says_goodbye()
    await asyncio.wait([arrived.closed])


async def test_a_switch_that_does_not_answer_exit_is_left_in_time(hasty: Door) -> None:
    call, arrived = await hasty.call_in()
    call.parks()
    await arrived.go_on()
    await call.hears("exit")
    assert await call.is_closed()


ENDS: dict[str, Callable[[ScriptedCall], None]] = {
    "a reset": ScriptedCall.resets,
    "a close": lambda call: call.writer.close(),
    "a half close": lambda call: call.writer.write_eof(),
    "a notice": lambda call: call.say(notice()),
    "garbage": lambda call: call.say(b"HTTP/1.1 400 Bad Request\n\n"),
    "an answer to nothing": lambda call: call.say(reply("+OK")),
    "a torn frame": lambda call: call.say_last(event_frame(b"{}")[:-1]),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_a_call_that_waits_is_told_to_be_over_by(
    door: Door, end: Callable[[ScriptedCall], None]
) -> None:
    call, arrived = await door.call_in()
    end(call)
    await asyncio.wait([arrived.closed])
    assert arrived.closed.result()
    await arrived.go_on()
    await door.is_empty()


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_a_connection_that_brought_no_call_yet_is_over_by(
    hasty: Door, end: Callable[[ScriptedCall], None]
) -> None:
    call = await hasty.ring()
    await call.is_asked_who_it_is()
    end(call)
    await until(lambda: hasty.listener.counters.failed_handshakes == 1)
    assert await call.has_ended()
    await hasty.is_empty()


async def test_a_connection_that_says_nothing_is_let_go_and_closed_in_time(hasty: Door) -> None:
    call = await hasty.ring()
    await call.is_asked_who_it_is()
    assert await call.is_closed()
    assert hasty.listener.counters.failed_handshakes == 1


async def test_a_switch_that_is_only_slow_is_told_to_let_its_call_go_on(switch: FakeSwitch) -> None:
    async with Door.open(switch, replace(HASTY, end_timeout_s=5.0)) as door:
        call = await door.ring()
        await call.is_asked_who_it_is()
        await until(lambda: door.listener.counters.failed_handshakes == 1)
        call.answers_connect(switch.core_uuid, callcontrol_application="ivr")
        call.parks()
        await call.hears("exit")
        call.says_goodbye()
        await door.is_empty()


async def test_whoever_says_more_than_a_switch_does_is_cut_off(door: Door) -> None:
    call = await door.ring()
    call.say(event_frame(b" " * (MAX_FIRST_BYTES + 1)))
    assert await call.has_ended()
    await until(lambda: door.listener.counters.failed_handshakes == 1)


@pytest.mark.parametrize("call_id", ["", "a b", "a\nb", "x" * 256, "ü"])
async def test_a_call_without_a_proper_id_is_none(door: Door, call_id: str) -> None:
    call = await door.ring()
    call.call_id = call_id
    await call.is_asked_who_it_is()
    call.answers_connect(door.switch.core_uuid, callcontrol_application="ivr")
    call.parks()
    await call.hears("exit")
    call.says_goodbye()
    assert door.listener.counters.failed_handshakes == 1
    assert door.arrived.empty()


async def test_a_call_that_its_node_does_not_know_is_nobodys(door: Door) -> None:
    call = await door.ring()
    await call.is_asked_who_it_is()
    call.answers_connect(door.switch.core_uuid, callcontrol_application="ivr")
    call.parks()
    await door.knows(call, "false")
    await call.hears("exit")
    call.says_goodbye()
    await door.is_empty()
    assert (door.arrived.qsize(), door.listener.counters.unplaced) == (0, 1)


async def test_a_call_whose_socket_ends_while_its_node_is_asked_is_not_handed_over(
    door: Door,
) -> None:
    call = await door.ring()
    await call.is_asked_who_it_is()
    call.answers_connect(door.switch.core_uuid, callcontrol_application="ivr")
    asked = await door.switch.commands.get()
    call.resets()
    await call.has_ended()
    asked.answer("true")
    await door.is_empty()
    assert door.arrived.empty()


async def test_a_call_of_a_switch_that_is_no_node_goes_on(door: Door) -> None:
    call = await door.ring()
    await call.is_asked_who_it_is()
    call.answers_connect("another", callcontrol_application="ivr")
    call.parks()
    await call.hears("exit")
    call.says_goodbye()
    await door.is_empty()
    assert (door.arrived.qsize(), door.listener.counters.unplaced) == (0, 1)


async def test_a_node_that_does_not_answer_gets_no_call(hasty: Door) -> None:
    call = await hasty.ring()
    await call.is_asked_who_it_is()
    call.answers_connect(hasty.switch.core_uuid, callcontrol_application="ivr")
    call.parks()
    await hasty.switch.commands.get()
    await call.hears("exit")
    call.says_goodbye()
    await hasty.is_empty()
    assert hasty.arrived.empty()


async def test_a_call_waits_for_a_node_that_is_not_connected_yet(switch: FakeSwitch) -> None:
    observer = NodeRecorder()
    async with connected(switch, observer) as node:
        await switch.kill()
        await until(lambda: not node.is_ready)
        calls: asyncio.Queue[ArrivedCall] = asyncio.Queue()
        listener = OutboundListener(SETTINGS, Fleet([node]), Handler(calls.put_nowait))
        async with listener.listening():
            door = Door(listener, switch, calls)
            call = await door.ring()
            await call.is_asked_who_it_is()
            call.answers_connect(switch.core_uuid, callcontrol_application="ivr")
            await switch.start()
            await door.knows(call)
            assert (await calls.get()).call_id == call.call_id
            await door.forget()


async def test_a_call_that_the_handler_fails_to_take_goes_on(
    switch: FakeSwitch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: ArrivedCall) -> None:
        raise RuntimeError("a fault of ours")

    async with Door.open(switch, on_arrival=fails) as door:
        call = await door.ring()
        await call.is_asked_who_it_is()
        call.answers_connect(switch.core_uuid, callcontrol_application="ivr")
        call.parks()
        await door.knows(call)
        await call.hears("exit")
        call.says_goodbye()
        await door.is_empty()
    assert "a fault of ours" in caplog.text


async def test_who_may_not_connect_is_told_to_go_on_and_logged_ever_more_rarely(
    switch: FakeSwitch, caplog: pytest.LogCaptureFixture
) -> None:
    only = replace(SETTINGS, peers=(read_network("127.0.0.1"),))
    async with Door.open(switch, only) as door:
        for _ in range(5):
            call = await door.ring("127.0.0.2")
            await call.is_asked_who_it_is()
            call.answers_connect(switch.core_uuid, callcontrol_application="ivr")
            call.parks()
            await call.hears("exit")
            call.says_goodbye()
        assert door.listener.counters.refused_peers == 5
    warned = [r for r in caplog.records if r.levelno == logging.WARNING and hasattr(r, "peer")]
    assert len(warned) == 3


async def test_of_those_who_are_turned_away_only_so_many_are_told_to_go_on(
    switch: FakeSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TURNED_AWAY", 2)
    nobody = replace(SETTINGS, peers=(read_network("192.0.2.1"),))
    async with Door.open(switch, nobody) as door:
        told = [await door.ring() for _ in range(2)]
        for call in told:
            await call.is_asked_who_it_is()
        third = await door.ring()
        assert await third.is_closed()
        assert door.listener.counters.closed_at_once == 1
        for call in (*told, third):
            call.resets()


async def test_a_call_beyond_the_limit_goes_on_until_there_is_room_again(
    switch: FakeSwitch,
) -> None:
    async with Door.open(switch, replace(SETTINGS, max_connections=1)) as door:
        first, _ = await door.call_in()
        second = await door.ring()
        await second.is_asked_who_it_is()
        second.answers_connect(switch.core_uuid, callcontrol_application="ivr")
        second.parks()
        await second.hears("exit")
        second.says_goodbye()
        first.resets()
        await door.is_empty()
        third, _ = await door.call_in()
        third.resets()


async def test_all_calls_are_sent_on_when_the_service_stops(switch: FakeSwitch) -> None:
    async with asyncio.TaskGroup() as scripts, Door.open(switch) as door:
        calls = [await door.call_in() for _ in range(3)]
        silent = await door.ring()
        await silent.is_asked_who_it_is()
        scripts.create_task(all_leave([call for call, _ in calls]))
        silent.resets()
    assert all(arrived.closed.done() for _, arrived in calls)


async def all_leave(calls: list[ScriptedCall]) -> None:
    for call in calls:
        call.parks()
        await call.hears("exit")
        call.says_goodbye()


async def test_a_listener_that_is_cancelled_leaves_nothing_open(switch: FakeSwitch) -> None:
    async with connected(switch, NodeRecorder()) as node:
        calls: asyncio.Queue[ArrivedCall] = asyncio.Queue()
        listener = OutboundListener(SETTINGS, Fleet([node]), Handler(calls.put_nowait))
        serving = asyncio.create_task(listen(listener))
        await until(lambda: listener.port != 0)
        door = Door(listener, switch, calls)
        call, arrived = await door.call_in()
        serving.cancel()
        await asyncio.wait([serving])
        assert arrived.closed.done()
        assert await call.has_ended()
        await door.forget()


async def listen(listener: OutboundListener) -> None:
    async with listener.listening():
        await asyncio.Event().wait()


async def test_nobody_is_taken_any_more_and_who_is_here_stays(door: Door) -> None:
    call, arrived = await door.call_in()
    door.listener.stop_listening()
    with pytest.raises(ConnectionRefusedError):
        await door.ring()
    assert not arrived.closed.done()
    call.resets()


class TestCallsThatWaitAtTheSocketThemselves:
    """Without `async` the call is put into a park by its socket."""

    PARK = "sendmsg\ncall-command: execute\nexecute-app-name: park"

    async def test_its_park_is_ended_elsewhere_and_then_its_socket(self, door: Door) -> None:
        call, arrived = await door.call_in("static")
        await call.hears(self.PARK)
        going_on = asyncio.create_task(arrived.go_on())
        await self.is_unparked(door, call)
        call.say(reply("+OK"))
        await call.hears("exit")
        call.says_goodbye()
        await going_on

    async def test_its_park_is_ended_again_when_it_had_not_begun(
        self, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("callcontrol.freeswitch.call_link.PARK_S", 0.05)
        call, arrived = await door.call_in("static")
        await call.hears(self.PARK)
        going_on = asyncio.create_task(arrived.go_on())
        await self.is_unparked(door, call)
        await self.is_unparked(door, call)
        call.say(reply("+OK"))
        await call.hears("exit")
        call.says_goodbye()
        await going_on

    async def test_its_socket_is_ended_when_its_park_ends_while_that_is_being_ended(
        self, door: Door
    ) -> None:
        call, arrived = await door.call_in("static")
        await call.hears(self.PARK)
        going_on = asyncio.create_task(arrived.go_on())
        await door.switch.commands.get()
        call.say(reply("+OK"))
        await call.hears("exit")
        call.says_goodbye()
        await going_on

    async def test_its_socket_is_ended_when_its_park_ends_by_itself(self, door: Door) -> None:
        call, arrived = await door.call_in("static")
        await call.hears(self.PARK)
        call.say(reply("+OK"))
        await call.hears("exit")
        call.says_goodbye()
        await asyncio.wait([arrived.closed])

    async def test_a_node_that_cannot_end_its_park_is_not_waited_for(self, door: Door) -> None:
        call, arrived = await door.call_in("static")
        await call.hears(self.PARK)
        going_on = asyncio.create_task(arrived.go_on())
        (await door.switch.commands.get()).line.cut()
        await call.hears("exit")
        call.says_goodbye()
        await going_on

    async def is_unparked(self, door: Door, call: ScriptedCall) -> None:
        taken = await door.switch.commands.get()
        assert taken.text == f"myevents {call.call_id} json"
        taken.reply("+OK Events Enabled")
        left = await door.switch.commands.get()
        assert left.text == "exit"
        left.line.cut(reply("+OK bye") + notice())


class TestParkedCallsThatComeToBeSentOn:
    """Once a call has come here, parked calls of its node are sent on by coming here, too."""

    @pytest.fixture
    async def door(self, switch: FakeSwitch) -> AsyncIterator[Door]:
        """One that does not wait for those who do not answer at the end."""
        async with Door.open(switch, replace(SETTINGS, end_timeout_s=0.2)) as door:
            yield door

    async def test_a_parked_call_is_told_to_come_and_is_sent_on(self, door: Door) -> None:
        await self.learnt(door)
        going_on = asyncio.create_task(self.node(door).unpark(PARKED))
        await self.is_told_to_come(door, "+OK")
        call = await self.comes(door)
        await call.hears("exit")
        call.says_goodbye()
        assert await going_on is True
        assert door.arrived.empty()

    async def test_a_call_that_is_told_to_come_twice_comes_twice_and_is_never_new(
        self, door: Door
    ) -> None:
        await self.learnt(door)
        both = [asyncio.create_task(self.node(door).unpark(PARKED)) for _ in range(2)]
        for _ in both:
            await self.is_told_to_come(door, "+OK")
        for _ in both:
            call = await self.comes(door)
            await call.hears("exit")
            call.says_goodbye()
        assert [await each for each in both] == [True, True]
        assert door.arrived.empty()

    async def test_a_call_that_is_gone_is_told_to_be(self, door: Door) -> None:
        await self.learnt(door)
        going_on = asyncio.create_task(self.node(door).unpark(PARKED))
        await self.is_told_to_come(door, f"-ERR invalid session id [{PARKED}]")
        assert await going_on is False

    async def test_a_call_that_does_not_come_is_sent_on_otherwise_and_in_time_so_are_all_after_it(
        self, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("callcontrol.freeswitch.door.COMING_S", 0.05)
        await self.learnt(door)
        for _ in range(MAX_FAILURES):
            going_on = asyncio.create_task(self.node(door).unpark(PARKED))
            await self.is_told_to_come(door, "+OK")
            await self.is_let_go_by_a_link(door)
            assert await going_on is True

        again = asyncio.create_task(self.node(door).unpark(PARKED))
        await self.is_let_go_by_a_link(door)
        assert await again is True

    async def test_a_call_that_comes_late_is_not_taken_for_a_new_one(
        self, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("callcontrol.freeswitch.door.COMING_S", 0.05)
        await self.learnt(door)
        going_on = asyncio.create_task(self.node(door).unpark(PARKED))
        await self.is_told_to_come(door, "+OK")
        await self.is_let_go_by_a_link(door)
        await going_on
        call = await self.comes(door)
        await call.hears("exit")
        call.says_goodbye()
        await until(lambda: door.listener.connections == 1)
        assert door.arrived.empty()

    async def test_a_call_that_was_told_to_come_and_has_not_is_new_when_its_dialplan_brings_it(
        self, door: Door
    ) -> None:
        await self.learnt(door)
        going_on = asyncio.create_task(self.node(door).unpark(PARKED))
        await self.is_told_to_come(door, "+OK")
        going_on.cancel()
        await asyncio.wait([going_on])
        call = await self.comes(door, by=f"127.0.0.1:{door.listener.port}/go-on async full")
        await door.knows(call)
        assert (await door.arrived.get()).call_id == PARKED

    async def test_a_call_that_was_told_to_come_by_a_service_that_is_gone_is_sent_on(
        self, door: Door
    ) -> None:
        call = await self.comes(door)
        await call.hears("exit")
        call.says_goodbye()
        await until(lambda: door.listener.connections == 0)
        assert door.arrived.empty()

    async def test_a_call_is_told_to_come_to_the_address_that_was_given(
        self, switch: FakeSwitch
    ) -> None:
        given = replace(SETTINGS, host="127.0.0.1")
        async with Door.open(switch, given) as door:
            going_on = asyncio.create_task(self.node(door).unpark(PARKED))
            await self.is_told_to_come(door, "+OK")
            call = await self.comes(door)
            await call.hears("exit")
            call.says_goodbye()
            assert await going_on is True

    async def test_where_none_has_come_yet_only_one_at_a_time_is_told_to(
        self, switch: FakeSwitch
    ) -> None:
        given = replace(SETTINGS, host="127.0.0.1")
        async with Door.open(switch, given) as door:
            first = asyncio.create_task(self.node(door).unpark(PARKED))
            await self.is_told_to_come(door, "+OK")
            second = asyncio.create_task(self.node(door).unpark(CallId("another")))
            taken = await door.switch.commands.get()
            assert taken.text == "myevents another json"
            taken.reply("-ERR invalid uuid")
            assert await second is False

            call = await self.comes(door)
            await call.hears("exit")
            call.says_goodbye()
            assert await first is True
            third = asyncio.create_task(self.node(door).unpark(PARKED))
            await self.is_told_to_come(door, f"-ERR invalid session id [{PARKED}]")
            assert await third is False

    @pytest.mark.parametrize("host", ["callcontrol.example", "192.0.2.1", ""])
    async def test_no_call_is_told_to_come_where_none_is_known_to_get(
        self, door: Door, host: str
    ) -> None:
        await self.learnt(door, host)
        going_on = asyncio.create_task(self.node(door).unpark(PARKED))
        await self.is_let_go_by_a_link(door)
        assert await going_on is True

    async def test_no_call_is_told_to_come_when_nobody_listens_any_more(self, door: Door) -> None:
        await self.learnt(door)
        door.listener.stop_listening()
        going_on = asyncio.create_task(self.node(door).unpark(PARKED))
        await self.is_let_go_by_a_link(door)
        assert await going_on is True

    def node(self, door: Door) -> Node:
        return door.nodes[0]

    async def learnt(self, door: Door, host: str = "127.0.0.1") -> None:
        """A call has come, and its dialplan named this address."""
        call = await door.ring()
        await call.is_asked_who_it_is()
        call.answers_connect(door.switch.core_uuid, socket_path="ivr", socket_host=host)
        await door.knows(call)
        await door.arrived.get()

    async def is_told_to_come(self, door: Door, answer: str) -> None:
        told = await door.switch.commands.get()
        assert told.text == (
            f"sendmsg {PARKED}\ncall-command: execute\nexecute-app-name: socket\n"
            f"execute-app-arg: {self.argument(door)}"
        )
        told.reply(answer)

    def argument(self, door: Door) -> str:
        """Of the `socket` by which a call is told to come."""
        return f"127.0.0.1:{door.listener.port} go-on"

    async def comes(self, door: Door, by: str = "") -> ScriptedCall:
        call = await door.ring()
        call.call_id = PARKED
        await call.is_asked_who_it_is()
        call.answers_connect(
            door.switch.core_uuid,
            mode="static",
            callcontrol_application="ivr",
            current_application_data=by or self.argument(door),
        )
        return call

    async def is_let_go_by_a_link(self, door: Door) -> None:
        taken = await door.switch.commands.get()
        assert taken.text == f"myevents {PARKED} json"
        taken.reply("+OK Events Enabled")
        left = await door.switch.commands.get()
        left.line.cut(reply("+OK bye") + notice())
