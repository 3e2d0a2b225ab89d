"""CallHandlingService: which workers' streams are open, and how they are asked to leave."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from callcontrol.calls.offers.ports import Desk, WorkerState
from callcontrol.errors import InvalidRequest, ShuttingDown, Violation
from callcontrol.events.log import EventLog
from callcontrol.rpc.aio import Context, read
from callcontrol.rpc.event_filter import Problem, knows_all
from callcontrol.rpc.handlers import Handlers, conversation
from callcontrol.rpc.interceptors import PRINCIPAL
from callcontrol.rpc.stream_tools import Departure, StreamTools
from callcontrol.rpc.worker_request import WorkerRequest, decode, read_registration
from callcontrol.rpc.worker_session import WorkerSession
from callcontrol.v1.call_handling_service_pb2 import HandleCallsRequest

MOVE_TIME_S: Final = 30.0
"""How long before its end a stream says that it will end for the age of its connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlingLimits:
    """What workers may have."""

    max_calls: int = 5_000
    """Calls of one worker at a time."""
    register_s: float = 10.0
    """How long a stream may be open before its worker says who it is."""


class CallHandlingService:
    """Serves HandleCalls for a desk. `stream_end_s` says when a stream that begins now on a
    connection must end; without it streams live on.
    """

    def __init__(
        self,
        desk: Desk,
        log: EventLog,
        tools: StreamTools,
        *,
        limits: HandlingLimits | None = None,
        event_name_problem: Problem = knows_all,
        stream_end_s: Callable[[str], float] | None = None,
    ) -> None:
        self._desk, self._log, self._tools = desk, log, tools
        self._limits, self._stream_end_s = limits or HandlingLimits(), stream_end_s
        self._event_name_problem = event_name_problem
        self._sessions: dict[str, WorkerSession] = {}
        self._is_leaving = False

    @property
    def streams(self) -> tuple[WorkerSession, ...]:
        """Those of registered workers, in the order in which they began."""
        return tuple(self._sessions.values())

    def workers(self) -> list[WorkerState]:
        """What the desk knows of each worker."""
        return self._desk.workers()

    def handlers(self) -> Handlers:
        """The method that is served."""
        return {"HandleCalls": conversation(HandleCallsRequest, self._handle_calls)}

    def leave(self, grace_s: float) -> float:
        """Let no worker come any more, give out no offers, and end the streams in this time. What
        workers have then is found again by them, or by others, at another replica.

        Returns when the last stream ends, in seconds from now.
        """
        self._is_leaving = True
        self._desk.drain(grace_s)
        return grace_s if self._sessions else 0.0

    async def _handle_calls(self, context: Context) -> None:
        await context.send_initial_metadata(())  # tells that somebody listens
        asked = await self._first_words(context)
        if self._is_leaving:
            raise ShuttingDown
        peer = context.peer()
        session = WorkerSession(
            asked,
            self._desk,
            self._log,
            self._tools,
            principal=PRINCIPAL,
            peer=peer,
            departure=self._end_for_age(peer),
        )
        with self._listed(session):
            await session.serve(context)

    async def _first_words(self, context: Context) -> WorkerRequest:
        """Who comes. Raises InvalidRequest."""
        seconds = self._limits.register_s
        try:
            async with asyncio.timeout(seconds):
                raw = await read(context)
        except TimeoutError as error:
            problem = f"must come within {seconds:.0f} s"
            raise InvalidRequest([Violation("register_worker", problem)]) from error
        first = HandleCallsRequest() if raw is None else decode(raw)
        return read_registration(first, self._limits.max_calls, self._event_name_problem)

    @contextmanager
    def _listed(self, session: WorkerSession) -> Iterator[None]:
        self._sessions[session.stream_id] = session
        try:
            yield
        finally:
            session.leave()
            del self._sessions[session.stream_id]
            session.ended.set()

    def _end_for_age(self, peer: str) -> Departure | None:
        if self._stream_end_s is None:
            return None
        end_s = self._stream_end_s(peer)
        return Departure(announce_s=end_s - MOVE_TIME_S, end_s=end_s)
