"""A worker: a coroutine for each call that a service hands it, as a test says."""

import asyncio
import logging
from contextlib import suppress

import grpc
import grpc.aio
import pytest
from tests.support.fake_handing import (
    PARTNER,
    PLAYBACK,
    HandingService,
    Refusal,
    Said,
    event,
    parted,
    played,
)
from tests.support.workers import Story, soon, with_a_call, working

from callcontrol.client.call_outcomes import Bridged, Entry, NotBridged
from callcontrol.client.failure import Failure, failure_of
from callcontrol.client.worker import (
    ActiveCall,
    CallIsOver,
    Ended,
    OnFailure,
    Released,
    WorkerManners,
)
from callcontrol.v1 import call_control_service_pb2 as calls_pb
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1.call_pb2 import Call
from callcontrol.v1.common_pb2 import HangupCause
from callcontrol.v1.event_pb2 import CallStateChanged, DtmfReceived, Event
from callcontrol.v1.event_service_pb2 import Gap

GONE = Refusal(grpc.StatusCode.FAILED_PRECONDITION, "CALL_ENDED")
BROKEN = Refusal(grpc.StatusCode.UNAVAILABLE)


async def test_a_worker_registers_with_what_it_serves_and_takes_what_it_is_offered(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        story.tell((call.application, call.call_id, dict(call.variables)))
        await call.wait_hangup()

    async with working(service, handler):
        door = await service.door()
        assert await door.welcome() == pb.RegisterWorker(
            worker_name="w-1", applications=["ivr"], max_calls=7
        )
        await door.give("a", language="de")
        assert await story.next() == ("ivr", "a", {"language": "de"})


async def test_verbs_are_the_methods_of_the_api(service: HandingService, story: Story):
    async def handler(call: ActiveCall) -> None:
        await call.answer()
        story.tell(await call.play("tone_stream://%(100,0,440)", "/srv/a.wav"))
        story.tell(await call.collect_digits(prompt="/srv/menu.wav", max_digits=4))
        story.tell(await call.bridge("user/1000", ring_timeout_s=5))
        story.tell(await call.bridge("user/1001"))
        await call.set_variables(a="b")
        story.tell(dict(await call.get_variables("a")))
        await call.wait_unbridged()
        story.tell(await call.hang_up("USER_BUSY"))

    service.answers["Play"] = calls_pb.PlayResponse(playback_id=PLAYBACK)
    service.answers["CollectDigits"] = calls_pb.CollectDigitsResponse(
        result=calls_pb.CollectDigitsResponse.RESULT_COLLECTED, digits="123", terminator="#"
    )
    busy, answered = calls_pb.DISPOSITION_BUSY, calls_pb.DISPOSITION_ANSWERED
    async with with_a_call(service, handler) as door:
        assert await service.command("Answer") == calls_pb.AnswerRequest(call_id="a")
        play = await service.command("Play")
        assert isinstance(play, calls_pb.PlayRequest)
        assert [s.tone_stream or s.uri for s in play.sources] == ["%(100,0,440)", "/srv/a.wav"]
        door.tell(*played("a"))
        assert await story.next() is True
        collect = await service.command("CollectDigits")
        assert isinstance(collect, calls_pb.CollectDigitsRequest)
        assert (collect.max_digits, collect.timeout.seconds) == (4, 5)
        service.answers["DialAndBridge"] = calls_pb.DialAndBridgeResponse(
            disposition=busy, hangup_cause=HangupCause(name="USER_BUSY")
        )
        assert await story.next() == Entry("123", "COLLECTED", "#")
        bridge = await service.command("DialAndBridge")
        assert isinstance(bridge, calls_pb.DialAndBridgeRequest)
        assert (bridge.endpoints[0].user.id, bridge.ring_timeout.seconds) == ("1000", 5)
        service.answers["DialAndBridge"] = calls_pb.DialAndBridgeResponse(
            disposition=answered, legs=[calls_pb.DialledLeg(call_id=PARTNER, disposition=answered)]
        )
        assert await story.next() == NotBridged("BUSY", "USER_BUSY")
        await service.command("DialAndBridge")
        assert await story.next() == Bridged(PARTNER)
        service.answers["GetVariables"] = calls_pb.GetVariablesResponse(variables={"a": "b"})
        await service.command("SetVariables")
        await service.command("GetVariables")
        assert await story.next() == {"a": "b"}
        door.tell(parted("a"))
        hangup = await service.command("Hangup")
        assert hangup == calls_pb.HangupRequest(call_id="a", cause="USER_BUSY")
        door.release("a", "USER_BUSY")
        assert await story.next() == Ended("USER_BUSY")


async def test_a_handler_is_cancelled_when_the_caller_hangs_up_and_may_wait_in_its_finally(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            story.tell(call.ending)

    async with with_a_call(service, handler) as door:
        door.release("a", "ORIGINATOR_CANCEL")
        assert await story.next() == Ended("ORIGINATOR_CANCEL")


async def test_what_is_to_be_done_afterwards_is_done_however_a_handler_ends(
    service: HandingService, story: Story
):
    async def keep_record() -> None:
        await asyncio.sleep(0)
        story.tell("record")

    async def close_account() -> None:
        story.tell("account")

    async def handler(call: ActiveCall) -> None:
        call.afterwards += [keep_record, close_account]
        await call.play("/srv/a.wav")

    async with with_a_call(service, handler) as door:
        await service.command("Play")
        door.release("a", "NORMAL_CLEARING")
        assert [await story.next(), await story.next()] == ["account", "record"]


@pytest.mark.parametrize("wait", ["hang_up", "wait_hangup", "release", "events"])
async def test_a_handler_that_waits_for_the_end_is_told_and_not_cancelled(
    service: HandingService, story: Story, wait: str
):
    async def handler(call: ActiveCall) -> None:
        if wait == "events":
            async for _ in call.events():
                pass
        else:
            await getattr(call, wait)()
        await asyncio.sleep(0)
        story.tell(call.ending)

    async with with_a_call(service, handler) as door:
        door.release("a", "NORMAL_CLEARING")
        assert await story.next() == Ended("NORMAL_CLEARING")


async def test_a_handler_that_returns_while_its_call_goes_on_ends_the_call(
    service: HandingService,
):
    async def handler(call: ActiveCall) -> None:
        await call.answer()

    async with with_a_call(service, handler) as door:
        await service.command("Answer")
        await service.command("Hangup")
        door.release("a", "NORMAL_CLEARING")


@pytest.mark.parametrize("on_failure", OnFailure)
async def test_a_handler_that_fails_is_logged_and_its_call_goes_where_the_policy_says(
    service: HandingService, caplog: pytest.LogCaptureFixture, on_failure: OnFailure
):
    async def handler(call: ActiveCall) -> None:
        raise ValueError("a mistake")

    manners = WorkerManners(pause=soon, on_failure=on_failure)
    async with with_a_call(service, handler, manners) as door:
        if on_failure is OnFailure.HANG_UP:
            await service.command("Hangup")
        else:
            released = await door.hear("release")
            assert released.release == pb.ReleaseCall(call_id="a")
        door.release("a", "NORMAL_CLEARING")
    [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert (record.getMessage(), record.call_id) == ("handler of a call failed", "a")  # type: ignore[attr-defined]  # extra
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


async def test_a_call_is_released_to_a_destination(service: HandingService, story: Story):
    async def handler(call: ActiveCall) -> None:
        story.tell(await call.release("worker/sales"))

    async with with_a_call(service, handler) as door:
        release = (await door.hear("release")).release
        assert release.destination.worker.name == "sales"
        door.release("a")
        assert await story.next() == Released()


async def test_only_events_that_were_asked_for_are_read_and_verbs_get_theirs_all_the_same(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        await call.play("tone_stream://%(100,0,440)")
        async for item in call.events():
            assert isinstance(item, Event)
            story.tell(item.name)

    service.answers["Play"] = calls_pb.PlayResponse(playback_id=PLAYBACK)
    async with working(service, handler, event_names=["DTMF", "PLAYBACK_STOP"]):
        door = await service.door()
        registration = await door.welcome()
        needed = {"CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_EXECUTE_COMPLETE"}
        assert sorted(registration.event_names) == sorted({"DTMF", "PLAYBACK_STOP", *needed})
        await door.give("a")
        await service.command("Play")
        names = ("PLAYBACK_STOP", "CHANNEL_EXECUTE_COMPLETE")
        for told, name in zip(played("a"), names, strict=True):
            told.name = name
            door.tell(told)
        digit = event("a")
        digit.name = "DTMF"
        door.tell(digit)
        assert [await story.next(), await story.next()] == ["PLAYBACK_STOP", "DTMF"]
        door.release("a", "NORMAL_CLEARING")


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED]
)
async def test_a_release_that_is_refused_fails_as_any_verb_does_and_the_handler_goes_on(
    service: HandingService, story: Story, code: grpc.StatusCode
):
    async def handler(call: ActiveCall) -> None:
        try:
            await call.release("nowhere")
        except grpc.aio.AioRpcError as error:
            story.tell(failure_of(error))
        await call.answer()
        story.tell(await call.release())

    async with with_a_call(service, handler) as door:
        assert (await door.hear("release")).release.destination.extension.extension == "nowhere"
        door.refuse("a", code)
        assert await story.next() == Failure(
            code,
            "the request is malformed",
            reason="INVALID_REQUEST",
            metadata={"part": "destination"},
            violations=(("release.destination", "no"),),
        )
        await service.command("Answer")
        assert (await door.hear("release")).release == pb.ReleaseCall(call_id="a")
        door.release("a")
        assert await story.next() == Released()


async def test_a_release_that_would_end_the_stream_for_its_size_is_not_said(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        try:
            await call.release("x" * 256 * 1024)
        except grpc.aio.AioRpcError as error:
            story.tell(error.code())
        await call.release("x" * 255 * 1024)

    async with with_a_call(service, handler) as door:
        assert await story.next() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (
            len((await door.hear("release")).release.destination.extension.extension) == 255 * 1024
        )
        door.release("a")


async def test_a_release_is_not_taken_for_refused_because_one_before_it_is(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0):
                await call.release("nowhere")
        story.tell(await call.release())

    async with with_a_call(service, handler) as door:
        await door.hear("release")
        await door.hear("release")
        door.refuse("a")
        door.release("a")
        assert await story.next() == Released()


async def test_a_handler_that_fails_by_a_refused_release_gives_the_call_to_the_dialplan(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        await call.release("nowhere")

    async with with_a_call(service, handler) as door:
        await door.hear("release")
        door.refuse("a")
        assert (await door.hear("release")).release == pb.ReleaseCall(call_id="a")
        door.release("a")


async def test_a_command_that_finds_the_call_over_waits_for_the_word_of_its_end(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        try:
            await call.answer()
        finally:
            story.tell(call.ending)

    service.failures["Answer"] = [GONE]
    async with with_a_call(service, handler) as door:
        await service.command("Answer")
        door.release("a", "NORMAL_CLEARING")
        assert await story.next() == Ended("NORMAL_CLEARING")


async def test_a_command_on_a_call_that_a_new_service_has_to_find_is_sent_again_then(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        await call.bridge("user/1000")
        story.tell(await call.hang_up())

    unknown = Refusal(grpc.StatusCode.NOT_FOUND, "CALL_NOT_FOUND")
    service.failures["DialAndBridge"] = [unknown]
    service.failures["Hangup"] = [unknown]
    async with with_a_call(service, handler) as door:
        await service.command("DialAndBridge")
        door.end(BROKEN)
        again = await service.door()
        await again.welcome()
        again.assign("a")
        await service.command("DialAndBridge")
        await service.command("Hangup")
        again.assign("a")
        await service.command("Hangup")
        again.release("a", "NORMAL_CLEARING")
        assert await story.next() == Ended("NORMAL_CLEARING")


async def test_nothing_is_sent_for_a_call_that_is_over(service: HandingService, story: Story):
    async def handler(call: ActiveCall) -> None:
        await call.wait_hangup()
        try:
            await call.answer()
        except CallIsOver as over:
            story.tell(over.ending)
            raise

    async with with_a_call(service, handler) as door:
        door.release("a", "NORMAL_CLEARING")
        assert await story.next() == Ended("NORMAL_CLEARING")
    assert service.commands.empty()


async def test_a_command_that_was_cut_off_is_sent_again_if_that_does_no_harm(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        await call.answer()
        try:
            await call.bridge("user/1000")
        except grpc.aio.AioRpcError as error:
            story.tell(error.code())
        await call.wait_hangup()

    unknown = Refusal(grpc.StatusCode.UNKNOWN, "OUTCOME_UNKNOWN")
    unreached = Refusal(grpc.StatusCode.UNAVAILABLE, "NODE_UNREACHABLE")
    cancelled = Refusal(grpc.StatusCode.CANCELLED)  # by a server that stops
    service.failures["Answer"] = [BROKEN, unknown, cancelled]
    service.failures["DialAndBridge"] = [unreached, BROKEN]
    async with with_a_call(service, handler):
        for _ in range(4):
            await service.command("Answer")
        ids = set()
        for _ in range(2):
            bridge = await service.command("DialAndBridge")
            assert isinstance(bridge, calls_pb.DialAndBridgeRequest)
            ids.add(bridge.request_id)
        assert len(ids) == 1
        assert await story.next() is grpc.StatusCode.UNAVAILABLE


async def test_a_playback_is_stopped_where_the_waiting_for_it_is_cancelled(
    service: HandingService,
):
    async def handler(call: ActiveCall) -> None:
        async with asyncio.timeout(0.05):
            await call.play("/srv/long.wav")

    service.answers["Play"] = calls_pb.PlayResponse(playback_id=PLAYBACK)
    async with with_a_call(service, handler) as door:
        await service.command("Play")
        stop = await service.command("StopPlayback")
        assert stop == calls_pb.StopPlaybackRequest(call_id="a", playback_id=PLAYBACK)
        await door.hear("release")
        door.release("a")


async def test_events_come_in_order_once_each_and_keep_the_picture_of_the_call(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        async for item in call.events():
            assert isinstance(item, Event)
            story.tell((item.event_id, call.leg.state))

    active = Call(call_id="a", state=Call.STATE_ACTIVE)
    first = event("a", call_state_changed=CallStateChanged(call=active))
    second = event("a", dtmf_received=DtmfReceived(digit="1"))
    other = event("b", dtmf_received=DtmfReceived(digit="2"))
    async with with_a_call(service, handler) as door:
        door.tell(first, other)
        door.tell(first, second)
        assert await story.next() == (first.event_id, Call.STATE_ACTIVE)
        assert await story.next() == (second.event_id, Call.STATE_ACTIVE)


async def test_who_reads_events_late_is_told_that_the_oldest_are_gone(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        await call.play("/srv/a.wav")
        story.tell("played")
        items = [item async for item in call.events()]
        story.tell((len(items), items[0]))

    service.answers["Play"] = calls_pb.PlayResponse(playback_id=PLAYBACK)
    async with with_a_call(service, handler) as door:
        door.tell(*(event("a") for _ in range(1_000)))
        door.tell(*played("a"))
        await service.command("Play")
        assert await story.next() == "played"
        door.release("a", "NORMAL_CLEARING")
        assert await story.next() == (256, Gap(reason=Gap.REASON_SLOW_CONSUMER))


async def test_a_gap_ends_the_waiting_for_what_it_may_have_swallowed(
    service: HandingService, story: Story
):
    async def handler(call: ActiveCall) -> None:
        story.tell(await call.play("/srv/a.wav"))
        await call.bridge("user/1000")
        await call.wait_unbridged()
        story.tell("parted")

    answered = calls_pb.DISPOSITION_ANSWERED
    service.answers["DialAndBridge"] = calls_pb.DialAndBridgeResponse(
        disposition=answered, legs=[calls_pb.DialledLeg(call_id=PARTNER, disposition=answered)]
    )
    service.answers["GetCall"] = calls_pb.GetCallResponse(call=Call(bridged_call_id=PARTNER))
    service.answers["Play"] = calls_pb.PlayResponse(playback_id=PLAYBACK)
    async with with_a_call(service, handler) as door:
        await service.command("Play")
        door.say(Said(gap=Gap()))
        assert await story.next() is None
        await service.command("DialAndBridge")
        door.say(Said(gap=Gap()))
        await service.command("GetCall")
        service.answers["GetCall"] = calls_pb.GetCallResponse(call=Call())
        door.say(Said(gap=Gap()))
        await service.command("GetCall")
        assert await story.next() == "parted"
