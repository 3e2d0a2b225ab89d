"""Pauses between attempts."""

import pytest

from callcontrol.freeswitch.backoff import Backoff


def test_each_delay_is_drawn_from_zero_to_a_bound_that_doubles_up_to_the_cap() -> None:
    ranges: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        ranges.append((low, high))
        return high

    backoff = Backoff(0.25, 20.0, uniform)
    delays = [backoff.next_delay() for _ in range(9)]
    assert delays == [0.25, 0.5, 1, 2, 4, 8, 16, 20, 20]
    assert {low for low, _ in ranges} == {0.0}


def test_a_reset_begins_with_short_delays_again() -> None:
    backoff = Backoff(1.0, 100.0, lambda _, high: high)
    backoff.next_delay()
    backoff.next_delay()
    backoff.reset()
    assert backoff.next_delay() == 1.0


def test_delays_stay_numbers_after_years_of_failures() -> None:
    backoff = Backoff(0.25, 20.0, lambda _, high: high)
    assert [backoff.next_delay() for _ in range(100_000)][-1] == pytest.approx(20.0)
