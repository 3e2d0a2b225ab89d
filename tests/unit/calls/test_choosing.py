"""Which calls a snapshot has: those of which an event might pass the filters."""

from collections.abc import Collection

import pytest
from tests.support.channels import Switch, apply_all

from callcontrol.calls.call import Call
from callcontrol.calls.picture.choosing import call_chooser
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.events.filter import EventFilter
from callcontrol.events.string_match import Comparison, StringMatch
from callcontrol.ids import CallId, NodeId

ANN, BEN, CAT = CallId("ann"), CallId("ben"), CallId("cat")


@pytest.fixture
def calls() -> list[Call]:
    """Ann, who sells and is bridged to Ben; Cat, of whom no event carried variables."""
    tracker, switch = CallTracker(), Switch()
    ann, ben, cat = (switch.channel(call_id) for call_id in (ANN, BEN, CAT))
    ann.variables |= {"variable_cc_label_team": "sales", "variable_codes": ["a", "b"]}
    cat.variables = {}
    apply_all(tracker, *(each.event("CHANNEL_CREATE") for each in (ann, ben, cat)))
    bridge = {"Bridge_A_Unique_ID": ANN, "Bridge_B_Unique_ID": BEN, "Other_Leg_Unique_ID": BEN}
    apply_all(tracker, ann.event("CHANNEL_BRIDGE", **bridge))
    return tracker.calls()


def chosen(calls: Collection[Call], *filters: EventFilter) -> set[str]:
    passes = call_chooser(filters)
    return {call.call_id for call in calls if passes(call)}


def label(name: str, text: str, *, invert: bool = False) -> EventFilter:
    match = StringMatch(how=Comparison.EXACT, text=text)
    return EventFilter(labels=frozenset({(name, match)}), invert=invert)


def header(name: str, text: str, *, turned: bool = False, invert: bool = False) -> EventFilter:
    match = StringMatch(how=Comparison.EXACT, text=text, invert=turned)
    return EventFilter(headers=frozenset({(name, match)}), invert=invert)


EVERYBODY = {ANN, BEN, CAT}
CASES = [
    ([], EVERYBODY),
    ([EventFilter()], EVERYBODY),
    ([EventFilter(names=frozenset({"CHANNEL_ANSWER"}))], EVERYBODY),
    ([EventFilter(names=frozenset({"CHANNEL_ANSWER"}), invert=True)], EVERYBODY),
    ([EventFilter(subclasses=frozenset({"x::*"}))], EVERYBODY),
    ([EventFilter(call_ids=frozenset({CAT}))], {CAT}),
    ([EventFilter(call_ids=frozenset({ANN}))], {ANN, BEN}),
    ([EventFilter(call_ids=frozenset({CAT}), invert=True)], {ANN, BEN}),
    ([EventFilter(node_ids=frozenset({NodeId("west")}))], set()),
    ([EventFilter(node_ids=frozenset({NodeId("east")}))], EVERYBODY),
    (
        [EventFilter(names=frozenset({"X"}), node_ids=frozenset({NodeId("west")}), invert=True)],
        EVERYBODY,
    ),
    (
        [EventFilter(names=frozenset({"X"}), node_ids=frozenset({NodeId("west")}))],
        set(),
    ),
    ([label("team", "sales")], {ANN}),
    ([label("team", "sales", invert=True)], {BEN, CAT}),
    ([label("team", "sales"), EventFilter(call_ids=frozenset({CAT}))], {ANN, CAT}),
    ([header("variable_codes", "b")], {ANN, CAT}),
    ([header("variable_codes", "c")], {CAT}),
    ([header("variable_codes", "b", turned=True)], EVERYBODY),
    ([header("variable_codes", "b", invert=True)], EVERYBODY),
    ([header("Answer-State", "early")], EVERYBODY),
]


@pytest.mark.parametrize(("filters", "expected"), CASES)
def test_a_call_is_left_out_only_where_none_of_its_events_could_pass(calls, filters, expected):
    assert chosen(calls, *filters) == expected
