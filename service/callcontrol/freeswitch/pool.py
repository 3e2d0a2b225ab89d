"""The command links of one node: which command is written on which link, and which waits.

One command at a time on each link; the rest waits in one bounded queue. All state changes happen
in plain functions between awaits. A command is written once or not at all.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

from callcontrol.errors import CommandQueueFull, NodeUnavailable, OutcomeUnknown
from callcontrol.esl.commands import Api, Command
from callcontrol.freeswitch.dial import open_link, within
from callcontrol.freeswitch.link import Link
from callcontrol.freeswitch.redial import Redial
from callcontrol.freeswitch.replies import Answer, LinkLost, Waiter
from callcontrol.freeswitch.settings import LinkTimings, NodeSettings
from callcontrol.freeswitch.status import ConnectionStatus, NodeCounters

PROBE = Api("global_getvar", "core_uuid")
"""Cheap, and without effect. Any answer will do, also a refusal."""

_FIRST_COMMAND = Api("version")
_VERSION_PREFIX = "FreeSWITCH Version "
_RETRY_WHEN_FULL_S = 1.0


class CommandPool:
    """Sends commands to one node. `run` keeps its links up; without it every command fails."""

    def __init__(
        self, settings: NodeSettings, timings: LinkTimings, counters: NodeCounters, redial: Redial
    ) -> None:
        self._settings, self._timings = settings, timings
        self._counters, self._redial = counters, redial
        self._links: list[Link | None] = [None] * settings.command_links
        self._waiting: dict[Waiter, tuple[Command, Callable[[], None]]] = {}
        """In the order of arrival."""
        self._available = asyncio.Event()
        self.latency_s = 0.0
        """Time the last probe took, 0 before the first."""
        self.version = ""
        """The switch's version, as far as it may be asked; heartbeats tell it too."""

    @property
    def is_available(self) -> bool:
        """Whether a command link is up."""
        return any(link is not None and link.is_open for link in self._links)

    @property
    def waiting(self) -> int:
        """Commands that wait for a free link."""
        return len(self._waiting)

    @property
    def connections(self) -> tuple[ConnectionStatus, ...]:
        """All links, those that are down too."""
        return tuple(
            ConnectionStatus(
                purpose="commands",
                connected=link is not None and link.is_open,
                pending_commands=link.pending if link is not None else 0,
            )
            for link in self._links
        )

    async def wait_available(self) -> None:
        """Await a command link."""
        await self._available.wait()

    async def run(self) -> None:
        """Keep the links up until cancelled; then fail what still waits."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for place in range(len(self._links)):
                    tasks.create_task(
                        self._redial.keep_up(
                            "commands",
                            self._dial,
                            partial(self._serve, place),
                            prove=self._greet,
                        ),
                        name=f"{self._settings.node_id} commands {place}",
                    )
        finally:
            self._fail_waiting("this service stops using it")

    async def request(self, command: Command, on_sent: Callable[[], None] = lambda: None) -> Answer:
        """Write a command on a free link, after those that came before it; await the answer.

        A refusal by the switch is an answer. Raises NodeUnavailable or CommandQueueFull (nothing
        was written), OutcomeUnknown (written, and the link lost), UnencodableValue. Ends by one
        of these; how long that may take is the caller's business. Cancelled while it waits, the
        command is never written; cancelled later, it runs, and its answer is dropped. `on_sent`
        is called just before it is written.
        """
        command.encode()  # what cannot be carried takes no place, and fails where it was asked for
        if not self.is_available:
            self._counters.unsent_commands += 1
            raise self.unavailable("no command link is up")
        if len(self._waiting) >= self._settings.max_waiting_commands and not self._free_link():
            self._counters.unsent_commands += 1
            raise CommandQueueFull(self._settings.node_id, len(self._waiting), _RETRY_WHEN_FULL_S)
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = (command, on_sent)
        self._write_waiting()
        try:
            outcome = await waiter
        finally:
            if self._waiting.pop(waiter, None) is not None:
                self._counters.unsent_commands += 1
        if isinstance(outcome, LinkLost):
            self._counters.unknown_outcomes += 1
            raise OutcomeUnknown(self._settings.node_id, outcome.reason) from outcome
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def unavailable(self, reason: str) -> NodeUnavailable:
        """The error for a caller who needs what the node does not offer now."""
        trouble = self._redial.trouble
        return NodeUnavailable(
            self._settings.node_id,
            f"{reason} ({trouble.reason})" if trouble else reason,
            max(self._redial.retry_in_s, self._timings.backoff_first_s),
        )

    def _write_waiting(self) -> None:
        """Give waiting commands to free links until there are no more of either."""
        while self._waiting and (link := self._free_link()) is not None:
            waiter, (command, on_sent) = next(iter(self._waiting.items()))
            del self._waiting[waiter]
            if waiter.done():  # cancelled a moment ago, and its owner has not run since
                self._counters.unsent_commands += 1
                continue
            on_sent()
            link.begin(command, waiter)

    def _free_link(self) -> Link | None:
        for link in self._links:
            if link is not None and link.is_open and link.pending == 0:
                return link
        return None

    def _fail_waiting(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting:
            self._counters.unsent_commands += 1
            if not waiter.done():
                waiter.set_result(self.unavailable(reason))

    def _dial(self) -> AbstractAsyncContextManager[Link]:
        return open_link(self._settings, self._timings, self._counters, on_idle=self._write_waiting)

    async def _greet(self, link: Link) -> None:
        async with within(self._timings.handshake_timeout_s, "answer to the first command"):
            answer = await self._ask(link, _FIRST_COMMAND)
        if answer.text.startswith(_VERSION_PREFIX):
            self.version = answer.text.removeprefix(_VERSION_PREFIX).partition(" ")[0]

    async def _serve(self, place: int, link: Link) -> str:
        """Let commands use the link until it is lost; probe it now and then while it is idle."""
        self._links[place] = link
        self._available.set()
        self._write_waiting()
        try:
            while True:
                try:
                    async with asyncio.timeout(self._timings.probe_interval_s):
                        return await link.wait_ended()
                except TimeoutError:
                    if link.pending == 0:
                        await self._ask(link, PROBE)
        finally:
            self._links[place] = None
            if not self.is_available:
                self._available.clear()
                self._fail_waiting("the last command link was lost")

    async def _ask(self, link: Link, command: Command) -> Answer:
        """Ask on our own behalf, and note how long it took."""
        began_at = time.monotonic()
        answer = await link.request(command)
        self.latency_s = time.monotonic() - began_at
        return answer
