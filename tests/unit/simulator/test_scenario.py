"""What is dialled and what happens then; the dialplan of tests/freeswitch does the same."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from callcontrol.simulator import Answers, HangsUp, Rings, SendsDigits
from callcontrol.simulator.applications import Action
from callcontrol.simulator.scenarios import Scenarios

_CONFIG = Path(__file__).parents[2] / "freeswitch" / "freeswitch.xml"
_DIALLED = [
    "answer",
    "answer-3",
    "ring",
    "ring-answer",
    "ring-answer-7",
    "early",
    "early-answer",
    "busy",
    "reject",
    "unreachable",
    "hangup-CALL_REJECTED",
    "short",
    "hangup-after-4",
    "dtmf-12#",
    "park",
    "inbound-park",
    "bell-menu",
    "bell-menu-8084",
    "guarded-menu-3",
    "guarded-menu-3-8084",
    "left-alone",
]


def actions_of_the_switch(dialled: str) -> list[Action]:
    """The first extension of the context `callcontrol` that matches, with what it caught."""
    config = ET.parse(_CONFIG)  # noqa: S314  (a file of ours)
    for condition in config.iterfind(".//context/extension/condition"):
        match = re.search(condition.attrib["expression"], dialled)
        if match:
            return [caught(action, match) for action in condition.iterfind("action")]
    return []


def caught(action: ET.Element, match: re.Match[str]) -> Action:
    """An action with what the expression caught in the places of `$1`."""
    data = action.get("data", "")
    filled = re.sub(r"\$\{?(\d)\}?", lambda place: match[int(place[1])], data)
    return Action(action.attrib["application"], filled)


@pytest.mark.parametrize("dialled", _DIALLED)
def test_the_extension_is_that_of_the_real_dialplan(dialled: str) -> None:
    assert Scenarios().extension(dialled, "callcontrol") == actions_of_the_switch(dialled)


def test_nobody_has_another_number_or_lives_in_another_context() -> None:
    scenarios = Scenarios()

    assert scenarios.find("4711") is None
    assert scenarios.extension("answer", "elsewhere") is None


def test_a_users_own_script_comes_first() -> None:
    scenarios = Scenarios()
    scenarios.on("answer", Rings(after_s=1).then(Answers(after_s=2)).then(SendsDigits("12#")))
    scenarios.on("4711", HangsUp("USER_BUSY"))

    assert scenarios.extension("4711", "default") == [Action("hangup", "USER_BUSY")]
    assert scenarios.extension("answer", "default") == [
        Action("sleep", "1000"),
        Action("ring_ready"),
        Action("sleep", "2000"),
        Action("answer"),
        Action("send_dtmf", "12#@100"),
        Action("sleep", "600000"),
    ]
