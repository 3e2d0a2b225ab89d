"""Calls, workers, replicas and a switch, in any order of happenings: what is promised holds.

Never two owners, never an offer to two, no call that is held for nobody, and one end for each.

A replica that lives on may be out of the others' sight: cut off from the switch, or held up. Then
they take its calls over, and until it is back and has looked, and only then, its workers may have
calls that workers of another replica have or are offered, or that are sent on there.
"""

import asyncio
from collections.abc import Callable
from random import Random

from hypothesis import event, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.support.offer_replica import Replica
from tests.support.offer_switch import NODE, Fate, Link
from tests.support.offer_workers import FakeStream, FakeWorker
from tests.support.offer_world import World

from callcontrol.calls.offers.machine import Stage
from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.offers.settings import OfferSettings
from callcontrol.calls.requests import ExtensionDestination, WorkerDestination
from callcontrol.ids import OfferId

MAX_CALLS = 8
APPLICATIONS = ("ivr", "queue")
EXTENSION = ExtensionDestination(extension="100")
POLICIES = (None, *LostWorkerPolicy)
PAUSES_S = (0.1, 1.0, 2.0, 5.0, 11.0, 31.0)
SERVED = ({"ivr"}, {"queue"}, {"ivr", "queue"}, {"ivr", "queue"})


class Play:
    """One world, and all that may happen in it. `which` and `how` choose among what there is."""

    def __init__(self, settings: OfferSettings, replicas: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.world, self.settings = World(self.loop), settings
        for _ in range(replicas):
            self.world.start_replica(settings)

    def check(self) -> None:
        assert not self.world.faults.found, self.world.faults.found
        for replica in self.world.living():
            assert not replica.running.done()

    # What is usual

    def call(self, which: int, how: int) -> None:
        if len(self.world.switch.calls) >= MAX_CALLS:
            return
        replica = self._replica(which) if how & 1 else None
        if replica is not None and replica.link is Link.CUT:
            replica = None
        application = APPLICATIONS[which % len(APPLICATIONS)]
        self.world.switch.begin_call(
            application, socket_of=replica, has_net=bool(how & 2), is_guarded=bool(how & 4)
        )
        self.world.turn()

    def step(self, which: int, _how: int) -> None:
        if self.world.switch.steps:
            self.world.take_step(which)

    def steps(self, which: int, _how: int) -> None:
        for _ in range(which % 12):
            if self.world.switch.steps:
                self.world.take_step(0)

    def events(self, which: int, how: int) -> None:
        replica = self._replica(which)
        for _ in range(how % 4 + 1):
            if replica is not None and replica.does_something:
                self.world.read_event(replica)

    def settle(self, _which: int, _how: int) -> None:
        self.world.settle()

    def connect(self, which: int, how: int) -> None:
        worker, replica = self._worker(which), self._replica(how)
        if worker.stream is None and replica is not None and replica.does_something:
            applications = frozenset(SERVED[how % len(SERVED)])
            max_calls = max(which % 3 + 1, len(worker.kept))
            worker.connect(replica, applications, max_calls, POLICIES[how % len(POLICIES)])
            self.world.turn()

    def accept(self, which: int, _how: int) -> None:
        for stream, offer_id in self._offers(which):
            stream.accepted[offer_id] = stream.offers.pop(offer_id)
            assert stream.replica.desk.accept(stream.worker_id, offer_id)
            assert not stream.replica.desk.accept(stream.worker_id, offer_id)
            self.world.turn()

    def serve(self, which: int, how: int) -> None:
        """As it goes when nothing comes in between."""
        self.world.settle()
        self.accept(which, how)
        self.world.settle()

    def time(self, which: int, _how: int) -> None:
        self.world.pass_time(PAUSES_S[which % len(PAUSES_S)])

    # What is not

    def fail(self, which: int, how: int) -> None:
        if self.world.switch.steps:
            self.world.take_step(which, Fate.LOST if how & 1 else Fate.NOT_SENT)

    def reject(self, which: int, how: int) -> None:
        for stream, offer_id in self._offers(which):
            del stream.offers[offer_id]
            desk = stream.replica.desk
            assert desk.reject(stream.worker_id, offer_id, final=not how % 3)
            assert not desk.reject(stream.worker_id, offer_id, final=True)
            self.world.turn()

    def release(self, which: int, how: int) -> None:
        owned = [(each, call_id) for each in self._heard() for call_id in sorted(each.owns)]
        if owned:
            stream, call_id = owned[which % len(owned)]
            to = (None, EXTENSION, *(WorkerDestination(application=each) for each in APPLICATIONS))
            assert stream.replica.desk.release(stream.worker_id, call_id, to[how % len(to)])
            assert call_id not in stream.owns
            self.world.turn()

    def capacity(self, which: int, how: int) -> None:
        stream = self._worker(which).stream
        if stream in self._heard():
            stream.replica.desk.update_capacity(stream.worker_id, how % 4)
            self.world.turn()

    def drain(self, which: int, _how: int) -> None:
        stream = self._worker(which).stream
        if stream in self._heard():
            stream.replica.desk.drain_worker(stream.worker_id)
            stream.is_told_to_go = True
            self.world.turn()

    def cut(self, which: int, _how: int) -> None:
        self._worker(which).cut()

    def notice(self, which: int, _how: int) -> None:
        """A replica sees that a stream is broken."""
        streams = [each for each in self.world.staff.cut_streams if each.replica.does_something]
        if streams:
            stream = streams[which % len(streams)]
            self.world.staff.cut_streams.remove(stream)
            stream.replica.desk.lost(stream.worker_id)
            self.world.turn()

    def hang_up(self, which: int, _how: int) -> None:
        calls = list(self.world.switch.calls.values())
        if calls:
            self.world.switch.end(calls[which % len(calls)])

    def take_away(self, which: int, _how: int) -> None:
        """Somebody else transfers a call."""
        calls = list(self.world.switch.calls.values())
        if calls:
            self.world.switch.leave_park(calls[which % len(calls)], falls=False)

    def guard(self, which: int, _how: int) -> None:
        """Nobody came for a call in time."""
        calls = list(self.world.switch.calls.values())
        if calls:
            self.world.switch.guard(calls[which % len(calls)])

    def kill(self, which: int, _how: int) -> None:
        replica = self._replica(which)
        if replica is not None:
            self.world.stop_replica(replica)

    def start(self, _which: int, _how: int) -> None:
        if len(self.world.living()) < 2:
            self.world.start_replica(self.settings)

    def shut_down(self, which: int, _how: int) -> None:
        replica = self._replica(which)
        if replica is None or not replica.does_something:
            return
        replica.desk.drain(10.0)
        self.world.turn()
        leaving = self.loop.create_task(replica.desk.leave())
        self.world.turn()
        for _ in range(200):
            mine = [at for at, (each, _) in enumerate(self.world.switch.steps) if each is replica]
            if leaving.done() or not mine:
                break
            self.world.take_step(mine[0])
        leaving.cancel()
        self.world.stop_replica(replica)

    def node_back(self, which: int, _how: int) -> None:
        replica = self._replica(which)
        if replica is not None and replica.link is Link.WHOLE:
            replica.desk.node_back(NODE)
            self.world.turn()

    def part(self, which: int, how: int) -> None:
        """A replica lives on, and cannot be seen."""
        replica = self._replica(which)
        if replica is not None and replica.link is Link.WHOLE:
            self.world.part(replica, Link.CUT if how & 1 else Link.STALLED)

    def rejoin(self, which: int, how: int) -> None:
        """And is there again; the switch may have ended its sockets meanwhile."""
        replica = self._replica(which)
        if replica is None or replica.link is Link.WHOLE:
            return
        for call in self.world.switch.calls.values():
            if how & 1 and call.alive and call.socket_of == replica.name:
                self.world.switch.leave_park(call)
        replica.rejoin()
        if how & 2:  # what was said meanwhile may be heard before its time is over
            self.accept(which, how)
        self.world.turn()

    def out_of_sight(self, which: int, how: int) -> None:
        """For so long that others take its calls over, or do not."""
        self.part(which, how)
        for pause_s in (11.0, 11.0, 31.0)[: how // 2 % 4]:
            self.world.settle()
            self.world.pass_time(pause_s)
        if how & 8:
            self.world.settle()
        if how & 16:
            self.rejoin(which, how)

    # The end

    def finish(self) -> None:
        """Nobody does anything any more: whatever waits must end."""
        world = self.world
        if not world.living():
            world.start_replica(self.settings)
        for replica in world.living():
            if replica.link is not Link.WHOLE:
                replica.rejoin()
        for _ in range(60):
            world.settle()
            for stream in world.staff.cut_streams:
                stream.replica.desk.lost(stream.worker_id)
            world.staff.cut_streams.clear()
            world.settle()
            world.pass_time(4.0)
        for replica in world.living():
            replica.has_failed = False
        world.settle()
        self.check()
        event(f"assigned {bool(world.staff.happened['assigned'])}")
        event(f"got back {bool(world.staff.happened['got back'])}")
        event(f"sent on {bool(world.staff.happened['sent on'])}")
        self._check_calls()
        self._check_desks()

    def _check_calls(self) -> None:
        for call in self.world.switch.calls.values():
            owners = [each for each in self.world.staff.streams() if call.call_id in each.owns]
            if call.alive and call.parked:
                assert len(owners) == 1, f"{call} is held for nobody"
                assert not call.will_leave, f"{call} would be taken from its worker"
            elif not call.alive:
                assert not owners
        for call_id, holder in self.world.switch.claims.items():
            ours = any(replica.name == holder for replica in self.world.living())
            if ours and (holder, call_id) not in self.world.switch.left_behind:
                assert self.world.switch.calls[call_id].alive, f"claim of {call_id}, which is over"

    def _check_desks(self) -> None:
        for stream in self.world.staff.streams():
            assert not stream.offers
            assert not stream.expected
            assert not stream.accepted
        for replica in self.world.living():
            desk = replica.desk
            for stage in (Stage.WAITING, Stage.OFFERED, Stage.LOST):
                assert not desk.count(stage)
            assert all(self.world.switch.calls[call_id].alive for call_id in desk.known())

    def close(self) -> None:
        self.world.close()
        self.loop.close()

    def _replica(self, which: int) -> Replica | None:
        living = self.world.living()
        return living[which % len(living)] if living else None

    def _worker(self, which: int) -> FakeWorker:
        return self.world.staff.workers[which % len(self.world.staff.workers)]

    def _heard(self) -> list[FakeStream]:
        """Streams of workers that are listened to at the moment."""
        return [each for each in self.world.staff.streams() if each.replica.does_something]

    def _offers(self, which: int) -> list[tuple[FakeStream, OfferId]]:
        offers = [(each, offer_id) for each in self._heard() for offer_id in each.offers]
        return [offers[which % len(offers)]] if offers else []


Happening = Callable[[Play, int, int], None]

USUAL: dict[Happening, int] = {
    Play.call: 8,
    Play.step: 10,
    Play.steps: 10,
    Play.events: 12,
    Play.settle: 4,
    Play.connect: 12,
    Play.accept: 12,
    Play.serve: 10,
    Play.time: 8,
}
UNUSUAL: dict[Happening, int] = {
    Play.fail: 3,
    Play.reject: 3,
    Play.release: 4,
    Play.capacity: 1,
    Play.drain: 1,
    Play.cut: 3,
    Play.notice: 3,
    Play.hang_up: 2,
    Play.take_away: 1,
    Play.guard: 2,
    Play.kill: 1,
    Play.start: 3,
    Play.shut_down: 1,
    Play.node_back: 1,
    Play.out_of_sight: 2,
    Play.rejoin: 3,
}
OFTEN = [each for each, weight in (USUAL | UNUSUAL).items() for _ in range(weight)]


@given(
    chance=st.integers(0, 2**32 - 1),
    length=st.integers(10, 150),
    settings=st.builds(
        OfferSettings,
        wait_s=st.sampled_from([0.0, 10.0]),
        others_first_s=st.sampled_from([0.0, 1.0]),
        wait_music=st.sampled_from(["", "local_stream://moh"]),
        lost_policy=st.sampled_from(LostWorkerPolicy),
    ),
    replicas=st.integers(1, 2),
)
@hypothesis_settings(deadline=None, max_examples=max(250, hypothesis_settings().max_examples // 8))
def test_each_call_has_one_owner_at_most_and_comes_to_one_end(chance, length, settings, replicas):
    # Drawn by itself, and not by Hypothesis, whose worlds are too small for calls to be taken.
    draw, play = Random(chance), Play(settings, replicas)
    try:
        for _ in range(length):
            happening = draw.choice(OFTEN)
            happening(play, draw.randrange(64), draw.randrange(64))
            play.check()
        play.finish()
    finally:
        play.close()
