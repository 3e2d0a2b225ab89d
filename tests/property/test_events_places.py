"""A token of one log, used on another: whatever a switch pushed since then is told there, or a gap
says that something of that switch is missing."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.unit.events.conftest import make_event

from callcontrol.errors import ResumeTokenExpired
from callcontrol.events.event import Gap, GapReason, Position
from callcontrol.events.log import EventLog
from callcontrol.events.ring import LogLimits
from callcontrol.events.token import Passed, Token, TokenKey
from callcontrol.ids import CoreUuid, NodeId

KEY = TokenKey(b"shared")
NODES = ("east", "west")


@dataclass
class FakeSwitch:
    """Makes events, and pushes them in an order that need not be that of their numbers."""

    node: str
    process: int = 1
    made: int = 0
    waiting: list[int] = field(default_factory=list)
    pushed: list[tuple[str, int]] = field(default_factory=list)

    @property
    def core(self) -> str:
        return f"{self.node}-{self.process}"

    def make(self) -> int:
        self.made += 1
        return self.made

    def restart(self) -> None:
        self.process, self.made = self.process + 1, 0
        self.waiting.clear()


class Link:
    """A replica's link to a switch: what was pushed and has not been read yet."""

    def __init__(self) -> None:
        self.unread: list[tuple[str, int]] = []
        self.canary = 0
        self.is_proven = False


class Replica:
    def __init__(self, max_events: int) -> None:
        self.log = EventLog(LogLimits(max_events=max_events), key=KEY)
        self.links: dict[str, Link] = {}

    def read(self, switch: FakeSwitch, count: int) -> None:
        link = self.links.get(switch.node)
        if link is None or not link.is_proven:
            return
        for core, sequence in link.unread[:count]:
            self.log.append(make_event(node=switch.node, core=core, sequence=sequence))
        del link.unread[:count]

    def prove(self, switch: FakeSwitch) -> None:
        """The canary came back: all that was pushed until then is held back, and then told."""
        link = self.links[switch.node]
        link.is_proven = True
        gap = Gap(reason=GapReason.NODE_CONNECTION_LOST, node_id=NodeId(switch.node))
        self.log.append_gap(gap)
        core = CoreUuid(switch.core)
        self.log.node_linked(Position(NodeId(switch.node), core, link.canary, 1))

    def told_after(self, token: str) -> list[tuple[str, str, int]] | None:
        """Node, process and number of each event; 0 for a gap. None where the token is too old."""
        try:
            start = self.log.start_after(token)
        except ResumeTokenExpired:
            return None
        told = [(gap.node_id or "", "", 0) for gap in start.gaps]
        with self.log.subscribe(start=start) as subscription:
            while subscription.lag_events:
                batch = subscription.take()
                assert not batch.unread
                for entry in batch.entries:
                    item = entry.item
                    if isinstance(item, Gap):
                        told.append((item.node_id or "", "", 0))
                    else:
                        told.append((item.position.node_id, *item.position[1:3]))
        return told


class PlacesMachine(RuleBasedStateMachine):
    """Two replicas with two switches; each place of each is tried on the other."""

    @initialize(sizes=st.tuples(*[st.sampled_from([20, 200, 2_000])] * 2))
    def begin(self, sizes: tuple[int, int]) -> None:
        self.switches = [FakeSwitch(node) for node in NODES]
        self.replicas = [Replica(size) for size in sizes]
        self.served = 0

    @rule(
        which=st.integers(0, 1),
        count=st.sampled_from([1, 5, 150]),
        hold_back=st.booleans(),
    )
    def push(self, which: int, count: int, *, hold_back: bool) -> None:
        """Events are made and pushed; some of them later than those that are made after them."""
        switch = self.switches[which]
        for _ in range(count):
            switch.waiting.append(switch.make())
        if hold_back and len(switch.waiting) < 200:
            return
        if hold_back:
            switch.waiting = [*switch.waiting[7:], *switch.waiting[:7]]
        for sequence in switch.waiting:
            self._push(switch, sequence)
        switch.waiting.clear()

    def _push(self, switch: FakeSwitch, sequence: int) -> None:
        switch.pushed.append((switch.core, sequence))
        for replica in self.replicas:
            link = replica.links.get(switch.node)
            if link is not None:
                link.unread.append((switch.core, sequence))

    @rule(which=st.integers(0, 1), replica=st.integers(0, 1), count=st.sampled_from([1, 50, 9_999]))
    def read(self, which: int, replica: int, count: int) -> None:
        self.replicas[replica].read(self.switches[which], count)

    @rule(which=st.integers(0, 1), replica=st.integers(0, 1))
    def connect(self, which: int, replica: int) -> None:
        switch, links = self.switches[which], self.replicas[replica].links
        if switch.node not in links:
            links[switch.node] = Link()
            links[switch.node].canary = switch.make()
        elif not links[switch.node].is_proven:
            self.replicas[replica].prove(switch)

    @rule(which=st.integers(0, 1), replica=st.integers(0, 1), reads=st.booleans())
    def lose(self, which: int, replica: int, *, reads: bool) -> None:
        switch = self.switches[which]
        if reads:
            self.replicas[replica].read(switch, 9_999)
        self.replicas[replica].links.pop(switch.node, None)

    @rule(which=st.integers(0, 1))
    def restart(self, which: int) -> None:
        for replica in range(2):
            self.lose(which, replica, reads=True)
        self.switches[which].restart()

    @rule(back=st.sampled_from([0, 1, 7, 100, 400]), giver=st.integers(0, 1))
    def go_on_elsewhere(self, back: int, giver: int) -> None:
        here, there = self.replicas[giver], self.replicas[1 - giver]
        number = max(here.log.first_number, here.log.next_number - back)
        had = self._told_before(here, number)
        told = there.told_after(here.log.token_at(number))
        if told is None:
            return
        self.served += 1
        gaps = {node for node, core, _ in told if not core}
        for switch in self.switches:
            link = there.links.get(switch.node)
            to_come = link.unread if link is not None else []
            reaches = {(core, n) for node, core, n in told if node == switch.node} | {*to_come}
            if switch.node not in had or switch.node in gaps:
                continue
            last = had[switch.node][-1]
            if link is None or not link.is_proven:
                continue  # a gap will follow when it comes up
            after = switch.pushed[switch.pushed.index(last) + 1 :]
            assert [event for event in after if event not in reaches] == []

    def _told_before(self, replica: Replica, number: int) -> dict[str, list[tuple[str, int]]]:
        """The events of each node that were told before an entry, as far as they are held."""
        had: dict[str, list[tuple[str, int]]] = {}
        for each in range(replica.log.first_number, number):
            item = replica.log._ring[each].item
            if not isinstance(item, Gap):
                node, core, sequence, _ = item.position
                had.setdefault(node, []).append((core, sequence))
        return had

    @invariant()
    def a_token_of_now_is_good_here(self) -> None:
        for replica in getattr(self, "replicas", []):
            log = replica.log
            assert log.start_after(log.token_at(log.next_number)).number == log.next_number


TestPlaces = PlacesMachine.TestCase
TestPlaces.settings = settings(
    max_examples=max(60, settings().max_examples // 20), stateful_step_count=40, deadline=None
)


STEP = 10
"""Between the numbers of two events, so that there is room for canaries."""


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """What two switches pushed, in order; and the places at which things happen in it."""
    random = draw(st.randoms(use_true_random=False))
    count = draw(st.sampled_from([20, 300, 1_500]))
    shift = draw(st.sampled_from([1, 5, 50])) * STEP
    share = draw(st.sampled_from([0.5, 0.97, 1.0]))
    made = [("east" if random.random() < share else "west", n * STEP) for n in range(1, count)]
    pushed = sorted(made, key=lambda event: event[1] + random.random() * shift)
    for _ in range(draw(st.sampled_from([0, 10]))):  # what a detector fired is fired again later
        again = random.randrange(len(pushed))
        pushed.insert(random.randrange(again, len(pushed)) + 1, pushed[again])
    place = draw(st.integers(1, count - 1))
    near = st.integers(max(0, place - 60), min(count - 1, place + 60))
    whole = st.integers(0, count - 1)
    names = ("linked", "lost", "linked_again", "read")
    times = sorted(draw(whole | near) for _ in names)
    return pushed, {"place": place, **dict(zip(names, times, strict=True))}


def link(log: EventLog, pushed: list[tuple[str, int]], at: int) -> None:
    """Links to both switches come up; the canary has the lowest number that it can have."""
    for node in NODES:
        log.append_gap(Gap(reason=GapReason.NODE_CONNECTION_LOST, node_id=NodeId(node)))
        before = max((n for other, n in pushed[:at] if other == node), default=0)
        log.node_linked(Position(NodeId(node), CoreUuid(node), before + 1, 1))


def hear(log: EventLog, events: list[tuple[str, int]]) -> None:
    for node, sequence in events:
        log.append(make_event(node=node, core=node, sequence=sequence))


@settings(max_examples=max(150, settings().max_examples // 10), deadline=None)
@given(histories(), st.sampled_from([30, 400, 5_000]), st.booleans(), st.booleans())
def test_what_was_pushed_after_a_token_is_told_or_a_gap_says_so(
    history: tuple[list[tuple[str, int]], dict[str, int]],
    ring: int,
    is_lost: bool,
    holds_back: bool,
) -> None:
    pushed, at = history
    here = EventLog(LogLimits(max_events=10_000), key=KEY)
    link(here, pushed, 0)
    hear(here, pushed[: at["place"]])
    token = here.token_at(here.next_number)

    there = EventLog(LogLimits(max_events=ring), key=KEY)
    held_back = 20 if holds_back else 0
    link(there, pushed, min(at["linked"] + held_back, len(pushed)))
    if is_lost:
        hear(there, pushed[at["linked"] : at["lost"]])
        link(there, pushed, at["linked_again"])
        hear(there, pushed[at["linked_again"] : at["read"]])
    else:
        hear(there, pushed[at["linked"] : at["read"]])
    try:
        start = there.start_after(token)
    except ResumeTokenExpired:
        return  # when it must not say so is for the unit tests
    subscription = there.subscribe(start=start)
    hear(there, pushed[at["read"] :][: max(0, ring - 10)])
    heard_on = pushed[at["read"] :][: max(0, ring - 10)]
    told: set[tuple[str, int]] = set()
    gaps = {gap.node_id for gap in start.gaps}
    while subscription.lag_events:
        batch = subscription.take()
        if batch.unread or batch.overtaken:
            return
        for entry in batch.entries:
            if isinstance(entry.item, Gap):
                gaps.add(entry.item.node_id)
            else:
                told.add((entry.item.position.node_id, entry.item.position.sequence))
    until = at["read"] + len(heard_on)
    lacking = [e for e in pushed[at["place"] : until] if e not in told and e[0] not in gaps]
    assert lacking == []


@given(
    st.binary(min_size=8, max_size=8),
    st.integers(1, 1 << 63),
    st.lists(st.tuples(st.uuids().map(str) | st.text(min_size=1), st.integers(0, 1 << 63))),
)
def test_any_token_is_read_as_it_was_sealed(
    log_id: bytes, number: int, passed: list[tuple[str, int]]
) -> None:
    token = Token(log_id, number, tuple(Passed(CoreUuid(core), n) for core, n in passed))
    assert KEY.open(KEY.seal(token)) == token
