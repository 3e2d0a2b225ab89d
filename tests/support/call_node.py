"""A node that answers commands as a test tells it to, and calls whose events the test makes up."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from callcontrol.calls.control import CallControl
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import NodeDraining, NodeFull, NodeNotFound, NodeUnavailable
from callcontrol.esl.commands import Command
from callcontrol.esl.messages import HeaderValue, Reply, SwitchEvent
from callcontrol.events.event import Event
from callcontrol.freeswitch.jobs import JobLost
from callcontrol.ids import CallId, JobId, NodeId

A = CallId("aaaaaaaa-0000-4000-8000-000000000001")
B = CallId("bbbbbbbb-0000-4000-8000-000000000002")
FIRST = NodeId("fs1")
CORE = "c0000000-0000-4000-8000-000000000000"
NO_BUGS = "<media-bugs>\n</media-bugs>\n"
"""Of a leg whose sound nothing taps."""

Answer = str | Exception | asyncio.Future[str] | Callable[[str], str]
"""What a command is answered with: at once, by an error, later, or as its arguments are."""


@dataclass
class FakeJob:
    """A bgapi command whose result the test gives."""

    outcome: asyncio.Future[str | JobLost]

    async def result(self) -> str:
        outcome = await asyncio.shield(self.outcome)
        if isinstance(outcome, JobLost):
            raise outcome
        return outcome


@dataclass
class FakeNode:
    """Takes commands, keeps them, and answers."""

    node_id: NodeId = FIRST
    answers: dict[str, Answer] = field(default_factory=lambda: {"uuid_buglist": NO_BUGS})
    """By the name of the command; what is not here is answered `+OK`."""
    sent: list[str] = field(default_factory=list)
    """Every command, with its arguments, in order."""
    arrivals: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    """The same, for waiting until one comes."""
    jobs: dict[JobId, FakeJob] = field(default_factory=dict)
    draining: bool = False
    reachable: bool = True
    limit: int | None = None
    """Calls at which it takes no further one."""
    busy: asyncio.Event | None = None
    """Jobs are sent once this is set."""

    def require_open(self, calls: int) -> None:
        if not self.reachable:
            raise NodeUnavailable(self.node_id, "not ready", 1.0)
        if self.draining:
            raise NodeDraining(self.node_id)
        if self.limit is not None and calls >= self.limit:
            raise NodeFull(self.node_id, self.limit)

    @property
    def is_ready(self) -> bool:
        return self.reachable

    async def caught_up(self) -> None:
        """Its events come before its answers."""

    async def api(self, name: str, arguments: str = "") -> str:
        return await self._answer(name, arguments)

    async def command(self, command: Command) -> Reply:
        text = command.encode().decode().strip().replace("\n", " | ")
        name, _, arguments = text.partition(" ")
        return Reply(await self._answer(name, arguments))

    async def start_job(
        self, name: str, arguments: str, job_id: JobId, on_sent: Callable[[], None]
    ) -> FakeJob:
        job = self.jobs[job_id] = FakeJob(asyncio.get_running_loop().create_future())
        if self.busy is not None:
            await self.busy.wait()
        if self.reachable:
            on_sent()
        await self._answer(name, arguments)
        return job

    @property
    def job(self) -> FakeJob:
        """The one job."""
        (job,) = self.jobs.values()
        return job

    async def _answer(self, name: str, arguments: str) -> str:
        if not self.reachable:
            raise NodeUnavailable(self.node_id, "not connected", 1.0)
        self.sent.append(f"{name} {arguments}".strip())
        self.arrivals.put_nowait(self.sent[-1])
        answer = self.answers.get(name, "+OK\n")
        if isinstance(answer, asyncio.Future):
            return await answer
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, str) else answer(arguments)


@dataclass
class FakeFleet:
    """Nodes by their ids."""

    nodes: tuple[FakeNode, ...]

    def get(self, node_id: NodeId) -> FakeNode:
        for node in self.nodes:
            if node.node_id == node_id:
                return node
        raise NodeNotFound(node_id)

    def choose(self, calls_on: Callable[[NodeId], int]) -> FakeNode:
        for node in self.nodes:
            node.require_open(calls_on(node.node_id))
        return min(self.nodes, key=lambda node: calls_on(node.node_id))


class Desk:
    """Call control over fake nodes, and the pen to write events with."""

    def __init__(self, settings: ControlSettings | None = None, nodes: int = 1) -> None:
        self.nodes = tuple(FakeNode(NodeId(f"fs{number + 1}")) for number in range(nodes))
        self.tracker = CallTracker()
        self.control = CallControl(FakeFleet(self.nodes), self.tracker, settings)
        self._sequence = count(1)

    @property
    def node(self) -> FakeNode:
        return self.nodes[0]

    def happen(self, name: str, call_id: CallId, node: int = 0, /, **headers: HeaderValue) -> Event:
        """An event of a call; underscores in names of headers stand for dashes."""
        all_headers: dict[str, HeaderValue] = {
            "Event-Name": name,
            "Core-UUID": CORE,
            "Event-Sequence": str(next(self._sequence)),
            "Unique-ID": call_id,
        }
        for header, value in headers.items():
            dashed = header if header.startswith("variable_") else header.replace("_", "-")
            all_headers[dashed] = value
        return self.tracker.apply(self.nodes[node].node_id, SwitchEvent(all_headers))

    def ringing(self, call_id: CallId, direction: str = "inbound", *, node: int = 0) -> None:
        """A call that rings."""
        self.happen("CHANNEL_CREATE", call_id, node, Call_Direction=direction)
        self.happen("CHANNEL_PROGRESS", call_id, node, Call_Direction=direction)

    def active(self, call_id: CallId, *, node: int = 0) -> None:
        """A call that was answered."""
        self.ringing(call_id, node=node)
        self.happen("CHANNEL_ANSWER", call_id, node, Answer_State="answered")

    def parked(self, call_id: CallId) -> None:
        """A call that was answered and is parked."""
        self.active(call_id)
        self.happen("CHANNEL_PARK", call_id)

    def bridged(self, first: CallId, second: CallId) -> None:
        """Two calls that were answered, and talk."""
        self.active(first)
        self.active(second)
        self.bridge(first, second)

    def bridge(self, first: CallId, second: CallId) -> None:
        self.happen("CHANNEL_BRIDGE", first, Bridge_A_Unique_ID=first, Bridge_B_Unique_ID=second)

    def hang_up(
        self, call_id: CallId, cause: str = "NORMAL_CLEARING", **headers: HeaderValue
    ) -> None:
        """The first sign of a call's end."""
        self.happen("CHANNEL_HANGUP", call_id, Hangup_Cause=cause, **headers)

    def end(self, call_id: CallId, cause: str = "NORMAL_CLEARING", **headers: HeaderValue) -> None:
        """A call's whole end."""
        self.hang_up(call_id, cause, **headers)
        self.happen("CHANNEL_HANGUP_COMPLETE", call_id, Hangup_Cause=cause, **headers)

    def lose_node(self) -> None:
        """The event link goes."""
        self.tracker.node_lost(self.node.node_id, "the event link was lost")


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until this holds; the limit of time is that of the test."""
    while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0)


def dump(**variables: str) -> str:
    """The reply of `uuid_dump … json`."""
    headers = {"Event-Name": "CHANNEL_DATA", "Unique-ID": A}
    headers |= {f"variable_{name}": value for name, value in variables.items()}
    return json.dumps(headers)
