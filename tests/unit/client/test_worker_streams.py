"""What a worker does when its stream breaks, moves or is to end."""

import asyncio
import logging
import os
import signal
from contextlib import suppress

import grpc
import grpc.aio
import pytest
from tests.support.fake_handing import (
    HandingService,
    Refusal,
    Said,
    event,
    handing_service,
)
from tests.support.workers import MANNERS, Story, soon, with_a_call, working

from callcontrol.client.call_handler import Handler
from callcontrol.client.failure import Failure
from callcontrol.client.worker import (
    ActiveCall,
    Ended,
    Left,
    Lost,
    Released,
    Worker,
    WorkerManners,
)
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1.call_pb2 import Call
from callcontrol.v1.event_pb2 import Event
from callcontrol.v1.event_service_pb2 import Gap

BROKEN = Refusal(grpc.StatusCode.UNAVAILABLE)


def teller(story: Story) -> Handler:
    """A handler that is cancelled at the end, and tells why."""

    async def handler(call: ActiveCall) -> None:
        story.tell(f"begin {call.call_id}")
        try:
            await asyncio.Event().wait()
        finally:
            story.tell(f"{call.call_id}: {call.ending}")

    return handler


@pytest.mark.parametrize("end", [None, BROKEN, Refusal(grpc.StatusCode.INTERNAL)])
async def test_a_worker_whose_stream_ends_asks_for_its_calls_with_the_newest_token(
    service: HandingService, story: Story, end: Refusal | None
):
    async def handler(call: ActiveCall) -> None:
        async for item in call.events():
            story.tell(item.event_id if isinstance(item, Event) else item)

    told, missed = event("a"), event("a")
    async with with_a_call(service, handler) as door:
        door.tell(told, token="t1")
        assert await story.next() == told.event_id
        door.end(end)
        again = await service.door()
        registration = await again.welcome()
        assert registration == pb.RegisterWorker(
            worker_name="w-1",
            applications=["ivr"],
            max_calls=7,
            resume_call_ids=["a"],
            resume_token="t1",
        )
        again.assign("a")
        again.tell(told, missed)
        assert await story.next() == missed.event_id


async def test_a_handler_goes_on_while_the_stream_is_broken(service: HandingService, story: Story):
    async def handler(call: ActiveCall) -> None:
        await call.wait_hangup()
        story.tell(call.ending)

    async with with_a_call(service, handler) as door:
        door.end(BROKEN)
        again = await service.door()
        await again.welcome()
        again.assign("a")
        again.release("a", "NORMAL_CLEARING")
        assert await story.next() == Ended("NORMAL_CLEARING")


async def test_a_call_that_is_not_given_back_is_cancelled_as_lost(
    service: HandingService, story: Story
):
    async with with_a_call(service, teller(story)) as door:
        door.end(BROKEN)
        again = await service.door()
        await again.welcome()
        again.release("a")
        assert [await story.next(), await story.next()] == ["begin a", f"a: {Lost()}"]


async def test_a_call_of_which_nothing_comes_within_the_window_is_lost(
    service: HandingService, story: Story
):
    async with with_a_call(service, teller(story)) as door:
        door.end(BROKEN)
        await (await service.door()).welcome(window_s=0)
        assert [await story.next(), await story.next()] == ["begin a", f"a: {Lost()}"]


async def test_a_call_that_ended_meanwhile_has_its_cause(service: HandingService, story: Story):
    async with with_a_call(service, teller(story)) as door:
        door.end(BROKEN)
        again = await service.door()
        await again.welcome()
        again.release("a", "NORMAL_CLEARING")
        told = [await story.next(), await story.next()]
        assert told == ["begin a", f"a: {Ended('NORMAL_CLEARING')}"]


async def test_a_call_whose_assignment_was_lost_begins_when_it_is_given_back(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        story.tell((call.application, call.call_id, dict(call.variables)))
        await call.wait_hangup()

    async with working(service, handler):
        door = await service.door()
        await door.welcome()
        offered = Call(call_id="a", variables={"language": "de"})
        door.say(Said(offer=pb.OfferCall(offer_id="o", application="ivr", call=offered)))
        await door.hear("accept")
        door.end(BROKEN)
        again = await service.door()
        assert (await again.welcome()).resume_call_ids == ["a"]
        again.assign("a")
        assert await story.next() == ("ivr", "a", {"language": "de"})


async def test_an_offer_that_was_withdrawn_is_not_asked_for(service: HandingService, story: Story):
    async with working(service, teller(story)):
        door = await service.door()
        await door.welcome()
        offer = pb.OfferCall(offer_id="o", application="ivr", call=Call(call_id="a"))
        door.say(Said(offer=offer))
        await door.hear("accept")
        door.say(Said(withdraw=pb.WithdrawOffer(offer_id="o")))
        door.end(BROKEN)
        again = await service.door()
        assert not (await again.welcome()).resume_call_ids


async def test_what_was_to_be_released_is_released_again(service: HandingService, story: Story):
    async def handler(call: ActiveCall) -> None:
        story.tell(await call.release("4711@default"))

    async with with_a_call(service, handler) as door:
        await door.hear("release")
        door.end(BROKEN)
        again = await service.door()
        await again.welcome()
        again.assign("a")
        release = (await again.hear("release")).release
        assert (release.call_id, release.destination.extension.extension) == ("a", "4711")
        again.release("a")
        assert str(await story.next()) == "released"


async def test_what_is_released_while_the_call_is_away_is_said_once_it_is_back(
    service: HandingService, story: Story
):
    go_on = asyncio.Event()

    async def handler(call: ActiveCall) -> None:
        await go_on.wait()
        story.tell("released now")
        story.tell(await call.release())

    async with with_a_call(service, handler) as door:
        door.end(BROKEN)
        again = await service.door()
        await again.welcome()
        again.say(Said(offer=pb.OfferCall(offer_id="o", application="ivr", call=Call(call_id="b"))))
        await again.hear("accept")  # so it knows that it is registered
        go_on.set()
        assert await story.next() == "released now"
        again.assign("a")
        assert (await again.hear("release")).release.call_id == "a"
        again.release("a")
        assert await story.next() == Released()
        assert again.heard.empty()


async def test_a_release_that_is_refused_is_not_said_again(service: HandingService, story: Story):
    async def handler(call: ActiveCall) -> None:
        with suppress(grpc.aio.AioRpcError):
            await call.release("nowhere")
        story.tell("refused")
        story.tell(await call.wait_hangup())

    async with with_a_call(service, handler) as door:
        await door.hear("release")
        door.refuse("a")
        assert await story.next() == "refused"
        door.end(BROKEN)
        again = await service.door()
        await again.welcome()
        again.assign("a")
        again.release("a", "NORMAL_CLEARING")
        assert await story.next() == Ended("NORMAL_CLEARING")
        assert again.heard.empty()


async def test_a_token_that_another_replica_cannot_read_is_dropped_and_told_as_a_gap(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        async for item in call.events():
            story.tell(item)

    unreadable = Refusal(grpc.StatusCode.INVALID_ARGUMENT, "RESUME_TOKEN_INVALID")
    async with with_a_call(service, handler) as door:
        door.end(BROKEN)
        (await service.door()).end(unreadable)
        again = await service.door()
        assert not (await again.welcome()).resume_token
        assert await story.next() == Gap(reason=Gap.REASON_HISTORY_EXPIRED)


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED])
async def test_a_worker_gives_up_where_the_server_would_say_the_same_again(
    service: HandingService, story: Story, code: grpc.StatusCode
):
    worker = Worker(service.target, ["ivr"], teller(story), name="w-1", manners=MANNERS)
    running = asyncio.ensure_future(worker.run(signals=()))
    door = await service.door()
    await door.welcome()
    await door.give("a")
    assert await story.next() == "begin a"
    door.end(BROKEN)
    (await service.door()).end(Refusal(code))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await running
    assert caught.value.code() is code
    assert await story.next() == f"a: {Left()}"


async def test_at_a_drain_of_the_replica_the_next_stream_is_open_before_the_old_one_is_left(
    service: HandingService, story: Story
):
    async with with_a_call(service, teller(story)) as door:
        door.say(Said(drain=pb.DrainStream(), resume_token="t9"))
        follower = await service.door()
        assert not door.is_over.is_set()
        registration = await follower.welcome()
        assert registration.resume_call_ids == ["a"]
        assert registration.resume_token == "t9"
        await door.until_gone()
        follower.assign("a")
        await follower.give("b")
        told = [await story.next(), await story.next()]
        assert told == ["begin a", "begin b"]


async def test_where_no_other_replica_takes_it_a_worker_reads_the_old_stream_to_its_end(
    service: HandingService, story: Story
):
    async with with_a_call(service, teller(story)) as door:
        door.say(Said(drain=pb.DrainStream()))
        (await service.door()).end(BROKEN)
        door.release("a", "NORMAL_CLEARING")
        told = [await story.next(), await story.next()]
        assert told == ["begin a", f"a: {Ended('NORMAL_CLEARING')}"]
        door.end(BROKEN)
        assert not (await (await service.door()).welcome()).resume_call_ids


async def test_a_worker_that_drains_takes_no_more_and_ends_with_its_last_call(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        story.tell(await call.wait_hangup())

    broken: list[Failure] = []
    manners = WorkerManners(pause=soon, on_break=broken.append)
    worker = Worker(service.target, ["ivr"], handler, name="w-1", manners=manners)
    running = asyncio.ensure_future(worker.run(signals=()))
    door = await service.door()
    await door.welcome()
    await door.give("a")
    worker.drain()
    await door.hear("drain")
    offer = pb.OfferCall(offer_id="o", application="ivr", call=Call(call_id="b"))
    door.say(Said(offer=offer))
    assert (await door.hear("reject")).reject == pb.RejectCall(offer_id="o")
    door.release("a", "NORMAL_CLEARING")
    assert await story.next() == Ended("NORMAL_CLEARING")
    door.end()
    await running
    assert not broken


async def test_a_stream_that_broke_is_logged_where_nobody_is_told(
    service: HandingService, story: Story, caplog: pytest.LogCaptureFixture
):
    async with with_a_call(service, teller(story)) as door:
        door.end(BROKEN)
        await (await service.door()).welcome()
    [record] = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert "UNAVAILABLE" in record.getMessage()


async def test_a_worker_that_drains_says_so_again_on_the_next_stream(
    service: HandingService, story: Story
):
    worker = Worker(
        service.target,
        ["ivr"],
        teller(story),
        name="w",
        manners=MANNERS,
    )
    running = asyncio.ensure_future(worker.run(signals=()))
    door = await service.door()
    await door.welcome()
    await door.give("a")
    worker.drain()
    await door.hear("drain")
    door.end(BROKEN)
    again = await service.door()
    await again.welcome()
    again.assign("a")
    await again.hear("drain")
    again.release("a", "NORMAL_CLEARING")
    again.end()
    await running


async def test_calls_that_are_left_at_the_end_of_the_grace_are_cancelled_and_not_touched(
    service: HandingService, story: Story
):
    worker = Worker(
        service.target,
        ["ivr"],
        teller(story),
        name="w",
        manners=MANNERS,
    )
    running = asyncio.ensure_future(worker.run(signals=()))
    door = await service.door()
    await door.welcome()
    await door.give("a")
    assert await story.next() == "begin a"
    worker.drain(grace_s=0.01)
    await running
    assert await story.next() == f"a: {Left()}"
    assert service.commands.empty()


async def test_a_worker_without_calls_and_without_a_service_drains_at_once(story: Story):
    async with handing_service() as gone:
        target = gone.target
    broke = asyncio.Event()
    manners = WorkerManners(pause=soon, on_break=lambda _: broke.set())
    worker = Worker(target, ["ivr"], teller(story), name="w", manners=manners)
    running = asyncio.ensure_future(worker.run(signals=()))
    await broke.wait()
    worker.drain()
    async with asyncio.timeout(5):
        await running


async def test_the_first_signal_drains_and_the_second_ends(service: HandingService, story: Story):
    drained = asyncio.Event()
    manners = WorkerManners(pause=soon, on_drain=drained.set)
    worker = Worker(
        service.target,
        ["ivr"],
        teller(story),
        name="w",
        manners=manners,
    )
    running = asyncio.ensure_future(worker.run(signals=[signal.SIGUSR1]))
    door = await service.door()
    await door.welcome()
    await door.give("a")
    assert await story.next() == "begin a"
    os.kill(os.getpid(), signal.SIGUSR1)
    await drained.wait()
    await door.hear("drain")
    door.release("a", "NORMAL_CLEARING")
    assert await story.next() == f"a: {Ended('NORMAL_CLEARING')}"
    door.end()
    await running


async def test_a_handler_has_its_time_to_clean_up_when_the_worker_is_cancelled(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        story.tell("begun")
        try:
            await asyncio.Event().wait()
        finally:
            await soon(1)
            story.tell("cleaned up")

    async with with_a_call(service, handler):
        assert await story.next() == "begun"
    assert await story.next() == "cleaned up"


async def test_a_silent_stream_is_taken_for_dead(
    service: HandingService, story: Story, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("callcontrol.client.patient_stream.LEAST_SILENCE_S", 0.05)
    monkeypatch.setattr("callcontrol.client.patient_stream.MISSED_HEARTBEATS", 0)
    async with with_a_call(service, teller(story)) as door:
        again = await service.door()
        assert (await again.hear("register_worker")).register_worker.resume_call_ids == ["a"]
        await door.until_gone()
