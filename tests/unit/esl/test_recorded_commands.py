"""What clients sent to a real switch is what the encoder makes of the same commands.

The recordings also hold commands that no good client sends, to see what a switch makes of them.
They are listed here, each with the reason why the encoder does not write it; all others are
written byte for byte. Of `Content-Length`, which the switch reads in any case, the recorded
clients used two spellings and the encoder one.
"""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.support.transcripts import names, recording

from callcontrol.esl.command_parsing import UnparsedCommand, parse_command
from callcontrol.esl.command_reader import CommandPacket, CommandReader
from callcontrol.esl.errors import UnencodableValue

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

NEVER_WRITTEN = {
    "is no command": [
        r"foo",
        r"foo bar: baz",
        r"status",
        r" api hostname",
        r"apihostname",
        r"exec api",
        r": x",
        r"\x01\x02",
        r"nosuchcommand",
        r"A+",
        r"B+",
        r"tname",
    ],
    "lacks what the command needs": [
        r"api ?",
        r"bgapi ?",
        r"api  status",
        r"auth",
        r"userauth ?",
        r"userauth full@fs-lab",
        r"filter ?",
        r"filter (add|delete|Color|add Color)",
        r"divert_events",
        r"getvar ?",
    ],
    "is spelled as only a lenient reader takes it": [
        r"\.\.\.",
        r"exitnow",
        r"EXIT 5",
        r"API status",
        r"eventfoo",
        r"events plain ALL",
        r"event PLAIN channel_answer",
        r"nixevents CHANNEL_ANSWER",
        r"noeventsfoo",
        r"noevents ALL",
        r"logfoo",
        r"log debug extra",
        r"nologs",
        r"linger abc",
        r"filter add Color blue",
        r"userauth full:FullPass@fs-lab",
        r"SENDMSG .*",
        r"bgapi hostname\njob-uuid: .*",
        r"sendmsg\nsession-id: .*",
    ],
    "has blanks that the switch drops": [
        rf"api uuid_setvar {UUID} lab_v13  lead and trail ",
        rf"api uuid_setvar {UUID} lab_v18 ",
        r"api echo trailing space ",
        r"api show  channels",
        r"event plain  CHANNEL_ANSWER",
        r"filter Color  red",
        r"myevents ",
        r"sendevent \nX-A: 1",
    ],
    "has lines that the switch drops": [
        r"bgapi hostname\nJob-UUID:",
        r"sendevent CUSTOM\nEvent-Subclass: lab::odd\nNoColonHere\n.*",
    ],
    "has a header that a command does not take": [r"api [a-z ]*\nconsole_execute: true"],
    "has a body on a command that takes none": [
        r"api hostname\n[Cc]ontent-[Ll]ength: .*",
    ],
    "has its Content-Length before other headers": [r"sendmsg .*\ncontent-length: 16\n.*"],
    "ends its lines with CR LF": [r".*\r.*"],
    "has a body with NUL, of which the switch takes less than announced": [
        r"sendevent CUSTOM\n.*\nContent-Length: 9",
    ],
    "has a value that becomes an array": [r"sendevent CUSTOM\n(.*\n)?X-Arr: ARRAY::.*"],
    "reloads mod_event_socket": [r"api \w+ mod_event_socket"],
    "is too long": [r"api md5 A{10485752}"],
}
NOT_UTF_8 = "is not UTF-8"


def packets() -> Iterator[CommandPacket]:
    for name in names():
        found = recording(name)
        for connection in found.connections:
            reader = CommandReader()
            yield from reader.feed(found.stream(connection, from_switch=False))
            assert reader.buffered == 0


def written(packet: CommandPacket) -> bytes | None:
    """What the encoder writes for the command of a packet, or None if it refuses."""
    command = parse_command(packet.block, packet.body)
    if isinstance(command, UnparsedCommand):
        return None
    try:
        return command.encode()
    except UnencodableValue:
        return None


def reason(block: bytes) -> str | None:
    """Why the encoder does not write this block, if there is a reason."""
    try:
        text = block.decode()
    except UnicodeDecodeError:
        return NOT_UTF_8
    for why, patterns in NEVER_WRITTEN.items():
        if any(re.fullmatch(pattern, text, re.DOTALL) for pattern in patterns):
            return why
    return None


@pytest.fixture(scope="module")
def recorded() -> list[tuple[CommandPacket, bytes | None]]:
    return [(packet, written(packet)) for packet in packets()]


def exact(packet: CommandPacket) -> bytes:
    spelled = packet.block.replace(b"\ncontent-length:", b"\nContent-Length:")
    return spelled + b"\n\n" + packet.body


def test_every_recorded_command_is_written_byte_for_byte_or_for_a_reason_not(
    recorded: list[tuple[CommandPacket, bytes | None]],
) -> None:
    same = [packet for packet, encoded in recorded if encoded == exact(packet)]
    different = [packet for packet, encoded in recorded if encoded != exact(packet)]
    unexplained = [packet.block[:200] for packet in different if reason(packet.block) is None]
    assert unexplained == []
    assert len(same) > 4_000


def test_every_reason_is_met(recorded: list[tuple[CommandPacket, bytes | None]]) -> None:
    met = Counter(reason(packet.block) for packet, encoded in recorded if encoded != exact(packet))
    assert met.keys() == {*NEVER_WRITTEN, NOT_UTF_8}


def test_what_is_written_is_read_as_the_same_command(
    recorded: list[tuple[CommandPacket, bytes | None]],
) -> None:
    for packet, encoded in recorded:
        if encoded is None:
            continue
        (again,) = CommandReader().feed(encoded)
        assert parse_command(again.block, again.body) == parse_command(packet.block, packet.body)
