"""`callcontrol watch`: events as they happen, a line each, on a terminal or in a pipe."""

import asyncio
from datetime import datetime
from typing import Annotated, Final

import typer
from google.protobuf.json_format import MessageToJson
from rich.console import Console
from rich.text import Text

from callcontrol.cli.options import AsJson, Target, read_matches
from callcontrol.cli.words import Line, event_line, notice_line
from callcontrol.client.client import Client
from callcontrol.client.endless import EndlessStream, Manners
from callcontrol.client.failure import Failure
from callcontrol.v1 import common_pb2, event_service_pb2
from callcontrol.v1.event_service_pb2 import EventsResponse

WIDTHS: Final = (12, 10, 8, 22)
HEADINGS: Final = Line("time", "node", "call", "event", "what it says", "bold")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)


def watch(
    *,
    target: Target = "",
    call: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this call; may be repeated.")
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only events of this name, CHANNEL_ANSWER for example."),
    ] = None,
    subclass: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Only CUSTOM events of this subclass; a * at its end is anything."
        ),
    ] = None,
    node: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this node; may be repeated.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Only calls with this label; a * at an end of VALUE is anything.",
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Only events with this header; a * as above."),
    ] = None,
    where: Annotated[
        str,
        typer.Option(
            metavar="CEL",
            help='Only where this holds of `event` and `headers["NAME"]`; see README.',
        ),
    ] = "",
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also events without a meaning of their own, CHANNEL_STATE for example; "
            "--name and --subclass show them too.",
        ),
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="With the switch's headers; for --json.")
    ] = False,
    count: Annotated[
        int, typer.Option(metavar="N", min=0, help="End after so many events; 0 never.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Show events as they happen, until interrupted."""
    wanted = event_service_pb2.EventFilter(
        names=name or (),
        subclasses=subclass or (),
        call_ids=call or (),
        node_ids=node or (),
        labels=read_matches(label or (), "--label"),
        headers=read_matches(header or (), "--header"),
        expression=where,
    )
    request = event_service_pb2.EventsRequest(
        filters=[wanted] if wanted.ByteSize() else [],
        view=common_pb2.VIEW_FULL if full else common_pb2.VIEW_BASIC,
        subscriber_name="callcontrol watch",
    )
    everything = everything or bool(name or subclass)
    console = Console(highlight=False, soft_wrap=True)
    printer = (
        JsonPrinter(everything=everything)
        if as_json
        else LinePrinter(console, everything=everything)
    )
    asyncio.run(print_events(target, request, printer, count))


class JsonPrinter:
    """One message of the stream a line."""

    def __init__(self, *, everything: bool = False) -> None:
        """`everything` as of LinePrinter."""
        self._everything = everything

    def show(self, response: EventsResponse) -> int:
        """Print it, heartbeats as well: they carry the time. Returns how many events it shows."""
        shown = response if self._everything else _typed(response)
        typer.echo(MessageToJson(shown, indent=None, preserving_proto_field_name=True))
        return len(shown.events)

    def broke(self, failure: Failure) -> None:
        """Say so where it does not disturb the JSON."""
        typer.echo(f"stream broke, trying again: {failure}", err=True)


class LinePrinter:
    """One event a line, in columns; colours on a terminal only."""

    def __init__(self, console: Console, *, everything: bool = False) -> None:
        """`everything` shows also events that have a name and no meaning to this service."""
        self._console, self._everything = console, everything
        self._is_begun = False

    def show(self, response: EventsResponse) -> int:
        """Print the events, then what else the message says. Returns how many events it shows."""
        shown = response if self._everything else _typed(response)
        for event in shown.events:
            self._print(event_line(event))
        if notice := notice_line(shown, _now()):
            self._print(notice)
        return len(shown.events)

    def broke(self, failure: Failure) -> None:
        """Say that what happens from here on is seen later, or told as a gap."""
        self._print(Line(_now(), "", "", "stream broke", f"{failure}, trying again", "bold red"))

    def _print(self, line: Line) -> None:
        if not self._is_begun:  # what is refused has no table
            self._is_begun = True
            self._print(HEADINGS)
        cells = (line.time, line.node, line.call, line.what)
        columns = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
        self._console.print(Text(f"{columns}  {line.detail}".rstrip(), style=line.style))


async def print_events(
    target: str,
    request: event_service_pb2.EventsRequest,
    printer: JsonPrinter | LinePrinter,
    count: int,
) -> None:
    """Print until so many events were shown; for good if `count` is 0."""
    seen = 0
    async with (
        Client(target) as client,
        EndlessStream(client, request, Manners(on_break=printer.broke)) as responses,
    ):
        async for response in responses:
            seen += printer.show(response)
            if count and seen >= count:
                return


def _typed(response: EventsResponse) -> EventsResponse:
    """The message without the events that are no more than a name."""
    typed = EventsResponse()
    typed.CopyFrom(response)
    del typed.events[:]
    typed.events.extend(event for event in response.events if event.WhichOneof("payload"))
    return typed


def _now() -> str:
    now = datetime.now().astimezone()
    return f"{now:%H:%M:%S}.{now.microsecond // 1000:03}"
