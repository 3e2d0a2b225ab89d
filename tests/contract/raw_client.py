"""An Event Socket client of its own: it shares no code with the service, so it can judge it."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Self


@dataclass
class RawFrame:
    """One frame as it came; header names as written by the switch."""

    headers: dict[str, str]
    body: str

    @property
    def kind(self) -> str:
        return self.headers.get("Content-Type", "")

    @property
    def reply(self) -> str:
        return self.body if self.kind == "api/response" else self.headers.get("Reply-Text", "")

    @property
    def event(self) -> dict[str, str]:
        event: dict[str, str] = json.loads(self.body)
        return event


@dataclass
class RawClient:
    """Reads frames one by one; events that come between replies are kept in `events`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    events: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    async def connect(cls, host: str, port: int) -> Self:
        return cls(*await asyncio.open_connection(host, port))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    async def frame(self) -> RawFrame:
        head = (await self.reader.readuntil(b"\n\n")).decode("utf-8", "replace")
        headers = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        length = int(headers.get("Content-Length", 0))
        body = (await self.reader.readexactly(length)).decode("utf-8", "replace")
        return RawFrame(headers, body)

    def write(self, command: str) -> None:
        self.writer.write(command.encode() + b"\n\n")

    async def answer(self) -> RawFrame:
        """The next frame that is not an event."""
        while (frame := await self.frame()).kind == "text/event-json":
            self.events.append(frame.event)
        return frame

    async def ask(self, command: str) -> str:
        self.write(command)
        return (await self.answer()).reply

    async def log_in(self, password: str) -> None:
        assert (await self.frame()).kind == "auth/request"
        assert await self.ask(f"auth {password}") == "+OK accepted"

    async def event(self, **wanted: str) -> dict[str, str]:
        """The first event, kept or to come, whose headers have these values (`_` for `-`)."""
        conditions = {name.replace("_", "-"): value for name, value in wanted.items()}
        while True:
            for event in self.events:
                if all(event.get(name) == value for name, value in conditions.items()):
                    self.events.remove(event)
                    return event
            frame = await self.frame()
            if frame.kind == "text/event-json":
                self.events.append(frame.event)
