"""Going on after a token that another log gave out: what was not told comes, or a gap says so."""

from collections.abc import Callable, Iterable

import pytest

from callcontrol.errors import ResumeTokenExpired
from callcontrol.events.catch_up import Start
from callcontrol.events.event import Event, Gap, GapReason, Position
from callcontrol.events.finding import MAX_AHEAD
from callcontrol.events.log import EventLog
from callcontrol.events.places import MAX_INVERSION
from callcontrol.events.ring import LogLimits
from callcontrol.events.token import TokenKey
from callcontrol.ids import CoreUuid, NodeId

KEY = TokenKey(b"shared")
EAST, WEST = NodeId("east"), NodeId("west")
Make = Callable[..., Event]


class Replica:
    """A log that is linked to switches."""

    def __init__(self, max_events: int = 10_000) -> None:
        self.log = EventLog(LogLimits(max_events=max_events), key=KEY)

    def link(self, sequence: int, node: str = "east", core: str = "core") -> None:
        """A link comes up; its canary has this number."""
        self.log.node_linked(Position(NodeId(node), CoreUuid(core), sequence, 1))

    def relink(self, sequence: int, node: str = "east", core: str = "core") -> None:
        """It was lost before."""
        self.log.append_gap(Gap(reason=GapReason.NODE_CONNECTION_LOST, node_id=NodeId(node)))
        self.link(sequence, node, core)

    def hear(
        self, make: Make, sequences: Iterable[int], node: str = "east", core: str = "core"
    ) -> None:
        """Events come."""
        for sequence in sequences:
            self.log.append(make(node=node, core=core, sequence=sequence))

    @property
    def token(self) -> str:
        """Of one who was told everything."""
        return self.log.token_at(self.log.next_number)

    def told(self, token: str) -> list[int | str]:
        """What is told after a token: numbers of events, and words for gaps."""
        start = self.log.start_after(token)
        return [*(f"{gap.reason.value}" for gap in start.gaps), *self._told(start)]

    def _told(self, start: Start) -> list[int | str]:
        subscription = self.log.subscribe(start=start)
        found: list[int | str] = []
        while subscription.lag_events:
            for entry in subscription.take().entries:
                item = entry.item
                found.append(item.reason.value if isinstance(item, Gap) else item.position.sequence)
        return found


@pytest.fixture
def here() -> Replica:
    return Replica()


@pytest.fixture
def there() -> Replica:
    return Replica()


def test_the_place_is_right_behind_the_last_event_that_was_told(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 1_000))
    token = here.token
    there.hear(event, range(1_000, 1_010))
    assert there.told(token) == list(range(1_000, 1_010))


def test_of_numbers_out_of_order_some_come_twice_and_none_is_lost(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, [2, 3, 9, 5, 4])
    token = here.token
    there.hear(event, [8, 7, 6, 10])
    assert there.told(token) == [5, 4, 8, 7, 6, 10]


def test_what_a_leg_fires_again_under_the_number_of_its_detector_is_not_lost(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, [2, 3])
    token = here.token
    there.hear(event, [3])
    assert there.told(token) == [3]


def test_nothing_is_lost_where_a_leg_does_so_much_later(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 301))
    token = here.token
    there.hear(event, [*range(301, 2_000), 300])
    assert there.told(token) == [*range(301, 2_000), 300]


def test_what_is_fired_again_is_not_taken_for_the_first_where_that_was_dropped(here, event):
    there = Replica(max_events=400)
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 1_000))
    token = here.token
    there.hear(event, [*range(1_000, 1_390), 999, *range(1_390, 1_410)])
    with pytest.raises(ResumeTokenExpired):
        there.told(token)


def test_what_is_fired_again_after_a_gap_is_not_taken_for_the_first(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 100))
    there.relink(200)
    there.hear(event, [99, 201])
    assert there.told(here.token) == ["node_connection_lost", 99, 201]


RECORDED_INVERSION = 296
"""The most that was seen on a real switch."""


def test_one_that_missed_the_last_event_told_has_what_the_switch_pushed_behind_it(
    here, there, event
):
    overtaken = range(1_000, 1_000 + RECORDED_INVERSION)
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 1_000))
    here.hear(event, [overtaken.stop])
    there.log.append_gap(Gap(reason=GapReason.UNREADABLE_EVENT, node_id=EAST, count=1))
    there.hear(event, [*overtaken, overtaken.stop + 1])
    told = there.told(here.token)
    assert told[told.index("unreadable_event") :] == [
        "unreadable_event",
        *overtaken,
        overtaken.stop + 1,
    ]


def test_a_replica_that_is_behind_goes_on_with_what_comes(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 2_000))
    here.hear(event, range(2_000, 2_010))
    told = there.told(here.token)
    assert told == list(range(2_010 - MAX_INVERSION, 2_000))


def test_a_replica_that_is_behind_on_a_quiet_switch_needs_nothing_old(there, event):
    here, there = Replica(), Replica(max_events=100)
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, [2])
        replica.link(5, "west", "core-w")
        replica.hear(event, range(6, 1_000), "west", "core-w")
    here.hear(event, [3])
    assert there.told(here.token) == []


def test_the_last_event_of_a_quiet_switch_need_not_be_held(event):
    here, there = Replica(), Replica(max_events=300)
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, [2, 3])
        replica.link(5, "west", "core-w")
        replica.hear(event, range(6, 1_000), "west", "core-w")
    token = here.token
    there.hear(event, [1_000], "west", "core-w")
    assert there.told(token) == [1_000]
    there.hear(event, [4])
    assert there.told(token) == [1_000, 4]


def test_a_replica_whose_link_came_up_later_has_not_all(here, there, event):
    here.link(1)
    here.hear(event, range(2, 100))
    there.link(100)
    there.hear(event, range(101, 10_000))
    with pytest.raises(ResumeTokenExpired):
        there.told(here.token)


def test_one_whose_link_was_up_before_has_all_though_little_was_said(here, there, event):
    here.link(1)
    there.link(50)
    here.hear(event, range(2, 100))
    there.hear(event, range(51, 110))
    assert there.told(here.token) == list(range(100, 110))


def test_what_came_before_the_canary_may_have_been_fired_again_and_proves_nothing(
    here, there, event
):
    here.link(1)
    here.hear(event, range(2, 41))
    there.link(50)
    there.hear(event, [40, *range(51, 60)])
    with pytest.raises(ResumeTokenExpired):
        there.told(here.token)


def test_a_gap_between_is_told(here, there, event):
    here.link(1)
    there.link(2)
    here.hear(event, range(3, 3_000))
    there.hear(event, range(3, 1_000))
    there.relink(5_000)
    there.hear(event, range(5_001, 5_003))
    assert there.told(here.token) == ["node_connection_lost", 5_001, 5_002]


def test_a_gap_that_one_was_not_touched_by_is_not_told(here, there, event):
    here.link(1)
    there.link(2)
    here.hear(event, range(3, 6_000))
    there.hear(event, range(3, 1_000))
    there.relink(5_000)
    there.hear(event, range(5_001, 6_003))
    assert there.told(here.token) == [6_000, 6_001, 6_002]


def test_a_link_that_waited_has_only_what_the_one_before_it_had_not_told(here, event):
    there = Replica(max_events=400)
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 1_000))
    token = here.token
    there.hear(event, range(1_000, 1_500))
    there.relink(500)  # its canary came long before it took over
    there.hear(event, range(1_600, 1_700))
    with pytest.raises(ResumeTokenExpired):
        there.told(token)


def test_a_gap_that_is_not_held_any_more_cannot_be_told(here, event):
    there = Replica(max_events=50)
    here.link(1)
    there.link(2)
    here.hear(event, range(3, 3_000))
    there.hear(event, range(3, 1_000))
    there.relink(5_000)
    token = here.token
    there.hear(event, range(5_001, 5_050))
    assert there.told(token) == ["node_connection_lost", *range(5_001, 5_050)]
    there.hear(event, [5_050])
    with pytest.raises(ResumeTokenExpired):
        there.told(token)


def test_what_was_dropped_is_not_passed_over(here, event):
    there = Replica(max_events=400)
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 1_000))
    token = here.token
    there.hear(event, range(1_000, 1_200))
    assert there.told(token) == list(range(1_000, 1_200))
    there.hear(event, range(1_200, 1_400))
    with pytest.raises(ResumeTokenExpired):
        there.told(token)


def test_a_restart_between_is_told_with_its_gap(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 100))
    token = here.token
    there.relink(5, core="next")
    there.hear(event, range(6, 9), core="next")
    assert there.told(token) == ["node_connection_lost", 6, 7, 8]


def test_one_who_was_told_of_the_restart_is_told_nothing_of_before(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 100))
        replica.relink(5, core="next")
        replica.hear(event, range(6, 9), core="next")
    there.hear(event, [9], core="next")
    assert there.told(here.token) == [9]


def test_one_who_was_told_of_a_restart_and_nothing_since_is_told_of_it_again(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 100))
        replica.relink(5, core="next")
    there.hear(event, [6], core="next")
    assert there.told(here.token) == ["node_connection_lost", 6]


def test_a_replica_that_never_saw_the_switch_process_has_nothing(here, there, event):
    here.link(1)
    here.hear(event, range(2, 100))
    with pytest.raises(ResumeTokenExpired):
        there.told(here.token)
    there.link(5, core="next")
    with pytest.raises(ResumeTokenExpired):
        there.told(here.token)


def test_each_switch_has_its_own_place(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.link(1_000, "west", "core-w")
        replica.hear(event, range(2, 5))
        replica.hear(event, range(1_001, 1_100), "west", "core-w")
    token = here.token
    there.hear(event, range(1_100, 1_103), "west", "core-w")
    there.hear(event, range(5, 7))
    assert there.told(token) == [1_100, 1_101, 1_102, 5, 6]


def test_gaps_of_a_node_before_its_place_are_left_out(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.link(1_000, "west", "core-w")
        replica.hear(event, range(2, 5))
    here.hear(event, range(1_001, 1_100), "west", "core-w")
    there.relink(1_001, "west", "core-w")
    there.hear(event, range(1_002, 1_100), "west", "core-w")
    assert there.told(here.token) == []


def test_a_switch_that_the_token_does_not_know_begins_with_a_gap_and_all_that_is_held(
    here, there, event
):
    here.link(1)
    here.hear(event, range(2, 5))
    there.link(1)
    there.link(1, "west", "core-w")
    there.hear(event, [2, 3], "west", "core-w")
    there.hear(event, range(2, 6))
    assert there.told(here.token) == ["history_expired", 2, 3, 5]


def test_a_token_from_before_any_event_begins_with_all_that_is_held(here, there, event):
    there.link(1)
    there.hear(event, [2, 3])
    assert there.told(here.token) == ["history_expired", 2, 3]


def test_a_number_that_was_made_up_is_not_waited_for(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 100))
    here.hear(event, [100 + MAX_AHEAD + MAX_INVERSION])
    with pytest.raises(ResumeTokenExpired):
        there.told(here.token)


def test_a_number_that_was_made_up_and_is_known_here_too_does_no_harm(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, [2, 3, 1 << 62, 4])
    there.hear(event, [5])
    assert there.told(here.token) == [4, 5]


def test_a_switch_that_is_two_nodes_here_has_a_place_in_each(here, there, event):
    here.link(1)
    there.link(1)
    there.link(1, "also")
    here.hear(event, range(2, 5))
    there.hear(event, range(2, 6))
    there.hear(event, range(2, 6), "also")
    assert there.told(here.token) == [5, 5]


def test_events_of_our_own_have_no_say_in_where_the_place_is(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 5))
    there.log.append(event(sequence=9_000, synthetic=True))
    there.hear(event, [5])
    assert there.told(here.token) == [9_000, 5]


def found(make: Make, sequence: int, core: str = "core") -> Event:
    """What a replica found out by asking, when the switch had come so far."""
    return make(core=core, sequence=sequence, synthetic=True)


def test_what_was_found_out_before_what_was_told_is_old_news(here, there, event):
    here.link(1)
    here.hear(event, range(2, 60))
    there.link(20)
    there.hear(event, range(21, 30))
    there.log.append(found(event, 30))
    there.log.append(found(event, 0))
    there.hear(event, range(31, 50))
    there.log.append(found(event, 59))
    there.log.append(found(event, 60))
    there.log.append(found(event, 9, core="another"))
    assert there.told(here.token) == [*range(21, 30), 0, *range(31, 50), 60, 9]


def test_behind_a_gap_it_is_what_the_gap_is_made_up_for_by(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.hear(event, range(2, 50))
    here.hear(event, range(50, 60))
    there.log.append_gap(Gap(reason=GapReason.SWITCH_OVERLOADED, node_id=EAST))
    there.log.append(found(event, 51))
    assert there.told(here.token) == [*range(2, 50), "switch_overloaded", 51]


def test_what_is_missing_is_told_by_node_where_all_are_known(here, there, event):
    for replica in (here, there):
        replica.link(1)
        replica.link(1_000, "west", "core-w")
    here.hear(event, range(2, 5))
    gaps = there.log.gaps_after(here.token)
    assert [(gap.node_id, gap.last_before and gap.last_before.sequence) for gap in gaps] == [
        (EAST, 4),
        (WEST, None),
    ]


def test_what_is_missing_is_of_any_node_where_one_is_not_known(here, there, event):
    here.link(1)
    here.hear(event, [2])
    assert [gap.node_id for gap in there.log.gaps_after(here.token)] == [None]
    assert [gap.node_id for gap in there.log.gaps_after(EventLog().token_at(1))] == [None]
