"""Ways in which a switch or the network to it misbehaves, for tests to ask for."""

from typing import TYPE_CHECKING, Literal

from callcontrol.esl.serialize import TOO_MANY_LOST_EVENTS
from callcontrol.simulator.events import CoreEvent, Header

if TYPE_CHECKING:
    from callcontrol.simulator.connection import Connection
    from callcontrol.simulator.server import Simulator

Which = Literal["all", "events", "commands", "sockets"]
"""Connections of clients that asked for events, or that did not; those that the switch made in
outbound mode; or all of them.
"""


class Faults:
    """The faults of one simulator; they stay until they are taken back."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator
        self.slow_apis: dict[str, float] = {}
        self.canned_replies: dict[str, str] = {}
        self._reply_size = 0
        self._half_frames = 0
        self.refuses_connections = False
        self.rejects_addresses = False

    # Commands

    def slow_api(self, name: str, seconds: float) -> None:
        """From now on `api NAME` takes that long; 0 takes it back."""
        self.slow_apis[name] = seconds

    def answer_api(self, name: str, output: str) -> None:
        """From now on `api NAME` prints this and does nothing."""
        self.canned_replies[name] = output

    def big_reply(self, size: int = 16 * 1024 * 1024) -> None:
        """The next `api` prints this many bytes."""
        self._reply_size = size

    def enlarged(self, output: str) -> str:
        """What the connection really sends as the output of an api command."""
        size, self._reply_size = self._reply_size, 0
        return "x" * size if size else output

    # Connections

    def connections(self, which: Which = "all") -> "list[Connection]":
        """The connections of that kind, oldest first."""
        found = list(self._simulator.connections)
        if which == "all":
            return found
        if which == "sockets":
            return [one for one in found if one.is_outbound]
        clients = [one for one in found if not one.is_outbound]
        wants_events = which == "events"
        return [one for one in clients if one.subscription.is_listening is wants_events]

    def drop(self, which: Which = "all", *, reset: bool = False) -> None:
        """Close without a notice; with a reset if asked for."""
        for connection in self.connections(which):
            if reset:
                connection.abort()
            else:
                connection.close_at_once()

    def stall(self, which: Which = "all") -> None:
        """Read nothing and send nothing, and keep the connection open."""
        for connection in self.connections(which):
            connection.stall()

    def go_on(self) -> None:
        """Take `stall` back."""
        for connection in self.connections():
            connection.go_on()

    def send(self, data: bytes, which: Which = "events") -> None:
        """Send bytes as they are: garbage, or half a frame."""
        for connection in self.connections(which):
            connection.write(data)

    def garbage(self, which: Which = "events") -> None:
        """Send bytes that cannot be a frame."""
        self.send(b"\x00\xff\x00garbage without any header\n\n\x00", which)

    def cut_next_frame(self) -> None:
        """The next event frame of any connection stops in its middle."""
        self._half_frames += 1

    def damaged(self, frame: bytes) -> bytes:
        """What the connection really sends of an event frame."""
        if not self._half_frames:
            return frame
        self._half_frames -= 1
        return frame[: len(frame) // 2]

    def overflow(self, which: Which = "events") -> None:
        """End them as the switch ends one that does not read: with the notice for lost events."""
        for connection in self.connections(which):
            connection.end(TOO_MANY_LOST_EVENTS)

    # Events

    def duplicate_headers(self, subclass: str = "fault::duplicates") -> None:
        """Fire a custom event in which a header occurs twice."""
        self._custom(subclass, [("X-Twice", "first"), ("X-Twice", "second")])

    def invalid_utf8(self, subclass: str = "fault::bytes") -> None:
        """Fire a custom event with bytes that are not UTF-8."""
        self._custom(subclass, [("X-Latin", "caf\udce9"), ("X-Cut", "\udce2\udc82")])

    def burst(self, count: int, subclass: str = "fault::burst") -> None:
        """Fire that many custom events at once."""
        for number in range(count):
            self._custom(subclass, [("X-Number", str(number))])

    def _custom(self, subclass: str, headers: list[Header]) -> None:
        switch = self._simulator.switch
        core = switch.core_headers("CUSTOM")
        switch.fire(
            CoreEvent("CUSTOM", [*core, ("Event-Subclass", subclass), *headers], None, subclass)
        )

    def disorder(self) -> None:
        """From now on far ends may ring and answer before CHANNEL_CREATE of their leg."""
        self._simulator.switch.is_disordered = True

    def silence_heartbeats(self) -> None:
        """No HEARTBEAT from now on, until `switch.has_heartbeat` is set again."""
        self._simulator.switch.has_heartbeat = False
