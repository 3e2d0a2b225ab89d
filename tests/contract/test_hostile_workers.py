"""The nastiest strings in every field of what a worker says on its stream, at a switch: each is
refused with its field, or reaches the switch as it is, and nothing runs that nobody asked for.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from tests.contract.handling_hall import Hall, take, until_released
from tests.contract.outbound_scene import Caller
from tests.contract.phone import DEADLINE_S, new_id
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest
from tests.contract.test_hostile import EXPECTED_CHANNELS, NASTY
from tests.support.handling import HandledStream, hello
from tests.support.hostile_strings import CANARY
from tests.support.rpc import refused
from tests.support.string_fields import StringField, string_fields, with_value

from callcontrol.v1 import call_control_service_pb2 as calls_pb2
from callcontrol.v1 import call_handling_service_pb2 as pb
from callcontrol.v1 import call_pb2

FIELDS = list(string_fields(pb.HandleCallsRequest.DESCRIPTOR))
MORE = ("\r", "\x7f", "", " ", "=", ";", "x;callcontrol_onward=true", "x=y", "a b", "${x}")
"""What is nasty here beside: how variables are told apart, and what an absent one looks like."""
APPLICATIONS = {
    "answer", "conference", "multiunset", "park", "playback", "set", "sleep", "socket", "unset",
}  # fmt: skip
"""What calls run here, in their dialplan or where they were released to; `socket` lets them go."""
QUIET = ("CHANNEL_HANGUP",)
"""Events that a worker is told of, so that answers are what it reads."""


def below(*begin: str) -> Iterator[StringField]:
    """The fields of one kind of message."""
    return (each for each in FIELDS if each.steps[: len(begin)] == begin)


def nasty_at(switch: SwitchUnderTest) -> list[str]:
    """The simulator runs nothing that it could; a few show that the test itself is sound."""
    strings = [*NASTY, *MORE]
    return strings if switch.is_real else [*strings[::5], "undef"]


@pytest.fixture
async def hall(switch: SwitchUnderTest) -> AsyncIterator[Hall]:
    settings = {
        "raw_applications": "set .*",
        "outbound_offer_wait_s": 5,
        "worker_resume_window_s": 0.5,
    }
    async with Hall.open(switch, **settings) as hall:
        yield hall


@pytest.fixture
async def watcher(switch: SwitchUnderTest, hall: Hall) -> AsyncIterator[RawClient]:
    """Another link to the switch; at its end nothing else has run, and the switch lives."""
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.log_in(switch.password)
        # The configuration has it off; what we promise must not hang on that.
        await client.ask("api fsctl api_expansion on")
        await client.ask("event json ALL")
        yield client
        await client.ask("api fsctl api_expansion off")
        assert await client.ask("api global_getvar callcontrol_canary") == "-ERR no reply\n"
        assert (await client.ask("api status")).startswith("UP ")
    events = hall.place.phone.tape.events
    created = [each.call_created.call for each in events if each.HasField("call_created")]
    names = {call.channel_name for call in created}
    assert {name for name in names if not EXPECTED_CHANNELS.fullmatch(name)} == set()
    started = [each for each in events if each.HasField("application_started")]
    assert {each.application_started.application.name for each in started} <= APPLICATIONS


def test_there_is_no_other_field_that_a_worker_can_fill() -> None:
    known = [*below("register_worker"), *below("accept"), *below("reject"), *below("release")]
    assert sorted(map(str, known)) == sorted(map(str, FIELDS))


def is_named(field: StringField, named: list[str]) -> bool:
    """Whether what was refused is that field, or an entry of it."""
    path = ".".join(field.steps)
    plain = [each.replace("[0]", "") for each in named]
    return bool(plain) and all(each == path for each in plain)


async def say(stream: HandledStream, field: StringField, text: str, message: Message) -> None:
    """Say a message with that text there."""
    hostile = with_value(message, field, text)
    assert isinstance(hostile, pb.HandleCallsRequest)
    await stream.call.write(hostile)


async def answered(stream: HandledStream, field: StringField) -> pb.HandleCallsResponse | None:
    """What is told next; None where the stream ends because of that field."""
    try:
        return await stream.read()
    except grpc.aio.AioRpcError as error:
        told = refused(error)
        assert told.code is grpc.StatusCode.INVALID_ARGUMENT
        assert is_named(field, list(told.violations)), told
        return None


@asynccontextmanager
async def worker(hall: Hall, **fields: object) -> AsyncIterator[HandledStream]:
    stream = await hall.place.worker(event_names=QUIET, **fields)
    yield stream
    stream.call.cancel()


@pytest.mark.parametrize("field", list(below("register_worker")), ids=str)
@pytest.mark.timeout(180)
async def test_a_registration_is_refused_with_its_field_or_is_as_it_was_said(
    hall: Hall, switch: SwitchUnderTest, watcher: RawClient, field: StringField
) -> None:
    for text in nasty_at(switch):
        stream = HandledStream.open(hall.place.phone.channel)
        asked = pb.HandleCallsRequest(register_worker=hello(event_names=QUIET))
        await say(stream, field, text, asked)
        if await answered(stream, field) is None:
            continue
        match field.steps[-1]:
            case "worker_name":
                caller = await hall.owned("park", stream)
                assert await variable(watcher, caller.call_id, "callcontrol_worker") == text
                await give_back(hall, stream, caller)
            case "applications":
                call_id = await placed_for(hall, text)
                offer = (await stream.read("offer")).offer
                assert (offer.application, offer.call.call_id) == (text, call_id)
                await stream.say(reject=pb.RejectCall(offer_id=offer.offer_id, final=True))
            case "resume_call_ids":
                assert (await stream.read("released")).released.call_id == text
            case _:
                await give_back(hall, stream, await hall.owned("park", stream))
        stream.call.cancel()


@pytest.mark.parametrize("field", [*below("accept"), *below("reject")], ids=str)
@pytest.mark.timeout(180)
async def test_an_offer_that_never_was_is_refused_with_its_field_or_passed_over(
    hall: Hall, switch: SwitchUnderTest, watcher: RawClient, field: StringField
) -> None:
    for text in nasty_at(switch):
        async with worker(hall) as stream:
            await say(stream, field, text, pb.HandleCallsRequest())
            if not text or len(text) > 64 or not text.isascii():
                assert await answered(stream, field) is None
                continue
            await stream.say(release=pb.ReleaseCall(call_id="nobodys"))
            told = await answered(stream, field)
            assert told is not None
            assert told.released.call_id == "nobodys"


@pytest.mark.timeout(180)
async def test_a_release_of_what_is_no_call_is_refused_with_its_field_or_answered_as_it_is(
    hall: Hall, switch: SwitchUnderTest, watcher: RawClient
) -> None:
    (field,) = (each for each in below("release") if each.steps[-1] == "call_id")
    for text in nasty_at(switch):
        async with worker(hall) as stream:
            await say(stream, field, text, pb.HandleCallsRequest())
            told = await answered(stream, field)
            assert told is None or told.released.call_id == text


@pytest.mark.parametrize("field", list(below("release", "destination")), ids=str)
@pytest.mark.timeout(180)
async def test_a_release_is_refused_with_its_field_or_gets_there_as_it_is_and_the_stream_goes_on(
    hall: Hall, switch: SwitchUnderTest, watcher: RawClient, field: StringField
) -> None:
    async with worker(hall) as stream:
        bystander = await hall.owned("park", stream)
        caller = await hall.owned("park", stream)
        for text in nasty_at(switch):
            release = pb.ReleaseCall(call_id=caller.call_id, destination=good(field))
            await say(stream, field, text, pb.HandleCallsRequest(release=release))
            told = await stream.read()
            if told.HasField("release_refused"):
                check_refusal(told.release_refused, field, text)
                continue
            assert (told.released.call_id, told.released.HasField("hangup_cause")) == (
                caller.call_id,
                False,
            )
            if field.steps[2] == "worker":
                async with worker(hall, worker_name="bob", applications=[text]) as other:
                    assert (await take(other, caller)).application == text
                    name = "callcontrol_application"
                    assert await variable(watcher, caller.call_id, name) == text
                    await give_back(hall, other, caller)
            else:
                await has_reached(watcher, caller, text)
                await caller.hangs_up()
            caller = await hall.owned("park", stream)
        for each in (bystander, caller):
            await give_back(hall, stream, each)


def good(field: StringField) -> call_pb2.Destination:
    """A place where a call may go, of the kind that has this field."""
    item = call_pb2.Application(name="set", data="a=b")
    places = {
        "extension": call_pb2.Destination(
            extension=call_pb2.DialplanExtension(extension="answer", context="callcontrol")
        ),
        "applications": call_pb2.Destination(applications=call_pb2.Applications(items=[item])),
        "conference": call_pb2.Destination(conference=call_pb2.JoinConference(name=new_id())),
        "worker": call_pb2.Destination(worker=call_pb2.WorkerApplication(name="queue")),
    }
    return places[field.steps[2]]


def check_refusal(told: pb.ReleaseRefused, field: StringField, text: str) -> None:
    """It names the field, or says what is not allowed."""
    if told.code == grpc.StatusCode.PERMISSION_DENIED.value[0]:
        assert field.steps[2] == "applications"
        assert told.metadata["name"] == (text if field.steps[-1] == "name" else "set")[:256]
        return
    assert told.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert is_named(field, [each.field for each in told.violations]), told


async def has_reached(watcher: RawClient, caller: Caller, text: str) -> None:
    """The switch has told an event of the call with that text in one of its values."""
    async with asyncio.timeout(DEADLINE_S):
        event = await watcher.event(Unique_ID=caller.call_id)
        while not any(text in value for value in event.values()):
            event = await watcher.event(Unique_ID=caller.call_id)
    watcher.events.clear()


async def variable(watcher: RawClient, call_id: str, name: str) -> str:
    """A variable of a call, once it is there."""
    async with asyncio.timeout(DEADLINE_S):
        while (value := await watcher.ask(f"api uuid_getvar {call_id} {name}")) == "_undef_":
            pass
    return value


async def give_back(hall: Hall, stream: HandledStream, caller: Caller) -> None:
    """The call is ended, and the worker told so."""
    await caller.hangs_up()
    await until_released(stream, caller)


async def placed_for(hall: Hall, application: str) -> str:
    """A call that waits for a worker of that application."""
    response = await hall.place.phone.originate(
        call_pb2.Endpoint(loopback=call_pb2.Loopback(extension="answer", context="callcontrol")),
        destination=call_pb2.Destination(worker=call_pb2.WorkerApplication(name=application)),
        wait_until=calls_pb2.WAIT_UNTIL_ANSWERED,
    )
    return response.call.call_id


async def test_the_canary_would_have_been_seen(hall: Hall, switch: SwitchUnderTest) -> None:
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.log_in(switch.password)
        await client.ask(f"api {CANARY}")
        seen = await client.ask("api global_getvar callcontrol_canary")
        await client.ask("api global_setvar callcontrol_canary=")
    assert seen == "1"
