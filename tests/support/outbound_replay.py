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

from tests.contract.raw_client import RawFrame
from tests.support.outbound_server import OutboundServer, RawCall
from tests.support.transcripts import FOLDER

from callcontrol.simulator import Answers, FarEnd, Runs, Script, Simulator, SwitchSettings

EXTENSIONS = {
    "s-async-full": "async full",
    "s-async": "async",
    "s-full": "full",
    "s-sync": "",
    "s-answered": "async full",
}
"""What was dialled in the recordings, and with which words `socket` was run."""
CALLER = "5551234"
_RECORDED_CALL = re.compile(r"^Channel-Destination-Number: (.*)$", re.MULTILINE)


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
class Play:
    """A run of a recording. `then` and `now` are what the switch said, recorded and simulated.

    Replies and notices are in order, and events are, but an event may come before or after a reply.
    """

    name: str
    then: list[Said] = field(default_factory=list)
    now: list[Said] = field(default_factory=list)

    def rows(self) -> list[dict[str, str]]:
        with gzip.open(FOLDER / f"{self.name}.jsonl.gz", "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file][1:]

    async def run(self, time_scale: float) -> None:
        """All of it, with the switch's time that much faster."""
        rows = self.rows()
        stream = "".join(row["data"] for row in rows if row["dir"] == "S" and "data" in row)
        dialled = _RECORDED_CALL.findall(stream)[0]
        self.then = [heard(frame) for frame in frames(stream.encode())]
        async with (
            Simulator(time_scale=time_scale, settings=SwitchSettings(hostname="fs-lab")) as switch,
            OutboundServer.listening("127.0.0.1") as server,
        ):
            await self._play(rows, switch, server, dialled)

    async def _play(
        self, rows: list[dict[str, str]], switch: Simulator, server: OutboundServer, dialled: str
    ) -> None:
        target = f"127.0.0.1:{server.port} {EXTENSIONS[dialled]}".rstrip()
        first = (Answers(),) if dialled == "s-answered" else ()
        switch.on(dialled, Script((*first, Runs("socket", target), Runs("sleep", "500"))))
        caller = switch.call_in(dialled, CALLER)
        call = await server.next_call()
        said = b""
        for row in rows:
            if row["dir"] == "S":
                said += row.get("data", "").encode()
                continue
            if not await self._hear(call, len(sure(map(heard, frames(said))))):
                return
            await self._say(row, call, caller, switch)
        await self._hear(call)

    async def _hear(self, call: RawCall, count: int | None = None) -> bool:
        """Listen until so much was said for sure, or all; whether the switch may say more."""
        while count is None or len(sure(self.now)) < count:
            try:
                self.now.append(heard(await call.frame()))
            except asyncio.IncompleteReadError:
                return False
        return True

    async def _say(
        self, row: dict[str, str], call: RawCall, caller: FarEnd, switch: Simulator
    ) -> None:
        if "data" not in row:
            return
        call.writer.write(row["data"].encode())
        if "caller-hangs-up" in self.name and "execute-app-name: answer" in row["data"]:
            switch.switch.tasks.start(self._hang_up_later(caller, switch), "caller")

    async def _hang_up_later(self, caller: FarEnd, switch: Simulator) -> None:
        await switch.clock.sleep(1.5)
        caller.hangs_up()
