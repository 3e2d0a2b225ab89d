"""Media on the wire, without the service: replies word by word, and events in their order."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from tests.contract.phone import RECORDING_ROOT
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest

UNKNOWN = "00000000-0000-4000-8000-000000000000"
TONE = "tone_stream://%(20000,0,440)"
SUCCESS = "+OK Success\n"
EVENTS = (
    "CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE PLAYBACK_START PLAYBACK_STOP RECORD_START RECORD_STOP"
    " MEDIA_BUG_START MEDIA_BUG_STOP DTMF CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE"
)


@pytest.fixture
async def client(switch: SwitchUnderTest) -> AsyncIterator[RawClient]:
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.log_in(switch.password)
        yield client


async def park(client: RawClient) -> str:
    call_id = str(uuid.uuid4())
    originate = f"{{origination_uuid={call_id}}}loopback/answer/callcontrol &park"
    assert await client.ask(f"api originate {originate}") == f"+OK {call_id}\n"
    return call_id


async def listen(client: RawClient) -> None:
    assert (await client.ask(f"event json {EVENTS}")).startswith("+OK")


def run(call_id: str, application: str, argument: str, operation_id: str) -> str:
    return (
        f"sendmsg {call_id}\ncall-command: execute\nexecute-app-name: {application}\n"
        f"execute-app-arg: {argument}\nEvent-UUID: {operation_id}\nevent-lock: true"
    )


async def until_hung_up(client: RawClient, call_id: str) -> list[dict[str, str]]:
    """End the call; what the switch told of it since it was listened to, in its order."""
    await client.ask(f"api uuid_kill {call_id}")
    told = [event for event in client.events if event.get("Unique-ID") == call_id]
    client.events.clear()
    async with asyncio.timeout(30):
        while not told or told[-1]["Event-Name"] != "CHANNEL_HANGUP_COMPLETE":
            frame = await client.frame()
            if frame.kind == "text/event-json" and frame.event.get("Unique-ID") == call_id:
                told.append(frame.event)
    return told


def names(events: list[dict[str, str]]) -> list[str]:
    return [event["Event-Name"] for event in events if event.get("Application") != "park"]


async def test_recordings_answer_word_by_word(client: RawClient) -> None:
    call_id, path = await park(client), f"{RECORDING_ROOT}/tests/{uuid.uuid4()}.wav"
    asked = [
        ("uuid_record {} stop all", "-ERR Cannot stop record session!\n"),
        (f"uuid_record {{}} mask {path}", "-ERR Cannot mask recording session!\n"),
        (f"uuid_record {{}} start {path} 0 {{a=b}}", SUCCESS),
        (f"uuid_record {{}} start {path}", SUCCESS),
        (f"uuid_record {{}} mask {path}", SUCCESS),
        (f"uuid_record {{}} unmask {path}", SUCCESS),
        (f"uuid_record {{}} stop {path}", SUCCESS),
        (f"uuid_record {{}} stop {path}", "-ERR Cannot stop record session!\n"),
        ("uuid_record {} start /proc/no/where.wav", "-ERR Cannot record session!\n"),
        (f"uuid_record {{}} start {RECORDING_ROOT}/x.opus", "-ERR Cannot record session!\n"),
    ]
    replies = [await client.ask("api " + command.replace("{}", call_id, 1)) for command, _ in asked]
    unknown = await client.ask(f"api uuid_record {UNKNOWN} stop all")
    await client.ask(f"api uuid_kill {call_id}")

    assert replies == [reply for _, reply in asked]
    assert unknown == "-ERR Cannot locate session!\n"


async def test_a_recording_is_told_by_four_events(client: RawClient) -> None:
    call_id, path = await park(client), f"{RECORDING_ROOT}/tests/{uuid.uuid4()}.wav"
    await listen(client)
    await client.ask(f"api uuid_record {call_id} start {path} 0 {{own_id=4711}}")
    listed = await client.ask(f"api uuid_buglist {call_id}")
    await client.ask(f"api uuid_record {call_id} stop {path}")
    empty = await client.ask(f"api uuid_buglist {call_id}")
    told = await until_hung_up(client, call_id)

    assert names(told)[:4] == ["RECORD_START", "MEDIA_BUG_START", "RECORD_STOP", "MEDIA_BUG_STOP"]
    assert [told[at]["Recording-Variable-own_id"] for at in (0, 2)] == ["4711"] * 2
    # nothing was heard in so short a time: then the file is deleted
    assert told[2]["Record-Completion-Cause"] == "empty-file"
    assert told[1]["Media-Bug-Function"] == "session_record"
    assert listed == (
        "<media-bugs>\n <media-bug>\n  <function>session_record</function>\n"
        f"  <target>{path}</target>\n  <thread-locked>0</thread-locked>\n </media-bug>\n"
        "</media-bugs>\n"
    )
    assert empty == "<media-bugs>\n</media-bugs>\n"


async def test_the_end_of_a_call_ends_a_recording_between_its_two_events(
    client: RawClient,
) -> None:
    call_id = await park(client)
    await listen(client)
    await client.ask(f"api uuid_record {call_id} start {RECORDING_ROOT}/{uuid.uuid4()}.wav")
    told = [name for name in names(await until_hung_up(client, call_id)) if "BUG" not in name]

    assert told == ["RECORD_START", "CHANNEL_HANGUP", "RECORD_STOP", "CHANNEL_HANGUP_COMPLETE"]


async def test_sounds_over_a_conversation_answer_word_by_word(client: RawClient) -> None:
    call_id, named = await park(client), f"{{callcontrol_playback=1}}{TONE}"
    refused, over = "-ERR Cannot displace session!\n", "-ERR Cannot stop displace session!\n"
    asked = [
        (f"uuid_displace {{}} stop {named}", over),
        ("uuid_displace {} start /no/such/file.wav 0 m", refused),
        (f"uuid_displace {{}} start {named} 0 m", SUCCESS),
        (f"uuid_displace {{}} start {named} 0 m", refused),
        (f"uuid_displace {{}} start {{other=1}}{TONE} 0 m", SUCCESS),
        ("uuid_displace {} stop all", over),
        (f"uuid_displace {{}} stop {TONE}", over),
        (f"uuid_displace {{}} stop {named}", SUCCESS),
        (f"uuid_displace {{}} stop {named}", over),
    ]
    commands = [command.replace("{}", call_id, 1) for command, _ in asked]
    replies = [await client.ask(f"api {command}") for command in commands]
    await client.ask(f"api uuid_kill {call_id}")

    assert replies == [reply for _, reply in asked]


async def test_a_file_manager_says_ok_to_anything_while_a_file_plays(client: RawClient) -> None:
    call_id, operation_id = await park(client), str(uuid.uuid4())
    await listen(client)
    before = await client.ask(f"api uuid_fileman {call_id} pause")
    await client.ask(run(call_id, "playback", TONE, operation_id))
    await client.event(Event_Name="PLAYBACK_START", Unique_ID=call_id)
    words = ("pause", "pause", "volume:9", "seek:+100", "nonsense")
    replies = [await client.ask(f"api uuid_fileman {call_id} {word}") for word in words]
    unknown = await client.ask(f"api uuid_fileman {UNKNOWN} pause")
    await client.ask(f"api uuid_kill {call_id}")

    assert before == "-ERR No file handle!\n"
    assert replies == ["+OK\n"] * len(words)
    assert unknown == "-ERR No such channel!\n"


async def test_a_listener_is_told_by_the_bug_on_the_other_leg(client: RawClient) -> None:
    call_id, listener, operation_id = await park(client), await park(client), str(uuid.uuid4())
    await listen(client)
    argument = f"%[eavesdrop_whisper_bleg=true,eavesdrop_enable_dtmf=false]{call_id}"
    await client.ask(run(listener, "eavesdrop", argument, operation_id))
    began = await client.event(Event_Name="CHANNEL_EXECUTE", Application_UUID=operation_id)
    tapped = await client.event(Event_Name="MEDIA_BUG_START", Unique_ID=call_id)
    await client.ask(f"api uuid_kill {call_id}")
    over = await client.event(Event_Name="CHANNEL_EXECUTE_COMPLETE", Application_UUID=operation_id)
    left = await client.ask(f"api uuid_exists {listener}")
    await client.ask(f"api uuid_kill {listener}")

    assert began["Application-Data"] == call_id
    assert began["scope_variable_eavesdrop_whisper_bleg"] == "true"
    assert (tapped["Media-Bug-Function"], tapped["Media-Bug-Target"]) == ("eavesdrop", call_id)
    assert over["Application-Response"] == "_none_"
    assert left == "true"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("1234", ("success", "1234", None, None)),
        ("12#", ("success", "12", None, "#")),
        ("12", ("timeout", "12", None, None)),
        ("1", ("failure", "1", None, None)),
        ("9999", ("success", None, "9999", None)),
        ("", ("failure", None, None, None)),
        ("F", ("failure", None, None, "F")),
    ],
)
async def test_a_collection_of_digits_says_how_it_ended_in_variables(
    client: RawClient, typed: str, said: tuple[str | None, ...]
) -> None:
    call_id, operation_id = await park(client), str(uuid.uuid4())
    await listen(client)
    argument = "2 4 1 1000 #F '' '' own_digits ^(?:[0-8]+)$ 1000"
    await client.ask(run(call_id, "play_and_get_digits", argument, operation_id))
    await client.event(Event_Name="CHANNEL_EXECUTE", Application_UUID=operation_id)
    if typed:
        await client.ask(f"api uuid_recv_dtmf {call_id} {typed}")
    over = await client.event(Event_Name="CHANNEL_EXECUTE_COMPLETE", Application_UUID=operation_id)
    await client.ask(f"api uuid_kill {call_id}")

    variables = ("read_result", "own_digits", "own_digits_invalid", "read_terminator_used")
    assert tuple(over.get(f"variable_{name}") for name in variables) == said
