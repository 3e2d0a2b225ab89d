"""Options that several commands share, and how words of the command line become values."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from google.protobuf.duration_pb2 import Duration

from callcontrol.client import places
from callcontrol.v1 import call_pb2, common_pb2

Target = Annotated[
    str,
    typer.Option(
        envvar="CALLCONTROL_TARGET", metavar="HOST:PORT", help="Where the service listens."
    ),
]
Timeout = Annotated[
    float, typer.Option(metavar="SECONDS", help="Deadline of the request.", min=0.1)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", envvar="CALLCONTROL_CONFIG", metavar="FILE", help="TOML file with settings."
    ),
]

ENDPOINT_HELP: Final = f"{places.ENDPOINT_WORDS}."
DESTINATION_HELP: Final = f"{places.DESTINATION_WORDS}."


def read_endpoint(text: str) -> call_pb2.Endpoint:
    """Whom to call. Raises BadParameter when it is none of the kinds there are."""
    try:
        return places.endpoint(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from error


def read_destination(text: str) -> call_pb2.Destination:
    """What the answered leg does. Raises BadParameter when it is none of the kinds there are."""
    try:
        return places.destination(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from error


def read_pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Name and value of each `name=value` of an option."""
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
        pairs[name] = value
    return pairs


def read_matches(texts: Iterable[str], option: str) -> dict[str, common_pb2.StringMatch]:
    """Name and condition of each `name=value`, where a * at an end of the value is anything."""
    return {name: read_match(value) for name, value in read_pairs(texts, option).items()}


def read_match(value: str) -> common_pb2.StringMatch:
    """The condition that a value stands for; `*` alone is one that is there, whatever it is."""
    begins, ends = not value.startswith("*"), not value.endswith("*")
    text = value.removeprefix("*").removesuffix("*")
    match begins, ends:
        case _ if not text and value:
            return common_pb2.StringMatch(present=True)
        case True, True:
            return common_pb2.StringMatch(exact=text)
        case True, False:
            return common_pb2.StringMatch(prefix=text)
        case False, True:
            return common_pb2.StringMatch(suffix=text)
        case _:
            return common_pb2.StringMatch(contains=text)


def duration(seconds: float) -> Duration:
    """Seconds as the API takes them."""
    message = Duration()
    message.FromTimedelta(timedelta(seconds=seconds))
    return message
