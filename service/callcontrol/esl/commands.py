"""The commands of the event socket, as values that become bytes.

Every value is carried exactly or refused with UnencodableValue: the wire has no escape for a line
feed, and the switch trims, splits or drops some values (mod_event_socket.c, read_packet and
parse_command). What may stand where is decided by the three functions of `encoding`.
"""

from dataclasses import dataclass, field

from callcontrol.esl.encoding import check, packet, word
from callcontrol.esl.errors import UnencodableValue

Headers = tuple[tuple[str, str], ...]
"""Header lines in the order in which they are sent; names may repeat."""

FORMATS = ("plain", "json", "xml")


@dataclass(frozen=True, slots=True)
class Auth:
    """Log in with the password of the event socket; every character of it counts."""

    password: str = field(repr=False)

    def encode(self) -> bytes:
        return packet("auth " + self.password)


@dataclass(frozen=True, slots=True)
class UserAuth:
    """Log in as a user of the switch's directory, written `name@domain`."""

    user: str
    password: str = field(repr=False)

    def encode(self) -> bytes:
        if ":" in self.user:
            raise UnencodableValue("user", "may not contain a colon")
        if "@" not in self.user and "@" in self.password:
            raise UnencodableValue(
                "user", "needs a domain when the password contains @"
            )
        return packet(f"userauth {self.user}:{self.password}")


@dataclass(frozen=True, slots=True)
class Api:
    """Run an API command on the connection's own thread; nothing else is answered meanwhile."""

    name: str
    arguments: str = ""

    def encode(self) -> bytes:
        return packet(_api_line("api", self.name, self.arguments))


@dataclass(frozen=True, slots=True)
class BackgroundApi:
    """Run an API command on a thread of its own; its output comes as a BACKGROUND_JOB event.

    `job_id` becomes the event's Job-UUID, at most 255 bytes; without it the switch makes one.
    """

    name: str
    arguments: str = ""
    job_id: str = ""

    def encode(self) -> bytes:
        check(
            "job_id",
            len(self.job_id.encode("utf-8", "replace")) <= 255,
            "is over 255 bytes",
        )
        headers = (("Job-UUID", self.job_id),) if self.job_id else ()
        return packet(_api_line("bgapi", self.name, self.arguments), headers)


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Add event types to those that this connection gets; `ALL` is one of them.

    Without subclasses a last name of `CUSTOM` asks for custom events that have no subclass. The
    format holds for the whole connection; an empty one leaves it as it was.
    """

    names: tuple[str, ...]
    subclasses: tuple[str, ...] = ()
    format: str = "json"

    def encode(self) -> bytes:
        check("format", self.format in ("", *FORMATS), "is none of plain, json and xml")
        first_is_format = bool(self.names) and self.names[0].lower() in FORMATS
        check(
            "names",
            bool(self.format) or not first_is_format,
            "may not begin with a format",
        )
        return packet(_event_line("event", (self.format,), self.names, self.subclasses))


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Take event types and custom subclasses away."""

    names: tuple[str, ...]
    subclasses: tuple[str, ...] = ()

    def encode(self) -> bytes:
        return packet(_event_line("nixevent", (), self.names, self.subclasses))


@dataclass(frozen=True, slots=True)
class NoEvents:
    """Take all event types away and drop the events that wait to be sent. Filters stay."""

    def encode(self) -> bytes:
        return packet("noevents")


@dataclass(frozen=True, slots=True)
class Filter:
    """Let only events pass that match this or another filter.

    The switch reads a leading `+`, `-` or `/` in the value as a sign or a regular expression.
    """

    header: str
    value: str

    def encode(self) -> bytes:
        header = _filter_header(self.header)
        check("value", bool(self.value), "may not be empty")
        return packet(f"filter {header} {_trimmed('value', self.value)}")


@dataclass(frozen=True, slots=True)
class FilterDelete:
    """Remove the filters of a header, or only those of one value; the header `all` means all."""

    header: str
    value: str = ""

    def encode(self) -> bytes:
        value = " " + _trimmed("value", self.value) if self.value else ""
        return packet(f"filter delete {word('header', self.header)}{value}")


@dataclass(frozen=True, slots=True)
class MyEvents:
    """Get the events of one call and control it; without a call_id, of an outbound connection's."""

    call_id: str = ""
    format: str = ""

    def encode(self) -> bytes:
        check("format", self.format in ("", *FORMATS), "is none of plain, json and xml")
        misread = any(name in self.call_id.lower() for name in FORMATS)
        check("call_id", not misread, "may not contain the name of a format")
        parts = [word("call_id", self.call_id)] if self.call_id else []
        return packet(
            " ".join(["myevents", *parts, *([self.format] if self.format else [])])
        )


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Queue a message for a call; an empty call_id means the connection's own. See `messaging`."""

    call_id: str
    headers: Headers
    body: bytes = b""

    def encode(self) -> bytes:
        target = " " + word("call_id", self.call_id) if self.call_id else ""
        return packet("sendmsg" + target, self.headers, self.body)


@dataclass(frozen=True, slots=True)
class SendEvent:
    """Fire an event in the switch; CUSTOM needs the header Event-Subclass."""

    name: str
    headers: Headers = ()
    body: bytes = b""

    def encode(self) -> bytes:
        name = " " + word("name", self.name) if self.name else ""
        return packet("sendevent" + name, self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Log:
    """Get the switch's log down to a level: `console`, `alert`, `crit`, `err`, `warning`,
    `notice`, `info`, `debug`, or a number; empty means debug."""

    level: str = ""

    def encode(self) -> bytes:
        return packet("log " + word("level", self.level) if self.level else "log")


@dataclass(frozen=True, slots=True)
class NoLog:
    """Get no log lines any more."""

    def encode(self) -> bytes:
        return packet("nolog")


@dataclass(frozen=True, slots=True)
class Exit:
    """End the connection; what waits to be sent is dropped."""

    def encode(self) -> bytes:
        return packet("exit")


@dataclass(frozen=True, slots=True)
class Linger:
    """Keep the connection for so many seconds after the call has ended; None means for ever."""

    seconds: int | None = None

    def encode(self) -> bytes:
        if self.seconds is None:
            return packet("linger")
        check("seconds", self.seconds >= 0, "may not be negative")
        return packet(f"linger {self.seconds}")


@dataclass(frozen=True, slots=True)
class NoLinger:
    """Close the connection when the call ends."""

    def encode(self) -> bytes:
        return packet("nolinger")


@dataclass(frozen=True, slots=True)
class Connect:
    """Ask for the data of the call that this connection controls."""

    def encode(self) -> bytes:
        return packet("connect")


@dataclass(frozen=True, slots=True)
class DivertEvents:
    """Whether events queued for the call, such as digits, come here instead."""

    on: bool

    def encode(self) -> bytes:
        return packet("divert_events on" if self.on else "divert_events off")


@dataclass(frozen=True, slots=True)
class GetVariable:
    """Ask for a variable of the controlled call. The reply is cut at 511 bytes, and a value with
    an empty line in it breaks the stream: prefer `api uuid_getvar`."""

    name: str

    def encode(self) -> bytes:
        return packet("getvar " + word("name", self.name))


@dataclass(frozen=True, slots=True)
class Resume:
    """Let the dialplan go on behind the socket application when this connection ends."""

    def encode(self) -> bytes:
        return packet("resume")


Command = (
    Auth
    | UserAuth
    | Api
    | BackgroundApi
    | Subscribe
    | Unsubscribe
    | NoEvents
    | Filter
    | FilterDelete
    | MyEvents
    | SendMessage
    | SendEvent
    | Log
    | NoLog
    | Exit
    | Linger
    | NoLinger
    | Connect
    | DivertEvents
    | GetVariable
    | Resume
)
"""Anything that can be sent; each is answered by exactly one reply."""


def _api_line(verb: str, name: str, arguments: str) -> str:
    line = f"{verb} {word('name', name)}"
    return f"{line} {_trimmed('arguments', arguments)}" if arguments else line


def _event_line(
    verb: str,
    prefix: tuple[str, ...],
    names: tuple[str, ...],
    subclasses: tuple[str, ...],
) -> str:
    words = [verb, *filter(None, prefix), *(word("names", name) for name in names)]
    custom = [
        position for position, name in enumerate(names) if name.upper() == "CUSTOM"
    ]
    check(
        "names", custom in ([], [len(names) - 1]), "may have CUSTOM only once and last"
    )
    if subclasses:
        check(
            "names", not custom, "may not have CUSTOM beside subclasses, which imply it"
        )
        words += ["CUSTOM", *(word("subclasses", name) for name in subclasses)]
    return " ".join(words)


def _filter_header(header: str) -> str:
    check(
        "header",
        header.lower() not in ("add", "delete"),
        "may be neither add nor delete",
    )
    return word("header", header)


def _trimmed(part: str, value: str) -> str:
    check(part, value == value.strip(), "may not begin or end with white space")
    return value
