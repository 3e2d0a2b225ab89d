"""A switch, replicas and workers as the desk sees them: each thing that takes time is a step that
the test lets happen, fail or get lost, in any order.
"""

import asyncio
import heapq
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from itertools import combinations, count

from callcontrol.calls.call import Call, CallState, HangupCause
from callcontrol.calls.offers.desk import CallDesk
from callcontrol.calls.offers.ports import (
    Assignment,
    Bell,
    BellKind,
    CallResult,
    LostWorkerPolicy,
    Offer,
    OfferResult,
    Registration,
)
from callcontrol.calls.offers.ports_switch import Standing
from callcontrol.calls.offers.settings import OfferSettings
from callcontrol.calls.requests import Destination, WorkerDestination
from callcontrol.errors import CallHasEnded, NodeUnavailable, OutcomeUnknown
from callcontrol.ids import CallId, NodeId, OfferId, WorkerId

NODE = NodeId("fs1")
SILENCE_S = 10.0
"""A replica that cannot be seen for so long counts as gone."""
APPLICATIONS = ("ivr", "queue")


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
    times_parked: int = 1
    variables: dict[str, str] = field(default_factory=dict)
    is_guarded: bool = False
    """Its variables name a schedule that takes it out of the park."""
    will_leave: bool = False
    """That schedule is still to come."""


@dataclass
class ManualAlarm:
    when: float
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualTimers:
    """Timers of one replica, on the world's clock."""

    def __init__(self, world: "World") -> None:
        self._world, self._order = world, count()
        self._heap: list[tuple[float, int, ManualAlarm]] = []

    def time(self) -> float:
        return self._world.now_s

    def call_later(self, delay: float, callback: Callable[[], None], /) -> ManualAlarm:
        alarm = ManualAlarm(self.time() + max(0.0, delay), callback)
        heapq.heappush(self._heap, (alarm.when, next(self._order), alarm))
        return alarm

    def next_s(self) -> float | None:
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def ring_due(self) -> bool:
        """Ring one alarm that is due; whether there was one."""
        due = self.next_s()
        if due is None or due > self.time():
            return False
        heapq.heappop(self._heap)[2].callback()
        return True


class FakeWorker:
    """A client program: what it believes, and its stream of the moment."""

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name = world, name
        self.stream: FakeStream | None = None
        self.kept: set[CallId] = set()
        """Calls that it will ask for when it comes back."""

    @property
    def owns(self) -> set[CallId]:
        return self.stream.owns if self.stream is not None else set()

    def connect(
        self,
        replica: "Replica",
        applications: frozenset[str],
        max_calls: int,
        policy: LostWorkerPolicy | None,
    ) -> None:
        stream = FakeStream(self, replica)
        self.stream = stream
        registration = Registration(
            worker_name=self.name,
            applications=applications,
            max_calls=max_calls,
            lost_policy=policy,
            resume_call_ids=sorted(self.kept),
        )
        stream.max_calls, stream.expected = max_calls, set(self.kept)
        registered = replica.desk.register(stream, registration)
        stream.worker_id = registered.worker_id
        for assignment in registered.resumed:
            stream.assigned(assignment)

    def cut(self) -> None:
        """Its stream breaks; the replica may not know yet."""
        if self.stream is not None:
            self.kept |= self.stream.owns
            self.stream.is_cut = True
            self.world.cut_streams.append(self.stream)
            self.stream = None


class FakeStream:
    """One stream of a worker. Raises where the desk says what must not be said."""

    def __init__(self, worker: FakeWorker, replica: "Replica") -> None:
        self.worker, self.replica = worker, replica
        self.worker_id = WorkerId("")
        self.max_calls = 0
        self.offers: dict[OfferId, CallId] = {}
        self.owns: set[CallId] = set()
        self.expected: set[CallId] = set()
        self.accepted: dict[OfferId, CallId] = {}
        self.is_cut = self.is_told_to_go = self.is_finished = False

    def offer(self, offer: Offer) -> None:
        assert self.worker_id, "nothing is told before the registration was"
        assert not self.is_finished
        assert not self.is_told_to_go
        call_id = offer.call.call_id
        assert not self.worker.world.calls[call_id].will_leave, "offered while it is guarded"
        if not self.is_cut:
            for other in self.worker.world.streams():
                if not self.replica.may_differ_from(other.replica):
                    assert call_id not in other.offers.values(), "offered to two at a time"
                    assert call_id not in other.owns, "offered while it is somebody's"
        self.offers[offer.offer_id] = call_id
        assert len(self.offers) + len(self.owns) <= self.max_calls

    def withdraw(self, offer_id: OfferId) -> None:
        del self.offers[offer_id]

    def assigned(self, assignment: Assignment) -> None:
        assert self.worker_id
        call_id = assignment.call.call_id
        if assignment.offer_id is not None:
            assert self.accepted.pop(assignment.offer_id) == call_id
            self.expected.discard(call_id)
        else:
            assert call_id in self.expected
            self.expected.discard(call_id)
        if self.is_cut:
            return
        for other in self.worker.world.streams():
            if not self.replica.may_differ_from(other.replica):
                assert call_id not in other.owns, "two owners"
        self.worker.world.happened["got back" if assignment.offer_id is None else "assigned"] += 1
        self.owns.add(call_id)
        self.worker.kept.add(call_id)

    def released(self, call_id: CallId, _cause: HangupCause | None) -> None:
        assert self.worker_id
        self.expected.discard(call_id)
        self.owns.discard(call_id)
        self.accepted = {offer: each for offer, each in self.accepted.items() if each != call_id}
        if not self.is_cut:
            self.worker.kept.discard(call_id)

    def drain(self, grace_s: float) -> None:
        self.is_told_to_go = True

    def finish(self) -> None:
        assert not self.is_finished
        assert not self.owns
        assert not self.expected
        self.is_finished = True


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

    def __init__(self, world: "World", name: str, settings: OfferSettings) -> None:
        self.world, self.name = world, name
        self.timers, self.counts = ManualTimers(world), Counts()
        self.seen: dict[CallId, SeenCall] = {}
        self.events: list[Callable[[], None]] = []
        self.alive = True
        self.link, self.unseen_since_s = Link.WHOLE, 0.0
        self.is_behind = False
        """It could not be seen, and what it believes may not be so: until it has looked again."""
        self.is_to_look = self.has_failed = False
        """It is back, and has not begun to look; or a step of it failed since then."""
        self.frozen: list[tuple[Replica, asyncio.Future[Fate]]] = []
        """Steps that were under way when it stalled."""
        self.desk = CallDesk(
            FakeClaims(self),
            FakeHands(self),
            self,
            door_of=lambda _node, call_id: FakeDoor(self, call_id),
            timers=self.timers,
            observer=self.counts,
            settings=settings,
        )
        self.running = world.loop.create_task(self.desk.run())

    @property
    def does_something(self) -> bool:
        """Whether it is not stalled."""
        return self.link is not Link.STALLED

    def may_differ_from(self, other: "Replica") -> bool:
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
        for call in self.world.calls.values():
            if call.alive:
                self.seen[call.call_id] = SeenCall(call.parked)
                if call.parked or call.variables.get("worker"):
                    self.ring(call, is_new=False)

    def part(self, link: Link) -> None:
        """It cannot be seen any more."""
        self.link, self.unseen_since_s, self.is_behind = link, self.world.now_s, True
        mine = [(each, fate) for each, fate in self.world.steps if each is self]
        self.world.steps = [step for step in self.world.steps if step[0] is not self]
        if link is Link.STALLED:
            self.frozen = mine
            return
        self.events.clear()
        for at, (_, fate) in enumerate(mine):
            if not fate.done():
                fate.set_result(Fate.LOST if at % 2 else Fate.NOT_SENT)
        self.world.turn()

    def rejoin(self) -> None:
        """It can be seen again. Looks at its claims a little later."""
        was_cut, self.link = self.link is Link.CUT, Link.WHOLE
        self.world.steps += self.frozen
        self.frozen = []
        self.is_to_look, self.has_failed = True, False
        if was_cut:
            self.reconcile()
            self.look_after_claims()

    def look_after_claims(self) -> None:
        """Once it is back."""
        if self.is_to_look:
            self.is_to_look = False
            self.desk.node_back(NODE)

    def reconcile(self) -> None:
        """What it finds when its link is back: what was missed, and what waits."""
        for call in self.world.calls.values():
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
                if not self.desk.knows(call.call_id) and (
                    call.parked or call.variables.get("worker")
                ):
                    self.ring(call, is_new=False)

    def ring(self, call: SwitchCall, *, is_new: bool, kind: BellKind = BellKind.PARK) -> None:
        door = FakeDoor(self, call.call_id, is_socket=kind is BellKind.SOCKET)
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


class FakeDoor:
    """Lets a call go on, as a socket that ends or a park that is left."""

    def __init__(self, replica: Replica, call_id: CallId, *, is_socket: bool = False) -> None:
        self.replica, self.call_id, self.is_socket = replica, call_id, is_socket

    async def go_on(self) -> None:
        world = self.replica.world

        def effect() -> None:
            call = world.calls[self.call_id]
            if call.alive:
                world.happened["sent on"] += 1
                world.assert_unowned(self.call_id, "sent on", by=self.replica)
                world.leave_park(call)

        if self.is_socket and self.replica.link is Link.WHOLE:
            effect()
        else:
            await world.at_switch(self.replica, effect)


class FakeClaims:
    """Claims on the switch."""

    def __init__(self, replica: Replica) -> None:
        self._replica, self._world = replica, replica.world

    async def take(self, node_id: NodeId, call_id: CallId) -> str:
        found = ""

        def effect() -> None:
            nonlocal found
            holder = self._world.claims.setdefault(call_id, self._replica.name)
            found = "" if holder == self._replica.name else holder

        await self._world.at_switch(self._replica, effect)
        return found

    async def take_over(self, node_id: NodeId, call_id: CallId, holder: str) -> str:
        found = ""

        def effect() -> None:
            nonlocal found
            if self._world.claims.get(call_id) in {holder, None}:
                self._world.claims[call_id] = self._replica.name
            holder_now = self._world.claims[call_id]
            found = "" if holder_now == self._replica.name else holder_now

        await self._world.at_switch(self._replica, effect)
        return found

    async def leave(self, node_id: NodeId, call_id: CallId) -> None:
        def effect() -> None:
            if self._world.claims.get(call_id) == self._replica.name:
                del self._world.claims[call_id]

        mine = (self._replica.name, call_id)
        self._world.left_behind.add(mine)  # where the command is lost
        await self._world.at_switch(self._replica, effect)
        self._world.left_behind.discard(mine)

    async def give_back(self, node_id: NodeId, call_id: CallId, holder: str) -> None:
        await self.leave(node_id, call_id)

        def effect() -> None:
            self._world.claims.setdefault(call_id, holder)
            # That one may just have left it: then it is stale, and for the sweep.
            self._world.left_behind.add((holder, call_id))

        await self._world.at_switch(self._replica, effect)

    def may_count_as_gone(self, node_id: NodeId) -> bool:
        return self._replica.is_to_look or self._replica.link is not Link.WHOLE

    async def is_gone(self, node_id: NodeId, holder: str) -> bool:
        found = False

        def effect() -> None:
            nonlocal found
            found = not any(each.name == holder for each in self._world.seen())

        await self._world.at_switch(self._replica, effect)
        return found


class FakeHands:
    """What is done to calls."""

    def __init__(self, replica: Replica) -> None:
        self._replica, self._world = replica, replica.world

    def check(self, destination: Destination) -> None:
        pass

    async def standing(self, call_id: CallId) -> Standing:
        found = Standing()

        def effect(call: SwitchCall) -> None:
            nonlocal found
            policy = call.variables.get("policy")
            found = Standing(
                application=call.application,
                worker_name=call.variables.get("worker", ""),
                worker_id=call.variables.get("worker_id", ""),
                lost_policy=LostWorkerPolicy(policy) if policy else None,
                onward="onward" in call.variables,
                is_guarded=call.is_guarded,
            )

        await self._do(call_id, effect)
        return found

    async def note_owner(self, call_id: CallId, owner: Standing) -> None:
        def effect(call: SwitchCall) -> None:
            policy = owner.lost_policy.value if owner.lost_policy else ""
            call.variables = {
                "worker": owner.worker_name, "worker_id": owner.worker_id, "policy": policy
            }  # fmt: skip

        await self._do(call_id, effect)

    async def note_onward(self, call_id: CallId) -> None:
        def effect(call: SwitchCall) -> None:
            call.variables = {"onward": "true"}

        await self._do(call_id, effect)

    async def take_off_guard(self, call_id: CallId) -> bool:
        was_guarded = False

        def effect(call: SwitchCall) -> None:
            nonlocal was_guarded
            was_guarded, call.is_guarded, call.will_leave = call.is_guarded, False, False

        await self._do(call_id, effect)
        return was_guarded

    async def note_free(self, call_id: CallId, application: str) -> None:
        def effect(call: SwitchCall) -> None:
            call.variables = {}

        await self._do(call_id, effect)

    async def play_music(self, call_id: CallId, media: str) -> None:
        await self._do(call_id, lambda _call: None)

    async def stop_music(self, call_id: CallId) -> None:
        await self._do(
            call_id,
            lambda call: self._world.assert_unowned(
                call.call_id, "its sound stopped", by=self._replica
            ),
        )

    async def transfer(self, call_id: CallId, destination: Destination) -> None:
        def effect(call: SwitchCall) -> None:
            self._world.assert_unowned(call_id, "transferred", by=self._replica)
            self._world.leave_park(call, falls=False)
            if isinstance(destination, WorkerDestination):
                call.application, call.variables = destination.application, {}
                self._world.park(call)
            else:
                call.application, call.variables = "", {}

        await self._do(call_id, effect)

    async def hang_up(self, call_id: CallId) -> None:
        def effect(call: SwitchCall) -> None:
            self._world.assert_unowned(call_id, "hung up", by=self._replica)
            self._world.end(call)

        await self._do(call_id, effect)

    async def _do(self, call_id: CallId, effect: Callable[[SwitchCall], None]) -> None:
        def on_call() -> None:
            call = self._world.calls[call_id]
            if not call.alive:
                raise CallHasEnded(call_id)
            effect(call)

        await self._world.at_switch(self._replica, on_call)


class Faults(logging.Handler):
    """Keeps what went wrong inside tasks, which go on with the next one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.found.append(f"{record.getMessage()}: {record.__dict__.get('what')}: {error!r}")


class World:
    """All of it, and the order in which things happen."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop, self.now_s = loop, 0.0
        self.calls: dict[CallId, SwitchCall] = {}
        self.claims: dict[CallId, str] = {}
        self.replicas: list[Replica] = []
        self.workers = [FakeWorker(self, name) for name in ("ann", "bob", "cyd")]
        self.left_behind: set[tuple[str, CallId]] = set()
        """Claims that could not be left."""
        self.cut_streams: list[FakeStream] = []
        self.steps: list[tuple[Replica, asyncio.Future[Fate]]] = []
        self._names = count(1)
        self.faults = Faults()
        logging.getLogger("callcontrol.calls.offers").addHandler(self.faults)
        self.happened: Counter[str] = Counter()

    # Happenings at the switch

    def begin_call(
        self,
        application: str,
        *,
        socket_of: Replica | None,
        has_net: bool,
        is_guarded: bool = False,
    ) -> None:
        call_id = CallId(f"call-{len(self.calls) + 1}")
        socket = socket_of.name if socket_of is not None else ""
        call = self.calls[call_id] = SwitchCall(call_id, application, socket, has_net)
        call.is_guarded = call.will_leave = is_guarded
        for replica in self.hearing():
            replica.seen[call_id] = SeenCall(parked=False)
        if socket_of is not None:
            socket_of.events.append(lambda: socket_of.ring(call, is_new=True, kind=BellKind.SOCKET))
        self._tell_park(call, skip=socket)

    def park(self, call: SwitchCall) -> None:
        call.parked, call.socket_of = True, ""
        self._tell_park(call)

    def _tell_park(self, call: SwitchCall, skip: str = "") -> None:
        is_new = not call.variables
        for replica in self.hearing():

            def tell(replica: Replica = replica) -> None:
                replica.seen[call.call_id].parked = True
                if replica.name != skip:
                    replica.ring(call, is_new=is_new)

            self._tell(replica, call, tell)

    def leave_park(self, call: SwitchCall, *, falls: bool = True) -> None:
        """It is no longer parked; the dialplan may park it again."""
        if not call.parked:
            return
        call.parked = False
        had_socket, call.socket_of = call.socket_of, ""
        for replica in self.hearing():

            def tell(replica: Replica = replica) -> None:
                replica.seen[call.call_id].parked = False
                replica.desk.left(call.call_id)

            self._tell(replica, call, tell)
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

            def tell(replica: Replica = replica) -> None:
                replica.seen[call.call_id].over = True
                replica.desk.hung_up(call.call_id)
                replica.desk.ended(call.call_id)

            self._tell(replica, call, tell)

    def _tell(self, replica: Replica, call: SwitchCall, tell: Callable[[], None]) -> None:
        def if_known() -> None:
            replica.seen.setdefault(call.call_id, SeenCall(parked=False))
            tell()

        replica.events.append(if_known)

    async def at_switch(self, replica: Replica, effect: Callable[[], None]) -> None:
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

    # The test's hand

    def living(self) -> list[Replica]:
        return [replica for replica in self.replicas if replica.alive]

    def running(self) -> list[Replica]:
        """Replicas that do something."""
        return [each for each in self.living() if each.does_something]

    def hearing(self) -> list[Replica]:
        """Replicas to which the switch's events come, now or late."""
        return [each for each in self.living() if each.link is not Link.CUT]

    def seen(self) -> list[Replica]:
        """Replicas that give signs of life."""
        return [
            each
            for each in self.living()
            if each.link is Link.WHOLE or self.now_s < each.unseen_since_s + SILENCE_S
        ]

    def streams(self) -> list[FakeStream]:
        """What clients hold to be open."""
        return [worker.stream for worker in self.workers if worker.stream is not None]

    def start_replica(self, settings: OfferSettings) -> Replica:
        replica = Replica(self, f"replica-{next(self._names)}", settings)
        self.replicas.append(replica)
        replica.look_around()
        self.turn()
        return replica

    def stop_replica(self, replica: Replica) -> None:
        """It dies, with its links, its sockets and its streams."""
        replica.alive = replica.is_behind = False
        replica.running.cancel()
        replica.events.clear()
        self.steps = [(each, fate) for each, fate in self.steps if each is not replica]
        for worker in self.workers:
            if worker.stream is not None and worker.stream.replica is replica:
                worker.cut()
        self.cut_streams = [each for each in self.cut_streams if each.replica is not replica]
        for call in self.calls.values():
            if call.alive and call.socket_of == replica.name:
                self.leave_park(call)
        self.turn()

    def take_step(self, index: int, fate: Fate = Fate.DONE) -> None:
        replica, future = self.steps.pop(index % len(self.steps))
        replica.has_failed |= fate is not Fate.DONE
        if not future.done():
            future.set_result(fate)
        self.turn()

    def read_event(self, replica: Replica) -> None:
        if replica.events:
            replica.events.pop(0)()
        self.turn()

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        for replica in self.running():
            replica.look_after_claims()
            while replica.timers.ring_due():
                self.turn()

    def turn(self) -> None:
        """Let everything run that can."""
        for replica in self.running():
            while replica.timers.ring_due():
                pass

        async def turns() -> None:
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    def settle(self) -> None:
        """Until nothing is left to happen at this time."""
        self.turn()
        while self.steps or any(replica.events for replica in self.running()):
            while self.steps:
                self.take_step(0)
            for replica in self.running():
                while replica.events:
                    self.read_event(replica)
        self.turn()
        for replica in self.running():
            if replica.link is Link.WHOLE and not (replica.is_to_look or replica.has_failed):
                replica.is_behind = False
        self.check_owners()

    def check_owners(self) -> None:
        """No call is two workers', but while a replica of one of them could not be seen."""
        for call_id in self.calls:
            owners = [each.replica for each in self.streams() if call_id in each.owns]
            for one, other in combinations(owners, 2):
                assert one is not other, f"two owners of {call_id}"
                assert one.may_differ_from(other), f"two owners of {call_id}"

    def close(self) -> None:
        logging.getLogger("callcontrol.calls.offers").removeHandler(self.faults)
        for replica in self.replicas:
            replica.running.cancel()
        self.turn()

    def assert_unowned(self, call_id: CallId, what: str, *, by: Replica) -> None:
        for stream in self.streams():
            if not by.may_differ_from(stream.replica):
                assert call_id not in stream.owns, f"{what} while it is a worker's"
