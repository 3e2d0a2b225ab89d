"""Finding conferences, reading them, and sending commands to them.

The switch's list is the truth: nothing of it is kept here. Reads change nothing, so one that is
lost on its way is told as such, and not as a command that may have run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar
from uuid import uuid4

from callcontrol.calls.commands.commander import Commander, cannot_be_carried
from callcontrol.calls.commands.nodes import CommandNode
from callcontrol.calls.conferences.conference import Conference
from callcontrol.calls.conferences.listing import read_list
from callcontrol.calls.conferences.watch import ConferenceWatch
from callcontrol.calls.encoding.dialstring import arguments
from callcontrol.calls.payloads import ConferenceChanged
from callcontrol.deadline import patience_s
from callcontrol.errors import (
    CallControlError,
    ConferenceNotFound,
    InvalidRequest,
    NodeUnavailable,
    OutcomeUnknown,
    SwitchRefused,
    Violation,
)
from callcontrol.esl.errors import UnencodableValue
from callcontrol.freeswitch.jobs import JobLost
from callcontrol.ids import JobId, NodeId

T = TypeVar("T")

_RETRY_IN_S: Final = 1.0
_COMMAND: Final = "conference"
_GLOBAL_WORDS: Final = frozenset({"list", "count", "json_list", "xml_list", "help", "commands"})
"""Names under which the switch takes what follows for arguments of a command of its own, as long
as no conference has them (conference_api.c conference_api_main_real).
"""


class ConferenceNode(CommandNode, Protocol):
    """A node that may have conferences."""

    @property
    def is_ready(self) -> bool:
        """Connected, and answering."""


class ConferenceNodes(Protocol):
    """All nodes."""

    @property
    def nodes(self) -> Sequence[ConferenceNode]:
        """Connected or not."""

    def get(self, node_id: NodeId) -> ConferenceNode:
        """The node of that id. Raises NodeNotFound."""


class Conferences:
    """The conferences of all nodes. Every function raises NodeNotFound for a node that is none and
    NodeUnavailable where nothing can be read.
    """

    def __init__(self, nodes: ConferenceNodes, commander: Commander) -> None:
        self._nodes, self.commander = nodes, commander

    async def get(self, name: str, node_id: NodeId | None = None) -> Conference:
        """The one conference of that name. Raises ConferenceNotFound, and InvalidRequest where
        several nodes have one.
        """
        conference = await self.find(name, node_id)
        if conference is None:
            raise ConferenceNotFound(name)
        return conference

    async def find(self, name: str, node_id: NodeId | None = None) -> Conference | None:
        """The same, or None where there is none."""
        answers = await self._ask_each(self._where(node_id), lambda node: self.read(node, name))
        found = [each for each in answers if isinstance(each, Conference)]
        if len(found) > 1:
            nodes = ", ".join(sorted(each.node_id for each in found))
            problem = f"must name the node, as several have a conference of that name: {nodes}"
            raise InvalidRequest([Violation("node_id", problem)])
        if found:
            return found[0]
        for each in answers:
            if isinstance(each, CallControlError):
                raise each
        return None

    async def all(self, node_id: NodeId | None = None) -> list[Conference]:
        """Every conference, of one node or of all that are connected, in no useful order."""
        found: list[Conference] = []
        for each in await self._ask_each(self._where(node_id), self._read_all):
            if isinstance(each, CallControlError):
                raise each
            found += each
        return found

    async def read(self, node_id: NodeId, name: str) -> Conference | None:
        """One conference as its node lists it; None if it has none of that name."""
        answer = await self._ask(node_id, f"{_word(name)} json_list compact")
        if answer.startswith(_not_found(name)):
            return None
        listed = read_list(answer, node_id, self.commander.tracker.now_us())
        if listed is None and name.lower() not in _GLOBAL_WORDS:
            raise SwitchRefused(node_id, answer)
        return next((each for each in listed or () if each.name == name), None)

    async def command(self, conference: Conference, verb: str, *words: str, rest: str = "") -> str:
        """Send a command that does not block, and give the reply, whatever it is. `words` need no
        quoting, `rest` is quoted already. Raises ConferenceNotFound if it is over, InvalidRequest
        if a value cannot be carried, and what the node raises.
        """
        return await self.send(conference, self.line(conference, verb, *words, rest=rest))

    async def send(self, conference: Conference, line: str) -> str:
        """The same for arguments that are put together already."""
        reply = await self._nodes.get(conference.node_id).api(_COMMAND, line)
        return _of(conference, reply)

    async def job(self, conference: Conference, line: str) -> str:
        """The same for a command that may block: it runs on a thread of the switch's own. Raises
        OutcomeUnknown too when its result is lost.
        """
        node, job_id = self._nodes.get(conference.node_id), JobId(str(uuid4()))
        job = await node.start_job(_COMMAND, line, job_id, lambda: None)
        try:
            # Cancelled here, the command goes on, and the table forgets it.
            return _of(conference, await job.result())
        except JobLost as lost:
            raise OutcomeUnknown(conference.node_id, lost.reason) from lost

    async def api(self, node_id: NodeId, name: str, *words: str) -> str:
        """Another command on a node, of words that need no quoting; its reply, whatever it is."""
        try:
            return await self._nodes.get(node_id).api(name, arguments(words))
        except UnencodableValue as exc:
            raise cannot_be_carried(exc) from exc

    def line(self, conference: Conference, verb: str, *words: str, rest: str = "") -> str:
        """The arguments of `conference` for a command. Raises InvalidRequest."""
        try:
            line = arguments((conference.name, verb, *words))
        except UnencodableValue as exc:
            raise cannot_be_carried(exc) from exc
        return f"{line} {rest}" if rest else line

    def watch(self, node_id: NodeId, name: str) -> ConferenceWatch:
        """Watch a conference, which may not exist yet. Enter before sending a command."""
        return self.commander.tracker.watch_conference(node_id, name)

    async def proof(
        self, watch: ConferenceWatch, found: Callable[[ConferenceChanged], T | None]
    ) -> T | None:
        """What `found` gives for the first event that proves the command; None if none came in
        time. Raises OutcomeUnknown.
        """
        try:
            # As with calls: it bounds how long an answer is held back for the sake of a proof.
            async with asyncio.timeout(patience_s(self.commander.settings.confirm_timeout_s)):
                return await watch.until(found)
        except TimeoutError:
            return None

    def _where(self, node_id: NodeId | None) -> list[NodeId]:
        if node_id is not None:
            return [self._nodes.get(node_id).node_id]
        ready = [node.node_id for node in self._nodes.nodes if node.is_ready]
        if not ready:
            raise NodeUnavailable(NodeId(""), "no node is connected", _RETRY_IN_S)
        return ready

    async def _read_all(self, node_id: NodeId) -> list[Conference]:
        answer = await self._ask(node_id, "json_list compact")
        listed = read_list(answer, node_id, self.commander.tracker.now_us())
        if listed is None:
            raise SwitchRefused(node_id, answer)
        return listed

    async def _ask(self, node_id: NodeId, line: str) -> str:
        try:
            return await self._nodes.get(node_id).api(_COMMAND, line)
        except OutcomeUnknown as error:
            raise NodeUnavailable(node_id, error.reason, _RETRY_IN_S) from error

    async def _ask_each(
        self, node_ids: Sequence[NodeId], ask: Callable[[NodeId], Awaitable[T]]
    ) -> list[T | CallControlError]:
        """Ask all nodes at a time, so that none waits for another. Cancelled, all are."""

        async def answer_of(node_id: NodeId) -> T | CallControlError:
            try:
                return await ask(node_id)
            except CallControlError as error:
                return error

        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(answer_of(node_id), name=f"{node_id} conferences")
                for node_id in node_ids
            ]
        return [each.result() for each in asked]


def _word(name: str) -> str:
    try:
        return arguments((name,))
    except UnencodableValue as exc:
        raise cannot_be_carried(exc) from exc


def _of(conference: Conference, reply: str) -> str:
    """A reply that does not say that the conference is over."""
    if reply.startswith(_not_found(conference.name)):
        raise ConferenceNotFound(conference.name)
    return reply.rstrip("\n")


def _not_found(name: str) -> str:
    return f"-ERR Conference {name} not found"
