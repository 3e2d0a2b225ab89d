"""What `sendmsg` and broadcasts ask of a channel, done by its own thread."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callcontrol.simulator.applications import Action
from callcontrol.simulator.causes import cause_named
from callcontrol.simulator.channel import State
from callcontrol.simulator.events import CoreEvent, Header
from callcontrol.simulator.headers import channel_headers

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg

_SHORTEST_LOOP_S = 0.5
HOLD_MUSIC = "local_stream://moh"
"""What a held party hears; there is none unless `Switch.files` has it."""


@dataclass(frozen=True, slots=True)
class PrivateCommand:
    """The headers of a sendmsg, and its body."""

    headers: tuple[tuple[str, str], ...]
    body: str = ""
    core: tuple[Header, ...] = ()
    """Headers of the COMMAND event that a broadcast makes; a sendmsg has none."""

    def get(self, name: str) -> str:
        """The first header of that name, in any case; empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def broadcast(leg: "Leg", path: str, loops: int = 1, lead_frames: int = 5) -> PrivateCommand:
    """What uuid_broadcast and hold music queue: `app::argument`, or a file to play."""
    application, separator, argument = path.partition("::")
    if not separator:
        application, argument = "playback", path
    headers = [("call-command", "execute"), ("execute-app-name", application)]
    headers.append(("execute-app-arg", argument))
    headers += [("event-lock", "true"), ("lead-frames", str(lead_frames))]
    if loops != 1:
        headers.append(("loops", str(loops)))
    return PrivateCommand(tuple(headers), core=tuple(leg.switch.core_headers("COMMAND")))


async def obey(leg: "Leg", command: PrivateCommand) -> None:
    """Do it, and tell it afterwards as PRIVATE_COMMAND; what is not understood does nothing."""
    await perform(leg, command)
    _tell(leg, command)


async def perform(leg: "Leg", command: PrivateCommand) -> None:
    """Do it, on the thread of the channel."""
    match command.get("call-command"):
        case "execute":
            await _execute(leg, command)
        case "hangup":
            leg.hang_up(cause_named(command.get("hangup-cause") or "NORMAL_CLEARING"))
        case "xferext":
            _continue_with(leg, command)


async def _execute(leg: "Leg", command: PrivateCommand) -> None:
    name = command.get("execute-app-name")
    if not name:
        return
    argument = command.get("execute-app-arg")
    if not argument and command.get("content-type") == "text/plain":
        argument = command.body
    loops = int(command.get("loops") or 1)
    is_lock = command.get("event-lock").lower() == "true"
    was_nested, leg.is_nested = leg.is_nested, True
    leg.is_event_locked = leg.is_event_locked or is_lock
    try:
        await _repeat(leg, name, argument, command.get("event-uuid"), loops)
    finally:
        leg.channel.set("current_loop", None)
        leg.channel.set("total_loops", None)
        leg.is_nested = was_nested
        if is_lock:
            leg.is_event_locked = False


async def _repeat(leg: "Leg", name: str, argument: str, operation_id: str, loops: int) -> None:
    """Loops end when one took less than half a second or was broken off, or the channel must go
    elsewhere.
    """
    clock, done = leg.switch.clock, 0
    leg.is_stop_asked = False
    while leg.is_ready and (loops < 0 or done < loops):
        done += 1
        leg.channel.set("app_uuid", operation_id)
        leg.channel.set("current_loop", str(done))
        leg.channel.set("total_loops", str(loops))
        since = clock.now_s()
        known = await leg.execute(name, argument, operation_id)
        response = leg.channel.get("current_application_response")
        if not known or response == "FILE NOT FOUND":
            return
        if leg.is_stop_asked or clock.now_s() - since < _SHORTEST_LOOP_S:
            return


def _continue_with(leg: "Leg", command: PrivateCommand) -> None:
    actions: list[Action] = []
    for name, value in command.headers:
        if name.lower() == "application":
            application, _, data = value.partition(" ")
            actions.append(Action(application, data))
    if actions:
        leg.actions = actions
        leg.go(State.ROUTING)


def _tell(leg: "Leg", command: PrivateCommand) -> None:
    core = leg.switch.core_headers("PRIVATE_COMMAND")
    about = channel_headers("PRIVATE_COMMAND", leg.channel)
    name = "COMMAND" if command.core else "PRIVATE_COMMAND"
    leg.switch.fire(CoreEvent(name, [*command.core, *command.headers, *core, *about]))
