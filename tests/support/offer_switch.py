"""A switch that hands calls over: its calls, the claims on them, what it tells the replicas, and
their commands, each of which waits until the test says what becomes of it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Protocol

from tests.support.manual_timers import Clock

from callcontrol.calls.offers.ports import BellKind
from callcontrol.errors import NodeUnavailable, OutcomeUnknown
from callcontrol.ids import CallId, NodeId

NODE = NodeId("fs1")
SILENCE_S = 10.0
"""A replica that cannot be seen for so long counts as gone."""


class Link(Enum):
    """How a replica stands with the switch."""

    WHOLE = "whole"
    CUT = "cut"
    """Nothing it sends arrives, and it hears nothing, which it knows."""
    STALLED = "stalled"
    """It does nothing for a while, or all it says and hears is late, and knows of nothing."""


class Fate(Enum):
    """What becomes of a step at the switch."""

    DONE = "done"
    NOT_SENT = "not sent"
    LOST = "done, and the answer lost"


@dataclass
class SwitchCall:
    """A call as it really is."""

    call_id: CallId
    application: str
    socket_of: str = ""
    """The replica that its socket application is connected to."""
    has_net: bool = False
    """A `park` follows the socket in its dialplan."""
    alive: bool = True
    parked: bool = True
    variables: dict[str, str] = field(default_factory=dict)
    is_guarded: bool = False
    """Its variables name a schedule that takes it out of the park."""
    will_leave: bool = False
    """That schedule is still to come."""


class Peer(Protocol):
    """A replica, as the switch knows it."""

    name: str
    alive: bool
    link: Link
    unseen_since_s: float
    is_behind: bool
    """It could not be seen, and what it believes may not be so: until it has looked again."""
    is_to_look: bool
    """It is back, and has not begun to look at what is its own."""
    has_failed: bool
    """A step of it failed since it was back."""
    events: list[Callable[[], None]]
    """Those that it has not read yet."""

    def may_differ_from(self, other: "Peer") -> bool:
        """Whether the two may have different owners for a call, for the time being."""

    def begins(self, call_id: CallId) -> None:
        """It hears of a call."""

    def parks(self, call: SwitchCall, *, is_new: bool, rings: bool) -> None:
        """It reads that a call was parked."""

    def leaves(self, call_id: CallId) -> None:
        """It reads that a call is parked no more."""

    def ends(self, call_id: CallId) -> None:
        """It reads that a call is over."""

    def ring(self, call: SwitchCall, *, is_new: bool, kind: BellKind = ...) -> None:
        """A call is handed over to it."""


Step = tuple[Peer, asyncio.Future[Fate]]
"""A command that waits: whose it is."""


class Switch:
    """The calls, and those who command them."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Clock, replicas: Sequence[Peer]
    ) -> None:
        self.loop, self._clock, self._replicas = loop, clock, replicas
        self.calls: dict[CallId, SwitchCall] = {}
        self.claims: dict[CallId, str] = {}
        self.left_behind: set[tuple[str, CallId]] = set()
        """Claims that could not be left."""
        self.steps: list[Step] = []
        """Commands that wait, the oldest first."""

    def hearing(self) -> list[Peer]:
        """Replicas to which the switch's events come, now or late."""
        return [each for each in self._replicas if each.alive and each.link is not Link.CUT]

    def seen(self) -> list[Peer]:
        """Replicas that give signs of life."""
        return [
            each
            for each in self._replicas
            if each.alive
            and (each.link is Link.WHOLE or self._clock.now_s < each.unseen_since_s + SILENCE_S)
        ]

    def begin_call(
        self,
        application: str,
        *,
        socket_of: Peer | None,
        has_net: bool,
        is_guarded: bool = False,
    ) -> None:
        call_id = CallId(f"call-{len(self.calls) + 1}")
        socket = socket_of.name if socket_of is not None else ""
        call = self.calls[call_id] = SwitchCall(call_id, application, socket, has_net)
        call.is_guarded = call.will_leave = is_guarded
        for replica in self.hearing():
            replica.begins(call_id)
        if socket_of is not None:
            socket_of.events.append(lambda: socket_of.ring(call, is_new=True, kind=BellKind.SOCKET))
        self._tell_park(call, skip=socket)

    def park(self, call: SwitchCall) -> None:
        call.parked, call.socket_of = True, ""
        self._tell_park(call)

    def _tell_park(self, call: SwitchCall, skip: str = "") -> None:
        is_new = not (call.variables.get("worker") or "onward" in call.variables)
        for replica in self.hearing():
            rings = replica.name != skip
            replica.events.append(partial(replica.parks, call, is_new=is_new, rings=rings))

    def leave_park(self, call: SwitchCall, *, falls: bool = True) -> None:
        """It is no longer parked; the dialplan may park it again."""
        if not call.parked:
            return
        call.parked = False
        had_socket, call.socket_of = call.socket_of, ""
        for replica in self.hearing():
            replica.events.append(partial(replica.leaves, call.call_id))
        if falls and had_socket and call.has_net:
            call.has_net = False
            self.park(call)

    def guard(self, call: SwitchCall) -> None:
        """Its time is over: the switch takes it out of the park, if it still is to."""
        if call.alive and call.will_leave:
            call.will_leave = False
            self.leave_park(call, falls=False)

    def end(self, call: SwitchCall) -> None:
        if not call.alive:
            return
        call.alive = call.parked = False
        for replica in self.hearing():
            replica.events.append(partial(replica.ends, call.call_id))

    async def at_switch(self, replica: Peer, effect: Callable[[], None]) -> None:
        """One command of a replica: waits until the test says what becomes of it."""
        if replica.link is Link.CUT:
            raise NodeUnavailable(NODE, "the test", 1.0)
        fate: asyncio.Future[Fate] = self.loop.create_future()
        self.steps.append((replica, fate))
        match await fate:
            case Fate.NOT_SENT:
                raise NodeUnavailable(NODE, "the test", 1.0)
            case Fate.LOST:
                effect()
                raise OutcomeUnknown(NODE, "the test")
            case Fate.DONE:
                effect()

    def decide(self, index: int, fate: Fate) -> None:
        """What becomes of a command that waits."""
        replica, future = self.steps.pop(index % len(self.steps))
        replica.has_failed |= fate is not Fate.DONE
        if not future.done():
            future.set_result(fate)
