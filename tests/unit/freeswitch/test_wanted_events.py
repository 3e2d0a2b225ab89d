"""Which events a switch is asked for, and what can be filtered for then."""

import pytest

from callcontrol.calls.picture import fields
from callcontrol.freeswitch.wanted_events import (
    EVENT_NAMES,
    EVERYTHING,
    OWN_SUBCLASSES,
    WantedEvents,
    read_wanted_events,
)
from callcontrol.simulator.events import EVENT_NAMES as SIMULATED


def sent(wanted: WantedEvents) -> list[str]:
    """The lines that subscribe a link."""
    return [command.encode().decode().removesuffix("\n\n") for command in wanted.commands]


NARROW = read_wanted_events(["DTMF", "TALK", "sofia::register", "CUSTOM"])


def test_everything_is_one_word():
    assert read_wanted_events(["DTMF", "ALL"]) == EVERYTHING
    assert sent(EVERYTHING) == ["event json ALL"]


def test_some_of_everything_can_be_left_out_before_anything_comes():
    wanted = read_wanted_events(["-CODEC", "ALL", "-CHANNEL_STATE"])
    assert sent(wanted) == [
        "filter Event-Name /./",
        "filter Event-Name -CHANNEL_STATE",
        "filter Event-Name -CODEC",
        "event json ALL",
    ]
    assert "node_events" in (wanted.name_problem("CODEC") or "")
    assert wanted.name_problem("API") is None
    assert wanted.subclass_problem("made::up") is None


def test_what_calls_and_links_need_is_asked_for_in_any_case():
    asked = sent(read_wanted_events([]))[0].split()
    names, subclasses = asked[: asked.index("CUSTOM")], asked[asked.index("CUSTOM") :]
    assert {"CHANNEL_CREATE", "CHANNEL_DESTROY", "DTMF", "BACKGROUND_JOB", "HEARTBEAT"} < set(names)
    assert "TALK" not in names
    assert subclasses[1:] == ["callcontrol::canary", "conference::maintenance"]


def test_what_the_operator_wants_comes_beside_it():
    asked = sent(NARROW)[0].split()
    assert "TALK" in asked
    assert asked[asked.index("CUSTOM") :][-1] == "sofia::register"


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (["-CODEC"], "without ALL"),
        (["ALL", "-CHANNEL_ANSWER"], "needed"),
        (["ALL", "-CUSTOM"], "no event"),
        (["ALL", "-COFFEE"], "no event"),
    ],
)
def test_what_cannot_be_left_out_is_refused(wrong: list[str], problem: str):
    with pytest.raises(ValueError, match=problem):
        read_wanted_events(wrong)


@pytest.mark.parametrize("wrong", ["CHANNEL_ANSER", "sofia::*", "a b", "", "ä::b", "x" * 129])
def test_what_no_switch_can_be_asked_for_is_refused(wrong: str):
    with pytest.raises(ValueError, match=r"is no event"):
        read_wanted_events(["DTMF", wrong])


@pytest.mark.parametrize("name", ["TALK", "CHANNEL_ANSWER", "HEARTBEAT", "CUSTOM"])
def test_a_name_that_may_come_can_be_filtered_for(name: str):
    assert NARROW.name_problem(name) is None


def test_a_name_that_never_comes_cannot():
    assert "node_events" in (NARROW.name_problem("NOTALK") or "")
    assert "node_events" not in (EVERYTHING.name_problem("NO_TALK") or "")
    assert EVERYTHING.name_problem("NOTALK") is None
    assert EVERYTHING.name_problem("NO_TALK") is not None


@pytest.mark.parametrize(
    "subclass",
    ["sofia::register", "sofia::*", "*", "conference::maintenance", "callcontrol::node", "callc*"],
)
def test_a_subclass_that_may_come_can_be_filtered_for(subclass: str):
    assert NARROW.subclass_problem(subclass) is None


@pytest.mark.parametrize("subclass", ["sofia::expire", "fifo::*", "sofia"])
def test_a_subclass_that_never_comes_cannot_unless_all_may(subclass: str):
    assert "node_events" in (NARROW.subclass_problem(subclass) or "")
    assert EVERYTHING.subclass_problem(subclass) is None


def test_what_this_service_makes_itself_always_comes():
    assert set(OWN_SUBCLASSES) == {fields.RECONCILED_SUBCLASS, fields.NODE_SUBCLASS}


def test_the_simulator_knows_the_same_names():
    assert SIMULATED - {"ALL"} == EVENT_NAMES
