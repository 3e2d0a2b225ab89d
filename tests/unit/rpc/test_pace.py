"""How long streams linger."""

from callcontrol.rpc.pace import MAX_LINGER_S, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def run(pace: Pace, clock: Clock, messages_per_s: int) -> None:
    """A second at that rate."""
    for _ in range(messages_per_s):
        clock.now += 1 / messages_per_s
        pace.sent()


def test_nobody_lingers_while_messages_are_few():
    clock = Clock()
    pace = Pace(clock)
    run(pace, clock, 1_000)
    assert pace.linger_s() == 0


def test_the_linger_grows_towards_its_bound_as_the_ceiling_comes_near():
    clock = Clock()
    pace = Pace(clock)
    run(pace, clock, 5_000)
    half = pace.linger_s()
    run(pace, clock, 20_000)
    assert 0 < half < MAX_LINGER_S
    assert pace.linger_s() == MAX_LINGER_S


def test_after_silence_nobody_lingers():
    clock = Clock()
    pace = Pace(clock)
    run(pace, clock, 20_000)
    clock.now += 5
    assert pace.linger_s() == 0
