"""Frames are cut from the stream however it is chopped, and nonsense is noticed at once."""

import pytest

from callcontrol.esl.errors import ProtocolError
from callcontrol.esl.framing import MAX_BODY, MAX_HEADER_BLOCK, FrameReader
from callcontrol.esl.messages import Frame

GREETING = b"Content-Type: auth/request\n\n"
REPLY = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
EVENT = b'Content-Length: 7\nContent-Type: text/event-json\n\n{"a":1}'
API = b"Content-Type: api/response\nContent-Length: 5\n\nabc\n\n"


def joined(frames: list[Frame]) -> bytes:
    return b"".join(frame.head + b"\n\n" + frame.body for frame in frames)


def test_several_frames_in_one_piece_come_out_in_order() -> None:
    frames = FrameReader().feed(GREETING + REPLY + EVENT + API)
    assert [(frame.content_type, frame.body) for frame in frames] == [
        ("auth/request", b""),
        ("command/reply", b""),
        ("text/event-json", b'{"a":1}'),
        ("api/response", b"abc\n\n"),
    ]


def test_the_size_of_a_frame_is_what_it_took_on_the_wire() -> None:
    (frame,) = FrameReader().feed(EVENT)
    assert frame.size == len(EVENT)


def test_one_byte_at_a_time_gives_the_same_frames() -> None:
    stream = GREETING + EVENT + API + REPLY
    reader = FrameReader()
    frames = [frame for byte in stream for frame in reader.feed(bytes([byte]))]
    assert frames == FrameReader().feed(stream)
    assert reader.buffered == 0


def test_bytes_of_an_unfinished_frame_are_counted() -> None:
    reader = FrameReader()
    assert reader.feed(REPLY + EVENT[:30]) != []
    assert reader.buffered == 30
    assert reader.feed(EVENT[30:]) != []
    assert reader.buffered == 0


def test_an_empty_piece_changes_nothing() -> None:
    reader = FrameReader()
    assert reader.feed(b"") == []
    reader.feed(EVENT[:9])
    assert reader.feed(b"") == []
    assert joined(reader.feed(EVENT[9:])) == EVENT


def test_the_answer_to_connect_is_a_reply_without_a_body() -> None:
    block = (
        b"Event-Name: CHANNEL_DATA\nChannel-Name: sofia%2Fa\nContent-Length: 900\n"
        b"Content-Type: command/reply\nReply-Text: %2BOK%0A\nControl: full\n\n"
    )
    frames = FrameReader().feed(block + REPLY)
    assert [frame.content_type for frame in frames] == ["command/reply"] * 2
    assert joined(frames) == block + REPLY


def test_the_value_of_a_variable_cannot_give_a_reply_a_body() -> None:
    reply = b"Content-Type: command/reply\nReply-Text: line1\nContent-Length: 5\n\n"
    assert joined(FrameReader().feed(reply + REPLY)) == reply + REPLY


def test_an_unknown_kind_of_frame_is_passed_on() -> None:
    (frame,) = FrameReader().feed(b"Content-Type: text/yet-unheard-of\nContent-Length: 2\n\nhi")
    assert (frame.content_type, frame.body) == ("text/yet-unheard-of", b"hi")


def test_header_names_are_read_in_any_case() -> None:
    (frame,) = FrameReader().feed(b"content-TYPE: api/response\ncontent-length: 2\n\nhi")
    assert (frame.content_type, frame.body) == ("api/response", b"hi")


def test_a_reply_of_16_mib_is_read_in_pieces_of_64_kib() -> None:
    body = bytes(range(256)) * 65_536
    stream = b"Content-Type: api/response\nContent-Length: %d\n\n" % len(body) + body + REPLY
    reader = FrameReader()
    frames = []
    for start in range(0, len(stream), 65_536):
        frames += reader.feed(stream[start : start + 65_536])
    assert len(frames) == 2
    assert frames[0].body == body


def test_a_long_header_block_byte_by_byte_costs_no_more_than_its_length() -> None:
    """If every byte cost another look at all before it, this would take hours."""
    value = b"x" * 300_000
    stream = b"Content-Type: command/reply\nReply-Text: " + value + b"\n\n"
    reader = FrameReader()
    frames = [frame for i in range(len(stream)) for frame in reader.feed(stream[i : i + 1])]
    assert joined(frames) == stream


@pytest.mark.parametrize(
    "length",
    [
        b"abc",
        b"-1",
        b"+5",
        b"1e3",
        b"0x10",
        b"1_0",
        b"5 5",
        b"",
        b"\xd9\xa3",
        b"9" * 11,
        b"9" * 5000,
    ],
)
def test_a_content_length_that_is_no_number_is_an_error(length: bytes) -> None:
    with pytest.raises(ProtocolError):
        FrameReader().feed(b"Content-Type: api/response\nContent-Length: " + length + b"\n\n")


@pytest.mark.parametrize("kind", [b"api/response", b"text/event-json"])
def test_an_absurd_content_length_is_refused_before_any_of_the_body(kind: bytes) -> None:
    length = MAX_BODY + 1
    with pytest.raises(ProtocolError, match="longer"):
        FrameReader().feed(b"Content-Length: %d\nContent-Type: %s\n\n" % (length, kind))


def test_a_header_block_without_end_is_refused() -> None:
    reader = FrameReader()
    for _ in range(MAX_HEADER_BLOCK // 65_536):
        assert reader.feed(b"x" * 65_536) == []
    with pytest.raises(ProtocolError, match="header block"):
        reader.feed(b"xx")


def test_a_header_block_over_the_limit_is_refused_also_when_it_is_complete() -> None:
    with pytest.raises(ProtocolError, match="header block"):
        FrameReader().feed(b"Content-Type: a" + b"x" * MAX_HEADER_BLOCK + b"\n\n")


def test_a_block_without_a_content_type_means_the_stream_is_out_of_step() -> None:
    with pytest.raises(ProtocolError, match="out of step"):
        FrameReader().feed(b"line 3 of some value\n\n")


def test_what_came_before_a_fault_is_not_lost() -> None:
    reader = FrameReader()
    frames = reader.feed(REPLY + EVENT + b"nonsense\n\n")
    assert joined(frames) == REPLY + EVENT
    assert reader.failure is not None
    with pytest.raises(ProtocolError):
        reader.feed(b"")


def test_after_a_fault_nothing_is_read_any_more() -> None:
    reader = FrameReader()
    for data in (b"nonsense\n\n", REPLY):
        with pytest.raises(ProtocolError):
            reader.feed(data)
