"""However the stream is cut, the same frames come out; whatever comes in, nothing else happens."""

from collections.abc import Iterator
from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.esl.command_reader import CommandReader
from callcontrol.esl.errors import ProtocolError
from callcontrol.esl.framing import FrameReader
from callcontrol.esl.messages import Frame, HeaderValue, SwitchEvent, UnreadableEvent
from callcontrol.esl.parse import parse_event_json, parse_event_plain
from callcontrol.esl.protocol import Connection, read_frame
from callcontrol.esl.serialize import (
    api_frame,
    auth_request,
    disconnect_notice,
    encode_event_json,
    encode_event_plain,
    event_frame,
    reply_frame,
)

LINE = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))
FRAMES = st.one_of(
    st.builds(api_frame, st.binary(max_size=200)),
    st.builds(reply_frame, LINE),
    st.builds(event_frame, st.binary(max_size=200), st.sampled_from(["json", "plain", "xml"])),
    st.just(auth_request()),
    st.builds(disconnect_notice),
)
FRAGMENTS = st.sampled_from(
    [
        b"\n\n",
        b"\n",
        b"\r",
        b":",
        b"Content-Length: ",
        b"Content-Type: text/event-json",
        b"Content-Type: command/reply",
        b"Event-Name: CHANNEL_DATA\n",
        b"Reply-Text: +OK\n",
        b"5",
        b"99999999999999",
        b"{}",
        b"\xff\0",
    ]
)
GARBAGE = st.lists(st.one_of(FRAGMENTS, FRAMES, st.binary(max_size=20))).map(b"".join)
SIZES = st.lists(st.integers(1, 40), min_size=1)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters=":\n"), min_size=1)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
PLAIN_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_ .-]{0,20}", fullmatch=True).filter(
    lambda name: name != "Content-Length"
)
PLAIN_TEXTS = TEXTS.filter(
    lambda text: "%" not in text and text != "_undef_" and not text.startswith("ARRAY::")
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=3))
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(max_size=3), inner)),
    max_leaves=12,
)


def cut(stream: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Pieces of these sizes, in turn."""
    start = turn = 0
    while start < len(stream):
        size = sizes[turn % len(sizes)]
        yield stream[start : start + size]
        start, turn = start + size, turn + 1


def read(pieces: Iterator[bytes]) -> tuple[list[Frame], str]:
    """The frames, and what was wrong then, if anything."""
    reader, frames = FrameReader(), list[Frame]()
    try:
        for piece in pieces:
            frames += reader.feed(piece)
        reader.feed(b"")
    except ProtocolError as problem:
        return frames, str(problem)
    return frames, ""


@given(st.lists(FRAMES), SIZES)
def test_frames_survive_every_chopping(frames: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(frames)
    reader = FrameReader()
    received = [frame for piece in cut(stream, sizes) for frame in reader.feed(piece)]
    assert [frame.head + b"\n\n" + frame.body for frame in received] == frames
    assert reader.buffered == 0


@given(GARBAGE, SIZES)
def test_garbage_gives_frames_or_a_protocol_error_and_the_same_ones_when_chopped(
    stream: bytes, sizes: list[int]
) -> None:
    frames, problem = read(iter([stream]))
    assert read(cut(stream, sizes)) == (frames, problem)
    assert stream.startswith(b"".join(frame.head + b"\n\n" + frame.body for frame in frames))
    for frame in frames:
        read_frame(frame)


@given(GARBAGE, SIZES)
def test_garbage_never_makes_a_connection_fail_in_another_way(
    stream: bytes, sizes: list[int]
) -> None:
    connection: Connection[None] = Connection()
    with suppress(ProtocolError):
        for piece in cut(stream, sizes):
            connection.receive_data(piece)
        connection.receive_eof()
    if connection.failure is not None:
        with pytest.raises(ProtocolError):
            connection.receive_data(b"Content-Type: auth/request\n\n")


@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=20))).map(b"".join), SIZES)
def test_garbage_gives_commands_or_a_protocol_error_and_the_same_ones_when_chopped(
    stream: bytes, sizes: list[int]
) -> None:
    whole, pieces = CommandReader(), CommandReader()
    try:
        commands = whole.feed(stream)
    except ProtocolError:
        commands = []
    received = []
    for piece in cut(stream, sizes):
        if pieces.failure is None:
            try:
                received += pieces.feed(piece)
            except ProtocolError:
                break
    assert received == commands
    assert (pieces.failure is None) == (whole.failure is None)


@given(st.binary())
def test_any_body_is_an_event_or_an_unreadable_one(body: bytes) -> None:
    for parse in (parse_event_json, parse_event_plain):
        assert isinstance(parse(body, len(body)), SwitchEvent | UnreadableEvent)


@given(DOCUMENTS)
def test_any_json_is_an_event_of_texts_or_unreadable(document: object) -> None:
    event = parse_event_json(orjson.dumps(document), 1)
    if isinstance(event, SwitchEvent):
        assert isinstance(event.body, str)
        for value in event.headers.values():
            assert all(
                isinstance(text, str) for text in ([value] if isinstance(value, str) else value)
            )


@given(
    st.dictionaries(NAMES, TEXTS | st.lists(TEXTS, min_size=2, max_size=4)),
    TEXTS | st.just(""),
)
def test_a_json_event_is_read_as_it_was_written(headers: dict[str, HeaderValue], body: str) -> None:
    headers = {
        name: value for name, value in headers.items() if name not in ("_body", "Content-Length")
    }
    event = parse_event_json(encode_event_json(headers.items(), body or None), 1)
    assert isinstance(event, SwitchEvent)
    assert (event.headers, event.body) == (headers, body)


@given(st.dictionaries(PLAIN_NAMES, PLAIN_TEXTS), TEXTS)
def test_a_plain_event_is_read_as_it_was_written_where_the_form_is_exact(
    headers: dict[str, str], body: str
) -> None:
    event = parse_event_plain(encode_event_plain({"A": "1", **headers}.items(), body), 1)
    assert isinstance(event, SwitchEvent)
    assert (event.headers, event.body) == ({"A": "1", **headers}, body)
