"""A switch in a process of its own that says what a real one said: the recorded corpus, over again.

Each time round, the calls have other ids and the events go on in number, as with a switch that
lives on. It knows the few commands that links ask by themselves, and refuses all others.
"""

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count, cycle, islice
from multiprocessing.connection import Connection

from tests.support import transcripts
from tests.support.piped_process import piped_process

from callcontrol.esl.framing import FrameReader

CORE_UUID = "f54e8be1-4927-43ee-9a99-fa620934f1e3"
"""Of the recorded switch."""
ROUND = 10_000_000
"""How far the numbers of events are apart from one time round to the next."""
MID_CALL = frozenset(
    (b"CHANNEL_EXECUTE", b"CHANNEL_EXECUTE_COMPLETE", b"CALL_UPDATE", b"DTMF", b"CODEC")
)
"""Events that neither begin nor end a call."""

_UUID = re.compile(rb"[0-9a-f]{8}(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_SEQUENCE = re.compile(rb'("Event-Sequence":\s*")(\d+)"')
_TIME = re.compile(rb'("Event-Date-Timestamp":\s*")(\d+)"')
_NAME = re.compile(rb'"Event-Name":\s*"(\w+)"')
_CALL = re.compile(rb'"Unique-ID":\s*"([^"]+)"')
_HEADER = re.compile(r"^([^:\n]+): (.*)$", re.MULTILINE)
_CORE = CORE_UUID[:8].encode()


@dataclass(frozen=True)
class Play:
    """Say so many events, as fast as they are taken or so many a second."""

    events: int
    per_s: float = 0.0
    calls: tuple[str, ...] = ()
    """On these calls, in turn, what neither begins nor ends one; else everything."""
    begins: bool = False
    """The beginnings of these calls, instead."""


@dataclass(frozen=True)
class Played:
    """What was said."""

    events: int
    seconds: float
    late_ms: tuple[float, ...]
    """How much later than it wanted this process could say each, where it was so many a second:
    what the machine had other work to do."""


def bodies() -> list[bytes]:
    """The recorded events."""
    frames = FrameReader().feed(transcripts.corpus("json"))
    return [frame.body for frame in frames if frame.content_type == "text/event-json"]


def renewed(body: bytes, lap: int) -> bytes:
    """An event as it would be the next time round."""

    def other(match: re.Match[bytes]) -> bytes:
        own = match[0]
        return own if own == _CORE else b"%08x" % ((int(own, 16) + lap) & 0xFFFFFFFF)

    sequence = _SEQUENCE.search(body)
    assert sequence is not None
    return numbered(_UUID.sub(other, body) if lap else body, int(sequence[2]) + lap * ROUND)


def numbered(body: bytes, sequence: int) -> bytes:
    """An event with another number."""
    return _SEQUENCE.sub(lambda m: b'%b%d"' % (m[1], sequence), body)


def rounds() -> Iterator[bytes]:
    """The corpus without end."""
    recorded = bodies()
    return (renewed(body, lap) for lap in count() for body in recorded)


def on_calls(calls: tuple[str, ...], *, begins: bool) -> Iterator[bytes]:
    """Events on these calls, in turn, without end."""
    names = frozenset((b"CHANNEL_CREATE",)) if begins else MID_CALL
    chosen = [body for body in bodies() if named(body) in names and _CALL.search(body)]
    for number, (body, call_id) in enumerate(zip(cycle(chosen), cycle(calls), strict=False)):
        own = _CALL.search(body)
        assert own is not None
        yield numbered(body.replace(own[1], call_id.encode()), ROUND * 1_000 + number)


def named(body: bytes) -> bytes:
    """The name of an event."""
    found = _NAME.search(body)
    return found[1] if found else b""


def framed(body: bytes) -> bytes:
    """An event as it is on the wire."""
    return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)


def stamped(body: bytes) -> bytes:
    """An event that was fired now."""
    return _TIME.sub(lambda m: b'%b%d"' % (m[1], time.time_ns() // 1_000), body)


class CorpusSwitch:
    """Its links, and what it says to those that have subscribed."""

    def __init__(self) -> None:
        self._rounds = rounds()
        self._subscribed: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.write(b"Content-Type: auth/request\n\n")
            while True:
                command = (await reader.readuntil(b"\n\n"))[:-2].decode()
                self._answer(command, writer)
        if writer in self._subscribed:
            self._subscribed.remove(writer)
        writer.close()

    def _answer(self, command: str, writer: asyncio.StreamWriter) -> None:
        words = command.partition("\n")[0].split(" ")
        match words[0], words[1:2]:
            case "api", ["version"]:
                _respond(writer, "FreeSWITCH Version 1.10.12-corpus (git 0 64bit)\n")
            case "api", ["global_getvar"]:
                _respond(writer, CORE_UUID)
            case "api", ["show"]:
                _respond(writer, '{"row_count":0}')
            case "api", _:
                _respond(writer, "-ERR not here\n")
            case "sendevent", _:
                _reply(writer, f"+OK {uuid.uuid4()}")
                self._fire_canary(dict(_HEADER.findall(command)))
            case "event", _:
                _reply(writer, "+OK event listener enabled json")
                self._subscribed.append(writer)
            case "auth", _:
                _reply(writer, "+OK accepted")
            case _:
                _reply(writer, "+OK")

    def _fire_canary(self, headers: dict[str, str]) -> None:
        fields = {**headers, "Event-Name": "CUSTOM", "Core-UUID": CORE_UUID, "Event-Sequence": "1"}
        text = ",".join(f'"{name}":"{value}"' for name, value in fields.items())
        for writer in self._subscribed:
            writer.write(framed(f"{{{text}}}".encode()))

    async def play(self, asked: Play) -> Played:
        """Say events to every link that has subscribed."""
        source = on_calls(asked.calls, begins=asked.begins) if asked.calls else self._rounds
        chosen = list(islice(source, asked.events))
        began_s, late_ms = time.monotonic(), list[float]()
        if asked.per_s:
            for number, body in enumerate(chosen):
                due_s = began_s + number / asked.per_s
                await asyncio.sleep(due_s - time.monotonic())
                late_ms.append((time.monotonic() - due_s) * 1_000)
                self._say(framed(stamped(body)))
        else:
            for at in range(0, len(chosen), 20):
                self._say(b"".join(map(framed, chosen[at : at + 20])))
                for writer in self._subscribed:
                    await writer.drain()
        return Played(len(chosen), time.monotonic() - began_s, tuple(late_ms))

    def _say(self, data: bytes) -> None:
        for writer in self._subscribed:
            writer.write(data)


def _reply(writer: asyncio.StreamWriter, text: str) -> None:
    writer.write(f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode())


def _respond(writer: asyncio.StreamWriter, body: str) -> None:
    head = f"Content-Type: api/response\nContent-Length: {len(body)}\n\n"
    writer.write((head + body).encode())


async def _run(orders: Connection) -> None:
    switch = CorpusSwitch()
    server = await asyncio.start_server(switch.serve, "127.0.0.1", 0)
    orders.send(server.sockets[0].getsockname()[1])
    with suppress(EOFError):
        while True:
            orders.send(await switch.play(await asyncio.to_thread(orders.recv)))
    server.close()


def _main(orders: Connection) -> None:
    asyncio.run(_run(orders))


class RunningSwitch:
    """A switch in a process of its own."""

    def __init__(self, port: int, orders: Connection) -> None:
        self.port, self._orders = port, orders

    async def play(self, asked: Play) -> Played:
        """Let it speak; returns when all is written."""
        self._orders.send(asked)
        played: Played = await asyncio.to_thread(self._orders.recv)
        return played


@asynccontextmanager
async def corpus_switch() -> AsyncIterator[RunningSwitch]:
    """A switch that listens on loopback until the end of the block."""
    async with piped_process(_main) as (_, orders):
        yield RunningSwitch(await asyncio.to_thread(orders.recv), orders)
