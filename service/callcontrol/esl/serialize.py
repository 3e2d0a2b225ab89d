"""Writes frames as a FreeSWITCH writes them; for the side that plays switch.

Text stands for bytes as in `os.fsencode`: a surrogate U+DC80..U+DCFF becomes the byte that is not
UTF-8, so that such bytes can be sent too.
"""

import re
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring
from typing import Final

import orjson

from callcontrol.esl.messages import HeaderValue

EventHeaders = Iterable[tuple[str, HeaderValue]]
"""Headers in the order of the wire; names may repeat, a list is an array variable."""

_PLAIN_BYTES = (
    frozenset(b"!$'()*,-./_~0123456789") | frozenset(range(65, 91)) | frozenset(range(97, 123))
)
_ESCAPES = [chr(byte) if byte in _PLAIN_BYTES else f"%{byte:02X}" for byte in range(256)]
_TO_ESCAPE = re.compile(r"[^!$'()*,\-./_~0-9A-Za-z%]|%(?![0-9A-F]{2})")

GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
SHUTTING_DOWN = "The system is being shut down.\n"
TOO_MANY_LOST_EVENTS = "killed listener because of lost events\n"
"""The three texts of a disconnect notice."""


def encode_value_plain(value: HeaderValue) -> str:
    """A header value, percent-encoded; a `%` that two of 0-9A-F follow is left as it is, so the
    form is not exact, and an empty value is written `_undef_` (switch_utils.c,
    switch_url_encode_opt). An array of one element is written like a text.
    """
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else "ARRAY::" + "|:".join(value)
    encoded = _TO_ESCAPE.sub(_escape, value)
    return encoded or "_undef_"


def _escape(match: re.Match[str]) -> str:
    return "".join(map(_ESCAPES.__getitem__, _bytes(match[0])))


def encode_event_plain(headers: EventHeaders, body: str = "") -> bytes:
    """The body of a `text/event-plain` frame. An empty body is written like none."""
    lines = [f"{name}: {encode_value_plain(value)}\n" for name, value in headers]
    if not body:
        return _bytes("".join(lines)) + b"\n"
    payload = _bytes(body)
    return _bytes("".join(lines)) + b"Content-Length: %d\n\n" % len(payload) + payload


def encode_event_json(headers: EventHeaders, body: str | None = None) -> bytes:
    """The body of a `text/event-json` frame; every value is a string, or an array of strings.

    A name that repeats makes a member that repeats, as the switch does it.
    """
    members = list(headers)
    if body is not None:
        members += [("Content-Length", str(len(_bytes(body)))), ("_body", body)]
    values = {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value
        for name, value in members
    }
    if len(values) == len(members):
        try:
            return orjson.dumps(values)  # most of what playing a switch costs is this
        except TypeError:  # a byte that is not UTF-8
            pass
    return _bytes(
        "{" + ",".join(f"{_quoted(name)}:{_json(value)}" for name, value in members) + "}"
    )


def _json(value: HeaderValue) -> str:
    if isinstance(value, str):
        return _quoted(value)
    return _quoted(value[0]) if len(value) == 1 else "[" + ",".join(map(_quoted, value)) + "]"


_quoted: Final[Callable[[str], str]] = encode_basestring
"""A JSON string that leaves what is not ASCII as it is, without the price of an encoder."""


def event_frame(event_body: bytes, form: str) -> bytes:
    """An event, encoded already, in the form `plain`, `json` or `xml`; the length comes first."""
    head = f"Content-Length: {len(event_body)}\nContent-Type: text/event-{form}\n\n"
    return head.encode() + event_body


def auth_request() -> bytes:
    """What a switch says first."""
    return b"Content-Type: auth/request\n\n"


MAX_REPLY_TEXT = 511
"""Bytes; what is longer is cut (mod_event_socket.c, listener_run)."""


def reply_frame(text: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """The answer to a command; `bgapi` and `userauth` add headers."""
    lines = b"".join(_bytes(f"{name}: {value}\n") for name, value in headers)
    return (
        b"Content-Type: command/reply\nReply-Text: "
        + _bytes(text)[:MAX_REPLY_TEXT]
        + b"\n"
        + lines
        + b"\n"
    )


def api_frame(output: str | bytes) -> bytes:
    """The output of an `api` command; a command that prints nothing is answered by an error."""
    body = (output if isinstance(output, bytes) else _bytes(output)) or b"-ERR no reply\n"
    return b"Content-Type: api/response\nContent-Length: %d\n\n" % len(body) + body


def connect_frame(headers: EventHeaders, socket_mode: str, control: str) -> bytes:
    """The answer to `connect`: a CHANNEL_DATA event written as a header block, `Event-Name` first.

    `socket_mode` is `async` or `static`, `control` is `full` or `single-channel`.
    """
    tail: list[tuple[str, HeaderValue]] = [
        ("Content-Type", "command/reply"),
        ("Reply-Text", "+OK\n"),
        ("Socket-Mode", socket_mode),
        ("Control", control),
    ]
    lines = [f"{name}: {encode_value_plain(value)}\n" for name, value in headers]
    lines += [
        f"{name}: {encode_value_plain(value) if name != 'Content-Type' else value}\n"
        for name, value in tail
    ]
    return _bytes("".join(lines)) + b"\n"


def disconnect_notice(text: str = GOODBYE, call_id: str = "") -> bytes:
    """The last frame of a connection; `call_id` is the call that it controlled, if any."""
    session = (
        f"Controlled-Session-UUID: {call_id}\nContent-Disposition: disconnect\n" if call_id else ""
    )
    body = _bytes(text)
    head = f"Content-Type: text/disconnect-notice\n{session}Content-Length: {len(body)}\n\n"
    return _bytes(head) + body


def linger_notice(call_id: str, channel_name: str, seconds: int | None) -> bytes:
    """The call has ended and the connection stays a while, or for ever (None)."""
    return _bytes(
        "Content-Type: text/disconnect-notice\n"
        f"Controlled-Session-UUID: {call_id}\n"
        "Content-Disposition: linger\n"
        f"Channel-Name: {channel_name}\n"
        f"Linger-Time: {-1 if seconds is None else seconds}\n"
        "Content-Length: 0\n\n"
    )


def rude_rejection() -> bytes:
    """Said instead of `auth/request` to an address that may not connect; a notice follows."""
    body = b"Access Denied, go away.\n"
    return b"Content-Type: text/rude-rejection\nContent-Length: %d\n\n" % len(body) + body


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
