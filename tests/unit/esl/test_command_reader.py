"""Commands are cut from what a client sends as a switch cuts them."""

import pytest

from callcontrol.esl.command_reader import CommandPacket, CommandReader, split_lines
from callcontrol.esl.encoding import MAX_BLOCK, MAX_BODY
from callcontrol.esl.errors import ProtocolError


def read(stream: bytes) -> list[CommandPacket]:
    return CommandReader().feed(stream)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\n\r\n", b"\r\n\n", b"\n\r\r\n"])
def test_every_mixture_of_line_ends_ends_a_command(end: bytes) -> None:
    assert read(b"api status" + end + b"exit\n\n") == [
        CommandPacket(b"api status"),
        CommandPacket(b"exit"),
    ]


def test_carriage_returns_alone_do_not_end_a_command() -> None:
    reader = CommandReader()
    assert reader.feed(b"api status\r\r") == []
    assert reader.buffered == 12


def test_empty_lines_before_a_command_are_skipped() -> None:
    assert read(b"\r\n\n\n\r\nexit\n\n") == [CommandPacket(b"exit")]


def test_a_body_of_the_announced_length_belongs_to_the_command() -> None:
    packets = read(b"sendevent A\ncontent-LENGTH: 5\n\na\n\nbcexit\n\n")
    assert packets == [
        CommandPacket(b"sendevent A\ncontent-LENGTH: 5", b"a\n\nbc"),
        CommandPacket(b"exit"),
    ]


def test_a_body_ends_at_a_nul() -> None:
    assert read(b"sendevent A\nContent-Length: 3\n\na\0b")[0].body == b"a"


@pytest.mark.parametrize("length", [b"abc", b"0", b"-1", b"", b"00"])
def test_a_length_that_is_no_positive_number_announces_nothing(length: bytes) -> None:
    assert read(b"api a\nContent-Length: " + length + b"\n\nexit\n\n")[1].block == b"exit"


@pytest.mark.parametrize("digits", [b"%d" % (MAX_BODY + 1), b"9" * 11, b"9" * 5_000])
def test_a_length_over_the_limit_is_an_error_after_what_came_before(digits: bytes) -> None:
    reader = CommandReader()
    assert reader.feed(b"exit\n\napi a\nContent-Length: " + digits + b"\n\n") != []
    assert reader.failure is not None
    with pytest.raises(ProtocolError):
        reader.feed(b"")


def test_a_block_without_end_is_cut_at_the_limit() -> None:
    (packet,) = read(b"A" * (MAX_BLOCK + 7))
    assert len(packet.block) == MAX_BLOCK


def test_one_byte_at_a_time_gives_the_same_commands() -> None:
    stream = b"\n\nauth x\r\n\r\nsendevent A\nContent-Length: 3\n\nabcexit\n\r\n"
    reader = CommandReader()
    pieces = [packet for byte in stream for packet in reader.feed(bytes([byte]))]
    assert pieces == read(stream)
    assert reader.buffered == 0


def test_a_flood_of_carriage_returns_costs_no_more_than_its_length() -> None:
    """If each were looked at again with every piece, this would take hours."""
    reader = CommandReader()
    reader.feed(b"api a\n")
    for _ in range(200_000):
        reader.feed(b"\r")
    assert reader.feed(b"\n") != []


def test_one_stray_carriage_return_glues_the_lines_before_it() -> None:
    assert split_lines(b"a\nb\nc\rd\ne") == [b"a\nb\nc", b"d", b"e"]
