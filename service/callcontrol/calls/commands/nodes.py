"""What call control needs of the switches: sending commands, and a place for a new call."""

from collections.abc import Callable, Sequence
from typing import Protocol

from callcontrol.esl.commands import Command
from callcontrol.esl.messages import Reply
from callcontrol.ids import JobId, NodeId


class RunningJob(Protocol):
    """A command under way on the switch's own thread."""

    async def result(self) -> str:
        """Its output. Raises JobLost."""


class CommandNode(Protocol):
    """What call control needs of a node."""

    @property
    def node_id(self) -> NodeId:
        """Its configured name."""

    def require_open(self, calls: int) -> None:
        """Raise NodeUnavailable, NodeDraining or NodeFull unless the node takes a call beside the
        `calls` that it has.
        """

    async def api(self, name: str, arguments: str = "") -> str:
        """Run an API command that does not block; give its output."""

    async def command(self, command: Command) -> Reply:
        """Send any command of the event socket."""

    async def start_job(
        self, name: str, arguments: str, job_id: JobId, on_sent: Callable[[], None]
    ) -> RunningJob:
        """Start an API command that may block; returns when the switch has taken it. `on_sent` is
        called when it is written, which may be never.
        """


class CommandNodes(Protocol):
    """What call control needs of the fleet."""

    @property
    def nodes(self) -> Sequence[CommandNode]:
        """All of them, connected or not."""

    def get(self, node_id: NodeId) -> CommandNode:
        """The node of that id. Raises NodeNotFound."""

    def choose(self, calls_on: Callable[[NodeId], int]) -> CommandNode:
        """The node for a new call. Raises NodeUnavailable, NodeDraining and NodeFull."""
