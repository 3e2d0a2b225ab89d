"""Commands become exactly the bytes that a switch reads as the same command, or are refused."""

import pytest

from callcontrol.esl.commands import (
    Api,
    Auth,
    BackgroundApi,
    Command,
    Exit,
    Filter,
    FilterDelete,
    Log,
    NoEvents,
    NoLog,
    SendEvent,
    SendMessage,
    Subscribe,
    Unsubscribe,
    UserAuth,
)
from callcontrol.esl.encoding import MAX_BLOCK, MAX_BODY
from callcontrol.esl.errors import UnencodableValue
from callcontrol.esl.messaging import execute, hangup_message
from callcontrol.esl.session_commands import (
    Connect,
    DivertEvents,
    GetVariable,
    Linger,
    MyEvents,
    NoLinger,
    Resume,
)


@pytest.mark.parametrize(
    ("command", "encoded"),
    [
        (Auth("ClueCon"), b"auth ClueCon\n\n"),
        (Auth(" two words "), b"auth  two words \n\n"),
        (UserAuth("full@fs-lab", "p@:ss"), b"userauth full@fs-lab:p@:ss\n\n"),
        (Api("status"), b"api status\n\n"),
        (Api("uuid_kill", "u USER_BUSY"), b"api uuid_kill u USER_BUSY\n\n"),
        (BackgroundApi("status"), b"bgapi status\n\n"),
        (
            BackgroundApi("originate", "null/x &park", "job-1"),
            b"bgapi originate null/x &park\nJob-UUID: job-1\n\n",
        ),
        (Subscribe(("ALL",)), b"event json ALL\n\n"),
        (Subscribe(("DTMF",), ("a::b", "c::d"), "plain"), b"event plain DTMF CUSTOM a::b c::d\n\n"),
        (Subscribe(("DTMF", "CUSTOM"), (), ""), b"event DTMF CUSTOM\n\n"),
        (Unsubscribe(("DTMF",), ("a::b",)), b"nixevent DTMF CUSTOM a::b\n\n"),
        (NoEvents(), b"noevents\n\n"),
        (Filter("Unique-ID", "/^a b$/"), b"filter Unique-ID /^a b$/\n\n"),
        (FilterDelete("all"), b"filter delete all\n\n"),
        (FilterDelete("Color", "red"), b"filter delete Color red\n\n"),
        (MyEvents("u", "plain"), b"myevents u plain\n\n"),
        (MyEvents("my-xml-call", "json"), b"myevents my-xml-call json\n\n"),
        (MyEvents(), b"myevents\n\n"),
        (Log("warning"), b"log warning\n\n"),
        (Log(), b"log\n\n"),
        (NoLog(), b"nolog\n\n"),
        (Exit(), b"exit\n\n"),
        (Linger(), b"linger\n\n"),
        (Linger(5), b"linger 5\n\n"),
        (NoLinger(), b"nolinger\n\n"),
        (Connect(), b"connect\n\n"),
        (DivertEvents(on=True), b"divert_events on\n\n"),
        (DivertEvents(on=False), b"divert_events off\n\n"),
        (GetVariable("x"), b"getvar x\n\n"),
        (Resume(), b"resume\n\n"),
        (
            SendEvent("CUSTOM", (("Event-Subclass", "a::b"),), "ñ\n".encode()),
            b"sendevent CUSTOM\nEvent-Subclass: a::b\nContent-Length: 3\n\n\xc3\xb1\n",
        ),
        (
            execute("u", "playback", "/a b", "op-1"),
            (
                b"sendmsg u\ncall-command: execute\nexecute-app-name: playback\n"
                b"execute-app-arg: /a b\nEvent-UUID: op-1\nevent-lock: true\n\n"
            ),
        ),
        (
            execute("u", "answer", event_lock=False, loops=-1),
            b"sendmsg u\ncall-command: execute\nexecute-app-name: answer\nloops: -1\n\n",
        ),
        (
            hangup_message("", "USER_BUSY"),
            b"sendmsg\ncall-command: hangup\nhangup-cause: USER_BUSY\n\n",
        ),
    ],
)
def test_a_command_becomes_these_bytes(command: Command, encoded: bytes) -> None:
    assert command.encode() == encoded


@pytest.mark.parametrize(
    "command",
    [
        Api(""),
        Api("uuid kill"),
        Api("uuid_kill", " u"),
        Api("uuid_kill", "u "),
        Api("echo", "caf\udce9"),
        BackgroundApi("status", "", " job"),
        BackgroundApi("status", "", "j" * 256),
        Api("reload", "mod_event_socket"),
        Api("echo", "MOD_EVENT_SOCKET Unload"),
        execute("u", "set", "x=Unload Mod_Event_Socket"),
        execute("u", "set", " leading"),
        execute("", ""),
        execute("u v", "answer"),
        UserAuth("a:b", "c"),
        UserAuth("a", "b@c"),
        Subscribe(("A B",)),
        Subscribe(("",)),
        Subscribe(("A",), ("b c",)),
        Subscribe(("CUSTOM", "A")),
        Subscribe(("CUSTOM", "custom")),
        Subscribe(("A", "CUSTOM"), ("b",)),
        Subscribe(("A",), (), "yaml"),
        Subscribe(("json", "A"), (), ""),
        Unsubscribe(("CUSTOM",), ("b",)),
        Filter("add", "x"),
        Filter("Delete", "x"),
        Filter("Color", ""),
        Filter("Color", " red"),
        Filter("", "red"),
        FilterDelete("Co lor"),
        MyEvents("my-json-call"),
        MyEvents("u", "yaml"),
        Linger(-1),
        GetVariable("a b"),
        Log("debug extra"),
        SendEvent("A B"),
        SendEvent("A", (("", "x"),)),
        SendEvent("A", (("X", ""),)),
        SendEvent("A", (("X", " x"),)),
        SendEvent("A", (("X:", "x"),)),
        SendEvent("A", (("X[1]", "x"),)),
        SendEvent("A", ((" X", "x"),)),
        SendEvent("A", (("content-LENGTH", "5"),)),
        SendEvent("A", (("_body", "x"),)),
        SendMessage("u", (("console_execute", "true"),)),
        SendEvent("A", (), b"a\0b"),
    ],
)
def test_what_would_arrive_as_something_else_is_refused(command: Command) -> None:
    with pytest.raises(UnencodableValue):
        command.encode()


def test_what_is_too_long_for_a_switch_is_refused() -> None:
    with pytest.raises(UnencodableValue, match="bytes"):
        Api("md5", "A" * MAX_BLOCK).encode()
    with pytest.raises(UnencodableValue, match="bytes"):
        SendEvent("A", (), b"A" * (MAX_BODY + 1)).encode()


def test_a_refusal_names_the_part_and_does_not_repeat_the_value() -> None:
    with pytest.raises(UnencodableValue) as caught:
        Auth("hush\n").encode()
    assert "hush" not in str(caught.value)
    with pytest.raises(UnencodableValue) as caught:
        Api("uuid_kill", " u").encode()
    assert caught.value.part == "arguments"


def test_passwords_are_not_shown() -> None:
    assert "hush" not in f"{Auth('hush')!r} {UserAuth('a@b', 'hush')!r}"
