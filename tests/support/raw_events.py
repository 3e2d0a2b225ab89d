"""Messages of a stream, read by hand: a client that decodes all it gets would be the slowest part.

That the bytes are what the API says is for other tests; here only ids are looked at.
"""

from typing import Final

from tests.support.corpus_replay import CORE_UUID, FIRST_SEQUENCE

_EVENTS: Final = 0x0A
"""The tag of EventsResponse.events: field 1, length-delimited."""
_BYTES: Final = 2
"""The wire type of length-delimited fields."""
_DIGITS: Final = len(str(FIRST_SEQUENCE))
_CORE: Final = f"{CORE_UUID}:".encode()
_ID: Final = 2
"""Where the id of an event is: its first field, and shorter than 128 bytes."""
_NUMBER: Final = _ID + len(_CORE)


def split_message(message: bytes) -> tuple[list[bytes], bytes]:
    """The events of an EventsResponse, encoded, and its other fields."""
    events: list[bytes] = []
    rest, at = b"", 0
    while at < len(message):
        begin, tag = at, message[at]
        size, start = _varint(message, at + 1)
        at = start + size if tag & 7 == _BYTES else start
        if tag == _EVENTS:
            events.append(message[start:at])
        else:
            rest += message[begin:at]
    return events, rest


def number_of(event: bytes) -> int | None:
    """Which event of the replay it is; None for any other."""
    if not event.startswith(_CORE, _ID):
        return None
    number = int(event[_NUMBER : _NUMBER + _DIGITS].partition(b":")[0]) - FIRST_SEQUENCE
    return number if number >= 0 else None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
