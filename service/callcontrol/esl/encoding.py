"""The one place that decides what a command may carry, and writes it down as a packet."""

from abc import ABC, abstractmethod

from callcontrol.esl.errors import UnencodableValue

MAX_BLOCK = 10_485_760
"""Bytes of a command line with its headers; there the switch cuts (mod_event_socket.c,
read_packet)."""

MAX_BODY = 16_777_216
"""Bytes of a body; for a longer one the switch closes the connection (the same)."""

Headers = tuple[tuple[str, str], ...]
"""Header lines in the order in which they are sent; names may repeat."""

FORMATS = ("plain", "json", "xml")
"""The forms in which the switch can write events."""

_LINE_BREAKERS = frozenset("\r\n\0")
_RESERVED = frozenset(("content-length", "_body", "command", "console_execute"))


class Encodable(ABC):
    """What every command is: a value that can be written to the socket."""

    __slots__ = ()

    def encode(self) -> bytes:
        """The bytes of the command.

        Raises UnencodableValue if a part of it would arrive as something else, or not at all.
        """
        return self._packet()

    @abstractmethod
    def _packet(self) -> bytes: ...


def packet(line: str, headers: Headers = (), body: bytes = b"") -> bytes:
    """A command as it is written to the socket.

    Raises UnencodableValue for what would arrive as something else: a line break or NUL anywhere,
    header names and values that the switch splits, trims or drops, and whatever exceeds
    MAX_BLOCK or MAX_BODY.
    """
    lines = [_text("the command", line)]
    for name, value in headers:
        lines.append(f"{_header_name(name)}: {_header_value(name, value)}")
    if body:
        check("the body", b"\0" not in body, "may not contain NUL")
        check("the body", len(body) <= MAX_BODY, f"is over {MAX_BODY} bytes")
        lines.append(f"Content-Length: {len(body)}")
    text = "\n".join(lines)
    check("the command", not _is_trap(text.lower()), "may not name mod_event_socket and reload it")
    block = text.encode("utf-8") + b"\n\n"
    check("the command", len(block) <= MAX_BLOCK, f"is over {MAX_BLOCK} bytes")
    return block + body


def _is_trap(text: str) -> bool:
    """Whether the switch would take the command for another: with both words anywhere in it, it
    reloads or unloads the event socket instead (mod_event_socket.c, parse_command).
    """
    return "mod_event_socket" in text and ("reload" in text or "unload" in text)


def word(part: str, value: str) -> str:
    """A value that stands between blanks: not empty, and without white space."""
    check(part, value, "may not be empty")
    check(part, not any(map(str.isspace, value)), "may not contain white space")
    return value


def trimmed(part: str, value: str) -> str:
    """A value that stands at the end of a line, where the switch trims it."""
    check(part, value == value.strip(), "may not begin or end with white space")
    return value


def check(part: str, holds: object, problem: str) -> None:
    """Raise UnencodableValue unless the condition holds."""
    if not holds:
        raise UnencodableValue(part, problem)


def _text(part: str, value: str) -> str:
    check(part, _LINE_BREAKERS.isdisjoint(value), "may not contain a line break or NUL")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise UnencodableValue(part, "is not Unicode text") from exc
    return value


def _header_name(name: str) -> str:
    """`name[3]` would set an element of an array, and some names are the packet's own."""
    check(
        "a header name",
        name and name == name.strip(),
        "may not be empty or padded",
    )
    check(
        "a header name",
        not {":", "["} & set(name),
        "may not contain a colon or a bracket",
    )
    check("a header name", name.lower() not in _RESERVED, "is reserved")
    return _text("a header name", name)


def _header_value(name: str, value: str) -> str:
    """Leading blanks are skipped by the switch, an empty value removes the header, and one that
    begins with ARRAY:: becomes an array (switch_event.c, switch_event_base_add_header).
    """
    check(name, value, "may not be empty")
    check(name, not value.startswith("ARRAY::"), "may not begin with ARRAY::")
    check(name, not value.startswith(" "), "may not begin with a blank")
    return _text(name, value)
