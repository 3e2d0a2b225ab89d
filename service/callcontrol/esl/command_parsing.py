"""Reads what a client asks for, as a FreeSWITCH reads it; for the side that plays switch.

A switch compares the beginning of the line without regard to case, in a fixed order, and mostly
without looking for the end of the word: `eventful` is `event` (mod_event_socket.c,
parse_command). Whether a command is allowed now is not decided here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from callcontrol.esl import commands
from callcontrol.esl.command_reader import header_lines, split_lines
from callcontrol.esl.commands import Command
from callcontrol.esl.encoding import FORMATS, Headers
from callcontrol.esl.session_commands import (
    Connect,
    DivertEvents,
    GetVariable,
    Linger,
    MyEvents,
    NoLinger,
    Resume,
)

_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class UnparsedCommand:
    """A line that is none of the commands, or one with what it needs left out."""

    line: str
    answer: str = "-ERR command not found"
    """What a switch replies."""


@dataclass(frozen=True, slots=True)
class _Packet:
    line: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that name, in any case, or nothing."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), "")

    def without_length(self) -> Headers:
        return tuple((n, v) for n, v in self.headers if n.lower() != "content-length")


def parse_command(block: bytes, body: bytes = b"") -> Command | UnparsedCommand:
    """The command of one packet.

    A byte that is not UTF-8 becomes a surrogate U+DC80..U+DCFF, which `serialize` turns back.
    """
    lines = split_lines(block)
    line = _text(lines[0]) if lines else ""
    headers = tuple((_text(name), _text(value)) for name, value in header_lines(block))
    packet = _Packet(line, headers, body)
    lowered = line.lower()
    for prefix, read in _READERS:
        if lowered.startswith(prefix):
            return read(line[len(prefix) :], packet)
    return UnparsedCommand(line)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


_Reader = Callable[[str, _Packet], Command | UnparsedCommand]


def _user_auth(rest: str, _: _Packet) -> Command:
    """`user@domain:password`, or `user:password@domain`."""
    user, _colon, password = rest.partition(":")
    if "@" not in user and "@" in password:
        password, _at, domain = password.partition("@")
        user = f"{user}@{domain}"
    return commands.UserAuth(user, password)


def _filter(rest: str, packet: _Packet) -> Command | UnparsedCommand:
    header, blank, value = rest.lstrip(" ").partition(" ")
    if not blank:
        return UnparsedCommand(packet.line, "-ERR invalid syntax")
    if header.lower() == "delete":
        header, _blank, value = value.partition(" ")
        return commands.FilterDelete(header, value)
    if header.lower() == "add":
        header, _blank, value = value.partition(" ")
    return commands.Filter(header, value)


def _api(rest: str, _: _Packet) -> Command:
    name, arguments = _name_and_arguments(rest)
    return commands.Api(name, arguments)


def _background_api(rest: str, packet: _Packet) -> Command:
    name, arguments = _name_and_arguments(rest)
    return commands.BackgroundApi(name, arguments, packet.header("Job-UUID"))


def _name_and_arguments(rest: str) -> tuple[str, str]:
    name, _, arguments = rest.partition(" ")
    return name, arguments.strip(" \t\v\f")


def _subscribe(rest: str, _: _Packet) -> Command:
    words = _words(rest)
    form = words[0].lower() if words and words[0].lower() in FORMATS else ""
    names, subclasses = _names_and_subclasses(words[1:] if form else words)
    return commands.Subscribe(names, subclasses, form)


def _unsubscribe(rest: str, _: _Packet) -> Command:
    return commands.Unsubscribe(*_names_and_subclasses(_words(rest)))


def _words(rest: str) -> list[str]:
    """The words behind `event`; a switch looks for the first blank, so `events` is no trouble."""
    return [word for word in rest.partition(" ")[2].split(" ") if word]


def _names_and_subclasses(words: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Behind CUSTOM every word is a subclass; without any, CUSTOM is itself a name."""
    position = next((i for i, word in enumerate(words) if word.upper() == "CUSTOM"), len(words))
    subclasses = words[position + 1 :]
    names = words[:position] if subclasses else words
    return tuple(names), tuple(subclasses)


def _my_events(rest: str, _: _Packet) -> Command:
    words = [word for word in rest.split(" ") if word]
    form = next((word for word in words if word in FORMATS), "")
    call_id = next((word for word in words if word not in FORMATS), "")
    return MyEvents(call_id, form)


def _divert_events(rest: str, packet: _Packet) -> Command | UnparsedCommand:
    value = rest.strip(" ").lower()
    if value not in ("on", "off"):
        return UnparsedCommand(packet.line, "-ERR missing value.")
    return DivertEvents(value == "on")


def _send_message(rest: str, packet: _Packet) -> Command:
    return commands.SendMessage(
        rest.strip(" ") or packet.header("session-id"), packet.without_length(), packet.body
    )


def _send_event(rest: str, packet: _Packet) -> Command:
    return commands.SendEvent(rest.strip(" "), packet.without_length(), packet.body)


def _log(rest: str, _: _Packet) -> Command:
    words = [word for word in rest.split(" ") if word]
    return commands.Log(words[0] if words else "")


def _linger(rest: str, _: _Packet) -> Command:
    """What is no number of seconds is 0 of them."""
    if not rest.strip(" "):
        return Linger(None)
    match = _NUMBER.match(rest.strip(" "))
    return Linger(int(match[0]) if match else 0)


def _get_variable(rest: str, packet: _Packet) -> Command | UnparsedCommand:
    name = rest.strip(" ")
    return GetVariable(name) if name else UnparsedCommand(packet.line)


def _plain(command: Command) -> _Reader:
    return lambda _rest, _packet: command


_READERS: tuple[tuple[str, _Reader], ...] = (
    ("exit", _plain(commands.Exit())),
    ("...", _plain(commands.Exit())),
    ("auth ", lambda rest, _: commands.Auth(rest)),
    ("userauth ", _user_auth),
    ("filter ", _filter),
    ("resume", _plain(Resume())),
    ("connect", _plain(Connect())),
    ("getvar", _get_variable),
    ("myevents", _my_events),
    ("divert_events", _divert_events),
    ("sendmsg", _send_message),
    ("sendevent", _send_event),
    ("api ", _api),
    ("bgapi ", _background_api),
    ("log", _log),
    ("linger", _linger),
    ("nolinger", _plain(NoLinger())),
    ("nolog", _plain(commands.NoLog())),
    ("event", _subscribe),
    ("nixevent", _unsubscribe),
    ("noevents", _plain(commands.NoEvents())),
)
"""In the order in which a switch compares."""
