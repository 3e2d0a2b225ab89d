"""Comparing who speaks with whom with a node whose tables lag behind."""

import pytest
from tests.unit.calls.test_reconcile import Bench

from callcontrol.calls.call import CallState
from callcontrol.calls.payloads import CallBridged, CallCreated
from callcontrol.ids import CallId

ANN, BEN = CallId("ann"), CallId("ben")
PAIR = {"Bridge_A_Unique_ID": "ann", "Bridge_B_Unique_ID": "ben"}


class Lagging(Bench):
    """Two who speak on a switch, and tables that are asked for what was so before."""

    def speak(self) -> None:
        """Nothing has been told of these two."""
        self.tables.add("ann")
        self.tables.add("ben")
        self.tables.pairs = [("ann", "ben")]

    def partner(self, call_id: CallId) -> CallId | None:
        return self.tracker.require(call_id).bridged_call_id


@pytest.fixture
def bench():
    return Lagging()


async def test_two_who_speak_are_found_so_where_the_tables_have_one_of_them(bench):
    bench.speak()
    bench.tables.shown, bench.tables.shown_pairs = {"ann": "ACTIVE"}, []
    differences = await bench.compare()
    assert bench.slept == []
    assert [type(found) for found in bench.found] == [CallCreated, CallCreated, CallBridged]
    assert bench.partner(ANN) == BEN
    assert bench.partner(BEN) == ANN
    assert bench.tracker.require(BEN).state is CallState.ACTIVE
    assert (differences.found, differences.changed) == (2, 1)


async def test_two_who_speak_are_found_so_where_the_tables_have_no_bridge(bench):
    bench.speak()
    bench.tables.shown_pairs = []
    await bench.compare()
    assert bench.found[-1] == CallBridged(ANN, BEN)


async def test_two_who_speak_are_found_so_where_an_event_told_of_one_of_them_before(bench):
    bench.speak()
    bench.apply(bench.switch.channel("ann").event("CHANNEL_EXECUTE"))
    bench.tables.shown_pairs = []
    await bench.compare()
    assert bench.slept == []
    assert bench.partner(ANN) == BEN


async def test_a_bridge_that_the_tables_still_have_when_it_is_over_is_not_found(bench):
    bench.speak()
    bench.tables.pairs, bench.tables.shown_pairs = [], [("ann", "ben")]
    await bench.compare()
    assert {type(found) for found in bench.found} == {CallCreated}


async def test_a_bridge_that_is_over_when_its_legs_are_found_does_not_come_back(bench):
    bench.speak()
    bench.tables.shown = {"ann": "ACTIVE"}
    ann = bench.switch.channel("ann")

    def part(question: str) -> None:
        if question.startswith("uuid_dump ben"):
            bench.tables.under_way = lambda: bench.apply(ann.event("CHANNEL_UNBRIDGE", **PAIR))

    bench.tables.before_answer = part
    await bench.compare()
    assert bench.partner(ANN) is None


async def test_a_partner_of_which_only_a_variable_tells_is_nobody(bench):
    bench.tables.add("ann", variable_bridge_to="ben")
    await bench.compare()
    assert bench.partner(ANN) is None
    bench.begin("ben")
    await bench.compare()
    assert bench.partner(BEN) is None


async def test_two_who_speak_are_not_parted_because_the_tables_lag_for_long(bench):
    ann, _ = bench.begin("ann", "ben")
    bench.tables.pairs, bench.tables.shown_pairs = [("ann", "ben")], []
    bench.apply(ann.event("CHANNEL_BRIDGE", **PAIR))
    await bench.compare()
    assert bench.slept == [1.0]
    assert bench.found == []
    assert bench.partner(ANN) == BEN


async def test_more_pairs_than_are_looked_at_at_a_time_are_asked_about_once(bench):
    names = [f"{side}{number:03}" for side in "ab" for number in range(100)]
    for name in names:
        bench.tables.add(name)
    bench.tables.pairs = list(zip(names[:100], names[100:], strict=True))
    await bench.compare()
    assert sum(question.startswith("uuid_dump") for question in bench.tables.asked) == 200
    assert all(bench.partner(CallId(name)) is not None for name in names)
