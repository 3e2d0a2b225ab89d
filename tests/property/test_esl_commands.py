"""A command is read as what it was, or it is not sent."""

import dataclasses
from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from callcontrol.esl import commands, session_commands
from callcontrol.esl.command_parsing import parse_command
from callcontrol.esl.command_reader import CommandReader
from callcontrol.esl.commands import Command
from callcontrol.esl.errors import UnencodableValue

KINDS = get_args(Command)
NASTY = st.sampled_from(
    [
        " ",
        "\r",
        "\n",
        "\0",
        ":",
        "@",
        "%",
        "CUSTOM",
        "json",
        "é",
        "delete",
        "add",
        "[1]",
        "\ud800",
        "\x85",
    ]
)
TEXT = st.lists(st.one_of(NASTY, st.text("ab1-_.", max_size=4)), max_size=5).map("".join)
WORD = st.text("abcXYZ019-_.:;/é\u2028", min_size=1, max_size=8)
NAMES = st.lists(WORD, max_size=3).map(tuple)
HEADERS = st.lists(st.tuples(st.text("abcX-_ é", min_size=1), TEXT), max_size=3).map(tuple)


def any_command(text: st.SearchStrategy[str]) -> st.SearchStrategy[Command]:
    """Every kind of command, with texts of this sort in all its fields."""
    fields: dict[object, st.SearchStrategy[object]] = {
        str: text,
        bytes: st.binary(max_size=20),
        bool: st.booleans(),
        int | None: st.none() | st.integers(-1, 99_999),
        tuple[str, ...]: st.lists(text, max_size=3).map(tuple),
        tuple[tuple[str, str], ...]: st.lists(st.tuples(text, text), max_size=3).map(tuple),
    }
    kinds = [
        st.builds(kind, **{field.name: fields[field.type] for field in dataclasses.fields(kind)})
        for kind in KINDS
    ]
    return st.one_of(kinds)


@given(st.one_of(any_command(WORD), any_command(TEXT)))
def test_what_can_be_encoded_is_read_as_the_same_command(command: Command) -> None:
    try:
        encoded = command.encode()
    except UnencodableValue:
        assume(False)
    (packet,) = CommandReader().feed(encoded)
    assert parse_command(packet.block, packet.body) == command


@given(any_command(WORD), st.sampled_from("\r\n\0"), st.data())
def test_no_field_can_carry_a_line_break_or_nul(
    command: Command, breaker: str, data: st.DataObject
) -> None:
    fields = [f.name for f in dataclasses.fields(command) if has_text(getattr(command, f.name))]
    assume(fields)
    name = data.draw(st.sampled_from(fields))
    broken = with_field(command, name, spoiled(getattr(command, name), breaker, data))
    with pytest.raises(UnencodableValue):
        broken.encode()


def with_field(command: Command, name: str, value: Any) -> Command:  # Any: what the field takes
    """The command with another value in one field."""
    return dataclasses.replace(command, **{name: value})


def has_text(value: object) -> bool:
    """Whether there is a text that can be spoiled."""
    return isinstance(value, str) or (isinstance(value, tuple) and len(value) > 0)


def spoiled(value: object, breaker: str, data: st.DataObject) -> object:
    """The value, with the breaker somewhere in one of its texts."""
    if isinstance(value, str):
        at = data.draw(st.integers(0, len(value)))
        return value[:at] + breaker + value[at:]
    assert isinstance(value, tuple)
    at = data.draw(st.integers(0, len(value) - 1))
    return (*value[:at], spoiled(value[at], breaker, data), *value[at + 1 :])


@given(
    st.one_of(any_command(WORD), any_command(TEXT)), st.one_of(any_command(WORD), any_command(TEXT))
)
def test_one_command_is_never_read_as_two(first: Command, second: Command) -> None:
    try:
        stream = first.encode() + second.encode()
    except UnencodableValue:
        assume(False)
    assert len(CommandReader().feed(stream)) == 2


def test_every_kind_of_command_is_tried() -> None:
    defined = {
        value
        for module in (commands, session_commands)
        for value in vars(module).values()
        if dataclasses.is_dataclass(value)
    }
    assert set(KINDS) == defined
