"""Reads the headers and bodies of frames: events in JSON and in plain form, and header lines.

Text is decoded late and never refused: bytes that are not UTF-8 become U+FFFD, as names, numbers
and user agents come from the network and may be anything.

The headers of an event do not include its Content-Length: that tells of the wire, not of the
event, and whether an empty body has one depends on the format.
"""

from urllib.parse import unquote

import orjson

from callcontrol.esl.messages import HeaderValue, SwitchEvent, UnreadableEvent

_BODY = "_body"
_LENGTH = "Content-Length"
_ONLY_TEXT = {str}
_ARRAY = "ARRAY::"
_ARRAY_SEPARATOR = "|:"
_EMPTY = "_undef_"


def parse_event_json(body: bytes, size: int) -> SwitchEvent | UnreadableEvent:
    """An event of `event json`; `size` is what it took on the wire, in bytes.

    Of a name that occurs twice the last value counts. Numbers, booleans and null, which the
    switch does not send, become text; anything nested makes the event unreadable.
    """
    try:
        headers = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            headers = orjson.loads(body.decode("utf-8", "replace"))
        except orjson.JSONDecodeError as problem:
            return UnreadableEvent(size, f"not JSON: {problem}")
    if type(headers) is not dict:
        return UnreadableEvent(size, "not a JSON object")
    if set(map(type, headers.values())) != _ONLY_TEXT:
        obstacle = _make_text(headers)
        if obstacle:
            return UnreadableEvent(size, obstacle)
    headers.pop(_LENGTH, None)
    text = headers.pop(_BODY, "")
    return SwitchEvent(headers, text if type(text) is str else "".join(text), size)


def _make_text(headers: dict[str, object]) -> str:
    """Turn every value into a HeaderValue in place; return what prevents it, or nothing."""
    for name, value in headers.items():
        if type(value) is str:
            continue
        if type(value) is list:
            if any(isinstance(element, list | dict) for element in value):
                return f"the value of {name!r} is nested"
            headers[name] = [_scalar_text(element) for element in value]
        elif type(value) is dict:
            return f"the value of {name!r} is nested"
        else:
            headers[name] = _scalar_text(value)
    return ""


def _scalar_text(value: object) -> str:
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def parse_event_plain(body: bytes, size: int) -> SwitchEvent | UnreadableEvent:
    """An event of `event plain`; `size` is what it took on the wire, in bytes.

    Of a name that occurs twice the last value counts. The form is not exact: the switch leaves a
    `%41` that stands in a value as it is, so it arrives here as `A`, and it writes an empty value
    as `_undef_` (switch_utils.c, switch_url_encode_opt).
    """
    head, _, rest = body.partition(b"\n\n")
    headers = decode_plain_headers(head)
    if not headers:
        return UnreadableEvent(size, "no header line")
    headers.pop(_LENGTH, None)
    return SwitchEvent(headers, rest.decode("utf-8", "replace"), size)


def decode_plain_headers(head: bytes) -> dict[str, HeaderValue]:
    """Lines of `Name: percent-encoded value`; lines without a colon are passed over."""
    headers: dict[str, HeaderValue] = {}
    for line in head.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(": ")
        if not colon:
            continue
        if "%" in value:
            value = unquote(value, errors="replace")
        if value == _EMPTY:
            value = ""
        if value.startswith(_ARRAY):
            headers[name] = value[len(_ARRAY) :].split(_ARRAY_SEPARATOR)
        else:
            headers[name] = value
    return headers


def parse_header_lines(head: bytes) -> dict[str, str]:
    """Lines of `Name: value`, not encoded, as in the header block of a frame; the first counts."""
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name, value.removeprefix(" "))
    return headers
