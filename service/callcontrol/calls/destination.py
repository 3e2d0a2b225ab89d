"""How a destination is written: for the leg that an originate makes, and for one that moves.

A conference is an application, and the switch lets no extension name one. So the application is
written here, with a name, a profile, flags and a pin that all have a grammar.
"""

from dataclasses import dataclass
from typing import assert_never

from callcontrol.calls.dialstring import arguments, word
from callcontrol.calls.requests import (
    ConferenceDestination,
    Destination,
    ExtensionDestination,
    ParkDestination,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.calls.verb import Verb


@dataclass(frozen=True, slots=True)
class Place:
    """Where a leg that moves arrives, and the words for it."""

    verb: Verb
    arguments: str = ""
    """Of uuid_transfer, after the call and the flag."""
    arrives_at: str = ""
    """The extension, or the argument of the application, that proves the arrival."""


def originate_destination(destination: Destination, settings: ControlSettings) -> str:
    """The arguments of `originate` after the dial string."""
    match destination:
        case ExtensionDestination():
            return _dialplan(destination, settings)
        case ParkDestination():
            return "&park"
        case ConferenceDestination():
            return f"&conference({_conference(destination)})"
        case _:
            assert_never(destination)


def transfer_place(destination: Destination, settings: ControlSettings) -> Place:
    """What `uuid_transfer` is given, and what is to be seen then."""
    match destination:
        case ExtensionDestination(extension=extension):
            return Place(Verb.TRANSFER, _dialplan(destination, settings), extension)
        case ParkDestination():
            return Place(Verb.PARK, "park inline")
        case ConferenceDestination():
            room = _conference(destination)
            return Place(Verb.JOIN, f"conference:{room} inline", room)
        case _:
            assert_never(destination)


def _dialplan(destination: ExtensionDestination, settings: ControlSettings) -> str:
    return arguments(
        (
            destination.extension,
            destination.dialplan or settings.default_dialplan,
            destination.context or settings.default_context,
        )
    )


def _conference(destination: ConferenceDestination) -> str:
    """`name@profile+pin+flags{a|b}`, as mod_conference takes it."""
    room = f"{word(destination.name)}@{word(destination.profile or 'default')}"
    if destination.pin:
        room += f"+{word(destination.pin)}"
    if destination.flags:
        room += f"+flags{{{'|'.join(map(word, destination.flags))}}}"
    return room
