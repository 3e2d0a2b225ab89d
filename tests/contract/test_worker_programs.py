"""Programs of workers in Python, the service and a switch: calls from the dialplan to their end."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import grpc.aio
import pytest
from tests.contract.conftest import config_for
from tests.contract.outbound_scene import Caller, Scene
from tests.contract.phone import CONTEXT, DEADLINE_S, Phone, loopback
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.programs import free_port
from tests.support.workers import Story, soon

from callcontrol.app import Service, running_service
from callcontrol.client.call_handler import Handler
from callcontrol.client.failure import Failure, failure_of
from callcontrol.client.worker import (
    ActiveCall,
    Bridged,
    Ended,
    NotBridged,
    Worker,
    WorkerManners,
)
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2
from callcontrol.v1.event_pb2 import Event

TONE = "tone_stream://%(200,0,440)"
ONE, TWO = (f"w-{uuid.uuid4().hex[:8]}" for _ in range(2))
"""Workers of this run: calls of one that was broken off may still be those of its workers."""
BELLS = ["park", "socket"]


@dataclass
class Office:
    """A service on a switch, somebody who calls, and what the handlers of workers tell."""

    switch: SwitchUnderTest
    service: Service
    phone: Phone
    scene: Scene
    story: Story

    @property
    def target(self) -> str:
        """Where workers find the service."""
        return f"127.0.0.1:{self.service.port}"

    async def call_in(self, bell: str = "park") -> Caller:
        """Somebody dials a number whose dialplan rings that doorbell."""
        port = self.service.outbound_port
        return await self.scene.call_in("bell-ivr" if bell == "park" else f"bell-ivr-{port}")

    async def press(self, caller: Caller, digit: str) -> None:
        """The caller presses a key, once the switch collects digits."""
        await self.phone.tape.event(
            "application_started",
            caller.call_id,
            lambda it: it.application_started.application.name == "play_and_get_digits",
        )
        request = pb.SendDtmfRequest(call_id=caller.call_id, digits=digit, as_received=True)
        await self.phone.calls.SendDtmf(request, timeout=DEADLINE_S)

    async def heard_fallback(self, caller: Caller) -> None:
        """The call has gone on with its dialplan."""
        await self.phone.tape.event(
            "playback_started",
            caller.call_id,
            lambda it: "%(1000,0,440)" in it.playback_started.uri,
        )


@asynccontextmanager
async def running(switch: SwitchUnderTest, port: int = 0) -> AsyncIterator[Service]:
    """A service for workers, on a port of its own or that of one before it."""
    settings = {
        "listen": f"127.0.0.1:{port}",
        "outbound_listen": f"{switch.host}:0",
        "token_key": "worker-programs-of-tests",
        "worker_drain_s": 0,
        "stop_grace_s": 1,
    }
    async with running_service(config_for(switch, settings)) as service:
        async with asyncio.timeout(DEADLINE_S):
            await service.wait_ready()
        yield service


@pytest.fixture
async def office(switch: SwitchUnderTest) -> AsyncIterator[Office]:
    async with (
        running(switch) as service,
        Phone.connect(f"127.0.0.1:{service.port}") as phone,
        Scene.on(switch) as scene,
    ):
        yield Office(switch, service, phone, scene, Story())


@asynccontextmanager
async def working(
    target: str,
    handler: Handler,
    *,
    application: str = "ivr",
    name: str = ONE,
    on_break: Callable[[Failure], None] = lambda _: None,
) -> AsyncIterator[Worker]:
    """A worker that is registered, until the end of the block."""
    ready = asyncio.Event()
    manners = WorkerManners(pause=soon, on_registered=ready.set, on_break=on_break)
    worker = Worker(target, [application], handler, name=name, manners=manners)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(worker.run(signals=()))
        async with asyncio.timeout(DEADLINE_S):
            await ready.wait()
        yield worker
        task.cancel()


def menu(story: Story, whom: str) -> Handler:
    """An IVR in a few lines."""

    async def handler(call: ActiveCall) -> None:
        await call.answer()
        entry = await call.collect_digits(prompt=TONE, timeout_s=5)
        story.tell(entry.digits)
        match entry.digits:
            case "1":
                match await call.bridge(f"loopback/{whom}/{CONTEXT}"):
                    case Bridged():
                        story.tell("bridged")
                        await call.wait_unbridged()
                    case NotBridged(disposition=disposition):
                        story.tell(disposition)
            case "2":
                story.tell(await call.play(TONE))
            case _:
                pass
        story.tell(await call.hang_up())

    return handler


@pytest.mark.parametrize("bell", BELLS)
@pytest.mark.parametrize(
    ("whom", "told"),
    [
        ("hangup-after-1", ["1", "bridged"]),
        ("busy", ["1", "BUSY"]),
        ("", ["2", True]),
        ("", ["7"]),
    ],
)
async def test_an_ivr_is_a_coroutine(office: Office, bell: str, whom: str, told: list[object]):
    story = office.story
    async with working(office.target, menu(story, whom)):
        caller = await office.call_in(bell)
        await office.press(caller, str(told[0]))
        assert [await story.next() for _ in told] == told
        assert await story.next() == Ended("NORMAL_CLEARING")
        await office.phone.tape.event("call_ended", caller.call_id)


@pytest.mark.parametrize("bell", BELLS)
async def test_a_handler_is_cancelled_when_the_caller_hangs_up(office: Office, bell: str):
    async def handler(call: ActiveCall) -> None:
        await call.answer()
        try:
            office.story.tell(call.call_id)
            await call.collect_digits(timeout_s=60)
        finally:
            office.story.tell(call.ending)

    async with working(office.target, handler):
        caller = await office.call_in(bell)
        assert await office.story.next() == caller.call_id
        await caller.hangs_up()
        assert await office.story.next() == Ended("NORMAL_CLEARING")


@pytest.mark.parametrize("bell", BELLS)
async def test_a_handler_that_fails_leaves_the_caller_to_the_fallback(office: Office, bell: str):
    async def handler(call: ActiveCall) -> None:
        raise ValueError("a mistake")

    async with working(office.target, handler):
        await office.heard_fallback(await office.call_in(bell))


@pytest.mark.parametrize("bell", BELLS)
async def test_where_there_is_no_worker_the_fallback_is_heard(office: Office, bell: str):
    await office.heard_fallback(await office.call_in(bell))


async def test_a_call_is_released_to_another_worker(office: Office):
    async def first(call: ActiveCall) -> None:
        office.story.tell(f"first {await call.release('worker/sales')}")

    async def second(call: ActiveCall) -> None:
        office.story.tell(f"second {call.application} {await call.hang_up()}")

    async with (
        working(office.target, first),
        working(office.target, second, application="sales", name=TWO),
    ):
        await office.call_in()
        told = {await office.story.next(), await office.story.next()}
        assert told == {"first released", "second sales ended NORMAL_CLEARING"}


async def test_a_release_that_is_refused_fails_and_the_handler_and_other_calls_go_on(
    office: Office,
):
    waiting = asyncio.Event()

    async def handler(call: ActiveCall) -> None:
        await call.answer()
        if not waiting.is_set():
            waiting.set()
            office.story.tell(await call.wait_hangup())
            return
        try:
            await call.release("worker/no such name")
        except grpc.aio.AioRpcError as error:
            failure = failure_of(error)
            office.story.tell(failure.reason)
            office.story.tell([field for field, _ in failure.violations])
        office.story.tell(str(await call.release("answer@callcontrol")))

    broken: list[Failure] = []
    async with working(office.target, handler, on_break=broken.append):
        other = await office.call_in()
        await waiting.wait()
        await office.call_in()
        assert await office.story.next() == "INVALID_REQUEST"
        assert await office.story.next() == ["release.destination.worker.name"]
        assert await office.story.next() == "released"
        assert broken == []
        await other.hangs_up()
        assert isinstance(await office.story.next(), Ended)


async def test_a_worker_reads_the_events_and_headers_that_it_asked_for(office: Office):
    async def handler(call: ActiveCall) -> None:
        await call.answer()
        await call.play(TONE)
        await call.hang_up()
        async for item in call.events():
            assert isinstance(item, Event)
            office.story.tell((item.name, sorted(item.headers)))

    worker = Worker(
        office.target,
        ["ivr"],
        handler,
        name=ONE,
        event_names=["CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"],
        header_names=["Core-UUID", "Channel-State"],
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run(signals=()))
        await office.call_in()
        for name in ("CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"):
            assert await office.story.next() == (name, ["Channel-State", "Core-UUID"])
        running.cancel()


async def test_a_worker_has_all_headers_of_events_where_it_asked_for_the_full_view(office: Office):
    async def handler(call: ActiveCall) -> None:
        await call.answer()
        async for item in call.events():
            assert isinstance(item, Event)
            office.story.tell(item.headers["Event-Name"])
            office.story.tell(item.headers["variable_callcontrol_application"])
            return

    worker = Worker(
        office.target,
        ["ivr"],
        handler,
        name=ONE,
        event_names=["CHANNEL_ANSWER"],
        view=common_pb2.VIEW_FULL,
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run(signals=()))
        await office.call_in()
        assert await office.story.next() == "CHANNEL_ANSWER"
        assert await office.story.next() == "ivr"
        running.cancel()


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"event_names": ["NO_SUCH"]}, "register_worker.event_names[0]"),
        ({"header_names": ["*a"]}, "register_worker.header_names[0]"),
        ({"view": 99}, "register_worker.view"),
    ],
)
async def test_a_worker_that_asks_for_what_there_is_not_ends_with_the_field(
    office: Office, asked: dict[str, Any], field: str
):
    async def handler(call: ActiveCall) -> None:
        raise AssertionError(call)

    worker = Worker(office.target, ["ivr"], handler, name=ONE, **asked)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await worker.run(signals=())
    assert [field for field, _ in failure_of(refused.value).violations] == [field]


async def test_a_leg_that_was_called_is_handed_to_a_worker(office: Office):
    async def handler(call: ActiveCall) -> None:
        office.story.tell(call.call_id)
        office.story.tell(await call.hang_up())

    async with working(office.target, handler):
        request = pb.OriginateRequest(
            endpoints=[loopback("answer")],
            destination=call_pb2.Destination(worker=call_pb2.WorkerApplication(name="ivr")),
            wait_until=pb.WAIT_UNTIL_ANSWERED,
        )
        placed = await office.phone.calls.Originate(request, timeout=DEADLINE_S)
        assert await office.story.next() == placed.call.call_id
        assert await office.story.next() == Ended("NORMAL_CLEARING")


async def test_a_leg_that_was_called_and_that_nobody_takes_ends(office: Office):
    request = pb.OriginateRequest(
        endpoints=[loopback("answer")],
        destination=call_pb2.Destination(worker=call_pb2.WorkerApplication(name="ivr")),
        wait_until=pb.WAIT_UNTIL_ANSWERED,
    )
    placed = await office.phone.calls.Originate(request, timeout=DEADLINE_S)
    ended = await office.phone.tape.event("call_ended", placed.call.call_id)
    assert ended.call_ended.cause.name == "NORMAL_CLEARING"


async def test_a_worker_that_drains_finishes_its_call_and_takes_no_other(office: Office):
    go_on = asyncio.Event()

    async def handler(call: ActiveCall) -> None:
        office.story.tell(call.call_id)
        await go_on.wait()
        office.story.tell(await call.hang_up())

    async with working(office.target, handler) as worker:
        caller = await office.call_in()
        assert await office.story.next() == caller.call_id
        worker.drain()
        await office.heard_fallback(await office.call_in())
        go_on.set()
        assert await office.story.next() == Ended("NORMAL_CLEARING")


@pytest.mark.parametrize("bell", BELLS)
async def test_a_call_outlives_the_service_and_its_handler_goes_on(
    switch: SwitchUnderTest, bell: str
):
    story, ready, go_on = Story(), asyncio.Event(), asyncio.Event()

    async def handler(call: ActiveCall) -> None:
        await call.answer()
        story.tell(call.call_id)
        await go_on.wait()
        entry = await call.collect_digits(timeout_s=20)
        story.tell(entry.digits)
        story.tell(await call.hang_up())

    async with Scene.on(switch) as scene, asyncio.TaskGroup() as tasks:
        async with running(switch) as service:
            target = f"127.0.0.1:{service.port}"
            manners = WorkerManners(pause=soon, on_registered=ready.set)
            worker = Worker(target, ["ivr"], handler, name=ONE, manners=manners)
            working = tasks.create_task(worker.run(signals=()))
            await ready.wait()
            async with Phone.connect(target) as phone:
                caller = await Office(switch, service, phone, scene, story).call_in(bell)
                assert await story.next() == caller.call_id
        ready.clear()
        async with running(switch, service.port) as service, Phone.connect(target) as phone:
            await ready.wait()
            go_on.set()
            await Office(switch, service, phone, scene, story).press(caller, "5")
            assert await story.next() == "5"
            assert await story.next() == Ended("NORMAL_CLEARING")
        working.cancel()


async def until_found(phone: Phone, call_id: str) -> call_pb2.Call:
    """A call as it is first seen: the switch lists it some tenths of a second after it has begun
    (`show channels`).
    """
    async with asyncio.timeout(DEADLINE_S):
        while True:
            with suppress(grpc.aio.AioRpcError):
                return await phone.now(call_id)


@pytest.mark.parametrize("bell", BELLS)
async def test_two_who_speak_are_not_parted_by_a_restart_of_the_service(
    switch: SwitchUnderTest, bell: str
):
    story, ready = Story(), asyncio.Event()

    async def handler(call: ActiveCall) -> None:
        await call.answer()
        story.tell(await call.bridge(f"loopback/answer/{CONTEXT}"))
        await call.wait_unbridged()
        story.tell("parted")
        story.tell(await call.hang_up())

    async with Scene.on(switch) as scene, asyncio.TaskGroup() as tasks:
        async with running(switch) as service:
            target = f"127.0.0.1:{service.port}"
            manners = WorkerManners(pause=soon, on_registered=ready.set)
            worker = Worker(target, ["ivr"], handler, name=ONE, manners=manners)
            working = tasks.create_task(worker.run(signals=()))
            await ready.wait()
            async with Phone.connect(target) as phone:
                caller = await Office(switch, service, phone, scene, story).call_in(bell)
                bridged = await story.next()
                assert isinstance(bridged, Bridged)
        ready.clear()
        async with running(switch, service.port), Phone.connect(target) as phone:
            await ready.wait()
            partner = await until_found(phone, bridged.partner)
            assert partner.bridged_call_id == caller.call_id
            assert (await phone.now(caller.call_id)).bridged_call_id == bridged.partner
            request = pb.HangupRequest(call_id=bridged.partner)
            await phone.calls.Hangup(request, timeout=DEADLINE_S)
            assert await story.next() == "parted"
            assert await story.next() == Ended("NORMAL_CLEARING")
        working.cancel()


async def test_digits_are_collected_anew_after_a_restart_of_the_service(switch: SwitchUnderTest):
    story, ready = Story(), asyncio.Event()

    async def handler(call: ActiveCall) -> None:
        await call.answer()
        story.tell((await call.collect_digits(timeout_s=20)).digits)
        story.tell(await call.hang_up())

    async def until_collecting(caller: Caller) -> None:
        question = f"api uuid_getvar {caller.call_id} current_application"
        while await scene.watch.ask(question) != "play_and_get_digits":
            pass

    async with Scene.on(switch) as scene, asyncio.TaskGroup() as tasks:
        async with running(switch) as service:
            target = f"127.0.0.1:{service.port}"
            manners = WorkerManners(pause=soon, on_registered=ready.set, command_timeout_s=30)
            worker = Worker(target, ["ivr"], handler, name=ONE, manners=manners)
            working = tasks.create_task(worker.run(signals=()))
            await ready.wait()
            caller = await scene.call_in("bell-ivr")
            await until_collecting(caller)
        # The switch goes on to tell of what has run last, and that was the same.
        await scene.watch.ask(f"api uuid_setvar {caller.call_id} current_application nothing")
        async with running(switch, service.port), Phone.connect(target) as phone:
            await until_collecting(caller)
            request = pb.SendDtmfRequest(call_id=caller.call_id, digits="5", as_received=True)
            await phone.calls.SendDtmf(request, timeout=DEADLINE_S)
            assert await story.next() == "5"
            assert await story.next() == Ended("NORMAL_CLEARING")
        working.cancel()


@pytest.mark.parametrize("bell", BELLS)
async def test_a_call_goes_with_its_worker_to_another_replica(switch: SwitchUnderTest, bell: str):
    story, ready, go_on = Story(), asyncio.Event(), asyncio.Event()
    port = free_port()

    async def handler(call: ActiveCall) -> None:
        await call.answer()
        story.tell(call.call_id)
        await go_on.wait()
        entry = await call.collect_digits(timeout_s=20)
        story.tell(entry.digits)
        story.tell(await call.hang_up())

    async with Scene.on(switch) as scene, asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        async with running(switch) as leaving:
            target = f"ipv4:127.0.0.1:{leaving.port},127.0.0.1:{port}"
            manners = WorkerManners(pause=soon, on_registered=ready.set)
            worker = Worker(target, ["ivr"], handler, name=ONE, manners=manners)
            working = tasks.create_task(worker.run(signals=()))
            await ready.wait()
            async with Phone.connect(f"127.0.0.1:{leaving.port}") as phone:
                caller = await Office(switch, leaving, phone, scene, story).call_in(bell)
                assert await story.next() == caller.call_id
                other = await stack.enter_async_context(running(switch, port))
            ready.clear()
        await ready.wait()
        async with Phone.connect(f"127.0.0.1:{port}") as phone:
            go_on.set()
            await Office(switch, other, phone, scene, story).press(caller, "5")
            assert await story.next() == "5"
            assert await story.next() == Ended("NORMAL_CLEARING")
        working.cancel()
