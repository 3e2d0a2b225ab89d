"""Filters: which events they pass, and which nodes they may touch."""

import pytest

from callcontrol.events.filter import EventFilter, compile_filters, may_match_node
from callcontrol.ids import CallId, NodeId

REGISTRATIONS = EventFilter(subclasses=frozenset({"sofia::*"}))
EAST = EventFilter(node_ids=frozenset({NodeId("east")}))


def test_no_filter_passes_everything(event):
    assert compile_filters(frozenset())(event())


def test_a_trailing_star_takes_every_subclass_that_begins_so(event):
    passes = compile_filters(frozenset({REGISTRATIONS}))
    assert passes(event("CUSTOM", subclass="sofia::register"))
    assert not passes(event("CUSTOM", subclass="conference::maintenance"))


def test_a_subclass_condition_takes_custom_events_only(event):
    passes = compile_filters(frozenset({EventFilter(subclasses=frozenset({"*"}))}))
    assert passes(event("CUSTOM", subclass="anything"))
    assert not passes(event("CHANNEL_ANSWER"))


def test_a_call_condition_takes_events_of_the_peer_too(event):
    passes = compile_filters(frozenset({EventFilter(call_ids=frozenset({CallId("ann")}))}))
    assert passes(event(call="ann"))
    assert passes(event(call="ben", peers=("ann",)))
    assert not passes(event(call="ben", peers=("cid",)))
    assert not passes(event())


def test_inverting_turns_all_conditions_together_round(event):
    not_east_answers = EventFilter(
        names=frozenset({"CHANNEL_ANSWER"}), node_ids=frozenset({NodeId("east")}), invert=True
    )
    passes = compile_filters(frozenset({not_east_answers}))
    assert not passes(event("CHANNEL_ANSWER", node="east"))
    assert passes(event("CHANNEL_ANSWER", node="west"))
    assert passes(event("CHANNEL_HANGUP", node="east"))


@pytest.mark.parametrize(
    ("wanted", "touched"),
    [
        (EAST, False),
        (EventFilter(node_ids=frozenset({NodeId("east")}), invert=True), True),
        (EventFilter(node_ids=frozenset({NodeId("west")}), invert=True), False),
        (EventFilter(call_ids=frozenset({CallId("ann")})), True),
        (EventFilter(names=frozenset({"CUSTOM"})), True),
        (EventFilter(invert=True), False),
    ],
)
def test_a_filter_knows_which_nodes_it_may_touch(wanted, touched):
    assert may_match_node(frozenset({wanted}), NodeId("west")) is touched
