"""A switch, replicas and workers as the desk sees them: each thing that takes time is a step that
the test lets happen, fail or get lost, in any order.
"""

import asyncio
import logging
from itertools import count

from tests.support.manual_timers import Clock
from tests.support.offer_replica import Replica
from tests.support.offer_switch import Fate, Link, Switch
from tests.support.offer_workers import Staff

from callcontrol.calls.offers.settings import OfferSettings


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
        self.loop, self.clock = loop, Clock()
        self.replicas: list[Replica] = []
        self.switch = Switch(loop, self.clock, self.replicas)
        self.staff = Staff(self.switch)
        self._names = count(1)
        self.faults = Faults()
        logging.getLogger("callcontrol.calls.offers").addHandler(self.faults)

    @property
    def now_s(self) -> float:
        return self.clock.now_s

    def living(self) -> list[Replica]:
        return [replica for replica in self.replicas if replica.alive]

    def running(self) -> list[Replica]:
        """Replicas that do something."""
        return [each for each in self.living() if each.does_something]

    def start_replica(self, settings: OfferSettings) -> Replica:
        replica = Replica(
            f"replica-{next(self._names)}", settings, clock=self.clock, staff=self.staff
        )
        self.replicas.append(replica)
        replica.look_around()
        self.turn()
        return replica

    def stop_replica(self, replica: Replica) -> None:
        """It dies, with its links, its sockets and its streams."""
        replica.alive = replica.is_behind = False
        replica.running.cancel()
        replica.events.clear()
        self.switch.steps = [
            (each, fate) for each, fate in self.switch.steps if each is not replica
        ]
        for worker in self.staff.workers:
            if worker.stream is not None and worker.stream.replica is replica:
                worker.cut()
        self.staff.cut_streams = [
            each for each in self.staff.cut_streams if each.replica is not replica
        ]
        for call in self.switch.calls.values():
            if call.alive and call.socket_of == replica.name:
                self.switch.leave_park(call)
        self.turn()

    def part(self, replica: Replica, link: Link) -> None:
        """A replica lives on, and cannot be seen any more."""
        replica.part(link)
        if link is Link.CUT:
            self.turn()

    def take_step(self, index: int, fate: Fate = Fate.DONE) -> None:
        self.switch.decide(index, fate)
        self.turn()

    def read_event(self, replica: Replica) -> None:
        if replica.events:
            replica.events.pop(0)()
        self.turn()

    def pass_time(self, seconds: float) -> None:
        self.clock.now_s += seconds
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
        while self.switch.steps or any(replica.events for replica in self.running()):
            while self.switch.steps:
                self.take_step(0)
            for replica in self.running():
                while replica.events:
                    self.read_event(replica)
        self.turn()
        for replica in self.running():
            if replica.link is Link.WHOLE and not (replica.is_to_look or replica.has_failed):
                replica.is_behind = False
        self.staff.check_owners()

    def close(self) -> None:
        logging.getLogger("callcontrol.calls.offers").removeHandler(self.faults)
        for replica in self.replicas:
            replica.running.cancel()
        self.turn()
