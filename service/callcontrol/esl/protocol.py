"""The client's end of one connection, without the connection: bytes in, answers and events out.

Replies carry no identity; the k-th reply belongs to the k-th command. So every command has a slot
in one queue, and a slot stays until its reply has come, whatever became of the one who waited.
"""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from callcontrol.esl.commands import Command
from callcontrol.esl.errors import ProtocolError
from callcontrol.esl.framing import EVENT_JSON, FrameReader
from callcontrol.esl.messages import (
    ApiResponse,
    AuthRequest,
    DisconnectNotice,
    Frame,
    LogLine,
    Reply,
    RudeRejection,
    UnknownFrame,
    Unsolicited,
)
from callcontrol.esl.parse import (
    decode_plain_headers,
    parse_event_json,
    parse_event_plain,
    parse_header_lines,
)

W = TypeVar("W")
"""Whoever waits for a reply: the caller's own, never looked into."""


@dataclass(frozen=True, slots=True)
class Answered(Generic[W]):
    """A reply, and the one it is for. An `api` that is not permitted is answered by a Reply."""

    waiter: W
    answer: Reply | ApiResponse


class Connection(Generic[W]):
    """Pairs replies with commands and reads what else the switch sends.

    Logging in is not done here: AuthRequest is passed on like any other frame.
    """

    def __init__(self) -> None:
        self._reader = FrameReader()
        self._waiters: deque[W] = deque()
        self._failure: ProtocolError | None = None

    @property
    def pending(self) -> int:
        """Commands whose reply has not come."""
        return len(self._waiters)

    @property
    def oldest_waiter(self) -> W | None:
        """The one who waits for the next reply."""
        return self._waiters[0] if self._waiters else None

    @property
    def failure(self) -> ProtocolError | None:
        """Why the connection is useless, or None. Set when `receive_data` raises, and also when
        it returned what came before a fault; it then raises at the next call.
        """
        return self._failure or self._reader.failure

    def send(self, command: Command, waiter: W) -> bytes:
        """The bytes to write, at once and in the order of the calls; the reply goes to `waiter`.

        Raises UnencodableValue; then there is no slot, and nothing may be written.
        """
        data = command.encode()
        self._waiters.append(waiter)
        return data

    def receive_data(self, data: bytes) -> list[Answered[W] | Unsolicited]:
        """Take any piece of the stream; return what is now complete, in order.

        Raises ProtocolError if the bytes cannot be ESL, or for a reply that nobody asked for.
        What came before the fault in the same piece is returned first; see `failure`.
        """
        if self._failure is not None:
            raise self._failure
        received: list[Answered[W] | Unsolicited] = []
        for frame in self._reader.feed(data):
            if frame.content_type == EVENT_JSON:
                received.append(parse_event_json(frame.body, frame.size))
                continue
            message = read_frame(frame)
            if not isinstance(message, Reply | ApiResponse):
                received.append(message)
            elif self._waiters:
                received.append(Answered(self._waiters.popleft(), message))
            else:
                self._failure = ProtocolError("a reply came that no command asked for")
                break
        if self._failure is not None and not received:
            raise self._failure
        return received

    def receive_eof(self) -> None:
        """The stream has ended. Raises ProtocolError if it was in the middle of a frame."""
        if self.failure is not None:
            raise self.failure
        if self._reader.buffered:
            raise ProtocolError(f"the stream ended {self._reader.buffered} bytes into a frame")

    def abandon(self) -> list[W]:
        """Give up: return everyone who still waits, oldest first. No reply will come for them."""
        waiters = list(self._waiters)
        self._waiters.clear()
        return waiters


def read_frame(frame: Frame) -> Reply | ApiResponse | Unsolicited:
    """What a frame says. Frames of unknown kinds come back as UnknownFrame."""
    match frame.content_type:
        case "text/event-json":
            return parse_event_json(frame.body, frame.size)
        case "text/event-plain":
            return parse_event_plain(frame.body, frame.size)
        case "api/response":
            return ApiResponse(frame.body)
        case "command/reply":
            return _read_reply(frame)
        case "auth/request":
            return AuthRequest()
        case "log/data":
            return _read_log_line(frame)
        case "text/disconnect-notice":
            headers = parse_header_lines(frame.head)
            lingering = headers.get("Content-Disposition") == "linger"
            return DisconnectNotice(_text(frame.body), lingering, headers)
        case "text/rude-rejection":
            return RudeRejection(_text(frame.body))
        case _:
            return UnknownFrame(frame)


def _read_reply(frame: Frame) -> Reply:
    """Only the answer to `connect` is percent-encoded, and only its text ends with a line feed."""
    if not frame.head.startswith(b"Event-Name: CHANNEL_DATA\n"):
        headers = parse_header_lines(frame.head)
        return Reply(headers.get("Reply-Text", ""), headers)
    data = {
        name: value if isinstance(value, str) else "ARRAY::" + "|:".join(value)
        for name, value in decode_plain_headers(frame.head).items()
    }
    return Reply(data.get("Reply-Text", "").rstrip("\n"), data)


def _read_log_line(frame: Frame) -> LogLine | UnknownFrame:
    headers = parse_header_lines(frame.head)
    level = headers.get("Log-Level", "")
    if not (level.isascii() and level.isdigit() and len(level) <= 3):
        return UnknownFrame(frame)
    return LogLine(int(level), _text(frame.body), headers)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
