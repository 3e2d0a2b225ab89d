"""HandleCalls on a switch: calls that a dialplan hands over are offered, taken, driven by the usual
methods, given back, and never lost. By both doorbells, on the simulator and on a real FreeSWITCH.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import grpc
import grpc.aio
import pytest
from tests.contract.handling_hall import (
    BELLS,
    Hall,
    Place,
    event,
    take,
    until_released,
)
from tests.contract.phone import DEADLINE_S, extension, new_id
from tests.contract.switch_under_test import SwitchUnderTest
from tests.support.handling import HandledStream

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1 import call_pb2, common_pb2

pytestmark = pytest.mark.parametrize("bell", BELLS)
CONFIRMED = common_pb2.CONFIRMATION_CONFIRMED


def application(name: str, data: str) -> call_pb2.Destination:
    """An application that is run on the call."""
    items = [call_pb2.Application(name=name, data=data)]
    return call_pb2.Destination(applications=call_pb2.Applications(items=items))


@pytest.fixture
async def hall(switch: SwitchUnderTest) -> AsyncIterator[Hall]:
    async with Hall.open(switch) as hall:
        yield hall


async def test_a_call_is_offered_taken_driven_and_told_of_to_its_end(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker()
    caller = await hall.call_in(bell)
    offer = await take(worker, caller)
    assert (offer.application, offer.attempt, offer.timeout.ToSeconds()) == ("menu", 0, 5)
    assert offer.call.variables["callcontrol_application"] == "menu"
    calls, call_id = hall.place.phone.calls, caller.call_id

    answered = await calls.Answer(calls_pb2.AnswerRequest(call_id=call_id), timeout=DEADLINE_S)
    assert answered.status.confirmation == CONFIRMED
    answer = await event(worker, "call_state_changed")
    assert answer.call_id == call_id
    tone = common_pb2.MediaSource(tone_stream="%(200,0,440)")
    played = await calls.Play(
        calls_pb2.PlayRequest(call_id=call_id, sources=[tone]), timeout=DEADLINE_S
    )
    assert played.status.confirmation == CONFIRMED
    await event(worker, "playback_started")
    await event(worker, "playback_stopped")
    await caller.hangs_up()

    events, told = await until_released(worker, caller)
    assert {each.call_id for each in events} == {call_id}
    assert [each.name for each in events][-1:] != ["CHANNEL_DESTROY"]
    assert "call_ended" in [each.WhichOneof("payload") for each in events]
    assert told.hangup_cause.name


async def test_without_a_worker_a_call_goes_on_with_its_dialplan(hall: Hall, bell: str) -> None:
    caller = await hall.call_in(bell)
    await hall.scene.goes_on(caller)


async def test_a_call_that_nobody_may_have_goes_on_with_its_dialplan(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker()
    caller = await hall.call_in(bell)
    offer = (await worker.read("offer")).offer
    await worker.say(reject=pb.RejectCall(offer_id=offer.offer_id, final=True))
    await hall.scene.goes_on(caller)


async def test_who_is_refused_by_one_worker_is_offered_to_the_next(hall: Hall, bell: str) -> None:
    first = await hall.place.worker(worker_name="ann")
    second = await hall.place.worker(worker_name="bob")
    caller = await hall.call_in(bell)
    offer = (await first.read("offer")).offer
    await first.say(reject=pb.RejectCall(offer_id=offer.offer_id))
    assert (await take(second, caller)).attempt == 1


async def test_an_offer_that_is_not_answered_is_withdrawn_and_made_to_another(
    switch: SwitchUnderTest, bell: str
) -> None:
    async with Hall.open(switch, outbound_offer_timeout_s=0.3) as hall:
        silent = await hall.place.worker(worker_name="ann")
        other = await hall.place.worker(worker_name="bob")
        caller = await hall.call_in(bell)
        offer = (await silent.read("offer")).offer
        assert (await silent.read("withdraw")).withdraw.offer_id == offer.offer_id
        await take(other, caller)
        await silent.say(accept=pb.AcceptCall(offer_id=offer.offer_id))
        await silent.say(drain=pb.DrainWorker())
        await silent.ends_well()


async def test_who_hangs_up_before_the_accept_is_withdrawn(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker()
    caller = await hall.call_in(bell)
    offer = (await worker.read("offer")).offer
    await caller.hangs_up()
    assert (await worker.read("withdraw")).withdraw.offer_id == offer.offer_id


async def test_a_call_waits_for_a_worker_as_long_as_the_operator_says(
    switch: SwitchUnderTest, bell: str
) -> None:
    async with Hall.open(switch, outbound_offer_wait_s=20) as hall:
        caller = await hall.call_in(bell)
        await hall.scene.time_passes()
        await take(await hall.place.worker(), caller)


async def test_a_call_that_is_released_goes_on_with_its_dialplan(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker()
    caller = await hall.owned(bell, worker)
    await worker.say(release=pb.ReleaseCall(call_id=caller.call_id))
    _, told = await until_released(worker, caller)
    assert not told.HasField("hangup_cause")
    await hall.scene.goes_on(caller)


async def test_a_call_is_released_to_another_place(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker()
    caller = await hall.owned(bell, worker)
    release = pb.ReleaseCall(call_id=caller.call_id, destination=extension("answer"))
    await worker.say(release=release)
    await until_released(worker, caller)
    await hall.scene.saw(caller, "CHANNEL_ANSWER")


@pytest.mark.parametrize(
    ("destination", "code", "field"),
    [
        (extension("no such number"), "INVALID_ARGUMENT", "destination.extension.extension"),
        (call_pb2.Destination(), "INVALID_ARGUMENT", "destination"),
        (application("system", "true"), "PERMISSION_DENIED", ""),
    ],
    ids=["malformed", "nowhere", "not allowed"],
)
async def test_a_call_that_cannot_go_where_it_is_released_to_stays_its_workers_and_so_do_others(
    hall: Hall, bell: str, destination: call_pb2.Destination, code: str, field: str
) -> None:
    # Of other events than these nothing is told, so that what is read is what is waited for.
    worker = await hall.place.worker(event_names=["CHANNEL_ANSWER", "CHANNEL_HANGUP"])
    caller, other = await hall.owned(bell, worker), await hall.owned(bell, worker)
    await worker.say(release=pb.ReleaseCall(call_id=caller.call_id, destination=destination))
    refused = (await worker.read("release_refused")).release_refused
    assert refused.call_id == caller.call_id
    assert refused.code == grpc.StatusCode[code].value[0]
    fields = [each.field for each in refused.violations]
    assert fields == ([f"release.{field}"] if field else [])

    request = calls_pb2.AnswerRequest(call_id=caller.call_id)
    answered = await hall.place.phone.calls.Answer(request, timeout=DEADLINE_S)
    assert answered.status.confirmation == CONFIRMED
    await event(worker, "call_state_changed")
    for each in (caller, other):
        await each.hangs_up()
        await until_released(worker, each)


async def test_a_call_that_is_released_to_a_park_stays_there(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker()
    caller = await hall.owned(bell, worker)
    await hall.scene.saw(caller, "CHANNEL_PARK")
    parked = call_pb2.Destination(park=call_pb2.Park())
    await worker.say(release=pb.ReleaseCall(call_id=caller.call_id, destination=parked))
    await until_released(worker, caller)
    await hall.scene.saw(caller, "CHANNEL_PARK")
    for _ in range(3):
        await hall.scene.time_passes()
    assert "CHANNEL_HANGUP" not in hall.scene.names(caller)


async def test_a_call_that_fell_back_can_be_parked_by_a_client(hall: Hall, bell: str) -> None:
    caller = await hall.call_in(bell)
    await hall.scene.goes_on(caller)
    await hall.scene.saw(caller, "CHANNEL_EXECUTE", "playback")
    request = calls_pb2.TransferRequest(
        call_id=caller.call_id, destination=call_pb2.Destination(park=call_pb2.Park())
    )
    await hall.place.phone.calls.Transfer(request, timeout=DEADLINE_S)
    for _ in range(3):
        await hall.scene.time_passes()
    assert "CHANNEL_HANGUP" not in hall.scene.names(caller)


async def test_a_call_is_handed_from_worker_to_worker(hall: Hall, bell: str) -> None:
    menu = await hall.place.worker(worker_name="ann")
    queue = await hall.place.worker(worker_name="bob", applications=["queue"])
    caller = await hall.owned(bell, menu)
    next_one = call_pb2.Destination(worker=call_pb2.WorkerApplication(name="queue"))
    await menu.say(release=pb.ReleaseCall(call_id=caller.call_id, destination=next_one))
    await until_released(menu, caller)
    assert (await take(queue, caller)).application == "queue"


async def test_what_is_not_a_workers_is_released_again(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker()
    for call_id in (new_id(), bell):
        await worker.say(release=pb.ReleaseCall(call_id=call_id))
        told = (await worker.read("released")).released
        assert (told.call_id, told.HasField("hangup_cause")) == (call_id, False)


async def test_a_stream_that_broke_is_opened_again_and_nothing_was_missed(
    hall: Hall, bell: str
) -> None:
    worker = await hall.place.worker()
    caller = await hall.owned(bell, worker)
    calls, call_id = hall.place.phone.calls, caller.call_id
    await calls.Answer(calls_pb2.AnswerRequest(call_id=call_id), timeout=DEADLINE_S)
    seen = [each.event_id for each in (await worker.read("events")).events.events]
    token = worker.token
    worker.call.cancel()
    play = calls_pb2.PlayRequest(
        call_id=call_id, sources=[common_pb2.MediaSource(tone_stream="%(100,0,440)")]
    )
    await calls.Play(play, timeout=DEADLINE_S)

    again = HandledStream.open(hall.place.phone.channel)
    await again.register(resume_call_ids=[call_id], resume_token=token)
    assert (await again.read("assigned")).assigned.call.call_id == call_id
    started = await event(again, "playback_started")
    assert started.event_id not in seen
    await caller.hangs_up()
    events, _ = await until_released(again, caller)
    assert "call_ended" in [each.WhichOneof("payload") for each in events]


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        (pb.LOST_WORKER_POLICY_OFFER_AGAIN, "offer"),
        (pb.LOST_WORKER_POLICY_CONTINUE_DIALPLAN, "dialplan"),
        (pb.LOST_WORKER_POLICY_HANGUP, "end"),
    ],
)
async def test_a_call_of_a_worker_that_does_not_come_back_goes_as_it_said(
    switch: SwitchUnderTest, bell: str, policy: int, what: str
) -> None:
    async with Hall.open(switch, worker_resume_window_s=0.5) as hall:
        worker = await hall.place.worker(lost_worker_policy=policy)
        caller = await hall.owned(bell, worker)
        worker.call.cancel()
        match what:
            case "offer":
                await take(await hall.place.worker(worker_name="bob"), caller)
            case "dialplan":
                await hall.scene.goes_on(caller)
            case _:
                await hall.scene.saw(caller, "CHANNEL_HANGUP_COMPLETE")


async def test_a_worker_that_drains_ends_its_calls_and_gets_no_more(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker()
    caller = await hall.owned(bell, worker)
    await worker.say(drain=pb.DrainWorker())
    other = await hall.place.worker(worker_name="bob")
    await take(other, await hall.call_in(bell))
    await caller.hangs_up()
    await until_released(worker, caller)
    await worker.ends_well()


async def test_a_call_outlives_the_service_and_comes_back_to_its_worker(
    switch: SwitchUnderTest, bell: str
) -> None:
    async with Hall.open(switch) as hall:
        async with Place.open(switch) as first:
            worker = await first.worker()
            caller = await Hall(first, hall.scene).owned(bell, worker)
            token = worker.token
        again = HandledStream.open(hall.place.phone.channel)
        async with asyncio.timeout(DEADLINE_S):
            await again.register(resume_call_ids=[caller.call_id], resume_token=token)
            assigned = (await again.read("assigned")).assigned
        assert assigned.call.call_id == caller.call_id
        request = calls_pb2.AnswerRequest(call_id=caller.call_id)
        answered = await hall.place.phone.calls.Answer(request, timeout=DEADLINE_S)
        assert answered.status.confirmation == CONFIRMED
        await again.say(release=pb.ReleaseCall(call_id=caller.call_id))
        await until_released(again, caller)
        await hall.scene.goes_on(caller)


async def test_of_two_replicas_one_offers_a_call(switch: SwitchUnderTest, bell: str) -> None:
    async with Hall.open(switch) as hall, Place.open(switch) as other:
        here = await hall.place.worker(worker_name="ann")
        there = await other.worker(worker_name="bob")
        caller = await hall.call_in(bell)
        reads = [asyncio.create_task(each.call.read()) for each in (here, there)]
        done, waiting = await asyncio.wait(
            reads, timeout=DEADLINE_S, return_when=asyncio.FIRST_COMPLETED
        )
        assert len(done) == 1
        await hall.scene.time_passes()
        assert not any(each.done() for each in waiting)
        told = done.pop().result()
        assert isinstance(told, pb.HandleCallsResponse)
        assert told.offer.call.call_id == caller.call_id
        for each in waiting:
            each.cancel()


async def test_a_leg_that_was_placed_is_handed_to_a_worker(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker(applications=[bell])
    destination = call_pb2.Destination(worker=call_pb2.WorkerApplication(name=bell))
    call_id = await placed(hall, destination)
    offer = (await worker.read("offer")).offer
    assert (offer.application, offer.call.call_id) == (bell, call_id)
    assert offer.call.callee.number == "answer"
    await worker.say(reject=pb.RejectCall(offer_id=offer.offer_id, final=True))


async def test_a_call_is_offered_with_what_its_dialplan_has_just_set(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker()
    call_id = await placed(hall, extension(hall.number(bell)))
    offer = (await worker.read("offer")).offer
    assert offer.call.call_id == call_id
    assert offer.call.variables["callcontrol_application"] == "menu"
    await worker.say(reject=pb.RejectCall(offer_id=offer.offer_id, final=True))


async def test_a_leg_that_was_placed_for_workers_ends_where_none_takes_it(
    hall: Hall, bell: str
) -> None:
    destination = call_pb2.Destination(worker=call_pb2.WorkerApplication(name=bell))
    call_id = await placed(hall, destination)
    await hall.scene.watch.event(Event_Name="CHANNEL_HANGUP", Unique_ID=call_id)


async def placed(hall: Hall, destination: call_pb2.Destination) -> str:
    """A call that was answered and goes there."""
    phone = hall.place.phone
    response = await phone.originate(
        call_pb2.Endpoint(loopback=call_pb2.Loopback(extension="answer", context="callcontrol")),
        destination=destination,
    )
    return response.call.call_id


async def test_a_worker_goes_on_at_another_replica_with_what_it_missed(
    switch: SwitchUnderTest, bell: str
) -> None:
    async with Hall.open(switch) as hall, Place.open(switch) as other:
        worker = await hall.place.worker()
        caller = await hall.owned(bell, worker)
        calls, call_id = hall.place.phone.calls, caller.call_id
        await calls.Answer(calls_pb2.AnswerRequest(call_id=call_id), timeout=DEADLINE_S)
        await event(worker, "call_state_changed")
        worker.call.cancel()
        tone = common_pb2.MediaSource(tone_stream="%(100,0,440)")
        play = calls_pb2.PlayRequest(call_id=call_id, sources=[tone])
        await calls.Play(play, timeout=DEADLINE_S)

        again = HandledStream.open(other.phone.channel)
        await again.register(resume_call_ids=[call_id], resume_token=worker.token)
        assert (await again.read("assigned")).assigned.call.call_id == call_id
        await event(again, "playback_started")
        await again.say(release=pb.ReleaseCall(call_id=call_id))
        await until_released(again, caller)
        await hall.scene.goes_on(caller)


async def test_a_stream_that_is_held_to_be_open_keeps_no_call_from_its_worker(
    hall: Hall, bell: str
) -> None:
    worker = await hall.place.worker()
    caller = await hall.owned(bell, worker)
    again = HandledStream.open(hall.place.phone.channel)
    await again.register(resume_call_ids=[caller.call_id], resume_token=worker.token)
    assert (await again.read("assigned")).assigned.call.call_id == caller.call_id
    _, told = await until_released(worker, caller)
    assert not told.HasField("hangup_cause")
    await caller.hangs_up()
    await until_released(again, caller)


async def test_a_worker_is_given_no_more_calls_than_it_can_take(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker(max_calls=1)
    other = await hall.place.worker(worker_name="bob")
    await hall.owned(bell, worker)
    await take(other, await hall.call_in(bell))


async def test_a_worker_says_how_much_more_it_can_take(hall: Hall, bell: str) -> None:
    worker = await hall.place.worker()
    await worker.say(update_capacity=pb.UpdateCapacity(available=0))
    await worker.say(release=pb.ReleaseCall(call_id=new_id()))
    await worker.read("released")
    other = await hall.place.worker(worker_name="bob")
    await take(other, await hall.call_in(bell))


async def test_a_replica_that_goes_lets_its_workers_take_their_calls_along(
    switch: SwitchUnderTest, bell: str
) -> None:
    async with Hall.open(switch) as hall, AsyncExitStack() as stack:
        going = await stack.enter_async_context(Place.open(switch, worker_drain_s=20))
        target = f"127.0.0.1:{going.service.port}"
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(target))
        worker = HandledStream.open(channel)
        await worker.register()
        caller = await Hall(going, hall.scene).owned(bell, worker)
        closing = asyncio.create_task(going.leave(), name="a replica goes")
        assert (await worker.read("drain")).drain.grace.ToSeconds() == 20

        again = HandledStream.open(hall.place.phone.channel)
        await again.register(resume_call_ids=[caller.call_id], resume_token=worker.token)
        assert (await again.read("assigned")).assigned.call.call_id == caller.call_id
        worker.call.cancel()
        async with asyncio.timeout(DEADLINE_S):
            await closing
        await hall.scene.time_passes()
        await caller.hangs_up()
        events, _ = await until_released(again, caller)
        assert "call_ended" in [each.WhichOneof("payload") for each in events]
