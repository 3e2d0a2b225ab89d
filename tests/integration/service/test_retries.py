"""A client that repeats Originate after each lost connection gets one call for each request id."""

from tests.support.retries import Trial


async def test_however_often_connections_are_lost_each_request_makes_one_call() -> None:
    figures = await Trial(losses=60, seed=1).run()

    assert figures.lost == 60
    assert figures.repeats > 0
    assert set(figures.made) == {1}
