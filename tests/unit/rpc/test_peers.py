"""What the streams of one host may take."""

from contextlib import ExitStack

import pytest

from callcontrol.errors import FiltersCostTooMuch, TooManySubscriptions
from callcontrol.events.event import Event
from callcontrol.events.filter import EventFilter
from callcontrol.events.filter_cost import COST_LIMIT
from callcontrol.events.matchers import MAX_COST
from callcontrol.rpc.peers import Peers

PROXY, ANOTHER = "ipv4:10.0.0.1", "ipv4:10.0.0.2"


class Dear:
    """A condition that costs as much as a stream may."""

    cost = COST_LIMIT - 1

    def __call__(self, event: Event) -> bool:
        return bool(event)


def dear() -> EventFilter:
    """One that is like no other."""
    return EventFilter(expression=Dear())


def test_one_host_fills_its_share_of_what_filters_may_cost_and_no_more():
    peers = Peers(max_streams=5_000, most=1_000)
    share = MAX_COST // 5
    with ExitStack() as streams:
        for port in range(share // COST_LIMIT):
            streams.enter_context(peers.place_for(f"{PROXY}:{port}", [dear()]))
        with pytest.raises(FiltersCostTooMuch) as refused, peers.place_for(f"{PROXY}:0", [dear()]):
            pass
        streams.enter_context(peers.place_for(f"{ANOTHER}:1", [dear()]))
    assert (refused.value.limit, refused.value.scope) == (share, "one peer")


def test_equal_filters_of_a_host_cost_once_and_their_room_is_free_when_the_last_one_goes():
    peers = Peers(max_streams=1_000, most=10)
    mine = dear()
    with peers.place_for(PROXY, [mine]):
        with peers.place_for(PROXY, [mine]):
            pass
        with pytest.raises(FiltersCostTooMuch), peers.place_for(PROXY, [dear()]):
            pass
    with peers.place_for(PROXY, [dear()]):
        pass


def test_a_host_that_may_have_all_streams_may_have_all_that_filters_may_cost():
    peers = Peers(max_streams=100, most=100)
    with ExitStack() as streams:
        for _ in range(MAX_COST // COST_LIMIT):
            streams.enter_context(peers.place_for(PROXY, [dear()]))


def test_streams_are_counted_by_host_and_in_all():
    peers = Peers(max_streams=2, most=1)
    with peers.place_for(f"{PROXY}:1", []):
        with pytest.raises(TooManySubscriptions) as own, peers.place_for(f"{PROXY}:2", []):
            pass
        with (
            peers.place_for(ANOTHER, []),
            pytest.raises(TooManySubscriptions) as whole,
            peers.place_for("unix:", []),
        ):
            pass
    assert (own.value.scope, whole.value.scope) == ("one peer", "this replica")
    with peers.place_for(f"{PROXY}:2", []):
        pass
