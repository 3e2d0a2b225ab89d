"""How commands print what they read: a table for people, JSON for programs."""

from collections.abc import Iterable, Sequence

import typer
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from rich.console import Console
from rich.text import Text

from callcontrol.cli import words


def show_json(messages: Iterable[Message]) -> None:
    """One object a line."""
    for message in messages:
        typer.echo(MessageToJson(message, indent=None, preserving_proto_field_name=True))


def show_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as what is in them; nothing is cut off, whatever the terminal's width."""
    table = [headings, *([words.printable(cell) for cell in row] for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    console = Console(highlight=False, soft_wrap=True)
    for number, row in enumerate(table):
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        console.print(Text("  ".join(cells).rstrip(), style="bold" if number == 0 else ""))
