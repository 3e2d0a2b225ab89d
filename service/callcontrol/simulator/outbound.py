"""Outbound mode: the `socket` application brings its call to whoever listens there."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from callcontrol.simulator.channel import State
from callcontrol.simulator.connection import Connection
from callcontrol.simulator.parking import park
from callcontrol.simulator.socket_commands import obey

if TYPE_CHECKING:
    from callcontrol.simulator.leg import Leg
    from callcontrol.simulator.server import Simulator

DEFAULT_PORT = 8084
MAX_HOSTS = 50
_LOOK_S = 0.001
"""How often a channel looks whether its server has said `connect`."""


class OutboundConnection(Connection):
    """A connection that the switch made for one call, to which it belongs from its start."""

    is_outbound = True

    def __init__(
        self, simulator: "Simulator", leg: "Leg", *, is_async: bool, is_full: bool
    ) -> None:
        super().__init__(simulator)
        self.is_async, self.is_full = is_async, is_full
        self.is_logged_in = True
        self.is_connected = False
        self.has_ended = False
        self._leg = leg

    def enter(self) -> None:
        """It holds its call from now on; the application that made it serves it."""
        self.attach(self._leg)
        self.simulator.enlist(self)

    def has_connected(self) -> None:
        """Its call, which waited for that, is parked now."""
        self.is_connected = True
        self._leg.wake.set()

    def _greets(self) -> bool:
        return True

    async def _await_first_packet(self) -> None:
        """What is said first is done, and not answered; the end of the call ends the wait."""
        await super()._await_first_packet()
        if self._packets:
            self.is_mute = True
            await obey(self, self._packets.popleft())
            self.is_mute = False
        else:
            self.is_over = True

    async def _wait(self) -> None:
        if self._has_lost_its_call and not self._is_lingering:
            self.is_over = True
        else:
            await super()._wait()

    def _detach(self) -> None:
        if not self.is_async and self._leg.channel.is_true("socket_resume") and self._leg.is_ready:
            self._leg.stays_reset = True
            self._leg.go(State.RESET)
        super()._detach()
        self.has_ended = True
        self._leg.wake.set()


async def dial(
    simulator: "Simulator", leg: "Leg", host: str, port: int, words: frozenset[str]
) -> OutboundConnection:
    """Connect to a server for a call. Raises OSError."""
    loop = asyncio.get_running_loop()
    is_async, is_full = "async" in words, "full" in words
    _, connection = await loop.create_connection(
        lambda: OutboundConnection(simulator, leg, is_async=is_async, is_full=is_full), host, port
    )
    return connection


async def bring(leg: "Leg", data: str) -> None:
    """Run `socket HOST[:PORT][/PATH][|HOST...] [async] [full]`.

    If nobody listens on any of the hosts it is over at once, and the dialplan goes on.
    """
    connection = await _connected(leg, data)
    if connection is None:
        return
    if not connection.is_async:
        await connection.serve()
        return
    leg.switch.tasks.start(connection.serve(), "outbound connection")
    while leg.is_ready and not (connection.has_ended or connection.is_connected):
        leg.wake.clear()
        await leg.wake.wait()
    await leg.switch.clock.sleep(_LOOK_S)
    await park(leg)


async def _connected(leg: "Leg", data: str) -> OutboundConnection | None:
    hosts, *words = data.split()
    for host, port in _targets(leg, hosts):
        try:
            return await leg.switch.dial_out(leg, host, port, frozenset(map(str.lower, words)))
        except OSError:
            continue
    return None


def _targets(leg: "Leg", hosts: str) -> Iterator[tuple[str, int]]:
    """Each host and its port; the call's variables say which one was tried last."""
    port = DEFAULT_PORT
    for target in hosts.split("|", MAX_HOSTS - 1):
        host, colon, behind = target.rpartition(":")
        if colon:
            digits, slash, path = behind.partition("/")
            port = int(digits) if digits.isdigit() else 0
        else:
            host, slash, path = target.partition("/")
        if slash:
            leg.channel.set("socket_path", path)
        leg.channel.set("socket_host", host)
        yield host, port
