"""One command of the event socket as it was read, and how it is answered."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callcontrol.esl.serialize import reply_frame
from callcontrol.simulator.events import Header, flat

if TYPE_CHECKING:
    from callcontrol.simulator.connection import Connection

NOT_FOUND = "-ERR command not found"


@dataclass(frozen=True, slots=True)
class Request:
    """One packet: its line, its headers, its body."""

    line: str
    headers: tuple[tuple[str, str], ...]
    body: str

    def get(self, name: str) -> str:
        """The first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def rest(self) -> str:
        """What follows the first blank of the line."""
        return self.line.partition(" ")[2]


def reply(connection: "Connection", text: str, headers: tuple[Header, ...] = ()) -> None:
    """A reply without text is one for an unknown command."""
    if connection.is_mute:
        return
    lines = [(name, flat(value)) for name, value in headers]
    connection.write(reply_frame(text or NOT_FOUND, lines))
