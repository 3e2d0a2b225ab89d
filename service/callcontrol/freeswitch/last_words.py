"""What a switch said last on a connection that it closed: whether it was for our slowness."""

from typing import Final

OVERLOAD_NOTICE: Final = "killed listener because of lost events"
"""Last words of a switch to a client that takes events too slowly (mod_event_socket.c,
kill_listener). It says them wherever it stands, within an event as a rule."""

_NOTICE: Final = f"{OVERLOAD_NOTICE}\n".encode("ascii")


class LastWords:
    """Keeps the newest bytes that came, as many as may be a notice."""

    def __init__(self) -> None:
        self._newest = b""

    def hear(self, data: bytes) -> None:
        """Some bytes came."""
        self._newest = (self._newest + data[-len(_NOTICE) :])[-len(_NOTICE) :]

    @property
    def tell_of_overload(self) -> bool:
        """Whether the switch cut us, as far as it got to say so."""
        return self._newest == _NOTICE
