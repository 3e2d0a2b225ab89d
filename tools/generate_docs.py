"""Generates docs/commands.md from the tables in the code, or checks that it is up to date.

What each RPC sends, what proves it, and how it can fail: from `rpc.effects`, the table of verbs and
the table of errors. Run without arguments it writes; with `--check` it compares and fails when
anything differs. It fails, too, when an RPC that is served has no line, or a verb no RPC.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from callcontrol import errors
from callcontrol.calls.call import CallState
from callcontrol.calls.commands.verb import NOT_ENDED, Confirmation, Verb
from callcontrol.calls.commands.verbs import CONFIRMATIONS
from callcontrol.calls.control import CallControl
from callcontrol.calls.offers.ports import Desk
from callcontrol.calls.picture.service import CallService
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.errors import CallControlError
from callcontrol.events.log import EventLog
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.settings import NodeSettings
from callcontrol.ids import NodeId
from callcontrol.rpc import effects, status
from callcontrol.rpc.call_handling_service import CallHandlingService
from callcontrol.rpc.effects import EFFECTS, NOT_SERVED, Kinds
from callcontrol.rpc.event_service import EventService
from callcontrol.rpc.methods import SERVICES, Method
from callcontrol.rpc.served import api_handlers

TARGET: Final = Path(__file__).resolve().parent.parent / "docs" / "commands.md"

HEAD: Final = """\
# What each RPC does

Made from the code by `tools/generate_docs.py`; do not edit. The comments in
[`proto/`](../proto/callcontrol/v1) say which events an RPC causes, and in which order.

A reply of the switch says no more than that it took the command. A response is `CONFIRMED` when
what proves the command was seen, and `ACCEPTED` when it was not, in time or at all. Where nothing
proves it, it is always `ACCEPTED`.

Errors are `ErrorInfo.reason`, with the gRPC code. Beside those in the tables:

| told by | errors |
|---|---|
"""
COMMON: Final = (
    ("every RPC", effects.ANY_RPC),
    ("every RPC that changes something", effects.MUTATING),
    ("**sending**: every RPC that asks a switch", effects.SENDING),
    ("**a call**: every RPC on one, beside sending", effects.OF_A_CALL),
    ("**a new call**: every RPC that places one, beside sending", effects.NEW_CALL),
    ("**a conference**: every RPC on one, beside sending", effects.OF_A_CONFERENCE),
)
GROUPS: Final = (
    ("a call", effects.OF_A_CALL),
    ("a new call", effects.NEW_CALL),
    ("a conference", effects.OF_A_CONFERENCE),
    ("sending", effects.SENDING),
)
"""How the tables name what is told by many."""
COLUMNS: Final = ("RPC", "sends", "taken by", "proven by", "on", "errors of its own")


def served() -> frozenset[Method]:
    """The RPCs that the server has a handler for."""
    tracker, log = CallTracker(), EventLog()
    calls = CallService(tracker, log, lambda node_id: fleet.get(node_id))
    idle = NodeSettings(node_id=NodeId("none"), host="192.0.2.1", password="none")
    fleet = Fleet([Node(idle, calls)])
    events = EventService(log, fleet.get)
    # cast: no worker comes, so nobody asks for the desk.
    handling = CallHandlingService(cast("Desk", None), log, events.tools)
    control = CallControl(fleet, tracker)
    handlers = api_handlers(control, tracker, log, fleet, events, handling=handling)
    return frozenset(
        method
        for service, methods in SERVICES.items()
        for method in methods
        if method.name in handlers.get(service, {})
    )


def gaps() -> Iterator[str]:
    """What is missing in the tables, a line each."""
    known = {method.label for methods in SERVICES.values() for method in methods}
    for method in sorted(served(), key=lambda method: method.label):
        if method.label not in EFFECTS:
            yield f"{method.label} is served and has no line in rpc/effects.py"
    for label in sorted((EFFECTS.keys() | NOT_SERVED.keys()) - known):
        yield f"{label} has a line in rpc/effects.py and is no RPC"
    used = {verb for effect in EFFECTS.values() for verb in effect.verbs}
    for verb in Verb:
        if verb not in CONFIRMATIONS:
            yield f"the verb {verb.name} has no row in calls/commands/verbs.py"
        if verb not in used:
            yield f"the verb {verb.name} belongs to no RPC in rpc/effects.py"


def document() -> str:
    """The whole page."""
    lines = [HEAD.rstrip("\n")]
    lines += [f"| {whom} | {_errors(kinds)} |" for whom, kinds in COMMON]
    lines += [
        "| every RPC, by a fault of this service | INTERNAL |",
        "| every RPC, when its time runs out | DEADLINE_EXCEEDED: OUTCOME_UNKNOWN |",
    ]
    there = served()
    for service, methods in SERVICES.items():
        lines += ["", f"## {service.rpartition('.')[2]}", ""]
        if rows := [row for method in methods if method in there for row in _rows(method)]:
            lines += [_row(COLUMNS), "|" + "---|" * len(COLUMNS), *rows]
        if missing := [method.name for method in methods if method not in there]:
            lines += [""] if rows else []
            lines.append(f"Not served by this version: {', '.join(missing)}.")
        parts = [(m.name, NOT_SERVED[m.label]) for m in methods if m.label in NOT_SERVED]
        lines += [f"\nNot served of {name} by this version: {part}." for name, part in parts]
    return "\n".join(lines) + "\n"


def _rows(method: Method) -> Iterator[str]:
    effect = EFFECTS[method.label]
    own = _own_errors(effect.errors)
    if not effect.verbs:
        yield _row((f"**{method.name}**", "nothing", "", "", "", own))
        return
    for place, verb in enumerate(effect.verbs):
        row = CONFIRMATIONS[verb]
        name = f"**{method.name}**" if place == 0 else f"{method.name}: {verb.value}"
        cells = (_code(row.sends), _plain(row.acknowledged_by), _proof(method, row))
        yield _row((name, *cells, _states(row, effect.errors), own if place == 0 else "as above"))


def _proof(method: Method, row: Confirmation) -> str:
    if row.proven_by:
        return _plain(row.proven_by)
    return "nothing" if method.is_mutating else "the reply"


def _states(row: Confirmation, kinds: Kinds) -> str:
    if row.states == frozenset(CallState):
        return "any call"
    if row.states == NOT_ENDED:
        return _subject(row, kinds)
    names = [state.value for state in CallState if state in row.states]
    return f"{row.needs}: {', '.join(names)}"


def _subject(row: Confirmation, kinds: Kinds) -> str:
    """What the RPC is about, where no state of a call is asked for."""
    if errors.CallIdTaken in kinds:
        return "a new call"
    if errors.CallHasEnded in kinds:
        return row.needs
    return "a conference" if errors.ConferenceNotFound in kinds else "a node"


def _own_errors(kinds: Kinds) -> str:
    """Those that many tell by the name of their group, the rest in full."""
    named = [(name, group) for name, group in GROUPS if set(group) <= set(kinds)]
    told = {kind for _, group in named for kind in group}
    rest = _errors(tuple(kind for kind in kinds if kind not in told))
    groups = ", ".join(name for name, _ in named)
    return "; ".join(part for part in (f"those of {groups}" if groups else "", rest) if part)


def _errors(kinds: Kinds) -> str:
    by_code: dict[str, list[str]] = {}
    for kind in kinds:
        code, reason = _rule(kind)
        if reason not in by_code.setdefault(code, []):
            by_code[code].append(reason)
    return "; ".join(f"{code}: {', '.join(reasons)}" for code, reasons in by_code.items())


def _rule(kind: type[CallControlError]) -> tuple[str, str]:
    code, reason = status.rules()[kind]
    return code.name, reason


def _code(text: str) -> str:
    return _plain(text) if "|" in text else f"`{text}`"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Generate, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    check: bool = parser.parse_args().check
    if found := list(gaps()):
        sys.exit("\n".join(found))
    page = document()
    if not check:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(page)
    elif not TARGET.exists() or TARGET.read_text() != page:
        sys.exit("docs/commands.md differs from the code\nrun make docs")


if __name__ == "__main__":
    main()
