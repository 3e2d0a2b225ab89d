"""The table of what RPCs do is as complete as the API, and says what the API's comments say."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcontrol.calls.commands.verb import Verb
from callcontrol.calls.commands.verbs import CONFIRMATIONS
from callcontrol.rpc.effects import ANY_RPC, EFFECTS, MUTATING
from callcontrol.rpc.methods import SERVICES
from callcontrol.rpc.status import rules

PROTO = Path(__file__).parents[3] / "proto" / "callcontrol" / "v1"
LABELS = {method.label for methods in SERVICES.values() for method in methods}
TOLD = {reason for _, reason in rules().values()}
"""What this version may tell; the API has more reasons."""
ERROR = re.compile(r"\b(?:[A-Z_]+) \(([A-Z_]+)\)")
"""An error as comments name it: `NOT_FOUND (CALL_NOT_FOUND)`."""
RPC = re.compile(r"((?:^  //.*\n)+)^  rpc (\w+)\(", re.MULTILINE)
SERVICE = re.compile(r"^service (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)


def comments() -> Iterator[tuple[str, str]]:
    """Each RPC and what its comment says."""
    for file in PROTO.glob("*.proto"):
        for service, body in SERVICE.findall(file.read_text()):
            for comment, name in RPC.findall(body):
                yield f"{service}/{name}", comment.replace("  //", "")


def test_every_line_is_an_rpc_of_the_api():
    assert EFFECTS.keys() <= LABELS


def test_every_verb_has_its_row():
    assert set(Verb) == set(CONFIRMATIONS)


@pytest.mark.parametrize(
    ("label", "comment"),
    [(label, comment) for label, comment in comments() if label in EFFECTS],
    ids=lambda value: value if "/" in value[:40] else "",
)
def test_an_error_that_the_comment_names_is_in_the_table(label, comment):
    named = set(ERROR.findall(" ".join(comment.split()))) & TOLD
    kinds = (*EFFECTS[label].errors, *ANY_RPC, *MUTATING)
    told = {rules()[kind][1] for kind in kinds} | {"OUTCOME_UNKNOWN", "INTERNAL"}
    assert named <= told


def test_every_rpc_has_a_comment():
    assert {label for label, _ in comments()} == LABELS
