"""Kinds of values that settings have: how each is read from one line, and what it may be."""

from collections.abc import Callable
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from callcontrol.addresses import split_address
from callcontrol.calls.encoding.grammar import name_problem, node_id_problem
from callcontrol.calls.encoding.media_uri import uri_problem
from callcontrol.calls.encoding.policy import read_permission
from callcontrol.calls.encoding.published_event import allowed_subclass_problem
from callcontrol.calls.encoding.recording_path import root_problem
from callcontrol.calls.encoding.variable_names import readable_name_problem
from callcontrol.calls.placing.raw_dialling import read_pattern
from callcontrol.calls.settings import ControlSettings
from callcontrol.freeswitch.outbound_settings import read_network
from callcontrol.freeswitch.wanted_events import read_wanted_events

Problem = Callable[[str], str | None]
"""What is wrong with a text, or None."""


def _checked(problem_of: Problem) -> AfterValidator:
    def check(value: str) -> str:
        if problem := problem_of(value):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


def _all_checked(problem_of: Problem) -> AfterValidator:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if problem := problem_of(value):
                raise ValueError(f"each {problem}")
        return values

    return AfterValidator(check)


def _all_read(read: Callable[[str], object]) -> AfterValidator:
    """Each is what this can read, which raises ValueError else."""

    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            read(value)
        return values

    return AfterValidator(check)


def _parted_by(sign: str) -> BeforeValidator:
    """A list, or one text with this sign between its parts."""

    def split(value: object) -> object:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(sign) if part.strip()]

    return BeforeValidator(split)


def _address_problem(address: str) -> str | None:
    """Raises ValueError too."""
    if address and not address.startswith("unix:"):
        split_address(address)
    return None


def _tcp_address_problem(address: str) -> str | None:
    """Raises ValueError too."""
    if address:
        split_address(address)
    return None


def _media_root_problem(root: str) -> str | None:
    below = f"{root.rstrip('/')}/a"
    if below.startswith("/") and not uri_problem(below, ControlSettings(media_roots=(root,))):
        return None
    return "must be an absolute path of A-Z a-z 0-9 _ . / - without .."


def _checked_events(values: tuple[str, ...]) -> tuple[str, ...]:
    read_wanted_events(values)
    return values


_COMMAS: Final = _parted_by(",")
_SEMICOLONS: Final = _parted_by(";")
"""Patterns have commas."""

Port = Annotated[int, Field(ge=1, le=65_535)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
NodeName = Annotated[str, _checked(node_id_problem)]
ContextName = Annotated[str, _checked(name_problem)]
Address = Annotated[str, _checked(_address_problem)]
TcpAddress = Annotated[str, _checked(_tcp_address_problem)]
RecordingRoot = Annotated[str, _checked(root_problem)]
Networks = Annotated[tuple[str, ...], NoDecode, _COMMAS, _all_read(read_network)]
Texts = Annotated[tuple[str, ...], NoDecode, _COMMAS]
MediaRoots = Annotated[tuple[str, ...], NoDecode, _COMMAS, _all_checked(_media_root_problem)]
EventChoice = Annotated[tuple[str, ...], NoDecode, _COMMAS, AfterValidator(_checked_events)]
Subclasses = Annotated[tuple[str, ...], NoDecode, _COMMAS, _all_checked(allowed_subclass_problem)]
VariableNames = Annotated[tuple[str, ...], NoDecode, _COMMAS, _all_checked(readable_name_problem)]
Permissions = Annotated[tuple[str, ...], NoDecode, _SEMICOLONS, _all_read(read_permission)]
DialStringPatterns = Annotated[tuple[str, ...], NoDecode, _SEMICOLONS, _all_read(read_pattern)]
