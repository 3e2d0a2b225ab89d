"""Runs API commands: finds them, tells them as API events, and gives their output."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callcontrol.simulator.events import Header

if TYPE_CHECKING:
    from callcontrol.simulator.server import Simulator
    from callcontrol.simulator.switch import Switch


class CommandFails(Exception):
    """The command's function says failure, which the socket tells as `Command not found!`."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One command and where it runs."""

    simulator: "Simulator"
    name: str
    argument: str

    @property
    def switch(self) -> "Switch":
        """The switch it runs on."""
        return self.simulator.switch


Handler = Callable[[ApiCall], Awaitable[str]]
PlainHandler = Callable[[ApiCall], str]


def later(handler: PlainHandler) -> Handler:
    """A handler that never waits, in the shape of those that may."""

    async def run(call: ApiCall) -> str:
        return handler(call)

    return run


async def run_api(simulator: "Simulator", text: str) -> str:
    """The output of `NAME [ARGUMENT]`; the API event is made before and fired after."""
    name, _, argument = text.partition(" ")
    argument = argument.strip()
    switch = simulator.switch
    headers: list[Header] = [("API-Command", name)] if name else []
    if argument:
        headers.append(("API-Command-Argument", argument))
    event = switch.new_event("API", headers)
    try:
        if seconds := simulator.faults.slow_apis.get(name):
            await switch.clock.sleep(seconds)
        if (output := simulator.faults.canned_replies.get(name)) is not None:
            return output
        handler = simulator.apis.get(name.lower())
        if handler is None:
            return f"-ERR {name} Command not found!\n"
        return await handler(ApiCall(simulator, name, argument))
    except CommandFails:
        return f"-ERR {name} Command not found!\n"
    finally:
        switch.fire(event)
