"""Two links to one switch, by chance slow, cut and dialled again: each event comes out once."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from callcontrol.freeswitch.merge import Merge, Side

BEHIND = 6
HELD = 40


@dataclass(frozen=True)
class Told:
    """What the switch pushed: an event by its number, or a canary."""

    place: int
    canary: str = ""
    text: str = ""
    """Of an event without a number: what it can be told by, which others may have too."""


@dataclass
class Wire:
    """What one link was given by the switch and has not told yet."""

    canary: str
    queue: list[Told] = field(default_factory=list)
    has_joined: bool = False
    told: list[str] = field(default_factory=list)
    """Since it joined: canaries, and nothing for an event."""


class TwinLinks(RuleBasedStateMachine):
    """The model is the list of all that was pushed. Events between two gaps are a piece of it
    without a hole, and no gap comes as long as a link lives that covers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.merge: Merge[Told] = Merge(
            lambda told: (told.text,) if told.text else told.place,
            lambda _: 1,
            self.stragglers_leave,
            max_behind_events=BEHIND,
            max_held_bytes=HELD,
        )
        self.pushed: list[Told] = []
        self.wires: dict[Side, Wire] = {}
        self.out: list[int] = []
        """Places of the events that came out."""
        self.pieces: list[int] = []
        """For each gap, how many had come out before it."""
        self.began = 0
        """Place of the canary with which events began after the last gap."""
        self.canaries = 0
        self.was_covered = False
        self.has_met = False
        """Whether two links live that both told the same canary."""
        self.stragglers = 0

    # What the coordinator does

    def stragglers_leave(self, side: Side) -> None:
        self.stragglers += 1
        self.lose(side)
        self.take_over()

    def lose(self, side: Side) -> None:
        self.wires.pop(side, None)
        self.has_met = False

    def take_over(self) -> None:
        if self.was_covered and not self.merge.is_covered:
            self.was_covered = False
            taken = self.merge.take_over()
            if taken is not None:
                self.begin(self.wires[taken[0]])
                self.pass_on(taken[1])

    def begin(self, wire: Wire) -> None:
        self.began = next(told.place for told in self.pushed if told.canary == wire.canary)
        self.was_covered = True
        self.pieces.append(len(self.out))

    def pass_on(self, items: list[Told]) -> None:
        self.out.extend(item.place for item in items)

    def tell(self, side: Side) -> None:
        wire = self.wires[side]
        told = wire.queue.pop(0)
        wire.has_joined = wire.has_joined or told.canary == wire.canary
        if wire.has_joined:
            wire.told.append(told.canary)
            twin = self.wires.get(side.other)
            self.has_met |= twin is not None and told.canary in {*twin.told[-BEHIND:]} - {""}
        if not told.canary:
            if wire.has_joined and self.merge.is_new(side, told):
                self.pass_on([told])
        elif told.canary == wire.canary:
            if self.merge.joined(side, told.canary):
                self.begin(wire)
        elif wire.has_joined:
            self.pass_on(self.merge.canary(side, told.canary))

    # What happens

    def push(self, told: Told) -> None:
        self.pushed.append(told)
        for wire in self.wires.values():
            wire.queue.append(told)

    @rule(count=st.integers(1, 4))
    def some_events(self, count: int) -> None:
        for _ in range(count):
            self.push(Told(len(self.pushed)))

    @rule(text=st.sampled_from("ab"))
    def an_event_without_a_number(self, text: str) -> None:
        self.push(Told(len(self.pushed), text=text))

    def next_canary(self) -> str:
        self.canaries += 1
        return f"canary {self.canaries}"

    @rule()
    def a_later_canary(self) -> None:
        self.push(Told(len(self.pushed), canary=self.next_canary()))

    @rule(side=st.sampled_from(Side))
    def a_link_is_dialled(self, side: Side) -> None:
        if side not in self.wires:
            self.wires[side] = Wire(self.next_canary())
            self.push(Told(len(self.pushed), canary=self.wires[side].canary))

    @rule(side=st.sampled_from(Side), count=st.integers(1, 12))
    def a_link_tells_some(self, side: Side, count: int) -> None:
        for _ in range(count):
            if side in self.wires and self.wires[side].queue:
                self.tell(side)

    @rule(side=st.sampled_from(Side))
    def a_link_is_cut(self, side: Side) -> None:
        had_met, gaps = self.has_met, len(self.pieces)
        self.lose(side)
        self.merge.left(side)
        self.take_over()
        if had_met:
            assert self.merge.is_covered
            assert len(self.pieces) == gaps

    @precondition(lambda self: self.merge.is_covered)
    @rule()
    def both_tell_all_and_then_nothing_is_missing(self) -> None:
        for side in Side:
            while side in self.wires and self.wires[side].queue:
                self.tell(side)
        events = [told.place for told in self.pushed[self.began :] if not told.canary]
        if self.merge.is_covered:  # else the last link was too far behind to be told from a repeat
            assert not Counter(self.keys(events)) - Counter(self.keys(self.out))

    # What holds

    def keys(self, places: list[int]) -> list[object]:
        """Events without a number that look the same are the same to who reads them."""
        return [self.pushed[place].text or place for place in places]

    @invariant()
    def each_event_comes_out_at_most_once(self) -> None:
        assert len(set(self.out)) == len(self.out)

    @invariant()
    def between_gaps_nothing_is_missing_and_all_is_in_order(self) -> None:
        for begin, end in pairwise([*self.pieces, len(self.out)]):
            piece, before = self.out[begin:end], set(self.out[:begin])
            if piece:
                between = self.pushed[piece[0] : piece[-1] + 1]
                wanted = [t.place for t in between if not t.canary and t.place not in before]
                assert self.keys(piece) == self.keys(wanted)

    @invariant()
    def it_is_covered_exactly_when_that_was_told(self) -> None:
        assert self.merge.is_covered == self.was_covered
        assert not any(self.merge.waits(side) and not self.was_covered for side in Side)

    @invariant()
    def two_links_that_told_the_same_canary_both_cover(self) -> None:
        assert not self.has_met or all(self.merge.covers(side) for side in Side)


TestTwinLinks = TwinLinks.TestCase
TestTwinLinks.settings = settings(stateful_step_count=100, deadline=None)
