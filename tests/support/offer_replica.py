"""One replica of the service: its desk, and what it has heard of the switch so far."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.manual_timers import Clock, ManualTimers
from tests.support.offer_commands import FakeClaims, FakeDoor, FakeHands
from tests.support.offer_switch import NODE, Fate, Link, Peer, Step, SwitchCall
from tests.support.offer_workers import Staff

from callcontrol.calls.call import Call, CallState
from callcontrol.calls.offers.desk import CallDesk
from callcontrol.calls.offers.ports import Bell, BellKind, CallResult, OfferResult
from callcontrol.calls.offers.settings import OfferSettings
from callcontrol.ids import CallId


class Counts:
    """How calls and offers ended, as told by one desk."""

    def __init__(self) -> None:
        self.offers: Counter[OfferResult] = Counter()
        self.calls: Counter[CallResult] = Counter()

    def offer_ended(self, application: str, result: OfferResult) -> None:
        self.offers[result] += 1

    def call_done(self, application: str, result: CallResult) -> None:
        self.calls[result] += 1

    def accepted_after(self, application: str, seconds: float) -> None:
        assert seconds >= 0

    def offered_after(self, application: str, seconds: float) -> None:
        assert seconds >= 0


@dataclass
class SeenCall:
    """A call as one replica last saw it."""

    parked: bool
    over: bool = False


class Replica:
    """One process of the service: its desk, and the events that it has not read yet."""

    def __init__(self, name: str, settings: OfferSettings, *, clock: Clock, staff: Staff) -> None:
        self.name, self._staff, self._switch = name, staff, staff.switch
        self.timers, self.counts = ManualTimers(clock), Counts()
        self.seen: dict[CallId, SeenCall] = {}
        self.events: list[Callable[[], None]] = []
        self.alive = True
        self.link, self.unseen_since_s = Link.WHOLE, 0.0
        self.is_behind = False
        """It could not be seen, and what it believes may not be so: until it has looked again."""
        self.is_to_look = self.has_failed = False
        """It is back, and has not begun to look; or a step of it failed since then."""
        self.frozen: list[Step] = []
        """Steps that were under way when it stalled."""
        self.desk = CallDesk(
            FakeClaims(self, self._switch),
            FakeHands(self, staff),
            self,
            door_of=lambda _node, call_id: FakeDoor(self, staff, call_id),
            timers=self.timers,
            observer=self.counts,
            settings=settings,
        )
        self.running = self._switch.loop.create_task(self.desk.run())

    @property
    def does_something(self) -> bool:
        """Whether it is not stalled."""
        return self.link is not Link.STALLED

    def may_differ_from(self, other: Peer) -> bool:
        """Whether the two may have different owners for a call, for the time being: one of them
        could not be seen, so that the other one took over what it had.
        """
        return self is not other and (self.is_behind or other.is_behind)

    def get(self, call_id: CallId) -> Call | None:
        seen = self.seen.get(call_id)
        if seen is None:
            return None
        state = CallState.ENDED if seen.over else CallState.RINGING
        return Call(call_id=call_id, node_id=NODE, state=state)

    def is_parked(self, call_id: CallId) -> bool:
        seen = self.seen.get(call_id)
        return seen is not None and seen.parked and not seen.over

    def look_around(self) -> None:
        """What a replica finds that was just started."""
        for call in self._switch.calls.values():
            if call.alive:
                self.seen[call.call_id] = SeenCall(call.parked)
                if call.parked or call.variables.get("worker"):
                    self.ring(call, is_new=False)

    def part(self, link: Link) -> None:
        """It cannot be seen any more."""
        self.link, self.unseen_since_s, self.is_behind = link, self.timers.time(), True
        mine = [step for step in self._switch.steps if step[0] is self]
        self._switch.steps = [step for step in self._switch.steps if step[0] is not self]
        if link is Link.STALLED:
            self.frozen = mine
            return
        self.events.clear()
        for at, (_, fate) in enumerate(mine):
            if not fate.done():
                fate.set_result(Fate.LOST if at % 2 else Fate.NOT_SENT)

    def rejoin(self) -> None:
        """It can be seen again. Looks at its claims a little later."""
        was_cut, self.link = self.link is Link.CUT, Link.WHOLE
        self._switch.steps += self.frozen
        self.frozen = []
        self.is_to_look, self.has_failed = True, False
        if was_cut:
            self.look_after_claims()
            self.reconcile()

    def look_after_claims(self) -> None:
        """Once it is back."""
        if self.is_to_look:
            self.is_to_look = False
            self.desk.node_back(NODE)

    def reconcile(self) -> None:
        """What it finds when its link is back: what was missed, and what waits."""
        for call in self._switch.calls.values():
            seen = self.seen.get(call.call_id)
            if seen is not None and not seen.over and not call.alive:
                seen.over = True
                self.desk.hung_up(call.call_id)
                self.desk.ended(call.call_id)
            elif call.alive:
                seen = self.seen.setdefault(call.call_id, SeenCall(call.parked))
                had_left, seen.parked = seen.parked and not call.parked, call.parked
                if had_left:
                    self.desk.left(call.call_id)
                if self.desk.knows(call.call_id):
                    if call.parked:
                        self.desk.found_parked(call.call_id)
                elif call.parked or call.variables.get("worker"):
                    self.ring(call, is_new=False)

    # What the switch tells

    def begins(self, call_id: CallId) -> None:
        self.seen[call_id] = SeenCall(parked=False)

    def parks(self, call: SwitchCall, *, is_new: bool, rings: bool) -> None:
        self._sees(call.call_id).parked = True
        if rings:
            self.ring(call, is_new=is_new)

    def leaves(self, call_id: CallId) -> None:
        self._sees(call_id).parked = False
        self.desk.left(call_id)

    def ends(self, call_id: CallId) -> None:
        self._sees(call_id).over = True
        self.desk.hung_up(call_id)
        self.desk.ended(call_id)

    def ring(self, call: SwitchCall, *, is_new: bool, kind: BellKind = BellKind.PARK) -> None:
        door = FakeDoor(self, self._staff, call.call_id, is_socket=kind is BellKind.SOCKET)
        self.desk.ring(
            Bell(
                call_id=call.call_id,
                node_id=NODE,
                application=call.application,
                kind=kind,
                door=door,
                is_new=is_new,
                is_guarded=call.is_guarded,
            )
        )

    def _sees(self, call_id: CallId) -> SeenCall:
        return self.seen.setdefault(call_id, SeenCall(parked=False))
