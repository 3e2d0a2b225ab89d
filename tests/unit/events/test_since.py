"""Beginning at a time: by the time of day that events tell, though clocks are set."""

from collections.abc import Callable

import pytest
from tests.unit.events.conftest import Clock

from callcontrol.errors import ResumeTokenExpired
from callcontrol.events.event import Event, Gap, GapReason
from callcontrol.events.log import EventLog
from callcontrol.events.since import MARGIN_S

DAY_US = 1_800_000_000_000_000
"""The time of day when the log's clock stands at 1,000 s."""


class Times:
    """A log whose events are told to come at certain seconds after the beginning."""

    def __init__(self, log: EventLog, clock: Clock, event: Callable[..., Event]) -> None:
        self.log, self.clock, self.event = log, clock, event

    @property
    def now_us(self) -> int:
        return DAY_US + round((self.clock.now_s - 1_000) * 1e6)

    def come(self, *seconds: float, fast_s: float = 0.0) -> None:
        """Events come, with the time of day ahead by so much."""
        for second in seconds:
            self.clock.now_s = 1_000 + second
            received_us = self.now_us + round(fast_s * 1e6)
            self.log.append(self.event()._replace(received_us=received_us))

    def since(self, second: float) -> int:
        """The first entry of a stream that begins then."""
        return self.log.start_since(DAY_US + round(second * 1e6), self.now_us).number


@pytest.fixture
def times(log: EventLog, clock: Clock, event: Callable[..., Event]) -> Times:
    return Times(log, clock, event)


def test_it_begins_with_the_first_event_of_that_time_or_later(times):
    times.come(1, 2, 2, 3, 10)
    assert [times.since(second) for second in (0.5, 1, 1.5, 2, 2.000001, 9, 10)] == [
        1,
        1,
        2,
        2,
        4,
        5,
        5,
    ]


def test_after_the_last_event_it_is_now(times):
    times.come(1, 2)
    assert times.since(2.5) == 3


def test_a_gap_right_before_it_is_told(times):
    times.come(1)
    times.log.append_gap(Gap(reason=GapReason.NODE_CONNECTION_LOST))
    times.come(2)
    assert (times.since(1), times.since(1.5), times.since(2)) == (1, 2, 2)


def test_before_the_log_began_nothing_is_held(times):
    times.come(1)
    assert times.since(0) == 1
    with pytest.raises(ResumeTokenExpired):
        times.since(-0.001)


def test_what_was_dropped_is_not_held(times):
    times.come(*range(1, 13))
    assert times.since(2.001) == 3
    with pytest.raises(ResumeTokenExpired):
        times.since(1.9)


def test_what_came_at_the_very_instant_of_something_that_was_dropped_is_not_all_held(times):
    times.come(*range(1, 12), 11, 11)
    with pytest.raises(ResumeTokenExpired):
        times.since(3)
    assert times.since(3.000001) == 4


@pytest.mark.parametrize("fast_s", [0.2, -0.2])
def test_what_was_dropped_is_known_by_the_time_it_told_though_clocks_drift(times, fast_s):
    times.come(*range(1, 4), fast_s=fast_s)
    times.come(*range(4, 14))
    with pytest.raises(ResumeTokenExpired):
        times.since(3 + fast_s)
    assert times.log.oldest_us(times.now_us) > DAY_US + round((3 + fast_s) * 1e6)


def test_now_is_never_too_long_ago(times):
    times.come(1, fast_s=0.5)
    times.come(*[1.1] * 10)
    assert times.log.oldest_us(times.now_us) == times.now_us
    assert times.since(1.1) == times.log.first_number


def test_a_clock_that_was_set_back_long_ago_keeps_nobody_from_beginning(times):
    times.come(*range(1, 4), fast_s=3_600.0)
    times.come(*range(4, 20))
    assert times.since(9 + MARGIN_S) == 10
    assert times.log.oldest_us(times.now_us) <= DAY_US + round((9.01 + MARGIN_S) * 1e6)


def test_the_oldest_time_is_right_after_what_was_dropped(times):
    assert times.log.oldest_us(times.now_us) == DAY_US
    times.come(*range(1, 13))
    oldest_us = times.log.oldest_us(times.now_us)
    assert DAY_US + 2_000_000 < oldest_us < DAY_US + 2_010_000
    assert times.log.start_since(oldest_us, times.now_us).number == 3


def test_a_quiet_log_can_be_begun_from_since_its_last_event_was_dropped(times, clock):
    times.come(1)
    clock.now_s += 100
    times.log.sweep()
    assert times.since(50) == times.log.next_number == 2


def test_clocks_that_drift_a_little_do_not_matter(times):
    times.come(1, 2, 3, fast_s=0.2)
    assert times.since(2.2) == 2
    times.come(4, 5, fast_s=-0.3)
    assert times.since(3.7) == 4


def test_where_the_clock_was_set_too_much_is_told_rather_than_too_little(times):
    times.come(1, 2, 3, fast_s=-3_600.0)
    times.come(10, 11)
    assert times.since(10) == 4
    assert times.since(10 - MARGIN_S) == 4
    times.come(20, 21, fast_s=3_600.0)
    assert times.since(12) <= 6
