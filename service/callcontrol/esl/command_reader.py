"""Cuts what a client sends into commands, as a FreeSWITCH does; for the side that plays switch."""

import re
from dataclasses import dataclass

from callcontrol.esl.encoding import MAX_BLOCK, MAX_BODY
from callcontrol.esl.errors import ProtocolError

_NOT_CR = re.compile(rb"[^\r]")
_NUMBER = re.compile(rb"[ \t]*\+?([0-9]+)")


@dataclass(frozen=True, slots=True)
class CommandPacket:
    """One command: its line and header lines without the empty line, and its body."""

    block: bytes
    body: bytes = b""


class CommandReader:
    """Collects bytes until they are commands.

    A block ends at two line feeds with nothing but carriage returns between, empty lines before
    it are skipped, and at MAX_BLOCK bytes it ends wherever it is (mod_event_socket.c,
    read_packet). Every byte is looked at once, however the stream is cut.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._searched = 0
        self._after_line_feed = False
        """Whether the searched bytes end with a line feed and then only carriage returns."""
        self._block: bytes | None = None
        """A block whose body is awaited."""
        self._lengths: list[int] = []
        self._failure: ProtocolError | None = None

    @property
    def buffered(self) -> int:
        """Bytes of an unfinished command; while there are any, a switch sends no events."""
        return len(self._held) + len(self._block or b"")

    def feed(self, data: bytes) -> list[CommandPacket]:
        """Take any piece of the stream; return the commands now complete, in order.

        Raises ProtocolError for a Content-Length over MAX_BODY, as there a switch closes the
        connection, and from then on always. Commands that came before it in the same piece are
        returned first: then `failure` is set and the next call raises it.
        """
        if self._failure is not None:
            raise self._failure
        self._held += data
        packets: list[CommandPacket] = []
        try:
            while (packet := self._next()) is not None:
                packets.append(packet)
        except ProtocolError as problem:
            self._failure = problem
            if not packets:
                raise
        return packets

    @property
    def failure(self) -> ProtocolError | None:
        """Why the stream cannot be read any further, or None."""
        return self._failure

    def _next(self) -> CommandPacket | None:
        if self._block is None:
            self._block = self._next_block()
            if self._block is None:
                return None
            self._lengths = content_lengths(self._block)
        size = sum(self._lengths)
        if len(self._held) < size:
            return None
        # A second Content-Length makes a switch read a second body over the first one, and it
        # keeps a body as text that ends at the first NUL.
        start = size - self._lengths[-1] if self._lengths else 0
        body = bytes(self._held[start:size]).partition(b"\0")[0]
        packet = CommandPacket(self._block, body)
        del self._held[:size]
        self._block = None
        return packet

    def _next_block(self) -> bytes | None:
        if not self._searched:
            self._skip_empty_lines()
        end = self._find_end()
        if end is None and len(self._held) < MAX_BLOCK:
            return None
        taken = min(end or MAX_BLOCK, MAX_BLOCK)
        block = bytes(self._held[:taken])
        del self._held[:taken]
        self._searched, self._after_line_feed = 0, False
        return block.rstrip(b"\r\n") if taken == end else block

    def _skip_empty_lines(self) -> None:
        first = next((i for i, byte in enumerate(self._held) if byte not in b"\r\n"), None)
        del self._held[: len(self._held) if first is None else first]

    def _find_end(self) -> int | None:
        position = self._searched
        while True:
            if self._after_line_feed:
                match = _NOT_CR.search(self._held, position)
                if match is None:
                    break
                position = match.end()
                if match[0] == b"\n":
                    return position
                self._after_line_feed = False
            line_feed = self._held.find(b"\n", position)
            if line_feed < 0:
                break
            position, self._after_line_feed = line_feed + 1, True
        self._searched = len(self._held)
        return None


def split_lines(block: bytes) -> list[bytes]:
    """The lines of a block as a switch splits them: at a carriage return while there is one
    further on, and only behind the last of them at line feeds. So one stray carriage return
    glues all lines before it together (mod_event_socket.c, read_packet).
    """
    lines: list[bytes] = []
    while block:
        separator = b"\r" if b"\r" in block else b"\n"
        line, _, rest = block.partition(separator)
        lines.append(line)
        block = rest.lstrip(b"\r\n")
    return lines


def header_lines(block: bytes) -> list[tuple[bytes, bytes]]:
    """The header lines behind the command; those without a colon or a value are passed over."""
    headers: list[tuple[bytes, bytes]] = []
    for line in split_lines(block)[1:]:
        name, _, value = line.partition(b":")
        value = value.lstrip(b" ")
        if name and value:
            headers.append((name, value))
    return headers


def content_lengths(block: bytes) -> list[int]:
    """Every body that the block announces, in bytes.

    What is no number, or negative, announces nothing (so does 1.10.12; later ones close the
    connection for a negative one).
    """
    lengths: list[int] = []
    for name, value in header_lines(block):
        match = _NUMBER.match(value) if name.lower() == b"content-length" else None
        digits = match[1].lstrip(b"0") if match else b""
        if not digits:
            continue
        if len(digits) > len(str(MAX_BODY)) or int(digits) > MAX_BODY:
            raise ProtocolError("a Content-Length is out of range")
        lengths.append(int(digits))
    return lengths
