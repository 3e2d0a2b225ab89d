"""Sending a command for a call, understanding the reply, and waiting for the proof.

No command is ever sent twice. A reply says no more than taken or refused.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

from callcontrol.calls.call import Call
from callcontrol.calls.commands.nodes import CommandNodes
from callcontrol.calls.encoding.dialstring import arguments
from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.calls.picture.watch import Watch
from callcontrol.calls.placing.placement import Placement
from callcontrol.calls.settings import ControlSettings
from callcontrol.deadline import patience_s
from callcontrol.errors import CallHasEnded, InvalidRequest, SwitchRefused, Violation
from callcontrol.esl.commands import Command
from callcontrol.esl.errors import UnencodableValue
from callcontrol.events.event import Event

T = TypeVar("T")

# Each command has its own words for it; the bare -ERROR of uuid_answer has none.
_NO_SUCH_CALL: Final = (
    "no such channel",
    "no such session",
    "cannot locate session",
    "invalid session id",
    "invalid uuid",
)


class Commander:
    """Sends commands for calls that the tracker knows."""

    def __init__(
        self, nodes: CommandNodes, tracker: CallTracker, settings: ControlSettings
    ) -> None:
        self.nodes, self.tracker, self.settings = nodes, tracker, settings
        self.placement = Placement(nodes, tracker)

    async def api(self, call: Call, name: str, *words: str, rest: str = "") -> str:
        """Run an API command on the node of a call and give its reply, which is no refusal.

        `words` need no quoting, `rest` is quoted already. Raises CallHasEnded, SwitchRefused,
        InvalidRequest (a value cannot be carried, nothing was sent), and what the node raises.
        """
        reply = await self.reply(call, name, *words, rest=rest)
        if reply.startswith("-"):
            self.refused(call, reply)
        return reply

    async def reply(self, call: Call, name: str, *words: str, rest: str = "") -> str:
        """Run an API command on the node of a call and give its reply, whatever it is."""
        try:
            line = arguments((*words,))
            reply = await self.nodes.get(call.node_id).api(name, f"{line} {rest}" if rest else line)
        except UnencodableValue as exc:
            raise cannot_be_carried(exc) from exc
        return reply.rstrip("\n")

    async def send(self, call: Call, command: Command) -> None:
        """Send a `sendmsg` for a call. Raises as `api` does."""
        try:
            reply = await self.nodes.get(call.node_id).command(command)
        except UnencodableValue as exc:
            raise cannot_be_carried(exc) from exc
        if not reply.ok:
            self.refused(call, reply.text)

    def refused(self, call: Call, reply: str) -> NoReturn:
        """Raise CallHasEnded if that is what an error reply means, else SwitchRefused."""
        now = self.now(call)
        if now.is_over or is_no_such_call(reply):
            cause = now.hangup_cause.name if now.hangup_cause else ""
            raise CallHasEnded(call.call_id, cause)
        raise SwitchRefused(call.node_id, reply)

    def now(self, call: Call) -> Call:
        """The call as last seen; as given, once the tracker has forgotten it."""
        return self.tracker.get(call.call_id) or call

    async def proof(
        self,
        watch: Watch,
        found: Callable[[Event], T | None],
        *,
        past_hangup: bool = False,
        past_end: bool = False,
    ) -> T | None:
        """What `found` gives for the first event that proves the command; None if none came in
        time. Raises what `Watch.until` does.
        """
        try:
            # Not a deadline of the caller, who may have none: it bounds how long an answer is held
            # back for the sake of a proof.
            async with asyncio.timeout(patience_s(self.settings.confirm_timeout_s)):
                return await watch.until(found, past_hangup=past_hangup, past_end=past_end)
        except TimeoutError:
            return None


def is_no_such_call(reply: str) -> bool:
    """Whether an error reply says that the call is gone."""
    lower = reply.lower()
    return any(words in lower for words in _NO_SUCH_CALL)


def cannot_be_carried(problem: UnencodableValue) -> InvalidRequest:
    """The last guard refused a value: nothing was sent."""
    return InvalidRequest([Violation(problem.part, problem.problem)])
