"""Followers of two replicas, while links break, switches and replicas restart, and readers stall:
whatever a switch pushed is told, or the difference lies inside a gap that was announced; and a
picture that is made of a snapshot and what follows it is that of the replica."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.support.model_follower import Follower
from tests.support.model_replica import ModelReplica
from tests.support.model_switch import ModelSwitch
from tests.support.model_watcher import Watcher

from callcontrol.events.ring import LogLimits
from callcontrol.events.token import TokenKey
from callcontrol.ids import NodeId
from callcontrol.v1.event_service_pb2 import OVERFLOW_POLICY_DISCONNECT, OVERFLOW_POLICY_SKIP

EAST = NodeId("east")
NODES = [EAST, NodeId("west")]
ALL = 10_000
"""More than there is to read."""
MAX_AGE_S = 100.0
MOST_FOLLOWERS = 4
TURNS = 12
"""Of the loop, after which whoever could go on has."""

WHAT_FOLLOWERS_DO = [
    *["stalls", "leaves", "moves", "moves", "moves, stalls"],
    *["reads 1", "reads 1", "reads 5", "reads 1000"],
]

nodes = st.sampled_from(NODES)
two = st.integers(0, 1)
names = st.sampled_from(
    [frozenset[str](), frozenset({"CHANNEL_CREATE", "CHANNEL_DESTROY"}), frozenset({"PRESENCE_IN"})]
)


class StreamsMachine(RuleBasedStateMachine):
    """Does anything in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now_s = 1_000.0
        self.switches = {node_id: ModelSwitch(node_id) for node_id in NODES}
        self.followers: list[Follower] = []
        self.shared_key = TokenKey(b"shared")

    @initialize(
        sizes=st.tuples(*[st.sampled_from([30, 300, 5_000])] * 2),
        connected=st.tuples(st.booleans(), st.booleans()),
    )
    def begin(self, sizes: tuple[int, int], connected: tuple[bool, bool]) -> None:
        self.replicas = [
            ModelReplica(
                self.loop,
                tuple(self.switches.values()),
                LogLimits(max_events=size, max_age_s=MAX_AGE_S),
                lambda: self.now_s,
                self.tick,
            )
            for size in sizes
        ]
        for replica, is_connected in zip(self.replicas, connected, strict=True):
            replica.start(self.shared_key)
            for node_id in NODES if is_connected else ():
                replica.connect(node_id)
                replica.connect(node_id)
        self.turn()

    def teardown(self) -> None:
        """Everything heals, and everybody gets what there is."""
        try:
            if hasattr(self, "replicas"):
                self.heal()
                self.everybody_is_told()
        finally:
            for follower in self.followers:
                follower.leave()
            for replica in getattr(self, "replicas", ()):
                replica.end()
            self.loop.close()

    def turn(self) -> None:
        async def turns() -> None:
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    def tick(self) -> None:
        self.now_s += 0.001

    def heal(self) -> None:
        for switch in self.switches.values():
            switch.push_late()
        for replica in self.replicas:
            replica.answering.set()
            for node_id in NODES:
                replica.connect(node_id)
                replica.connect(node_id)
        self.turn()
        for follower in self.followers:
            if follower.replica is None or follower.is_over():
                follower.resume(self.replicas[0], 0)
            follower.context.reads.set()

    @rule(
        node=nodes,
        what=st.sampled_from(["noise", "late noise", "out of order", "begin", "answer", "end"]),
        count=st.sampled_from([1, 3, 40, 150, 600]),
        reads=st.tuples(*[st.sampled_from([0, 1, 20, 10_000, 10_000])] * 2),
    )
    def something_happens(
        self, node: NodeId, what: str, count: int, reads: tuple[int, int]
    ) -> None:
        """A switch pushes events, and the replicas read as many as they come to."""
        switch = self.switches[node]
        match what:
            case "noise":
                switch.make_noise(count, is_late=False)
            case "late noise":
                switch.make_noise(min(count, 3), is_late=True)
            case "out of order":
                switch.push_late()
            case "begin":
                switch.begin_call()
            case "answer":
                switch.answer_call(count)
            case _:
                switch.end_call(count)
        for replica, events in zip(self.replicas, reads, strict=True):
            replica.read(node, events)
        self.turn()

    @rule(which=two, node=nodes, at_once=st.booleans())
    def connect(self, which: int, node: NodeId, *, at_once: bool) -> None:
        for _ in range(1 + at_once):
            self.replicas[which].connect(node)
        self.turn()

    @rule(which=two)
    def answers_wait_or_come(self, which: int) -> None:
        answering = self.replicas[which].answering
        if answering.is_set():
            answering.clear()
        else:
            answering.set()
            self.turn()

    @rule(
        what=st.sampled_from(["cut", "cut", "switch", "replica", "other key", "time", "time"]),
        which=two,
        node=nodes,
    )
    def something_breaks(self, what: str, which: int, node: NodeId) -> None:
        match what:
            case "cut":
                self.replicas[which].lose(node)
            case "switch":
                self.switches[node].restart()
                for replica in self.replicas:
                    replica.lose(node)
            case "time":
                self.now_s += 0.6 * MAX_AGE_S
                for replica in self.replicas:
                    replica.log.sweep()
            case _:
                self.restart(self.replicas[which], knows_key=what == "replica")
        self.turn()

    def restart(self, replica: ModelReplica, *, knows_key: bool) -> None:
        for follower in self.followers:
            if follower.replica is replica:
                follower.leave()
        replica.end()
        replica.start(self.shared_key if knows_key else TokenKey())

    @precondition(lambda self: len(self.followers) < MOST_FOLLOWERS)
    @rule(
        which=two,
        names=names,
        skips=st.booleans(),
        since_s=st.sampled_from([None, None, 0.0205, 0.6 * MAX_AGE_S]),
    )
    def follow(
        self, which: int, names: frozenset[str], *, skips: bool, since_s: float | None
    ) -> None:
        overflow = OVERFLOW_POLICY_SKIP if skips else OVERFLOW_POLICY_DISCONNECT
        follower = Follower(self.loop, self.switches, names, overflow)
        replica = self.replicas[which]
        if since_s is None:
            follower.begin(replica)
        else:
            follower.begin_since(replica, replica.now_us() - round(since_s * 1_000_000))
        self.followers.append(follower)

    @precondition(lambda self: len(self.followers) < MOST_FOLLOWERS)
    @rule(which=two)
    def watch(self, which: int) -> None:
        """A follower who keeps a picture of all calls, beginning with a snapshot."""
        watcher = Watcher(self.loop, self.switches)
        watcher.begin(self.replicas[which])
        self.followers.append(watcher)

    @precondition(lambda self: self.followers)
    @rule(
        which=st.integers(0, MOST_FOLLOWERS - 1),
        what=st.sampled_from(WHAT_FOLLOWERS_DO),
        where=two,
        age=st.sampled_from([0, 0, 1, 5, 50]),
    )
    def a_follower(self, which: int, what: str, where: int, age: int) -> None:
        follower = self.followers[which % len(self.followers)]
        match what:
            case "stalls":
                follower.context.reads.clear()
            case "leaves":
                follower.leave()
            case "moves" | "moves, stalls":
                follower.resume(self.replicas[where], age, stalls=what != "moves")
            case _:
                follower.context.reads.set()
                self.turn()
                follower.read(int(what.removeprefix("reads ")))

    @rule()
    def everybody_is_told(self) -> None:
        """All that is on its way arrives."""
        for replica in self.replicas:
            for node_id in NODES:
                replica.read(node_id, 1_000_000)
        self.turn()
        for replica in self.replicas:
            for node_id in NODES:
                replica.check_calls(node_id)
        for follower in self.followers:
            if follower.replica is not None:
                self.arrive(follower)

    def arrive(self, follower: Follower) -> None:
        follower.context.reads.set()
        self.turn()
        while follower.context.inbox:
            follower.read()
            self.turn()
        if follower.is_over():
            return
        follower.is_at_end()
        if isinstance(follower, Watcher) and not follower.agrees():
            self.arrive(follower)


@pytest.fixture
def machine() -> Iterator[StreamsMachine]:
    """One that goes a way which chance finds too seldom: the first replica hears all from the
    beginning, the second one nothing. In the end everybody must agree.
    """
    machine = StreamsMachine()
    machine.begin(sizes=(5_000, 5_000), connected=(True, False))
    for node in NODES:
        machine.something_happens(node, "begin", 1, (ALL, ALL))
    yield machine
    machine.teardown()


def test_a_call_that_a_replica_has_not_asked_about_yet_is_told_of_before_it_changes(
    machine: StreamsMachine,
) -> None:
    machine.answers_wait_or_come(1)
    machine.connect(1, EAST, at_once=True)
    machine.something_happens(EAST, "answer", 1, (ALL, ALL))
    machine.watch(1)
    machine.something_happens(EAST, "end", 1, (ALL, ALL))
    machine.a_follower(0, "reads 1000", 1, 0)


def test_a_call_whose_end_one_replica_told_is_not_brought_back_by_another_that_is_behind(
    machine: StreamsMachine,
) -> None:
    machine.watch(0)
    for node in NODES:
        machine.connect(1, node, at_once=True)
        machine.something_happens(node, "noise", 3, (ALL, ALL))
    machine.something_happens(EAST, "end", 1, (ALL, ALL))
    machine.something_happens(EAST, "noise", 1, (ALL, 0))
    machine.a_follower(0, "reads 1000", 0, 0)
    machine.a_follower(0, "moves", 1, 0)


TestStreams = StreamsMachine.TestCase
TestStreams.settings = settings(
    max_examples=max(100, settings().max_examples // 10), stateful_step_count=40, deadline=None
)
