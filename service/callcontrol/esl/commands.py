"""The commands of the event socket, as values that become bytes.

Every value is carried exactly or refused with UnencodableValue: the wire has no escape for a line
feed, and the switch trims, splits or drops some values (mod_event_socket.c, read_packet and
parse_command). `encoding` decides what may stand where.
"""

from dataclasses import dataclass, field

from callcontrol.esl.encoding import FORMATS, Encodable, Headers, check, packet, trimmed, word
from callcontrol.esl.errors import UnencodableValue
from callcontrol.esl.session_commands import SessionCommand


@dataclass(frozen=True, slots=True)
class Auth(Encodable):
    """Log in with the password of the event socket; every character of it counts."""

    password: str = field(repr=False)

    def _packet(self) -> bytes:
        return packet("auth " + self.password)


@dataclass(frozen=True, slots=True)
class UserAuth(Encodable):
    """Log in as a user of the switch's directory, written `name@domain`."""

    user: str
    password: str = field(repr=False)

    def _packet(self) -> bytes:
        if ":" in self.user:
            raise UnencodableValue("user", "may not contain a colon")
        if "@" not in self.user and "@" in self.password:
            raise UnencodableValue("user", "needs a domain when the password contains @")
        return packet(f"userauth {self.user}:{self.password}")


@dataclass(frozen=True, slots=True)
class Api(Encodable):
    """Run an API command on the connection's own thread; nothing else is answered meanwhile."""

    name: str
    arguments: str = ""

    def _packet(self) -> bytes:
        return packet(_api_line("api", self.name, self.arguments))


@dataclass(frozen=True, slots=True)
class BackgroundApi(Encodable):
    """Run an API command on a thread of its own; its output comes as a BACKGROUND_JOB event.

    `job_id` becomes the event's Job-UUID, at most 255 bytes; without it the switch makes one.
    """

    name: str
    arguments: str = ""
    job_id: str = ""

    def _packet(self) -> bytes:
        check(
            "job_id",
            len(self.job_id.encode("utf-8", "replace")) <= 255,
            "is over 255 bytes",
        )
        headers = (("Job-UUID", self.job_id),) if self.job_id else ()
        return packet(_api_line("bgapi", self.name, self.arguments), headers)


@dataclass(frozen=True, slots=True)
class Subscribe(Encodable):
    """Add event types to those that this connection gets; `ALL` is one of them.

    Without subclasses a last name of `CUSTOM` asks for custom events that have no subclass. The
    format holds for the whole connection; an empty one leaves it as it was.
    """

    names: tuple[str, ...]
    subclasses: tuple[str, ...] = ()
    format: str = "json"

    def _packet(self) -> bytes:
        check("format", self.format in ("", *FORMATS), "is none of plain, json and xml")
        first_is_format = bool(self.names) and self.names[0].lower() in FORMATS
        check(
            "names",
            bool(self.format) or not first_is_format,
            "may not begin with a format",
        )
        return packet(_event_line("event", (self.format,), self.names, self.subclasses))


@dataclass(frozen=True, slots=True)
class Unsubscribe(Encodable):
    """Take event types and custom subclasses away."""

    names: tuple[str, ...]
    subclasses: tuple[str, ...] = ()

    def _packet(self) -> bytes:
        return packet(_event_line("nixevent", (), self.names, self.subclasses))


@dataclass(frozen=True, slots=True)
class NoEvents(Encodable):
    """Take all event types away and drop the events that wait to be sent. Filters stay."""

    def _packet(self) -> bytes:
        return packet("noevents")


@dataclass(frozen=True, slots=True)
class Filter(Encodable):
    """Let only events pass that match this or another filter.

    The switch reads a leading `+`, `-` or `/` in the value as a sign or a regular expression.
    """

    header: str
    value: str

    def _packet(self) -> bytes:
        header = _filter_header(self.header)
        check("value", self.value, "may not be empty")
        return packet(f"filter {header} {trimmed('value', self.value)}")


@dataclass(frozen=True, slots=True)
class FilterDelete(Encodable):
    """Remove the filters of a header, or only those of one value; the header `all` means all."""

    header: str
    value: str = ""

    def _packet(self) -> bytes:
        value = " " + trimmed("value", self.value) if self.value else ""
        return packet(f"filter delete {word('header', self.header)}{value}")


@dataclass(frozen=True, slots=True)
class SendMessage(Encodable):
    """Queue a message for a call; an empty call_id means the connection's own. See `messaging`."""

    call_id: str
    headers: Headers
    body: bytes = b""

    def _packet(self) -> bytes:
        target = " " + word("call_id", self.call_id) if self.call_id else ""
        return packet("sendmsg" + target, self.headers, self.body)


@dataclass(frozen=True, slots=True)
class SendEvent(Encodable):
    """Fire an event in the switch; CUSTOM needs the header Event-Subclass."""

    name: str
    headers: Headers = ()
    body: bytes = b""

    def _packet(self) -> bytes:
        name = " " + word("name", self.name) if self.name else ""
        return packet("sendevent" + name, self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Log(Encodable):
    """Get the switch's log down to a level: `console`, `alert`, `crit`, `err`, `warning`,
    `notice`, `info`, `debug`, or a number; empty means debug.
    """

    level: str = ""

    def _packet(self) -> bytes:
        return packet("log " + word("level", self.level) if self.level else "log")


@dataclass(frozen=True, slots=True)
class NoLog(Encodable):
    """Get no log lines any more."""

    def _packet(self) -> bytes:
        return packet("nolog")


@dataclass(frozen=True, slots=True)
class Exit(Encodable):
    """End the connection; what waits to be sent is dropped."""

    def _packet(self) -> bytes:
        return packet("exit")


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
    | SendMessage
    | SendEvent
    | Log
    | NoLog
    | Exit
    | SessionCommand
)
"""Anything that can be sent; each is answered by exactly one reply."""


def _api_line(verb: str, name: str, arguments: str) -> str:
    line = f"{verb} {word('name', name)}"
    return f"{line} {trimmed('arguments', arguments)}" if arguments else line


def _event_line(
    verb: str,
    prefix: tuple[str, ...],
    names: tuple[str, ...],
    subclasses: tuple[str, ...],
) -> str:
    words = [verb, *filter(None, prefix), *(word("names", name) for name in names)]
    custom = [position for position, name in enumerate(names) if name.upper() == "CUSTOM"]
    check("names", custom in ([], [len(names) - 1]), "may have CUSTOM only once and last")
    if subclasses:
        check("names", not custom, "may not have CUSTOM beside subclasses, which imply it")
        words += ["CUSTOM", *(word("subclasses", name) for name in subclasses)]
    return " ".join(words)


def _filter_header(header: str) -> str:
    check(
        "header",
        header.lower() not in ("add", "delete"),
        "may be neither add nor delete",
    )
    return word("header", header)
