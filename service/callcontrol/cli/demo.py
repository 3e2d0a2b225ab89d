"""`callcontrol demo`: simulator, service and a client in one process, over real sockets."""

import asyncio
import secrets
import sys
from collections import defaultdict
from typing import Final

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from callcontrol.app import running_service
from callcontrol.cli.options import duration, read_destination, read_endpoint
from callcontrol.cli.watching import LinePrinter
from callcontrol.client.client import Client
from callcontrol.client.enum_names import name_of
from callcontrol.config_sources import load
from callcontrol.config_switches import NodeEntry
from callcontrol.simulator import Simulator
from callcontrol.telemetry import logging_to
from callcontrol.v1 import (
    call_control_service_pb2,
    call_pb2,
    common_pb2,
    event_service_pb2,
)

WHOM: Final = "sofia/internal/ring-answer@demo.example"
LIMIT_S: Final = 30.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo() -> None:
    """Place a call on a simulated switch, show its events, hang up."""
    console = Console(highlight=False, soft_wrap=True)
    with logging_to(sys.stderr, "auto", "warning", audit_always=False):
        asyncio.run(show(console))


async def show(console: Console) -> None:
    """The whole of it. Raises TimeoutError when it takes unreasonably long."""
    password = secrets.token_urlsafe()
    async with asyncio.timeout(LIMIT_S), Simulator("127.0.0.1", 0, password=password) as simulator:
        console.print(f"a simulated FreeSWITCH listens on 127.0.0.1:{simulator.port}")
        node = NodeEntry(
            name="demo", host="127.0.0.1", port=simulator.port, password=SecretStr(password)
        )
        settings = load({"nodes": [node], "listen": "127.0.0.1:0", "metrics_listen": ""})
        async with running_service(settings) as service:
            await service.wait_ready()
            target = f"127.0.0.1:{service.port}"
            console.print(f"the service listens on {target}, here are its events\n")
            async with Client(target) as client, asyncio.TaskGroup() as tasks:
                printer = LinePrinter(console)
                watcher = Watcher(client, printer)
                tasks.create_task(watcher.run(), name="demo watcher")
                await watcher.started.wait()
                await place_and_end_a_call(client, Narrator(console), watcher)
    console.print("\nthat was all; README.md says how to go on")


class Narrator:
    """Says what the demo does next, between the events."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, words: str) -> None:
        """A line that is no event."""
        self._console.print(Text(f"{'':12}  > {words}", style="bold cyan"))


class Watcher:
    """Shows the events of the stream until the end of the call, and tells when one has come."""

    def __init__(self, client: Client, printer: LinePrinter) -> None:
        self._client, self._printer = client, printer
        self.started = asyncio.Event()
        self._seen: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def wait_for(self, kind: str) -> None:
        """Return when an event with that payload was shown."""
        await self._seen[kind].wait()

    async def run(self) -> None:
        """Until a call has ended."""
        request = event_service_pb2.EventsRequest(subscriber_name="callcontrol demo")
        stream = self._client.events.Events(request)
        async for response in stream:
            self._printer.show(response)
            self.started.set()
            for event in response.events:
                self._seen[event.WhichOneof("payload") or ""].set()
            if self._seen["call_ended"].is_set():
                stream.cancel()
                return


async def place_and_end_a_call(client: Client, narrator: Narrator, watcher: Watcher) -> None:
    """What a program would do."""
    narrator.say(f"Originate {WHOM}, wait for the answer")
    placed = await client.calls.Originate(
        call_control_service_pb2.OriginateRequest(
            endpoints=[read_endpoint(WHOM)],
            destination=read_destination("park"),
            caller=call_pb2.Party(number="1000", name="Demo"),
            ring_timeout=duration(10),
            wait_until=call_control_service_pb2.WAIT_UNTIL_ANSWERED,
        )
    )
    call_id = placed.call.call_id
    outcome = name_of(call_control_service_pb2.Disposition, placed.disposition, "DISPOSITION_")
    narrator.say(f"call {call_id} is {outcome}")
    narrator.say("Play two tones")
    tone = common_pb2.MediaSource(tone_stream="%(200,100,440);%(200,100,660)")
    await client.calls.Play(call_control_service_pb2.PlayRequest(call_id=call_id, sources=[tone]))
    await watcher.wait_for("playback_stopped")
    narrator.say("Hold")
    await client.calls.Hold(call_control_service_pb2.HoldRequest(call_id=call_id))
    narrator.say("Unhold")
    await client.calls.Unhold(call_control_service_pb2.UnholdRequest(call_id=call_id))
    narrator.say("Hangup")
    await client.calls.Hangup(call_control_service_pb2.HangupRequest(call_id=call_id))
    await watcher.wait_for("call_ended")
