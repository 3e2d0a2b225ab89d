"""Very many commands on a wire that breaks, some given up by those who sent them: what must hold.

Each command carries a marker of its own. Its reply must show it, or show what only the call it was
sent for has; the wire must see no marker twice, and none where the caller was told that nothing
was sent; each command must end, and nothing of it may be left.
"""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final

from pydantic import SecretStr
from tests.support.cutting_proxy import Chances, CuttingProxy, Seen
from tests.support.stage import Stage, settings_for

from callcontrol.app import Service, running_service
from callcontrol.client.client import Client
from callcontrol.config_switches import NodeEntry
from callcontrol.errors import CommandQueueFull, NodeUnavailable
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.settings import LinkTimings
from callcontrol.simulator import Simulator
from callcontrol.simulator.apis import ApiCall

LINKS: Final = 4
CALLS: Final = 12
WORKERS: Final = 24
TIMINGS: Final = LinkTimings(
    backoff_first_s=0.01,
    backoff_cap_s=0.1,
    stable_after_s=0.05,
    reply_timeout_s=0.5,
    silence_timeout_s=2.0,
    canary_interval_s=0.3,
    probe_interval_s=0.5,
    job_grace_s=1.0,
)
"""What goes wrong is noticed within a second."""

DEADLINE_S: Final = 3.0
"""Of each request."""
MARGIN_S: Final = 2.0
"""How much later than its deadline a command may end on a machine that has other work."""
ENDS_S: Final = 10.0
"""By when what has no deadline of its own has ended all the same."""
QUIET_S: Final = 10.0
"""By when nothing is left over, once nothing is sent any more, but doubts about calls."""
DOUBT_S: Final = 150.0
"""By when it is known whether there is a call whose Originate came to an unknown outcome."""
ECHO: Final = "echo_marker"
STAYS: Final = "sofia/internal/answer@example.org"

EXPECTED: Final = frozenset(
    {
        "done",
        "given up",
        "NodeUnavailable",
        "CommandQueueFull",
        "OutcomeUnknown",
        "RequestFailed job lost",
        "RequestFailed held or not already",
        "RequestFailed UNAVAILABLE NODE_UNREACHABLE",
        "RequestFailed UNKNOWN OUTCOME_UNKNOWN",
        "RequestFailed DEADLINE_EXCEEDED OUTCOME_UNKNOWN",
        "RequestFailed DEADLINE_EXCEEDED",  # told by gRPC itself, on a machine that is busy
        "RequestFailed FAILED_PRECONDITION CALL_STATE",
    }
)
"""How a command may come out."""


@dataclass
class Findings:
    """What came out."""

    kinds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    mismatched: list[str] = field(default_factory=list)
    unsent: set[int] = field(default_factory=set)
    """Markers of commands of which the caller was told that nothing was sent."""
    late: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    left_over: list[str] = field(default_factory=list)

    def mismatch(self, kind: str, expected: str, got: str) -> None:
        """A reply that is another command's."""
        self.mismatched.append(f"{kind}: {expected} expected, {got[:300]!r} came")

    @property
    def commands(self) -> int:
        """How many were begun."""
        return self.kinds.total()

    def problems(self, seen: Seen) -> list[str]:
        """What must not be, a line each."""
        unsent = sorted(marker for marker in self.unsent if seen.markers[marker])
        found = [f"mismatched: {each}" for each in self.mismatched]
        found += [f"{seen.sent_twice} commands were sent twice"] if seen.sent_twice else []
        found += [f"told as not sent, and sent: {each}" for each in unsent]
        found += [f"late: {each}" for each in self.late]
        found += [f"unexpected: {each}" for each in self.outcomes if each not in EXPECTED]
        return found + [f"left over: {each}" for each in self.left_over]

    def figures(self, seen: Seen) -> dict[str, object]:
        """What was done, for people."""
        return {
            "commands": self.commands,
            "mismatched": len(self.mismatched),
            "sent_twice": seen.sent_twice,
            "told_unsent_and_sent": sum(bool(seen.markers[each]) for each in self.unsent),
            "told_unsent": len(self.unsent),
            "longest_s": round(self.longest_s, 3),
            "late": len(self.late),
            "left_over": self.left_over,
            "markers_seen": len(seen.markers),
            "outcomes": dict(sorted(self.outcomes.items())),
            "kinds": dict(sorted(self.kinds.items())),
            "faults": dict(sorted(seen.faults.items())),
        }


@dataclass
class Scene:
    """The service behind a bad wire, and calls that stay."""

    stage: Stage
    proxy: CuttingProxy
    random: Random
    calls: dict[str, str]
    """By its id, what only that call has in its variable `own`."""
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def service(self) -> Service:
        """The service."""
        return self.stage.service

    @property
    def node(self) -> Node:
        """Its only node."""
        (node,) = self.service.fleet.nodes
        return node

    def a_call(self) -> tuple[str, str]:
        """One of the calls, and what only it has."""
        return self.random.choice(tuple(self.calls.items()))


Command = Callable[[Scene, int, Findings], Awaitable[None]]
"""Sends one command with that marker, and looks at its reply. What it raises is its outcome."""


def text(marker: int) -> str:
    """A marker as text."""
    return f"m{marker:08}"


def digits(marker: int) -> str:
    """A marker as digits of a telephone."""
    return f"*{marker:08}"


@asynccontextmanager
async def scene(seed: int, chances: Chances | None = None) -> AsyncIterator[Scene]:
    """A calm wire, and the calls; what happens to the wire is the caller's to say."""
    random = Random(seed)
    async with Simulator(time_scale=0.02) as simulator:
        simulator.apis[ECHO] = lambda call: _echo(call, random)
        proxy = CuttingProxy(simulator.port, random, chances)
        async with proxy.listening():
            entry = NodeEntry(
                name="fs1", host="127.0.0.1", port=proxy.port, password=SecretStr("ClueCon")
            )
            config = settings_for(simulator, command_links=LINKS, confirm_timeout_s=0.5)
            config = config.model_copy(update={"nodes": (entry,)})
            async with (
                running_service(config, TIMINGS) as service,
                Client(f"127.0.0.1:{service.port}") as client,
            ):
                await service.wait_ready()
                stage = Stage(simulator, service, client)
                calls = {}
                for number in range(CALLS):
                    own = f"own-{number}"
                    placed = await stage.call(STAYS, variables={"own": own})
                    calls[placed.call.call_id] = own
                yield Scene(stage, proxy, random, calls)


async def _echo(call: ApiCall, random: Random) -> str:
    """An api command that gives back what it was given, some time later."""
    if random.random() < 0.1:
        await asyncio.sleep(random.uniform(0, 0.01))
    return f"+OK {call.argument}\n"


async def torment(
    scene: Scene, commands: tuple[Command, ...], total: int, *, until_no_doubt: bool = False
) -> Findings:
    """Send so many commands over the bad wire; then let it be a good one, and look around, also
    for calls that may have begun, if there is time for that.
    """
    findings = Findings()
    scene.proxy.is_calm = False
    async with asyncio.TaskGroup() as workers:
        for _ in range(WORKERS):
            workers.create_task(_work(scene, commands, total, findings))
    scene.proxy.is_calm = True
    findings.left_over = await _left_over(scene, until_no_doubt=until_no_doubt)
    return findings


async def _work(
    scene: Scene, commands: tuple[Command, ...], total: int, findings: Findings
) -> None:
    while (marker := next(scene.numbers)) <= total:
        command = scene.random.choice(commands)
        kind = command.__name__
        findings.kinds[kind] += 1
        began_s = time.monotonic()
        outcome = await _outcome(scene, command, marker, findings)
        took_s = time.monotonic() - began_s
        findings.outcomes[outcome] += 1
        findings.longest_s = max(findings.longest_s, took_s)
        if took_s > ENDS_S or (kind.startswith("rpc") and took_s > DEADLINE_S + MARGIN_S):
            findings.late.append(f"{kind} took {took_s:.1f} s")


async def _outcome(scene: Scene, command: Command, marker: int, findings: Findings) -> str:
    """Send it, or send it and change one's mind: at once, within moments, or soon."""
    patience_s = None
    if scene.random.random() < 0.25:
        patience_s = scene.random.choice((0.0, 0.001, 0.003, 0.01, 0.05))
    limit = asyncio.timeout(patience_s)
    try:
        async with limit, asyncio.timeout(2 * ENDS_S):
            await command(scene, marker, findings)
    except TimeoutError:
        return "given up" if limit.expired() else "never ended"
    except (NodeUnavailable, CommandQueueFull) as error:
        findings.unsent.add(marker)
        return type(error).__name__
    except Exception as error:  # noqa: BLE001  each way to fail is counted, and judged at the end
        reason = getattr(error, "reason_name", "")
        return f"{type(error).__name__} {reason}".strip()
    return "done"


async def _left_over(scene: Scene, *, until_no_doubt: bool) -> list[str]:
    """What is still there when everything must have ended."""
    deadline_s = time.monotonic() + (DOUBT_S if until_no_doubt else QUIET_S)
    gc.collect()  # a job is gone when nobody holds it, and a traceback in a circle does
    found = _pending(scene, doubts=until_no_doubt)
    while found and time.monotonic() < deadline_s:
        await asyncio.sleep(0.1)
        found = _pending(scene, doubts=until_no_doubt)
    return found


def _pending(scene: Scene, *, doubts: bool) -> list[str]:
    status, service = scene.node.status, scene.service
    unanswered = sum(link.pending_commands for link in status.connections)
    known, there = service.tracker.count(scene.node.node_id), len(scene.stage.simulator.switch.legs)
    in_doubt = service.tracker.expected.count(scene.node.node_id)
    calling_off = service.control.late_work  # watches calls that may yet begin, for a while
    places = service.control.placement.calls_on(scene.node.node_id) - known - in_doubt
    facts = {
        "commands wait for a link": status.waiting_commands,
        "commands are unanswered": unanswered,
        "jobs are under way": status.jobs,
        "calls are watched": max(0, service.tracker.watching - calling_off),
        "calls are being called off": calling_off if doubts else 0,
        "calls may have begun": in_doubt if doubts else 0,
        "places are kept": places,
        "calls are known that are not there, or not known": abs(known - there),
        "calls have not ended": known - len(scene.calls),
        "the node is not ready": 0 if scene.node.is_ready else 1,
    }
    return [f"{number} {what}" for what, number in facts.items() if number]
