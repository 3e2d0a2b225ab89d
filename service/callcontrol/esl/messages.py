"""What a FreeSWITCH says, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

HeaderValue = str | list[str]
"""A header's text; a list where the switch sent an array variable."""


class Frame(NamedTuple):
    """One framed unit of the stream; header bytes are as they came.

    A named tuple, as is SwitchEvent: one of each is made for every event, and a frozen dataclass
    takes several times as long to make.
    """

    content_type: str
    head: bytes
    """The header block without the blank line."""
    body: bytes

    @property
    def size(self) -> int:
        """Bytes of header block and body together."""
        return len(self.head) + len(self.body) + 2


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """`auth/request`: the switch wants to know who we are."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`command/reply`: the answer to any command but `api`; to `connect`, the call's data."""

    text: str
    """Reply-Text, for example `+OK accepted`; empty when there is none."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the switch accepted the command; that is not proof that it was done."""
        return self.text.startswith("+OK")


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """`api/response`: the output of an `api` command, undecoded."""

    body: bytes

    @property
    def text(self) -> str:
        """The output as text; bytes that are not UTF-8 become U+FFFD."""
        return self.body.decode("utf-8", "replace")


class SwitchEvent(NamedTuple):
    """An event. Where a header name occurs twice, the last one counts, as the switch adds its
    own headers after those that a `sendevent` brought along.
    """

    headers: dict[str, HeaderValue]
    body: str = ""
    size: int = 0
    """Bytes on the wire."""

    def text(self, name: str, default: str = "") -> str:
        """A header as text; the first element of an array."""
        value = self.headers.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else (value[0] if value else default)


@dataclass(frozen=True, slots=True)
class UnreadableEvent:
    """An event whose body could not be parsed: one event is lost, the stream goes on."""

    size: int
    problem: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """`log/data`: a line of the switch's log. Level 0 (console) to 7 (debug)."""

    level: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DisconnectNotice:
    """`text/disconnect-notice`: the end of the connection is near; at once unless lingering."""

    text: str
    lingering: bool
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RudeRejection:
    """`text/rude-rejection`: the switch's access list does not let us in."""

    text: str


@dataclass(frozen=True, slots=True)
class UnknownFrame:
    """A frame type this codec has not heard of; never fatal."""

    frame: Frame


Unsolicited = (
    AuthRequest
    | SwitchEvent
    | UnreadableEvent
    | LogLine
    | DisconnectNotice
    | RudeRejection
    | UnknownFrame
)
"""What arrives without having been asked for."""
