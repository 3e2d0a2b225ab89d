"""What two links tell becomes one stream; see tests/property for every order of things."""

import pytest

from callcontrol.freeswitch.merge import Merge, Side

LEFT, RIGHT = Side.LEFT, Side.RIGHT


class Pair:
    """Two links that a test lets tell events by their numbers."""

    def __init__(self, max_behind_events: int = 100, max_held_bytes: int = 100) -> None:
        self.stragglers: list[Side] = []
        self.merge: Merge[int] = Merge(
            key_of=lambda number: number,
            size_of=lambda _: 1,
            on_straggler=self.stragglers.append,
            max_behind_events=max_behind_events,
            max_held_bytes=max_held_bytes,
        )

    def tells(self, side: Side, *numbers: int) -> list[int]:
        """Which of these are passed on."""
        return [number for number in numbers if self.merge.is_new(side, number)]


def joined_pair(max_behind_events: int = 100) -> Pair:
    pair = Pair(max_behind_events)
    pair.merge.joined(LEFT, "left's")
    pair.merge.joined(RIGHT, "right's")
    pair.merge.canary(LEFT, "right's")
    return pair


def test_whichever_link_is_ahead_is_passed_on():
    pair = joined_pair()
    assert pair.tells(LEFT, 1, 2) == [1, 2]
    assert pair.tells(RIGHT, 1, 2, 3) == [3]
    assert pair.tells(LEFT, 3, 4) == [4]


def test_what_the_switch_could_not_queue_for_one_link_is_told_by_the_other():
    pair = joined_pair()
    assert pair.tells(LEFT, 1, 3, 4) == [1, 3, 4]
    assert pair.tells(RIGHT, 1, 2, 3, 4, 5) == [2, 5]
    assert pair.tells(LEFT, 5, 6) == [6]
    assert pair.merge.left_out == 1


def test_a_link_that_left_out_the_last_ones_goes_on_with_the_next():
    pair = joined_pair()
    assert pair.tells(LEFT, 1, 2, 3) == [1, 2, 3]
    assert pair.tells(RIGHT, 1, 4) == [4]
    assert pair.tells(LEFT, 4, 5) == [5]
    assert pair.tells(RIGHT, 5, 6) == [6]
    assert pair.merge.left_out == 2


def test_events_that_look_the_same_are_as_many_as_were_told():
    pair = joined_pair()
    assert pair.tells(LEFT, 7, 7, 7) == [7, 7, 7]
    assert pair.tells(RIGHT, 7, 7, 7, 7) == [7]


def test_a_link_that_comes_later_covers_from_the_first_canary_that_both_told():
    pair = Pair()
    assert pair.merge.joined(LEFT, "left's")
    assert pair.tells(LEFT, 1, 2) == [1, 2]
    assert not pair.merge.joined(RIGHT, "right's")
    assert pair.tells(RIGHT, 4, 5) == []
    assert not pair.merge.covers(RIGHT)
    assert pair.tells(LEFT, 3) == [3]
    assert pair.merge.canary(LEFT, "right's") == [4, 5]
    assert pair.merge.covers(RIGHT)
    assert pair.tells(LEFT, 4, 5, 6) == [6]


def test_a_link_that_joins_late_repeats_nothing_that_was_told_behind_its_canary():
    pair = Pair()
    pair.merge.joined(LEFT, "left's")
    pair.merge.canary(LEFT, "right's")
    assert pair.tells(LEFT, 1, 2) == [1, 2]
    assert not pair.merge.joined(RIGHT, "right's")
    assert pair.merge.covers(RIGHT)
    assert pair.tells(RIGHT, 1, 2, 3) == [3]
    assert pair.merge.left_out == 0


def test_a_canary_older_than_the_other_link_does_not_keep_two_links_apart():
    pair = Pair()
    pair.merge.joined(LEFT, "newer")
    assert pair.tells(LEFT, 2) == [2]
    pair.merge.joined(RIGHT, "older")
    assert pair.tells(RIGHT, 1) == []
    assert pair.merge.waits(RIGHT)
    pair.merge.canary(RIGHT, "newer")
    assert pair.merge.covers(RIGHT)
    assert pair.tells(RIGHT, 2, 3) == [3]


def test_the_one_that_is_left_goes_on_where_the_lost_one_was():
    pair = joined_pair()
    pair.tells(LEFT, 1, 2, 3)
    pair.tells(RIGHT, 1)
    pair.merge.left(LEFT)
    assert pair.merge.is_covered
    assert pair.tells(RIGHT, 2, 3, 4) == [4]


def test_a_link_that_waits_takes_over_behind_a_gap():
    pair = Pair()
    pair.merge.joined(LEFT, "left's")
    pair.merge.joined(RIGHT, "right's")
    pair.tells(RIGHT, 8, 9)
    pair.merge.left(LEFT)
    assert pair.merge.take_over() == (RIGHT, [8, 9])
    assert pair.merge.covers(RIGHT)
    assert pair.merge.take_over() is None


def test_another_switch_process_may_use_the_same_numbers():
    pair = joined_pair()
    assert pair.tells(LEFT, 1) == [1]
    pair.merge.left(LEFT)
    pair.merge.left(RIGHT)
    pair.merge.forget()
    assert pair.merge.joined(LEFT, "left's second")
    assert pair.tells(LEFT, 1) == [1]


def test_a_link_too_far_behind_is_given_up():
    pair = joined_pair(max_behind_events=3)
    assert pair.tells(LEFT, 1, 2, 3, 4, 5) == [1, 2, 3, 4, 5]
    assert pair.stragglers == [RIGHT]
    assert pair.tells(RIGHT, 1) == []
    assert not pair.merge.covers(RIGHT)


def test_a_link_that_joins_too_far_behind_is_given_up():
    pair = Pair(max_behind_events=3)
    pair.merge.joined(LEFT, "left's")
    pair.merge.canary(LEFT, "right's")
    pair.tells(LEFT, 1, 2, 3, 4)
    assert not pair.merge.joined(RIGHT, "right's")
    assert pair.stragglers == [RIGHT]


def test_a_link_that_waits_with_too_much_is_given_up_and_not_the_one_that_covers():
    pair = Pair(max_held_bytes=2)
    pair.merge.joined(LEFT, "left's")
    pair.merge.joined(RIGHT, "right's")
    pair.tells(RIGHT, 1, 2)
    assert pair.stragglers == []
    pair.tells(RIGHT, 3)
    assert pair.stragglers == [RIGHT]
    assert pair.tells(LEFT, 1, 2) == [1, 2]


@pytest.mark.parametrize("side", Side)
def test_a_lost_link_tells_nothing_any_more(side):
    pair = joined_pair()
    pair.merge.left(side)
    assert pair.tells(side, 1) == []
    assert pair.merge.canary(side, "late") == []
    assert pair.tells(side.other, 1) == [1]


def test_a_link_may_be_as_far_behind_as_the_limit_says():
    pair = joined_pair(max_behind_events=3)
    pair.tells(LEFT, 1, 2, 3)
    assert pair.stragglers == []
    assert pair.tells(RIGHT, 1, 2, 3) == []


def test_a_link_that_met_the_other_one_waits_no_more():
    pair = Pair()
    pair.merge.joined(LEFT, "newer")
    pair.merge.joined(RIGHT, "older")
    pair.merge.canary(RIGHT, "newer")
    assert not pair.merge.waits(RIGHT)
    assert pair.merge.left_out == 0


def test_two_links_meet_at_any_canary_that_the_waiting_one_told_first():
    pair = Pair()
    pair.merge.joined(LEFT, "newer")
    pair.merge.joined(RIGHT, "older")
    assert pair.tells(RIGHT, 1) == []
    assert pair.merge.canary(RIGHT, "first") == []
    assert pair.tells(RIGHT, 5) == []
    assert pair.merge.canary(RIGHT, "second") == []
    assert pair.tells(RIGHT, 6) == []
    assert pair.merge.canary(LEFT, "first") == [5, 6]
    assert pair.tells(LEFT, 5) == []
    assert pair.merge.canary(LEFT, "second") == []
    assert pair.tells(LEFT, 6, 7) == [7]
    assert pair.tells(RIGHT, 7) == []
    assert pair.merge.left_out == 0


def test_a_link_that_tells_canaries_long_told_is_given_up():
    pair = Pair(max_behind_events=2)
    pair.merge.joined(LEFT, "left's")
    pair.merge.joined(RIGHT, "older")
    pair.merge.canary(LEFT, "long ago")
    pair.merge.canary(LEFT, "later")
    pair.tells(LEFT, 1, 2, 3)
    pair.merge.canary(RIGHT, "long ago")
    assert pair.stragglers == [RIGHT]
    assert not pair.merge.waits(RIGHT)


def test_a_link_that_joins_with_a_canary_long_told_is_given_up():
    pair = Pair(max_behind_events=2)
    pair.merge.joined(LEFT, "left's")
    pair.merge.canary(LEFT, "right's")
    pair.merge.canary(LEFT, "later")
    pair.tells(LEFT, 1, 2, 3)
    pair.merge.joined(RIGHT, "right's")
    assert pair.stragglers == [RIGHT]


def test_a_link_lost_while_it_waited_takes_nothing_over():
    pair = Pair()
    pair.merge.joined(LEFT, "left's")
    pair.merge.joined(RIGHT, "right's")
    pair.merge.left(RIGHT)
    assert not pair.merge.waits(RIGHT)
    pair.merge.left(LEFT)
    assert pair.merge.take_over() is None


class TestBehindAGap:
    def test_a_link_that_was_under_way_repeats_nothing_that_was_told_before(self):
        pair = Pair(max_behind_events=4)
        pair.merge.joined(LEFT, "left's")
        pair.tells(LEFT, 1)
        pair.merge.canary(LEFT, "later")
        pair.tells(LEFT, 2)
        pair.merge.left(LEFT)
        assert pair.merge.joined(RIGHT, "older")
        assert pair.tells(RIGHT, 0) == [0]
        assert pair.merge.canary(RIGHT, "left's") == []
        assert pair.tells(RIGHT, 1) == []
        assert pair.merge.canary(RIGHT, "later") == []
        assert pair.tells(RIGHT, 2, 3) == [3]
        pair.merge.joined(LEFT, "left's second")
        pair.merge.canary(RIGHT, "left's second")
        assert pair.tells(LEFT, 4, 5, 6) == [4, 5, 6]
        assert pair.stragglers == []
        assert pair.merge.left_out == 0

    def test_nor_does_one_that_waited_and_took_over(self):
        pair = Pair()
        pair.merge.joined(LEFT, "left's")
        pair.tells(LEFT, 1, 2)
        pair.merge.joined(RIGHT, "older")
        pair.merge.left(LEFT)
        assert pair.merge.take_over() == (RIGHT, [])
        pair.merge.canary(RIGHT, "left's")
        assert pair.tells(RIGHT, 1, 2, 3) == [3]

    def test_a_link_so_far_behind_that_nobody_knows_what_it_repeats_is_given_up(self):
        pair = Pair(max_behind_events=2)
        pair.merge.joined(LEFT, "left's")
        pair.tells(LEFT, 1, 2, 3)
        pair.merge.left(LEFT)
        pair.merge.joined(RIGHT, "older")
        assert pair.merge.canary(RIGHT, "left's") == []
        assert pair.stragglers == [RIGHT]
        assert pair.tells(RIGHT, 1) == []

    def test_a_link_from_before_it_does_not_tell_into_it(self):
        pair = Pair()
        pair.merge.joined(LEFT, "left's")
        pair.merge.canary(LEFT, "right's")
        pair.tells(LEFT, 1)
        pair.merge.left(LEFT)
        assert pair.merge.joined(LEFT, "left's second")
        assert pair.tells(LEFT, 3) == [3]
        assert not pair.merge.joined(RIGHT, "right's")
        assert pair.stragglers == [RIGHT]
        assert pair.tells(RIGHT, 1, 2, 3) == []

    def test_canaries_that_both_tell_part_nobody(self):
        pair = Pair()
        pair.merge.joined(LEFT, "left's")
        pair.merge.left(LEFT)
        pair.merge.joined(LEFT, "left's second")
        pair.merge.joined(RIGHT, "right's")
        pair.merge.canary(LEFT, "right's")
        for side in (LEFT, RIGHT):
            pair.merge.canary(side, "later")
        assert pair.stragglers == []
        assert all(pair.merge.covers(side) for side in Side)
