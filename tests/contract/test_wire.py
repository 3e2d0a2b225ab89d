"""The Event Socket itself, without the service: what the simulator and FreeSWITCH both do."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator

import pytest
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def client(switch: SwitchUnderTest) -> AsyncIterator[RawClient]:
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.log_in(switch.password)
        yield client


async def park(client: RawClient, dialled: str = "answer") -> str:
    """Place a call that is parked here and `dialled` there; the call id."""
    call_id = str(uuid.uuid4())
    reply = await client.ask(
        f"api originate {{origination_uuid={call_id}}}loopback/{dialled}/callcontrol &park"
    )
    assert reply == f"+OK {call_id}\n"
    return call_id


async def test_a_wrong_password_is_refused_and_the_connection_ends(switch: SwitchUnderTest) -> None:
    async with asyncio.timeout(30), await RawClient.connect(switch.host, switch.port) as client:
        await client.frame()

        assert await client.ask("auth wrong") == "-ERR invalid"
        notice = await client.frame()

        assert notice.kind == "text/disconnect-notice"
        assert notice.body == (
            "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
        )
        assert await client.reader.read() == b""


async def test_any_command_before_the_password_is_unknown_and_harmless(
    switch: SwitchUnderTest,
) -> None:
    async with asyncio.timeout(30), await RawClient.connect(switch.host, switch.port) as client:
        await client.frame()

        assert await client.ask("api status") == "-ERR command not found"
        assert await client.ask(f"auth {switch.password}") == "+OK accepted"


async def test_exit_says_bye_and_closes(client: RawClient) -> None:
    assert await client.ask("exit") == "+OK bye"
    assert (await client.frame()).kind == "text/disconnect-notice"
    assert await client.reader.read() == b""


REPLIES = [
    ("nosuchcommand", "-ERR command not found"),
    ("api nosuchapi", "-ERR nosuchapi Command not found!\n"),
    ("api ", "-ERR  Command not found!\n"),
    ("api", "-ERR command not found"),
    ("event json CHANNEL_ANSWER", "+OK event listener enabled json"),
    ("event plain ALL", "+OK event listener enabled plain"),
    ("event json NO_SUCH_EVENT", "-ERR no keywords supplied"),
    ("event", "-ERR no keywords supplied"),
    ("nixevent CHANNEL_ANSWER", "+OK events nixed"),
    ("noevents", "-ERR not listening for events"),
    ("nolog", "-ERR not loging"),
    ("log 7", "+OK log level 7 [7]"),
    ("log foo", "-ERR invalid log level"),
    ("filter Color red", "+OK filter added. [Color]=[red]"),
    ("filter delete all", "+OK filter deleted. [all][]"),
    ("filter Color", "-ERR invalid syntax"),
    ("linger", "-ERR not controlling a session"),
    ("getvar x", "-ERR command not found"),
    ("sendmsg", "-ERR invalid session id []"),
    (
        f"sendmsg {UNKNOWN}\ncall-command: hangup",
        f"-ERR invalid session id [{UNKNOWN}]",
    ),
    ("auth again", "-ERR command not found"),
    (f"api uuid_exists {UNKNOWN}", "false"),
    (f"api uuid_kill {UNKNOWN}", "-ERR No such channel!\n"),
    (f"api uuid_answer {UNKNOWN}", "-ERROR\n"),
    (f"api uuid_hold {UNKNOWN}", "+OK Success\n"),
    (f"api uuid_bridge {UNKNOWN} {UNKNOWN}", "-ERR Invalid uuid\n"),
    (f"api uuid_park {UNKNOWN}", "-ERR No such channel!\n"),
    (f"api uuid_transfer {UNKNOWN} answer XML callcontrol", "-ERR No such channel!\n"),
    (f"api uuid_setvar {UNKNOWN} a b", "-ERR No such channel!\n"),
    (f"api uuid_getvar {UNKNOWN} a", "-ERR No such channel!\n"),
    (f"api uuid_dump {UNKNOWN} json", "-ERR No such channel!\n"),
    (f"api uuid_break {UNKNOWN} all", "-ERR No such channel!\n"),
    (f"api uuid_audio {UNKNOWN} start read mute 1", "-ERR No such channel!\n"),
    (f"api uuid_send_dtmf {UNKNOWN} 1", "-ERR Cannot locate session!\n"),
    (f"api uuid_recv_dtmf {UNKNOWN} 1", "-ERR Cannot locate session!\n"),
    ("api global_getvar no_such_variable", "-ERR no reply\n"),
    ("api originate", "-USAGE: <call url> <exten>|&<application_name>(<app_args>) "),
    ("api originate error/USER_BUSY &park", "-ERR USER_BUSY\n"),
    ("api originate nosuchendpoint/x &park", "-ERR CHAN_NOT_IMPLEMENTED\n"),
    ("api originate {a=b &park", "-ERR DESTINATION_OUT_OF_ORDER\n"),
    ("api originate loopback/busy/callcontrol &park", "-ERR USER_BUSY\n"),
    ("api originate loopback/reject/callcontrol &park", "-ERR CALL_REJECTED\n"),
    ("api originate loopback/nobody/callcontrol &park", "-ERR NO_ROUTE_DESTINATION\n"),
    ("api originate {originate_timeout=2}loopback/ring/callcontrol &park", "-ERR NO_ANSWER\n"),
    ("bgapi status\nJob-UUID: my job", "+OK Job-UUID: my job"),
]


@pytest.mark.parametrize(("command", "reply"), REPLIES, ids=[c.split("\n")[0] for c, _ in REPLIES])
async def test_the_reply_to(client: RawClient, command: str, reply: str) -> None:
    answer = await client.ask(command)

    assert answer.startswith(reply) if reply.startswith("-USAGE") else answer == reply


async def test_pipelined_commands_are_answered_in_order(client: RawClient) -> None:
    for number in range(20):
        client.write(f"api echo {number}")

    assert [(await client.answer()).reply for _ in range(20)] == [str(n) for n in range(20)]


async def test_a_list_without_rows_has_no_rows_key(client: RawClient) -> None:
    reply = await client.ask("api show channels like no-such-channel-anywhere as json")

    assert reply == '{"row_count": 0}\n'


async def test_a_custom_event_sent_by_us_comes_back(client: RawClient) -> None:
    await client.ask("event json CUSTOM contract::probe")
    reply = await client.ask("sendevent CUSTOM\nEvent-Subclass: contract::probe\nProbe: 42")
    event = await client.event(Event_Subclass="contract::probe")

    assert re.fullmatch(r"\+OK [0-9a-f-]{36}", reply)
    assert event["Probe"] == "42"
    assert event["Command"] == "sendevent CUSTOM"
    assert event["Core-UUID"] == await client.ask("api global_getvar core_uuid")


async def test_a_job_has_the_id_that_was_chosen_and_its_result_is_an_event(
    client: RawClient,
) -> None:
    await client.ask("event json BACKGROUND_JOB")
    assert await client.ask("bgapi echo hello\nJob-UUID: j1") == "+OK Job-UUID: j1"
    event = await client.event(Job_UUID="j1")

    assert event["Event-Name"] == "BACKGROUND_JOB"
    assert event["Job-Command"] == "echo"
    assert event["Job-Command-Arg"] == "hello"
    assert event["_body"] == "hello"


async def test_an_api_command_holds_back_the_events_of_its_connection(client: RawClient) -> None:
    await client.ask("event json CUSTOM contract::probe")
    client.write("api msleep 300")
    client.write("sendevent CUSTOM\nEvent-Subclass: contract::probe")

    assert (await client.answer()).kind == "api/response"
    assert client.events == []


LIFE = [
    "CHANNEL_CREATE",
    "CHANNEL_ANSWER",
    "CHANNEL_PARK",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_DESTROY",
]


async def test_the_life_of_a_parked_call(client: RawClient) -> None:
    await client.ask(f"event json {' '.join(LIFE)}")
    call_id = await park(client)
    await client.event(Event_Name="CHANNEL_PARK", Unique_ID=call_id)
    assert await client.ask(f"api uuid_kill {call_id} CALL_REJECTED") == "+OK\n"
    seen = [await client.event(Event_Name=name, Unique_ID=call_id) for name in LIFE[3:]]

    assert [event["Hangup-Cause"] for event in seen] == ["CALL_REJECTED"] * 3
    sequence = [int(event["Event-Sequence"]) for event in seen]
    assert sequence == sorted(sequence)
    assert await client.ask(f"api uuid_exists {call_id}") == "false"


async def test_execute_is_told_by_its_own_id(client: RawClient) -> None:
    await client.ask("event json CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE PLAYBACK_START")
    call_id = await park(client)
    reply = await client.ask(
        f"sendmsg {call_id}\ncall-command: execute\nexecute-app-name: playback\n"
        f"execute-app-arg: silence_stream://200\nEvent-UUID: op-1\nevent-lock: true"
    )
    started = await client.event(Event_Name="CHANNEL_EXECUTE", Application_UUID="op-1")
    done = await client.event(Event_Name="CHANNEL_EXECUTE_COMPLETE", Application_UUID="op-1")
    await client.ask(f"api uuid_kill {call_id}")

    assert reply == "+OK"
    assert started["Application"] == "playback"
    assert started["Application-Data"] == "silence_stream://200"
    assert done["Application-Response"] == "FILE PLAYED"


async def test_a_file_that_is_missing_is_told_at_the_end(client: RawClient) -> None:
    await client.ask("event json CHANNEL_EXECUTE_COMPLETE")
    call_id = await park(client)
    await client.ask(
        f"sendmsg {call_id}\ncall-command: execute\nexecute-app-name: playback\n"
        f"execute-app-arg: /nonexistent/x.wav\nEvent-UUID: op-2"
    )
    done = await client.event(Event_Name="CHANNEL_EXECUTE_COMPLETE", Application_UUID="op-2")
    await client.ask(f"api uuid_kill {call_id}")

    assert done["Application-Response"] == "FILE NOT FOUND"


@pytest.mark.parametrize(
    "value",
    ["plain", "two words", "O'Neil, Bob", "a;b=c|d", "100%41", "ünïcode €", "{braces}", "[x]<y>"],
)
async def test_a_variable_is_stored_as_it_was_set(client: RawClient, value: str) -> None:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"')
    call_id = await park(client)
    assert await client.ask(f"api uuid_setvar {call_id} contract_value {escaped}") == "+OK\n"
    got = await client.ask(f"api uuid_getvar {call_id} contract_value")
    dump = json.loads(await client.ask(f"api uuid_dump {call_id} json"))
    await client.ask(f"api uuid_kill {call_id}")

    assert got == value
    assert dump["variable_contract_value"] == value


async def test_an_unknown_application_ends_the_call(client: RawClient) -> None:
    await client.ask("event json CHANNEL_HANGUP")
    call_id = await park(client)
    reply = await client.ask(
        f"sendmsg {call_id}\ncall-command: execute\nexecute-app-name: nosuchapp"
    )
    event = await client.event(Event_Name="CHANNEL_HANGUP", Unique_ID=call_id)

    assert reply == "+OK"
    assert event["Hangup-Cause"] == "DESTINATION_OUT_OF_ORDER"
