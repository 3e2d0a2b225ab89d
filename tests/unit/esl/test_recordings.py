"""Everything a real switch said is read without loss, and written again byte for byte."""

import json
import random
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from tests.support.transcripts import corpus, names, recording

from callcontrol.esl.framing import FrameReader
from callcontrol.esl.messages import (
    ApiResponse,
    AuthRequest,
    DisconnectNotice,
    Frame,
    HeaderValue,
    Reply,
    RudeRejection,
    SwitchEvent,
    UnknownFrame,
    UnreadableEvent,
)
from callcontrol.esl.protocol import read_frame
from callcontrol.esl.serialize import (
    api_frame,
    auth_request,
    disconnect_notice,
    encode_event_json,
    encode_event_plain,
    event_frame,
    linger_notice,
    reply_frame,
    rude_rejection,
)

CUT_SHORT = {("connection-slow-reader", "a"): 320}
"""The switch cut a frame to say good-bye to a client that did not read, and closed; so many bytes
of a frame are left when the stream ends."""

OUT_OF_STEP = {"outbound-getvar-odd-values"}
"""A variable with an empty line in it, asked for by `getvar`: what follows that is no frame."""


def streams(name: str) -> Iterator[tuple[str, bytes]]:
    """What the switch said, connection by connection."""
    found = recording(name)
    for connection in found.connections:
        yield connection, found.stream(connection, from_switch=True)


def joined(frames: list[Frame]) -> bytes:
    return b"".join(frame.head + b"\n\n" + frame.body for frame in frames)


def chopped(stream: bytes, dice: random.Random) -> Iterator[bytes]:
    """Pieces of 1 byte to 64 KiB, small ones as likely as large ones."""
    start = 0
    while start < len(stream):
        size = int(2 ** dice.uniform(0, 16))
        yield stream[start : start + size]
        start += size


def text(data: bytes) -> str:
    """Text in which every byte can be found again."""
    return data.decode("utf-8", "surrogateescape")


def test_there_is_something_to_read() -> None:
    assert len(names()) == 247


@pytest.mark.parametrize("name", names())
def test_every_byte_of_a_recording_is_in_a_frame(name: str) -> None:
    for connection, stream in streams(name):
        reader = FrameReader()
        frames = reader.feed(stream)
        rest = len(stream) - len(joined(frames))
        assert stream.startswith(joined(frames))
        if name in OUT_OF_STEP:
            assert "out of step" in str(reader.failure)
        else:
            assert reader.failure is None
            assert reader.buffered == rest == CUT_SHORT.get((name, connection), 0)


@pytest.mark.parametrize("name", names())
def test_a_recording_in_random_pieces_gives_the_same_frames(name: str) -> None:
    dice = random.Random(name)
    for _, stream in streams(name):
        whole = FrameReader().feed(stream)
        reader, frames = FrameReader(), list[Frame]()
        for piece in chopped(stream, dice):
            if reader.failure is None:
                frames += reader.feed(piece)
        assert frames == whole


@pytest.mark.parametrize("name", names())
def test_every_frame_of_a_recording_is_understood(name: str) -> None:
    """Only events in XML, which nobody should ask for, are left as they are."""
    for _, stream in streams(name):
        for message in map(read_frame, FrameReader().feed(stream)):
            assert not isinstance(message, UnreadableEvent)
            if isinstance(message, UnknownFrame):
                assert message.frame.content_type == "text/event-xml"


@pytest.mark.parametrize("name", names())
def test_replies_and_notices_are_written_as_the_switch_writes_them(name: str) -> None:
    for _, stream in streams(name):
        for frame in FrameReader().feed(stream):
            if frame.head.startswith(b"Event-Name: CHANNEL_DATA\n"):
                continue
            rewritten = rewrite(frame)
            assert rewritten is None or rewritten == joined([frame])


def rewrite(frame: Frame) -> bytes | None:
    """The frame made anew from its value, or None for events and log lines."""
    match read_frame(frame):
        case AuthRequest():
            return auth_request()
        case ApiResponse(body=body):
            return api_frame(body)
        case RudeRejection():
            return rude_rejection()
        case Reply(headers=headers) if "\nReply-Text: " in text(frame.head):
            first, _, rest = text(frame.head).partition("\nReply-Text: ")[2].partition("\n")
            lines = [line.partition(": ")[::2] for line in rest.split("\n") if ":" in line]
            return reply_frame(first, lines) if len(lines) == len(headers) - 2 else None
        case DisconnectNotice(text=body, lingering=False, headers=headers):
            return disconnect_notice(body, headers.get("Controlled-Session-UUID", ""))
        case DisconnectNotice(headers=headers):
            seconds = int(headers["Linger-Time"])
            return linger_notice(
                headers["Controlled-Session-UUID"],
                headers["Channel-Name"],
                None if seconds < 0 else seconds,
            )
        case _:
            return None


@pytest.mark.parametrize("form", ["json", "plain", "subset", "xml"])
def test_every_byte_of_a_corpus_is_in_a_frame_however_it_is_chopped(form: str) -> None:
    stream = corpus(form)
    frames = FrameReader().feed(stream)
    assert joined(frames) == stream
    reader = FrameReader()
    assert [f for p in chopped(stream, random.Random(1)) for f in reader.feed(p)] == frames


def test_a_stretch_of_a_corpus_byte_by_byte_gives_the_same_frames() -> None:
    stream = corpus("json")[:300_000]
    reader = FrameReader()
    frames = [f for i in range(len(stream)) for f in reader.feed(stream[i : i + 1])]
    assert frames == FrameReader().feed(stream)


def events(stream: bytes) -> list[SwitchEvent]:
    return [m for m in map(read_frame, FrameReader().feed(stream)) if isinstance(m, SwitchEvent)]


def test_both_forms_of_a_corpus_give_the_same_events() -> None:
    as_json, as_plain = events(corpus("json")), events(corpus("plain"))
    assert len(as_json) == 7_023
    assert [(e.headers, e.body) for e in as_json] == [(e.headers, e.body) for e in as_plain]


def variables(name: str) -> dict[str, HeaderValue]:
    """The last value of each variable that the scenario set for its odd content."""
    found: dict[str, HeaderValue] = {}
    for _, stream in streams(name):
        for event in events(stream):
            found |= {k: v for k, v in event.headers.items() if k.startswith("variable_e_")}
    return found


def test_only_json_tells_a_percent_sign_with_two_digits_from_what_it_encodes() -> None:
    """The switch leaves `%41` as it is in plain events, so it reads as `A`: hence JSON."""
    as_json, as_plain = variables("encoding-variables-json"), variables("encoding-variables-plain")
    assert as_json.keys() == as_plain.keys()
    lossy = {name for name in as_json if as_json[name] != as_plain[name]}
    assert lossy == {
        name
        for name, value in as_json.items()
        if unquote(value if isinstance(value, str) else "") not in (value, "")
    }
    assert lossy


def event_frames() -> Iterator[Frame]:
    for form in ("json", "plain", "subset"):
        yield from FrameReader().feed(corpus(form))
    for name in [*names("encoding-"), *names("events-"), *names("call-hold")]:
        for _, stream in streams(name):
            yield from FrameReader().feed(stream)


def test_json_events_are_written_as_the_switch_writes_them() -> None:
    for frame in event_frames():
        if frame.content_type != "text/event-json":
            continue
        pairs = json.loads(text(frame.body), object_pairs_hook=list, strict=False)
        body = None
        if pairs[-1][0] == "_body":
            body, pairs = pairs[-1][1], pairs[:-2]
        assert event_frame(encode_event_json(pairs, body), "json") == joined([frame])


def test_plain_events_are_written_as_the_switch_writes_them() -> None:
    """But for values with `%` and two digits, of which the plain form does not tell what they were;
    they are taken as they stand."""
    for frame in event_frames():
        if frame.content_type != "text/event-plain":
            continue
        head, _, body = frame.body.partition(b"\n\n")
        pairs: list[tuple[str, HeaderValue]] = []
        for line in text(head).split("\n"):
            name, _, value = line.partition(": ")
            decoded = unquote(value, errors="surrogateescape")
            pairs.append((name, value if "%41" in value else decoded))
        if body:
            pairs.pop()
        assert event_frame(encode_event_plain(pairs, text(body)), "plain") == joined([frame])
