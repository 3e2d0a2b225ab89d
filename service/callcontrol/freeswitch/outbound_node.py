"""A switch that only the sockets of its calls lead to, for as long as one of them is here.

All that a node of the fleet does for call control is done over these sockets, which the switch
gives all its powers (`async full`). It is there with its first call and gone with its last; of
other calls on it nothing is known, and it gets no new ones.
"""

import re
from collections.abc import Callable
from typing import Final, Protocol
from weakref import WeakSet

from callcontrol.errors import (
    CommandQueueFull,
    NodeDraining,
    NodeUnavailable,
    OutcomeUnknown,
    SwitchRefused,
)
from callcontrol.esl.commands import Api, BackgroundApi, Command
from callcontrol.esl.messages import Reply, SwitchEvent
from callcontrol.freeswitch import fields
from callcontrol.freeswitch.call_data import CallData
from callcontrol.freeswitch.call_link import CallLink, outcome
from callcontrol.freeswitch.fleet import Fleet
from callcontrol.freeswitch.jobs import Job, JobTable
from callcontrol.freeswitch.link import ArrivedEvent
from callcontrol.freeswitch.node import Node
from callcontrol.freeswitch.replies import Answer, LinkLost
from callcontrol.freeswitch.status import NodeCounters
from callcontrol.ids import CallId, CoreUuid, JobId, NodeId

PREFIX: Final = "outbound."
MAX_NODES: Final = 64
"""Switches of this kind at one time, and MAX_NAMES in the life of the service."""
MAX_NAMES: Final = 1_024
MAX_PENDING: Final = 100
"""Commands on one socket that are not answered."""
RETRY_S: Final = 1.0

_HOSTNAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,50}")


class CallObserver(Protocol):
    """Takes what the sockets tell of calls. None of these may raise."""

    def node_came(self, node_id: NodeId, core_uuid: CoreUuid) -> None:
        """The first call of the node is coming."""

    def on_event(self, node_id: NodeId, event: SwitchEvent) -> None:
        """An event of a call, in the order in which its socket told them."""

    def call_left(self, node_id: NodeId, call_id: CallId) -> None:
        """A call is over, or went on where we do not see it."""

    def node_down(self, node_id: NodeId, reason: str) -> None:
        """The last call of the node has left."""


class OutboundNode:
    """Commands for one such switch; see `calls.commands.nodes.CommandNode`."""

    def __init__(self, node_id: NodeId, core_uuid: CoreUuid, observer: CallObserver) -> None:
        self.node_id, self.core_uuid = node_id, core_uuid
        self._observer = observer
        self._links: dict[CallId, CallLink] = {}
        self._jobs = JobTable(NodeCounters())
        self._jobs_on: dict[CallId, WeakSet[Job]] = {}

    @property
    def calls(self) -> int:
        """Calls that are here."""
        return len(self._links)

    def has(self, call_id: CallId) -> bool:
        """Whether a call is here."""
        return call_id in self._links

    @property
    def is_ready(self) -> bool:
        """Whether commands can be sent."""
        return any(link.socket.is_open for link in self._links.values())

    def require_open(self, calls: int) -> None:  # noqa: ARG002  it is full whatever it has
        """It takes no new calls: raises NodeDraining."""
        raise NodeDraining(self.node_id)

    async def api(self, name: str, arguments: str = "") -> str:
        """Run an API command that does not block; give its output. Raises as `Node.api` does."""
        return (await self._request(Api(name, arguments))).text

    async def command(self, command: Command) -> Reply:
        """Send any command. Raises as `api` does."""
        return _as_reply(await self._request(command))

    async def start_job(
        self,
        name: str,
        arguments: str,
        job_id: JobId,
        on_sent: Callable[[], None] = lambda: None,
    ) -> Job:
        """Start an API command that may block; its result comes on the socket that it was sent on.

        Raises as `Node.start_job` does.
        """
        call_id, link = self._freest()
        job = self._jobs.expect(job_id)
        self._jobs_on.setdefault(call_id, WeakSet()).add(job)
        try:
            on_sent()
            reply = _as_reply(await self._ask(link, BackgroundApi(name, arguments, job_id)))
            if not reply.ok:
                raise SwitchRefused(self.node_id, reply.text)
        except BaseException:
            self._jobs.forget(job_id)
            raise
        return job

    async def unpark(self, call_id: CallId) -> bool:
        """Let a call go on with its dialplan; False where it is not here."""
        link = self._links.get(call_id)
        if link is None:
            return False
        await link.go_on()
        return True

    async def caught_up(self) -> None:
        """What the sockets told was taken; nothing else is known of the switch."""

    async def join(self, call_id: CallId, link: CallLink) -> None:
        """A call is here: follow it. Raises LinkLost and NotACall if that is not allowed."""
        self._links[call_id] = link
        await link.follow(self._on_event)

    def leave(self, call_id: CallId) -> None:
        """The socket of a call is closed."""
        if self._links.pop(call_id, None) is None:
            return
        jobs = [job for job in self._jobs_on.pop(call_id, ()) if not job.finished]
        self._jobs.lose(jobs, "its call's socket ended", gone=True)
        self._observer.call_left(self.node_id, call_id)
        if not self._links:
            self._observer.node_down(self.node_id, "its last call has left")

    def _on_event(self, event: ArrivedEvent) -> None:
        if not isinstance(event, SwitchEvent):
            return
        if fields.event_name(event) == "BACKGROUND_JOB":
            self._jobs.on_result(event)
        self._observer.on_event(self.node_id, event)

    def _freest(self) -> tuple[CallId, CallLink]:
        """The socket that the fewest wait for. Raises NodeUnavailable and CommandQueueFull."""
        is_open = [(call_id, link) for call_id, link in self._links.items() if link.socket.is_open]
        if not is_open:
            raise NodeUnavailable(self.node_id, "none of its calls is here", RETRY_S)
        call_id, link = min(is_open, key=lambda each: each[1].socket.pending)
        if link.socket.pending >= MAX_PENDING:
            raise CommandQueueFull(self.node_id, link.socket.pending, RETRY_S)
        return call_id, link

    async def _request(self, command: Command) -> Answer:
        _, link = self._freest()
        return await self._ask(link, command)

    async def _ask(self, link: CallLink, command: Command) -> Answer:
        try:
            return await outcome(link.socket.ask(command))
        except LinkLost as lost:
            if lost.sent:
                raise OutcomeUnknown(self.node_id, lost.reason) from lost
            raise NodeUnavailable(self.node_id, lost.reason, RETRY_S) from lost


class OutboundNodes:
    """The switches of this kind, and with them those of the fleet: whom commands can reach."""

    def __init__(self, fleet: Fleet, observer: CallObserver) -> None:
        self._fleet, self._observer = fleet, observer
        self._nodes: dict[CoreUuid, OutboundNode] = {}
        self._names: set[NodeId] = set()
        """Those ever used: the event log remembers them."""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the fleet: new calls and conferences are for these alone."""
        return self._fleet.nodes

    @property
    def passing(self) -> tuple[OutboundNode, ...]:
        """Those that are here with a call."""
        return tuple(self._nodes.values())

    def get(self, node_id: NodeId) -> Node | OutboundNode:
        """The node of that id, of either kind. Raises NodeNotFound."""
        for node in self._nodes.values():
            if node.node_id == node_id:
                return node
        return self._fleet.get(node_id)

    def choose(self, calls_on: Callable[[NodeId], int]) -> Node:
        """As `Fleet.choose`."""
        return self._fleet.choose(calls_on)

    def of(self, data: CallData) -> OutboundNode | None:
        """The node of a call that came, made with the first one; None where it can have none: its
        host name can be no node's, or is one's already, there are too many, or the call is here.
        """
        node = self._nodes.get(data.core_uuid)
        if node is not None:
            return None if node.has(data.call_id) else node
        name = NodeId(PREFIX + data.hostname)
        taken = {node.node_id for node in self._fleet.nodes}
        taken |= {node.node_id for node in self._nodes.values()}
        if (
            not _HOSTNAME.fullmatch(data.hostname)
            or name in taken
            or len(self._nodes) >= MAX_NODES
            or (name not in self._names and len(self._names) >= MAX_NAMES)
        ):
            return None
        self._names.add(name)
        node = self._nodes[data.core_uuid] = OutboundNode(name, data.core_uuid, self._observer)
        self._observer.node_came(name, data.core_uuid)
        return node

    def left(self, node: OutboundNode, call_id: CallId) -> None:
        """The socket of a call is closed; with its last call a node goes, too."""
        node.leave(call_id)
        if not node.calls:
            self._nodes.pop(node.core_uuid, None)


def _as_reply(answer: Answer) -> Reply:
    return answer if isinstance(answer, Reply) else Reply(answer.text)
