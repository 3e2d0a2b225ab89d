"""Throws bytes at the codec: it may give frames or a ProtocolError, and nothing else.

    python tests/fuzz/fuzz_frame_reader.py [inputs, 20000 unless told]

The inputs are mutations of good frames, the same in every run. With `--atheris` they are guided by
coverage, which needs atheris, and its own options are taken, for example `-max_total_time=60`.
"""

import importlib
import random
import sys
from collections.abc import Iterator

from callcontrol.esl.command_parsing import parse_command
from callcontrol.esl.command_reader import CommandReader
from callcontrol.esl.commands import Api
from callcontrol.esl.errors import ProtocolError, UnencodableValue
from callcontrol.esl.framing import FrameReader
from callcontrol.esl.messages import Frame
from callcontrol.esl.protocol import Connection

SEEDS = (
    b"Content-Type: auth/request\n\n",
    b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n",
    b"Content-Type: api/response\nContent-Length: 4\n\n+OK\n",
    b'Content-Length: 23\nContent-Type: text/event-json\n\n{"a":"b","c":["d","e"]}',
    b"Content-Length: 28\nContent-Type: text/event-plain\n\na: %C3\nContent-Length: 1\n\nx",
    b"Content-Type: log/data\nContent-Length: 1\nLog-Level: 3\n\nx",
    b"Content-Type: text/disconnect-notice\nContent-Disposition: linger\nContent-Length: 0\n\n",
    b"Event-Name: CHANNEL_DATA\nContent-Type: command/reply\nReply-Text: %2BOK%0A\n\n",
    b"sendevent CUSTOM\r\nEvent-Subclass: a::b\r\nContent-Length: 2\r\n\r\nhi",
    b"bgapi originate null/x &park\nJob-UUID: 1\n\n",
)
PIECES = (
    b"\n",
    b"\n\n",
    b"\r",
    b":",
    b" ",
    b"-1",
    b"9" * 20,
    b"\xff",
    b"\0",
    b"%",
    b"[",
    b"{",
    b'"',
)


def try_input(data: bytes) -> None:
    """Check one input; the first byte says how it is chopped. Raises whatever is a fault."""
    size, stream = data[0] % 32 + 1 if data else 1, data[1:]
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    whole = read_frames([stream])
    if read_frames(pieces) != whole:
        raise AssertionError("the frames depend on how the stream is chopped")
    if not stream.startswith(b"".join(f.head + b"\n\n" + f.body for f in whole[0])):
        raise AssertionError("the frames are not what came")
    converse(pieces)
    understand(pieces)


def read_frames(pieces: list[bytes]) -> tuple[list[Frame], str]:
    """The frames, and what was wrong then."""
    reader, frames = FrameReader(), list[Frame]()
    try:
        for piece in [*pieces, b""]:
            frames += reader.feed(piece)
    except ProtocolError as problem:
        return frames, str(problem)
    return frames, ""


def converse(pieces: list[bytes]) -> None:
    """Let a client with two open commands read it."""
    connection: Connection[int] = Connection()
    for number in range(2):
        connection.send(Api("status"), number)
    try:
        for piece in pieces:
            connection.receive_data(piece)
        connection.receive_eof()
    except ProtocolError:
        return


def understand(pieces: list[bytes]) -> None:
    """Let the side that plays switch read it; what it can write again means the same."""
    reader = CommandReader()
    try:
        packets = [packet for piece in pieces for packet in reader.feed(piece)]
    except ProtocolError:
        return
    for packet in packets:
        command = parse_command(packet.block, packet.body)
        try:
            encoded = getattr(command, "encode", bytes)()
        except UnencodableValue:
            continue
        for again in CommandReader().feed(encoded):
            if parse_command(again.block, again.body) != command:
                raise AssertionError("a command does not mean what it meant")


def mutations(count: int) -> Iterator[bytes]:
    """Good frames with some bytes changed, cut, doubled or put in."""
    dice = random.Random(1)
    for _ in range(count):
        data = bytearray(b"".join(dice.choices(SEEDS, k=dice.randint(1, 4))))
        for _ in range(dice.randint(0, 6)):
            at = dice.randrange(len(data) + 1)
            until = at + dice.randrange(8)
            change = dice.randrange(4)
            if change == 0:
                data[at:until] = b""
            elif change == 1:
                data[at:at] = dice.choice(PIECES)
            elif change == 2:
                data[at:at] = data[dice.randrange(len(data) + 1) :][:40]
            else:
                data[at:until] = dice.randbytes(until - at)
        yield dice.randbytes(1) + data


def main() -> None:
    """Run as many inputs as asked for; with `--atheris` guided by coverage, by its own options."""
    if "--atheris" in sys.argv:
        sys.argv.remove("--atheris")
        atheris = importlib.import_module("atheris")
        atheris.instrument_all()
        atheris.Setup(sys.argv, try_input)
        atheris.Fuzz()
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for data in mutations(count):
        try:
            try_input(data)
        except Exception:
            print(f"this input is the trouble: {data!r}")
            raise
    print(f"{count} inputs, no fault")


if __name__ == "__main__":
    main()
