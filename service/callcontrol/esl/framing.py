"""Cuts the byte stream of a FreeSWITCH into frames; knows where a frame ends, and nothing else.

A frame is a block of header lines, an empty line, and as many bytes of body as its
Content-Length says. Nothing is decoded here. The other direction is in `command_reader`.
"""

import re

from callcontrol.esl.errors import ProtocolError
from callcontrol.esl.messages import Frame

MAX_HEADER_BLOCK = 1 << 20
"""1 MiB. Blocks are some 100 bytes, but the answer to `connect` is a block with every variable
of a channel, percent-encoded; that one may be large."""

MAX_BODY = 32 << 20
"""32 MiB. The switch has no limit of its own. A listing of 1,000 channels is some 1 MB and other
clients stop at 16 MiB, so twice that is generous, and one link cannot take all memory."""

EVENT_JSON = "text/event-json"
COMMAND_REPLY = "command/reply"

_END_OF_HEAD = b"\n\n"
_JSON_HEAD = re.compile(rb"Content-Length: ([0-9]{1,8})\nContent-Type: text/event-json\n\n")
"""How every JSON event begins, so that the usual frame costs one match (mod_event_socket.c,
read_packet writes the length first)."""
_LENGTH = re.compile(rb"[0-9]{1,10}")
_CHANNEL_DATA = b"Event-Name: CHANNEL_DATA\n"


class FrameReader:
    """Collects bytes until they are frames.

    Every byte is looked at a bounded number of times, however the stream is cut.
    """

    __slots__ = ("_failure", "_held", "_needed", "_searched")

    def __init__(self) -> None:
        self._held = bytearray()
        self._needed = 0
        """Size of the unfinished frame, 0 while its header block is unfinished too."""
        self._searched = 0
        """So many held bytes are known to hold no end of a header block."""
        self._failure: ProtocolError | None = None

    @property
    def buffered(self) -> int:
        """Bytes of an unfinished frame; 0 means that the stream may end here."""
        return len(self._held)

    @property
    def failure(self) -> ProtocolError | None:
        """Why the stream cannot be read any further, or None."""
        return self._failure

    def feed(self, data: bytes) -> list[Frame]:
        """Take any piece of the stream; return the frames now complete, in order.

        Raises ProtocolError if the bytes cannot be ESL or exceed MAX_HEADER_BLOCK or MAX_BODY,
        and from then on always. Frames that came before the fault in the same piece are returned
        first: then `failure` is set and the next call raises it.
        """
        if self._failure is not None:
            raise self._failure
        frames: list[Frame] = []
        try:
            self._feed(data, frames)
        except ProtocolError as problem:
            self._failure = problem
            self._held.clear()
            if not frames:
                raise
        return frames

    def _feed(self, data: bytes, frames: list[Frame]) -> None:
        if self._held:
            self._held += data
            if not self._may_be_complete():
                return
            data = bytes(self._held)
            self._held.clear()
        self._needed = self._searched = 0
        position = self._cut(data, frames)
        if position < len(data):
            self._held += memoryview(data)[position:]

    def _may_be_complete(self) -> bool:
        if self._needed:
            return len(self._held) >= self._needed
        if self._held.find(_END_OF_HEAD, self._searched) >= 0:
            return True
        self._note_unfinished_head(len(self._held))
        return False

    def _note_unfinished_head(self, size: int) -> None:
        if size > MAX_HEADER_BLOCK + 1:  # the first of two line feeds may be there
            raise ProtocolError(f"a header block is longer than {MAX_HEADER_BLOCK} bytes")
        self._searched = max(0, size - 1)

    def _cut(self, data: bytes, frames: list[Frame]) -> int:
        """Append the frames of `data`; return where the unfinished one begins."""
        position, size = 0, len(data)
        while position < size:
            match = _JSON_HEAD.match(data, position)
            if match is not None:
                content_type, length = EVENT_JSON, int(match[1])
                body_start = match.end()
            else:
                head_end = data.find(_END_OF_HEAD, position)
                if head_end < 0:
                    self._note_unfinished_head(size - position)
                    break
                content_type, length = _content_of(data[position:head_end])
                body_start = head_end + 2
            if length > MAX_BODY:
                raise ProtocolError(f"a body of {length} bytes is longer than {MAX_BODY}")
            end = body_start + length
            if end > size:
                self._needed = end - position
                break
            frames.append(
                Frame(content_type, data[position : body_start - 2], data[body_start:end])
            )
            position = end
        return position


def _content_of(head: bytes) -> tuple[str, int]:
    """The Content-Type and Content-Length of a header block; the first of each name counts.

    A reply has no body, whatever it says: the answer to `connect` is an event written as a header
    block, and that to `getvar` is the bare value of a variable, which may well contain a line
    `Content-Length: 5` (mod_event_socket.c, listener_run).
    """
    if len(head) > MAX_HEADER_BLOCK:
        raise ProtocolError(f"a header block is longer than {MAX_HEADER_BLOCK} bytes")
    if head.startswith(_CHANNEL_DATA):
        return COMMAND_REPLY, 0
    content_type, length = b"", b"0"
    for line in reversed(head.split(b"\n")):
        name, _, value = line.partition(b":")
        match name.lower():
            case b"content-type":
                content_type = value.strip()
            case b"content-length":
                length = value.strip()
    if not content_type:
        raise ProtocolError("a header block has no Content-Type: the stream is out of step")
    if content_type == COMMAND_REPLY.encode():
        return COMMAND_REPLY, 0
    return content_type.decode("utf-8", "replace"), _length_of(length)


def _length_of(value: bytes) -> int:
    if _LENGTH.fullmatch(value) is None:
        raise ProtocolError("a Content-Length is not a number of at most ten digits")
    return int(value)
