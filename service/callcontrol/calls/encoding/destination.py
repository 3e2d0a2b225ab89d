"""How a destination is written: for the leg that an originate makes, and for one that moves.

A conference is an application, and the switch lets no extension name one. So the application is
written here, with a name, a profile, flags and a pin that all have a grammar.

A park that is left by itself is two applications, as the time is a variable that the next park of
the leg reads and clears (switch_ivr.c switch_ivr_park). The switch then hangs up.
"""

import math
from dataclasses import dataclass
from typing import Final, assert_never

from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.encoding.dialstring import arguments, word
from callcontrol.calls.encoding.handing import APPLICATION, ONWARD, OWNER
from callcontrol.calls.encoding.inline_dialplan import inline_extension
from callcontrol.calls.encoding.policy import require_application
from callcontrol.calls.requests import (
    ApplicationsDestination,
    ConferenceDestination,
    Destination,
    ExtensionDestination,
    ParkDestination,
    WorkerDestination,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.esl.errors import UnencodableValue

PARKED_TOO_LONG: Final = "ALLOTTED_TIMEOUT"
"""Why a call ends whose time in the park is over."""
_CLOCK_SECOND: Final = 1
"""The switch compares whole seconds of its clock, and so would give up as much as one early."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a leg that moves arrives, and the words for it."""

    verb: Verb
    arguments: str = ""
    """Of uuid_transfer, after the call and the flag."""
    arrives_at: str = ""
    """The extension, or the argument of the application, that proves the arrival."""
    application: str = ""
    """The application that proves the arrival; empty where an extension does."""


def originate_destination(destination: Destination, settings: ControlSettings) -> str:
    """The arguments of `originate` after the dial string. Raises CommandNotAllowed, and
    UnencodableValue for what cannot be carried.
    """
    match destination:
        case ExtensionDestination():
            return _dialplan(destination, settings)
        case ParkDestination(timeout_s=timeout_s):
            return "&park" if timeout_s is None else _park_for(timeout_s)
        case ConferenceDestination():
            return f"&conference({conference_room(destination)})"
        case ApplicationsDestination():
            return _applications(destination, settings)
        case WorkerDestination(application=application):
            return _offered(application)
        case _:
            assert_never(destination)


def transfer_place(destination: Destination, settings: ControlSettings) -> Place:
    """What `uuid_transfer` is given, and what is to be seen then. Raises as
    `originate_destination`.
    """
    match destination:
        case ExtensionDestination(extension=extension):
            return Place(Verb.TRANSFER, _dialplan(destination, settings), extension)
        case ParkDestination(timeout_s=timeout_s):
            words = "park inline" if timeout_s is None else _park_for(timeout_s)
            return Place(Verb.PARK, words)
        case ConferenceDestination():
            room = conference_room(destination)
            return Place(Verb.JOIN, f"conference:{room} inline", room, "conference")
        case ApplicationsDestination(applications=(first, *_)):
            words = _applications(destination, settings)
            return Place(Verb.RUN_APPLICATIONS, words, first.data, first.name)
        case WorkerDestination(application=application):
            return Place(Verb.PARK, _offered(application))
        case ApplicationsDestination():
            raise UnencodableValue("a destination", "must have an application")
        case _:
            assert_never(destination)


def _park_for(timeout_s: float) -> str:
    seconds = math.ceil(timeout_s) + _CLOCK_SECOND
    return f"set:park_timeout={seconds}:{PARKED_TOO_LONG},park inline"


def _offered(application: str) -> str:
    """To a park where the leg waits for a worker and is nobody's, whatever it was before."""
    steps = (
        ("unset", OWNER),
        ("unset", ONWARD),
        ("set", f"{APPLICATION}={application}"),
        ("park", ""),
    )
    return inline_extension(steps) + " inline"


def _applications(destination: ApplicationsDestination, settings: ControlSettings) -> str:
    """Raises CommandNotAllowed unless each is on the list of the operator."""
    for each in destination.applications:
        require_application(settings.raw_applications, each.name, each.data)
    return inline_extension((each.name, each.data) for each in destination.applications) + " inline"


def _dialplan(destination: ExtensionDestination, settings: ControlSettings) -> str:
    return arguments(
        (
            destination.extension,
            destination.dialplan or settings.default_dialplan,
            destination.context or settings.default_context,
        )
    )


def conference_room(destination: ConferenceDestination) -> str:
    """`name@profile+pin+flags{a|b}`, as mod_conference takes it."""
    room = f"{word(destination.name)}@{word(destination.profile or 'default')}"
    if destination.pin:
        room += f"+{word(destination.pin)}"
    if destination.flags:
        room += f"+flags{{{'|'.join(map(word, destination.flags))}}}"
    return room
