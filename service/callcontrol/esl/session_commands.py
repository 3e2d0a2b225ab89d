"""The commands for a connection that belongs to one call: an outbound one, or after `myevents`."""

from dataclasses import dataclass

from callcontrol.esl.encoding import FORMATS, Encodable, check, packet, word


@dataclass(frozen=True, slots=True)
class MyEvents(Encodable):
    """Get the events of one call and control it; without a call_id, of an outbound connection's."""

    call_id: str = ""
    format: str = ""

    def _packet(self) -> bytes:
        check("format", self.format in ("", *FORMATS), "is none of plain, json and xml")
        # `json` anywhere counts, and more than `xml` does (mod_event_socket.c, parse_command)
        misread = self.format != "json" and any(name in self.call_id.lower() for name in FORMATS)
        check("call_id", not misread, "may not contain the name of a format")
        parts = [word("call_id", self.call_id)] if self.call_id else []
        return packet(" ".join(["myevents", *parts, *([self.format] if self.format else [])]))


@dataclass(frozen=True, slots=True)
class Linger(Encodable):
    """Keep the connection for so many seconds after the call has ended; None means for ever."""

    seconds: int | None = None

    def _packet(self) -> bytes:
        if self.seconds is None:
            return packet("linger")
        check("seconds", self.seconds >= 0, "may not be negative")
        return packet(f"linger {self.seconds}")


@dataclass(frozen=True, slots=True)
class NoLinger(Encodable):
    """Close the connection when the call ends."""

    def _packet(self) -> bytes:
        return packet("nolinger")


@dataclass(frozen=True, slots=True)
class Connect(Encodable):
    """Ask for the data of the call that this connection controls."""

    def _packet(self) -> bytes:
        return packet("connect")


@dataclass(frozen=True, slots=True)
class DivertEvents(Encodable):
    """Whether events queued for the call, such as digits, come here instead."""

    on: bool

    def _packet(self) -> bytes:
        return packet("divert_events on" if self.on else "divert_events off")


@dataclass(frozen=True, slots=True)
class GetVariable(Encodable):
    """Ask for a variable of the controlled call. The reply is cut at 511 bytes, and a value with
    an empty line in it breaks the stream: prefer `api uuid_getvar`.
    """

    name: str

    def _packet(self) -> bytes:
        return packet("getvar " + word("name", self.name))


@dataclass(frozen=True, slots=True)
class Resume(Encodable):
    """Let the dialplan go on behind the socket application when this connection ends."""

    def _packet(self) -> bytes:
        return packet("resume")


SessionCommand = MyEvents | Linger | NoLinger | Connect | DivertEvents | GetVariable | Resume
"""Anything that needs a call; elsewhere the switch refuses it."""
