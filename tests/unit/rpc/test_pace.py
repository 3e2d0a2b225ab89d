"""How long streams linger."""

import pytest

from callcontrol.rpc.pace import MAX_LINGER_S, Pace


class Thread:
    """A thread that works a share of its time."""

    def __init__(self) -> None:
        self.now_s = self.worked_s = 0.0
        self.pace = Pace(lambda: self.now_s, lambda: self.worked_s)

    def lives(self, seconds: float, share: float) -> list[float]:
        """So long, working such a share; how long streams lingered in each hundredth."""
        lingers = []
        for _ in range(round(seconds * 100)):
            self.now_s += 0.01
            self.worked_s += 0.01 * share
            lingers.append(self.pace.linger_s())
        return lingers


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_nobody_lingers_while_the_thread_has_time(share: float) -> None:
    assert set(Thread().lives(10, share)) == {0.0}


def test_a_thread_that_only_works_lingers_as_long_as_may_be_within_half_a_second() -> None:
    lingers = Thread().lives(0.5, 1.0)
    assert lingers == sorted(lingers)
    assert lingers[-1] == MAX_LINGER_S


def test_the_busier_the_faster_it_rises() -> None:
    assert Thread().lives(0.5, 0.8)[-1] < Thread().lives(0.5, 0.95)[-1]


def test_where_lingering_makes_it_neither_busy_nor_idle_it_stays_so() -> None:
    thread = Thread()
    thread.lives(0.3, 0.9)
    settled = thread.lives(0.2, 0.65)[-1]
    assert 0 < settled < MAX_LINGER_S
    assert set(thread.lives(10, 0.65)) == {settled}


def test_when_load_goes_nobody_lingers_any_more() -> None:
    thread = Thread()
    thread.lives(1, 1.0)
    assert thread.lives(2, 0.2)[-1] == 0


def test_after_silence_nobody_lingers() -> None:
    thread = Thread()
    thread.lives(1, 1.0)
    thread.now_s += 5
    assert thread.pace.linger_s() == 0
