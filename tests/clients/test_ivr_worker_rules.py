"""`ivr_worker` keeps to the rules of docs/outbound.md, in each language: a service that a test
plays gives it calls, takes them away, and breaks its streams."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import grpc
import pytest
from tests.support.played_service import (
    Line,
    PlayedService,
    Refusal,
    played_service,
)
from tests.support.small_programs import LANGUAGES, Ended, RunningProgram, alike, started

from callcontrol.v1 import call_control_service_pb2 as calls
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1.call_pb2 import Call, Destination, WorkerApplication
from callcontrol.v1.common_pb2 import HangupCause
from callcontrol.v1.event_pb2 import ApplicationFinished, CallUnbridged, Event, PlaybackStopped

WORDS = ("ivr", "sofia/internal/1000@example.org", "--ids")
CUT = Refusal(grpc.StatusCode.UNAVAILABLE)
OVER = Refusal(grpc.StatusCode.FAILED_PRECONDITION, "CALL_ENDED")

Scene = Callable[[PlayedService, RunningProgram], Awaitable[None]]


async def played(scene: Scene, *words: str) -> dict[str, Ended]:
    """How the program ends in each language when that is played to it, and then a drain."""

    async def play(language: str) -> Ended:
        async with (
            played_service() as service,
            started(language, "ivr_worker", *WORDS, *words, target=service.target) as running,
        ):
            await scene(service, running)
            return await running.end()

    async with asyncio.TaskGroup() as scenes:
        tasks = {language: scenes.create_task(play(language)) for language in LANGUAGES}
    return {language: task.result() for language, task in tasks.items()}


async def dismiss(line: Line, running: RunningProgram, last: str = "") -> None:
    """Have the worker drain once it has no calls, which that line tells of the last one."""
    await running.until(f"a {last}" if last else "ready")
    running.process.send_signal(signal.SIGTERM)
    await line.heard("drain")
    line.end()


def lines(*about: str, before: tuple[str, ...] = ("ready",)) -> dict[str, Ended]:
    """What is said of the call a, between registration and drain."""
    return alike(0, *before, *(f"a {line}" for line in about), "draining", "done")


BEGUN = ("call for ivr", "answered", "menu")


async def first_line(service: PlayedService) -> Line:
    """The first stream, registered."""
    line = await service.line()
    registration = await line.registered()
    assert registration == pb.RegisterWorker(
        worker_name="ivr-worker", applications=["ivr"], max_calls=10
    )
    return line


async def first_of(*services: PlayedService) -> tuple[PlayedService, Line]:
    """The next stream that is opened at one of them."""
    waiting = {asyncio.create_task(service.line()): service for service in services}
    done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.wait(waiting)
    (task,) = done
    return waiting[task], task.result()


async def answer(service: PlayedService) -> None:
    (await service.command("Answer")).answer(calls.AnswerResponse(call=Call(call_id="a")))


async def press(service: PlayedService, digit: str) -> None:
    command = await service.command("CollectDigits")
    got = calls.CollectDigitsResponse.RESULT_COLLECTED
    command.answer(calls.CollectDigitsResponse(result=got, digits=digit))


async def begin(service: PlayedService, *, digit: str = "", token: str = "") -> Line:
    """The call a, answered, at the menu or past it."""
    line = await first_line(service)
    await line.give("a", token=token)
    await answer(service)
    if digit:
        await press(service, digit)
    return line


async def hang_up(service: PlayedService, line: Line) -> None:
    """The worker ends the call, and hears of it."""
    (await service.command("Hangup")).answer(calls.HangupResponse())
    line.release("a", "NORMAL_CLEARING")


def stopped(playback_id: str) -> tuple[Event, ...]:
    """A playback came to its end, as a switch tells it."""
    played_to_its_end = PlaybackStopped(playback_id=playback_id, completed=True)
    done = ApplicationFinished(operation_id=playback_id)
    return (
        Event(event_id="stopped", call_id="a", playback_stopped=played_to_its_end),
        Event(event_id="done", call_id="a", application_finished=done),
    )


def bridged() -> calls.DialAndBridgeResponse:
    answered = calls.DISPOSITION_ANSWERED
    leg = calls.DialledLeg(call_id="b", disposition=answered)
    return calls.DialAndBridgeResponse(legs=[leg], disposition=answered)


UNBRIDGED = Event(
    event_id="parted", call_id="b", call_unbridged=CallUnbridged(call_id="b", peer_call_id="a")
)


async def test_a_caller_is_connected_on_1_and_the_call_ends_when_the_two_are_parted():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service, digit="1")
        command = await service.command("DialAndBridge")
        request = command.request
        assert isinstance(request, calls.DialAndBridgeRequest)
        assert request.request_id
        assert request.endpoints[0].sip.address == "1000@example.org"
        assert request.continue_after
        assert request.wait_until == calls.WAIT_UNTIL_ANSWERED
        assert request.ring_timeout.seconds == 30
        command.answer(bridged())
        await running.until("a bridged")
        line.happen(UNBRIDGED)
        await hang_up(service, line)
        await dismiss(line, running, "ended NORMAL_CLEARING")

    about = (*BEGUN, "digit 1", "bridging", "bridged", "ended NORMAL_CLEARING")
    assert await played(scene) == lines(*about)


async def test_nobody_who_answers_is_an_outcome():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service, digit="1")
        leg = calls.DialledLeg(call_id="b", disposition=calls.DISPOSITION_BUSY)
        cause = HangupCause(name="USER_BUSY")
        (await service.command("DialAndBridge")).answer(
            calls.DialAndBridgeResponse(
                legs=[leg], disposition=calls.DISPOSITION_BUSY, hangup_cause=cause
            )
        )
        await hang_up(service, line)
        await dismiss(line, running, "ended NORMAL_CLEARING")

    about = (*BEGUN, "digit 1", "bridging", "not bridged: BUSY", "ended NORMAL_CLEARING")
    assert await played(scene) == lines(*about)


async def test_a_caller_hears_a_tone_on_2_to_its_end():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service, digit="2")
        command = await service.command("Play")
        assert isinstance(command.request, calls.PlayRequest)
        assert command.request.sources[0].tone_stream == "%(500,0,330)"
        line.happen(*stopped("p"))  # the end may come before the answer
        command.answer(calls.PlayResponse(playback_id="p"))
        await hang_up(service, line)
        await dismiss(line, running, "ended NORMAL_CLEARING")

    assert await played(scene) == lines(*BEGUN, "digit 2", "goodbye", "ended NORMAL_CLEARING")


@pytest.mark.parametrize("result", ["TIMED_OUT", "NO_MATCH", "INTERRUPTED"])
async def test_a_caller_who_enters_nothing_is_hung_up(result: str):
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service)
        command = await service.command("CollectDigits")
        request = command.request
        assert isinstance(request, calls.CollectDigitsRequest)
        assert [one.tone_stream for one in request.prompt] == ["%(300,100,440);loops=2"]
        assert (request.min_digits, request.max_digits, request.timeout.seconds) == (1, 1, 5)
        got = calls.CollectDigitsResponse.Result.Value(f"RESULT_{result}")
        command.answer(calls.CollectDigitsResponse(result=got, digits="7"))
        await hang_up(service, line)
        await dismiss(line, running, "ended NORMAL_CLEARING")

    assert await played(scene) == lines(*BEGUN, "no digit", "ended NORMAL_CLEARING")


async def test_a_caller_who_hangs_up_ends_what_is_under_way():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service)
        command = await service.command("CollectDigits")
        line.release("a", "ORIGINATOR_CANCEL")
        await asyncio.wait_for(command.cancelled.wait(), 5)
        await dismiss(line, running, "ended ORIGINATOR_CANCEL")

    assert await played(scene) == lines(*BEGUN, "ended ORIGINATOR_CANCEL")


@pytest.mark.parametrize("reason", ["CALL_ENDED", "CALL_NOT_FOUND", "by its result"])
async def test_a_command_that_comes_too_late_says_nothing(reason: str):
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service)
        ended = calls.CollectDigitsResponse.RESULT_CALL_ENDED
        answer: calls.CollectDigitsResponse | Refusal
        if reason.isupper():
            answer = Refusal(grpc.StatusCode.NOT_FOUND, reason)
        else:
            answer = calls.CollectDigitsResponse(result=ended)
        (await service.command("CollectDigits")).answer(answer)
        line.offer("b")
        await line.heard("accept")  # it goes on, and has said nothing of the call
        line.tell(withdraw=pb.WithdrawOffer(offer_id="offer-b"))
        line.release("a", "NORMAL_CLEARING")
        await dismiss(line, running, "ended NORMAL_CLEARING")

    assert await played(scene) == lines(*BEGUN, "ended NORMAL_CLEARING")


async def test_a_call_whose_command_fails_is_given_back():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service)
        failure = Refusal(grpc.StatusCode.FAILED_PRECONDITION, "CALL_STATE")
        (await service.command("CollectDigits")).answer(failure)
        released = (await line.heard("release")).release
        assert released == pb.ReleaseCall(call_id="a")
        line.release("a")
        await dismiss(line, running, "released")

    assert await played(scene) == lines(*BEGUN, "failed: FAILED_PRECONDITION", "released")


TO_OPERATORS = ("--operators", "operators")
OPERATORS = Destination(worker=WorkerApplication(name="operators"))


async def test_a_caller_is_given_to_another_worker_on_0():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service, digit="0")
        released = (await line.heard("release")).release
        assert released == pb.ReleaseCall(call_id="a", destination=OPERATORS)
        line.release("a")
        await dismiss(line, running, "released")

    told = lines(*BEGUN, "digit 0", "handing on", "released")
    assert await played(scene, *TO_OPERATORS) == told


async def test_where_a_call_cannot_be_given_it_goes_on_and_so_does_the_stream():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service, digit="0")
        await line.heard("release")
        line.refuse_release("a", grpc.StatusCode.PERMISSION_DENIED)
        await hang_up(service, line)
        await dismiss(line, running, "ended NORMAL_CLEARING")

    told = ("digit 0", "handing on", "not handed on: PERMISSION_DENIED", "ended NORMAL_CLEARING")
    assert await played(scene, *TO_OPERATORS) == lines(*BEGUN, *told)


async def test_a_call_is_given_once_it_is_assigned_again_and_not_where_that_was_refused():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service)
        collecting = await service.command("CollectDigits")
        line.end(CUT)
        later = await service.line()
        await later.registered()
        await running.until("back")
        got = calls.CollectDigitsResponse.RESULT_COLLECTED
        collecting.answer(calls.CollectDigitsResponse(result=got, digits="0"))
        await running.until("a handing on")
        later.offer("b")
        await later.heard("accept")  # and no release
        later.tell(withdraw=pb.WithdrawOffer(offer_id="offer-b"))
        later.assign("a", again=True)
        assert (await later.heard("release")).release.destination == OPERATORS
        later.refuse_release("a", grpc.StatusCode.INVALID_ARGUMENT)
        await running.until("a not handed on: INVALID_ARGUMENT")
        (await service.command("Hangup")).answer(Refusal(grpc.StatusCode.INTERNAL))
        released = (await later.heard("release")).release
        assert released == pb.ReleaseCall(call_id="a")
        later.end(CUT)
        last = await service.line()
        await last.registered()
        await running.until("back")
        last.assign("a", again=True)
        assert (await last.heard("release")).release == released
        last.release("a")
        await dismiss(last, running, "released")

    ended = await played(scene, *TO_OPERATORS)
    about = ["handing on", "not handed on: INVALID_ARGUMENT", "failed: INTERNAL", "released"]
    for program in ended.values():
        said = [line.removeprefix("a ") for line in program.lines]
        assert [line for line in said if line in about] == about


async def test_commands_are_sent_again_where_that_is_safe():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await first_line(service)
        await line.give("a")
        for cut in (CUT, Refusal(grpc.StatusCode.CANCELLED)):
            (await service.command("Answer")).answer(cut)
        unknown = Refusal(grpc.StatusCode.UNKNOWN, "OUTCOME_UNKNOWN")
        (await service.command("Answer")).answer(unknown)
        await answer(service)
        await press(service, "1")
        first = await service.command("DialAndBridge")
        first.answer(Refusal(grpc.StatusCode.UNAVAILABLE, "NODE_UNREACHABLE"))
        second = await service.command("DialAndBridge")
        assert second.request == first.request
        second.answer(CUT)  # it may ring
        await line.heard("release")
        line.release("a")
        await dismiss(line, running, "released")

    assert await played(scene) == lines(
        *BEGUN, "digit 1", "bridging", "failed: UNAVAILABLE", "released"
    )


async def test_an_offer_that_is_withdrawn_begins_nothing():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await first_line(service)
        line.offer("a")
        await line.heard("accept")
        line.tell(withdraw=pb.WithdrawOffer(offer_id="offer-a"))
        line.tell(token="t1")
        line.tell(heartbeat=pb.StreamHeartbeat())
        await dismiss(line, running)

    assert await played(scene) == lines()


async def test_calls_go_on_over_a_stream_that_broke():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service, digit="1", token="t1")
        line.happen(Event(event_id="1", call_id="a"), token="t2")
        line.offer("c")
        await line.heard("accept")
        line.end(CUT)
        later = await service.line()
        assert later.peer != line.peer
        registration = await later.registered("a", "c")
        assert list(registration.resume_call_ids) == ["a", "c"]
        assert registration.resume_token == "t2"
        later.assign("a", again=True)
        later.release("c")
        (await service.command("DialAndBridge")).answer(bridged())
        await running.until("a bridged")
        later.happen(UNBRIDGED)
        await hang_up(service, later)
        await dismiss(later, running, "ended NORMAL_CLEARING")

    ended = await played(scene)
    about = (*BEGUN, "digit 1", "bridging", "bridged", "ended NORMAL_CLEARING")
    wanted = lines(*about)["go"].lines
    for program in ended.values():
        assert program.status == 0
        assert "back" in program.lines
        assert [line for line in program.lines if line != "back"] == wanted


async def test_a_command_that_a_new_service_does_not_know_the_call_of_is_sent_again():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service, token="t1")
        collecting = await service.command("CollectDigits")
        line.end(CUT)
        later = await service.line()
        await later.registered()
        await running.until("back")
        collecting.answer(Refusal(grpc.StatusCode.NOT_FOUND, "CALL_NOT_FOUND"))
        later.assign("a", again=True)
        await press(service, "9")
        await hang_up(service, later)
        await dismiss(later, running, "ended NORMAL_CLEARING")

    before = ("ready", *(f"a {line}" for line in BEGUN), "back")
    assert await played(scene) == lines("digit 9", "ended NORMAL_CLEARING", before=before)


async def test_an_accepted_call_that_is_assigned_on_the_next_stream_begins_there():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await first_line(service)
        line.offer("a")
        await line.heard("accept")
        line.end(CUT)
        later = await service.line()
        registration = await later.registered()
        assert list(registration.resume_call_ids) == ["a"]
        later.assign("a", again=True)
        await answer(service)
        await service.command("CollectDigits")
        later.release("a", "NORMAL_CLEARING")
        await dismiss(later, running, "ended NORMAL_CLEARING")

    assert await played(scene) == lines(*BEGUN, "ended NORMAL_CLEARING", before=("ready", "back"))


@pytest.mark.parametrize("is_told", [True, False], ids=["released", "silence"])
async def test_a_call_that_is_not_given_back_is_lost(is_told: bool):
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service)
        command = await service.command("CollectDigits")
        line.end(CUT)
        later = await service.line()
        await later.registered(window_s=0)
        if is_told:
            later.release("a")
        await asyncio.wait_for(command.cancelled.wait(), 5)
        await dismiss(later, running, "lost")

    before = ("ready", *(f"a {line}" for line in BEGUN), "back")
    assert await played(scene) == lines("lost", before=before)


async def test_a_release_is_said_again_on_the_next_stream():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service)
        (await service.command("CollectDigits")).answer(Refusal(grpc.StatusCode.INTERNAL))
        await line.heard("release")
        line.end(CUT)
        later = await service.line()
        await later.registered("a")
        later.assign("a", again=True)
        await later.heard("release")
        later.release("a")
        await dismiss(later, running, "released")

    before = ("ready", *(f"a {line}" for line in (*BEGUN, "failed: INTERNAL")), "back")
    assert await played(scene) == lines("released", before=before)


async def test_a_token_of_somebody_else_is_dropped_and_nothing_from_before_is_waited_for():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service, digit="2", token="t1")
        (await service.command("Play")).answer(calls.PlayResponse(playback_id="p"))
        line.end(CUT)
        refused = await service.line()
        assert (await refused.heard("register_worker")).register_worker.resume_token == "t1"
        refused.end(Refusal(grpc.StatusCode.INVALID_ARGUMENT, "RESUME_TOKEN_INVALID"))
        later = await service.line()
        registration = await later.registered("a")
        assert registration.resume_token == ""
        assert list(registration.resume_call_ids) == ["a"]
        later.assign("a", again=True)
        await hang_up(service, later)
        await dismiss(later, running, "ended NORMAL_CLEARING")

    before = ("ready", *(f"a {line}" for line in (*BEGUN, "digit 2", "goodbye")), "back")
    assert await played(scene) == lines("ended NORMAL_CLEARING", before=before)


async def test_behind_a_gap_it_looks_whether_the_two_are_still_connected():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service, digit="1")
        (await service.command("DialAndBridge")).answer(bridged())
        await running.until("a bridged")
        for partner in ("b", ""):
            line.miss()
            now = Call(call_id="a", bridged_call_id=partner)
            (await service.command("GetCall")).answer(calls.GetCallResponse(call=now))
        await hang_up(service, line)
        await dismiss(line, running, "ended NORMAL_CLEARING")

    about = (*BEGUN, "digit 1", "bridging", "bridged", "ended NORMAL_CLEARING")
    assert await played(scene) == lines(*about)


async def test_it_moves_to_the_next_stream_before_the_replica_goes():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service)
        line.tell("t1", drain=pb.DrainStream())
        later = await service.line()
        assert later.peer != line.peer
        assert not line.ended.is_set()
        registration = await later.registered("a")
        assert registration.resume_token == "t1"
        assert list(registration.resume_call_ids) == ["a"]
        later.assign("a", again=True)
        await asyncio.wait_for(line.ended.wait(), 5)
        await running.until("back")
        await press(service, "9")
        await hang_up(service, later)
        await dismiss(later, running, "ended NORMAL_CLEARING")

    before = ("ready", *(f"a {line}" for line in BEGUN), "back")
    assert await played(scene) == lines("digit 9", "ended NORMAL_CLEARING", before=before)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_goes_to_any_of_the_replicas(language: str):
    async with played_service() as one, played_service() as other:
        target = f"ipv4:{one.target},{other.target}"
        async with started(language, "ivr_worker", *WORDS, target=target):
            seen: set[PlayedService] = set()
            for _ in range(64):  # all at one of two is beyond all chance
                service, line = await first_of(one, other)
                seen.add(service)
                await line.registered()
                line.tell(drain=pb.DrainStream())
                if len(seen) == 2:
                    break
            assert seen == {one, other}


async def test_where_it_cannot_move_it_reads_the_old_stream_to_its_end():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service)
        line.tell(drain=pb.DrainStream())
        refused = await service.line()
        await refused.heard("register_worker")
        refused.end(Refusal(grpc.StatusCode.PERMISSION_DENIED))
        await press(service, "9")
        await hang_up(service, line)
        await running.until("a ended NORMAL_CLEARING")
        line.end(CUT)
        later = await service.line()
        assert not (await later.registered()).resume_call_ids
        await running.until("back")
        running.process.send_signal(signal.SIGTERM)
        await later.heard("drain")
        later.end()

    about = (*BEGUN, "digit 9", "ended NORMAL_CLEARING")
    told = ("ready", *(f"a {line}" for line in about), "back", "draining", "done")
    assert await played(scene) == alike(0, *told)


async def test_a_stream_that_is_silent_is_dead():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await first_line(service)
        later = await service.line()  # some ten seconds from now on
        assert line.ended.is_set()
        await later.registered()
        await running.until("back")
        running.process.send_signal(signal.SIGTERM)
        await later.heard("drain")
        later.end()

    assert await played(scene) == alike(0, "ready", "back", "draining", "done")


async def test_a_worker_that_drains_takes_no_offers_and_finishes_its_calls():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service)
        await running.until("a menu")
        running.process.send_signal(signal.SIGINT)
        await line.heard("drain")
        line.offer("b")
        assert (await line.heard("reject")).reject == pb.RejectCall(offer_id="offer-b")
        line.end(CUT)
        later = await service.line()
        await later.registered("a")
        await later.heard("drain")
        later.assign("a", again=True)
        await running.until("back")
        await press(service, "3")
        await hang_up(service, later)
        later.end()

    told = ("ready", *(f"a {line}" for line in BEGUN), "draining", "back", "a digit 3")
    assert await played(scene) == alike(0, *told, "a ended NORMAL_CLEARING", "done")


async def test_what_goes_on_at_the_end_of_the_grace_is_left():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await begin(service)
        await running.until("a menu")
        running.process.send_signal(signal.SIGTERM)
        await line.heard("drain")
        await asyncio.wait_for(line.ended.wait(), 5)

    about = tuple(f"a {line}" for line in BEGUN)
    told = alike(0, "ready", *about, "draining", "a left", "done")
    assert await played(scene, "--grace", "0.3") == told


async def test_a_second_signal_ends_it_at_once():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await first_line(service)
        await running.until("ready")
        running.process.send_signal(signal.SIGTERM)
        await line.heard("drain")
        await running.until("draining")
        running.process.send_signal(signal.SIGINT)

    ended = await played(scene)
    assert [program.status for program in ended.values()] == [130] * len(ended)


async def test_a_stream_that_ends_so_behind_its_registration_is_followed_by_another_one():
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await first_line(service)
        await running.until("ready")
        line.end(Refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"))
        later = await service.line()
        await later.registered()
        await running.until("back")
        running.process.send_signal(signal.SIGTERM)
        await later.heard("drain")
        later.end()

    assert await played(scene) == alike(0, "ready", "back", "draining", "done")


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    ],
    ids=lambda code: code.name,
)
async def test_what_would_be_said_again_ends_it(code: grpc.StatusCode):
    async def scene(service: PlayedService, running: RunningProgram) -> None:
        line = await service.line()
        await line.heard("register_worker")
        line.end(Refusal(code))
        assert (await running.failure()).startswith(f"{code.name}: ")

    assert await played(scene) == alike(1)
