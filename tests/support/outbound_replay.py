"""Plays a recorded conversation of outbound mode to a simulator: what clients and servers said then
is said again when the switch has said what it had said then, and what it says now is kept.
"""

import asyncio
import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.contract.raw_client import RawClient, RawFrame
from tests.support.outbound_server import OutboundServer, RawCall
from tests.support.transcripts import FOLDER

from callcontrol.simulator import Answers, FarEnd, HangsUp, Runs, Script, Simulator, SwitchSettings

EXTENSIONS = {
    "s-async-full": "async full",
    "s-async": "async",
    "s-full": "full",
    "s-sync": "",
    "s-answered": "async full",
}
"""What was dialled in the recordings, and with which words `socket` was run."""
CALLER = "5551234"
_DIALLED = re.compile(r"^C(?:hannel|aller)-Destination-Number: (.*)$", re.MULTILINE)
_CALL = re.compile(r"^Unique-ID: (.*)$", re.MULTILINE)
_BEHIND = (
    Runs("set", "after_socket=reached"),
    Runs("sleep", "500"),
    HangsUp("NORMAL_UNSPECIFIED"),
)
"""What follows `socket` in the recorded extensions."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing a switch said, as far as two runs of it agree."""

    kind: str
    words: str

    @property
    def is_event(self) -> bool:
        return self.kind == "event"


def heard(frame: RawFrame) -> Said:
    """A frame without what differs from call to call."""
    if frame.kind in ("text/event-plain", "text/event-json"):
        return Said("event", told(fields_of(frame)))
    if frame.kind == "text/disconnect-notice":
        return Said("notice", " ".join(frame.headers.get(name, "") for name in _OF_A_NOTICE))
    if "Event-Name" in frame.headers:
        return Said("data", " ".join(frame.headers[name] for name in _OF_THE_DATA))
    return Said("reply", frame.reply)


def fields_of(frame: RawFrame) -> dict[str, str]:
    """An event in either form."""
    if frame.kind == "text/event-json":
        return frame.event
    lines = (line.partition(": ") for line in frame.body.splitlines())
    return {name: unquote(value) for name, _, value in lines}


def told(event: dict[str, str]) -> str:
    """What an event tells; whether a playback fails by a hang-up or is over is left open by it."""
    name = event["Event-Name"].removeprefix("CHANNEL_")
    about = event["Channel-State"] if name == "STATE" else event.get("Application", "")
    response = event.get("Application-Response", "").replace("PLAYBACK ERROR", "FILE PLAYED")
    return f"{name} {about} {response}".strip()


_OF_A_NOTICE = ("Content-Disposition", "Linger-Time")
_OF_THE_DATA = ("Event-Name", "Answer-State", "Socket-Mode", "Control", "Reply-Text")


def sure(said: Iterable[Said]) -> list[Said]:
    """Without the park, which a server may come too late to see."""
    return [each for each in said if each.words != "PARK"]


def frames(stream: bytes) -> Iterator[RawFrame]:
    """The frames of a stream of bytes."""
    while stream:
        head, _, stream = stream.partition(b"\n\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        is_block = head.startswith(b"Event-Name")
        length = 0 if is_block else int(headers.get("Content-Length", 0))
        body, stream = stream[:length], stream[length:]
        yield RawFrame(headers, body.decode("utf-8", "replace"))


@dataclass
class Talk:
    """What the switch said on one connection: `then`, when it was recorded, and `now`."""

    then: bytes = b""
    now: list[Said] = field(default_factory=list)
    client: RawClient | None = None

    def recorded(self) -> list[Said]:
        return [heard(frame) for frame in frames(self.then)]

    async def catch_up(self, count: int | None) -> None:
        """Listen until so much was said for sure, or all."""
        while self.client is not None and (count is None or len(sure(self.now)) < count):
            try:
                self.now.append(heard(await self.client.frame()))
            except (asyncio.IncompleteReadError, ConnectionError):
                self.client = None


@dataclass
class Play:
    """A run of a recording: the talk on each of its connections.

    Replies and notices are in order, and events are, but an event may come before or after a reply.
    """

    name: str
    switch: Simulator
    server: OutboundServer
    talks: dict[str, Talk] = field(default_factory=dict)
    calls: list[FarEnd] = field(default_factory=list)

    @classmethod
    async def of(cls, name: str, time_scale: float) -> dict[str, Talk]:
        """All of a recording, with the switch's time that much faster."""
        settings = SwitchSettings(hostname="fs-lab")
        async with (
            Simulator(time_scale=time_scale, settings=settings) as switch,
            OutboundServer.listening("127.0.0.1") as server,
        ):
            play = cls(name, switch, server)
            await play._run()
        return play.talks

    async def _run(self) -> None:
        with gzip.open(FOLDER / f"{self.name}.jsonl.gz", "rt", encoding="utf-8") as file:
            rows: list[dict[str, str]] = [json.loads(line) for line in file][1:]
        said = "".join(row.get("data", "") for row in rows if row["dir"] == "S")
        known = list(dict.fromkeys(_CALL.findall(said)))
        for row in rows:
            talk = self.talks.setdefault(row.get("conn", ""), Talk())
            if row["dir"] == "S" and "data" in row:
                talk.then += row["data"].encode()
            elif row["dir"] == "S" and "connected to" in row["note"]:
                await self._catch_up()
                talk.client = await self._call(_DIALLED.findall(said)[0])
            else:
                await self._say(row, talk, known)
        for name, talk in self.talks.items():
            await talk.catch_up(len(sure(talk.recorded())) if name == "a" else None)

    async def _call(self, dialled: str) -> RawClient:
        """Somebody dials that, and the call is here."""
        target = f"127.0.0.1:{self.server.port} {EXTENSIONS[dialled]}".rstrip()
        extension = [Runs("socket", target), *_BEHIND]
        first = [Answers()] if dialled == "s-answered" else []
        self.switch.on(dialled, Script((*first, *extension)))
        self.calls.append(self.switch.call_in(dialled, CALLER))
        return await self.server.next_call()

    async def _say(self, row: dict[str, str], talk: Talk, known: list[str]) -> None:
        """Say or do what was done, when the switch has said on all connections what it had."""
        if talk.client is None and row.get("conn") == "a":
            talk.client = await RawClient.connect("127.0.0.1", self.switch.port)
        await self._catch_up()
        if talk.client is None:
            return
        words = row.get("data", "")
        for then, call in zip(known, self.calls, strict=False):
            words = words.replace(then, call.call_id)
        if words:
            talk.client.writer.write(words.encode())
        if "caller-hangs-up" in self.name and "execute-app-name: answer" in words:
            self.switch.switch.tasks.start(self._hang_up_later(), "caller")
        match row.get("note", "")[:14]:
            case "closed by this":
                talk.client.writer.close()
            case "closed with RS" if isinstance(talk.client, RawCall):
                talk.client.reset()
            case "shutdown(SHUT_":
                talk.client.writer.write_eof()

    async def _catch_up(self) -> None:
        """The switch says on all connections what it had said."""
        for talk in self.talks.values():
            await talk.catch_up(len(sure(talk.recorded())))

    async def _hang_up_later(self) -> None:
        await self.switch.clock.sleep(1.5)
        self.calls[-1].hangs_up()
