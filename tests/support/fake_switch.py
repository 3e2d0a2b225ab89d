"""A switch of a few lines over real TCP, made to be cut at any step; it knows no calls.

It greets, takes a password, answers what links ask by themselves, and fires canaries back. Any
other command is handed to the test, which answers it, or does not.
"""

import asyncio
import json
import re
import socket
import struct
import uuid
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

GOODBYE = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
SHUTTING_DOWN = b"The system is being shut down.\n"
HALF_A_FRAME = b'Content-Length: 500\nContent-Type: text/event-json\n\n{"Event-Name":"CHAN'
GARBAGE = b"HTTP/1.1 400 Bad Request\r\nContent-Length: none\n\n"


def notice(text: bytes = GOODBYE) -> bytes:
    head = f"Content-Type: text/disconnect-notice\nContent-Length: {len(text)}\n\n"
    return head.encode() + text


def reply(text: str, *headers: str) -> bytes:
    lines = ("Content-Type: command/reply", f"Reply-Text: {text}", *headers)
    return ("\n".join(lines) + "\n\n").encode()


def api_response(body: str) -> bytes:
    data = body.encode()
    return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(data), data)


def event_frame(body: bytes) -> bytes:
    return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)


class Line:
    """One connection, from the switch's side."""

    def __init__(
        self, switch: "FakeSwitch", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.switch, self.reader, self.writer = switch, reader, writer
        self.subscribed = ""
        """The command with which it subscribed; empty for a command link."""

    async def next_command(self) -> str:
        """The next command without its blank line; raises IncompleteReadError at the end."""
        block = await self.reader.readuntil(b"\n\n")
        return block[:-2].decode()

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def cut(self, last_words: bytes = b"") -> None:
        """Say something, and close in the orderly way of TCP."""
        self.writer.write(last_words)
        self.writer.close()

    def reset(self) -> None:
        """Close with a reset instead of an end of the stream."""
        no_linger = struct.pack("ii", 1, 0)
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self.writer.transport.abort()

    async def wait_closed_by_peer(self) -> None:
        """Read until the other side has closed."""
        while await self.reader.read(65_536):
            pass


Step = Callable[[Line], Awaitable[None]]
"""What a test does to a connection instead of the next step; the connection ends with it."""


@dataclass(frozen=True, slots=True)
class Received:
    """A command that waits for the test to answer it."""

    line: Line
    text: str

    def answer(self, body: str) -> None:
        """Answer an `api`."""
        self.line.write(api_response(body))

    def reply(self, text: str, *headers: str) -> None:
        """Answer anything else."""
        self.line.write(reply(text, *headers))


class FakeSwitch:
    """Use it in `async with`; it listens on a free port of the loopback address."""

    def __init__(self, password: str = "ClueCon") -> None:
        self.password = password
        self.core_uuid = str(uuid.uuid4())
        self.port = 0
        self.lines: list[Line] = []
        self.connections = 0
        """Connections taken since the beginning."""
        self.commands: asyncio.Queue[Received] = asyncio.Queue()
        self.seen: list[str] = []
        """Every command, in the order of arrival."""
        self.canaries = True
        """Whether `sendevent` leads to an event."""
        self.may_subscribe = True
        self.may_run_api = True
        self._steps: defaultdict[str, deque[Step]] = defaultdict(deque)
        self._sequence = 0
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()
        self._silenced: set[Line] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.kill()

    async def start(self) -> None:
        """Listen; the second time on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """Close everything, as `kill -9` does."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for line in self.lines:
            line.reset()
        for handler in tuple(self._handlers):
            handler.cancel()
        if self._handlers:
            await asyncio.wait(self._handlers)

    async def restart(self) -> None:
        """Die, and come back as another process."""
        await self.kill()
        self.core_uuid = str(uuid.uuid4())
        await self.start()

    def instead_of(self, stage: str, *steps: Step) -> None:
        """Do this on the next connections that reach a stage: greeting, login, subscription,
        canary, first command, probe."""
        self._steps[stage].extend(steps)

    def silence(self, line: Line) -> None:
        """Answer nothing on that line any more, but leave it open."""
        self._silenced.add(line)

    @property
    def event_line(self) -> Line:
        return self.event_lines[0]

    @property
    def event_lines(self) -> list[Line]:
        """Those that are not cut, in the order in which they were dialled."""
        return [line for line in self.lines if line.subscribed and not line.writer.is_closing()]

    @property
    def command_lines(self) -> list[Line]:
        return [line for line in self.lines if not line.subscribed]

    def fire(self, name: str, body: str = "", **headers: str) -> None:
        """Send an event to all who have subscribed; `_` in a header name becomes `-`."""
        fields = {header.replace("_", "-"): value for header, value in headers.items()}
        self.fire_raw(self.event_body(name, body, fields))

    def fire_raw(self, event: bytes) -> None:
        for line in self.event_lines:
            if line not in self._silenced:
                line.write(event_frame(event))

    def event_body(self, name: str, body: str, fields: dict[str, str]) -> bytes:
        self._sequence += 1
        event = {
            **fields,
            "Event-Name": name,
            "Core-UUID": self.core_uuid,
            "FreeSWITCH-Hostname": "fake",
            "Event-Date-Timestamp": str(1_795_397_668_431_628 + 20_000 * self._sequence),
            "Event-Sequence": str(self._sequence),
        }
        if body:
            event |= {"Content-Length": str(len(body.encode())), "_body": body}
        return json.dumps(event).encode()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        line = Line(self, reader, writer)
        self.lines.append(line)
        try:
            await self._converse(line)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            pass  # from `kill`; a stream's handler that ends cancelled is reported by the loop
        finally:
            self.lines.remove(line)
            self._handlers.discard(task)
            writer.close()
            with suppress(OSError):  # a reset that nobody looks at would be reported by the loop
                await writer.wait_closed()

    async def _converse(self, line: Line) -> None:
        if await self._instead(line, "greeting"):
            return
        line.write(b"Content-Type: auth/request\n\n")
        login = await self._next(line)
        if await self._instead(line, "login"):
            return
        if login not in (f"auth {self.password}", f"userauth user@domain:{self.password}"):
            line.cut(reply("-ERR invalid") + notice())
            return
        line.write(reply("+OK accepted"))
        await self._obey(line)

    async def go_on(self, line: Line) -> None:
        """A step in which nothing odd happens after all."""
        command = self.seen[-1]
        self._answer(line, command, _stage_of(command))
        await self._obey(line)

    async def _obey(self, line: Line) -> None:
        while True:
            command = await self._next(line)
            if line in self._silenced:
                continue
            stage = _stage_of(command)
            if stage and await self._instead(line, stage):
                return
            self._answer(line, command, stage)

    async def _next(self, line: Line) -> str:
        command = await line.next_command()
        self.seen.append(command)
        return command

    async def _instead(self, line: Line, stage: str) -> bool:
        if not self._steps[stage]:
            return False
        await self._steps[stage].popleft()(line)
        return True

    def _answer(self, line: Line, command: str, stage: str) -> None:
        match stage:
            case "subscription" if self.may_subscribe:
                line.subscribed = command
                line.write(reply("+OK event listener enabled json"))
            case "canary":
                line.write(reply(f"+OK {uuid.uuid4()}"))
                if self.canaries:
                    headers = dict(re.findall(r"^([^:\n]+): (.*)$", command, re.MULTILINE))
                    self.fire_raw(self.event_body("CUSTOM", "", headers))
            case "first command" if self.may_run_api:
                line.write(api_response("FreeSWITCH Version 1.10.12-fake (git 0 64bit)\n"))
            case "probe" if self.may_run_api:
                line.write(api_response(self.core_uuid))
            case "subscription" | "first command" | "probe":
                line.write(reply("-ERR permission denied"))
            case _:
                self.commands.put_nowait(Received(line, command))


STAGES = {
    "subscription": "event json",
    "canary": "sendevent CUSTOM",
    "first command": "api version",
    "probe": "api global_getvar core_uuid",
}


def _stage_of(command: str) -> str:
    return next((stage for stage, start in STAGES.items() if command.startswith(start)), "")


async def cut(line: Line) -> None:
    """Close without a word."""
    line.cut()


async def stay_silent(line: Line) -> None:
    """Say nothing until the other side gives up."""
    await line.wait_closed_by_peer()


def say(data: bytes, then: Step = cut) -> Step:
    """Say these bytes, and then go on like that."""

    async def step(line: Line) -> None:
        line.write(data)
        await then(line)

    return step
