"""Commands are understood as a switch understands them, which is not always as written."""

import pytest

from callcontrol.esl.command_parsing import UnparsedCommand, parse_command
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
    SendEvent,
    SendMessage,
    Subscribe,
    Unsubscribe,
    UserAuth,
)
from callcontrol.esl.session_commands import Linger, MyEvents


@pytest.mark.parametrize(
    ("block", "command"),
    [
        (b"auth  secret ", Auth(" secret ")),
        (b"userauth full:pass@fs", UserAuth("full@fs", "pass")),
        (b"userauth full@fs:pass", UserAuth("full@fs", "pass")),
        (b"userauth full@fs", UserAuth("full@fs", "")),
        (b"API Status", Api("Status")),
        (b"api echo  a  b ", Api("echo", "a  b")),
        (b"api ", Api("")),
        (b"bgapi status\njob-uuid: 7", BackgroundApi("status", "", "7")),
        (b"bgapi status\r\nJob-UUID: 7", BackgroundApi("status", "", "7")),
        (b"events PLAIN all", Subscribe(("all",), (), "plain")),
        (b"event DTMF  CUSTOM a b", Subscribe(("DTMF",), ("a", "b"), "")),
        (b"event json custom", Subscribe(("custom",), (), "json")),
        (b"eventful", Subscribe((), (), "")),
        (b"nixevent ALL", Unsubscribe(("ALL",))),
        (b"noevents ALL", NoEvents()),
        (b"filter add Color blue", Filter("Color", "blue")),
        (b"filter Color dark blue", Filter("Color", "dark blue")),
        (b"filter DELETE Color", FilterDelete("Color")),
        (b"filter delete Color blue", FilterDelete("Color", "blue")),
        (b"log debug extra", Log("debug")),
        (b"exitnow", Exit()),
        (b"...", Exit()),
        (b"linger abc", Linger(0)),
        (b"linger", Linger(None)),
        (b"myevents json u", MyEvents("u", "json")),
        (b"sendmsg\nsession-id: u", SendMessage("u", (("session-id", "u"),))),
        (b"sendevent A\nX: a:b\nY:\nZ", SendEvent("A", (("X", "a:b"),))),
        (b"sendevent A\nX: \xe9", SendEvent("A", (("X", "\udce9"),))),
    ],
)
def test_a_line_is_understood_as_this_command(block: bytes, command: Command) -> None:
    assert parse_command(block) == command


@pytest.mark.parametrize(
    ("block", "answer"),
    [
        (b"foo", "-ERR command not found"),
        (b"api", "-ERR command not found"),
        (b" api status", "-ERR command not found"),
        (b"auth", "-ERR command not found"),
        (b"getvar ", "-ERR command not found"),
        (b"filter", "-ERR command not found"),
        (b"filter ", "-ERR invalid syntax"),
        (b"filter delete", "-ERR invalid syntax"),
        (b"filter Color", "-ERR invalid syntax"),
        (b"divert_events", "-ERR missing value."),
        (b"", "-ERR command not found"),
    ],
)
def test_what_is_no_command_is_answered_like_this(block: bytes, answer: str) -> None:
    command = parse_command(block)
    assert isinstance(command, UnparsedCommand)
    assert command.answer == answer
