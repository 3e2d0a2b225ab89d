"""Which request ids were answered lately, and how: the memory that keeps a retry from acting twice.

What becomes of a repeat of the same id by the same caller:

    the first is still running     the repeat waits for it, and gets its answer
    it succeeded                   the first answer again, marked as replayed
    it failed, for good or with    the first failure again, marked as replayed: nothing is done
      an outcome that is unknown   a second time while nobody knows of the first
    it failed and did nothing      forgotten: the repeat is tried anew (malformed, unreachable,
      (`is_definite` is False)     draining, queue full, not served, shutting down; no such call,
                                   over, or in a state that does not allow it: that may change,
                                   and what has ended cannot be done to twice)
    the first was cut off          told as an unknown outcome; what it sent may have run
    the request differs            RequestIdReused, as long as the first is remembered

A method that finds again what an earlier attempt did needs no unknown outcomes: a repeat of one
that was cut off, or whose outcome nobody knows, is run again, and so is one that waits for it.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message

from callcontrol.errors import InvalidRequest, OutcomeUnknown, RequestIdReused, Violation
from callcontrol.ids import NodeId
from callcontrol.rpc.failure import Failure
from callcontrol.rpc.status import failure_of

MAX_REQUEST_ID_LENGTH: Final = 64

Answer = bytes | Failure
"""An encoded response, or what to tell instead of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayLimits:
    """How much is remembered."""

    keep_s: float = 24 * 3600.0
    max_entries: int = 100_000
    max_bytes: int = 64 * 1024 * 1024
    """Of encoded answers. The oldest go first when either bound is met."""


@dataclass(slots=True)
class _Entry:
    fingerprint: bytes
    answer: asyncio.Future[Answer | None]
    """None where the answer is to be found again."""
    answered_s: float = 0.0
    size: int = 0


def request_id_of(request: Message) -> str:
    """What a request is known by; empty where it has nothing of the kind. Raises InvalidRequest."""
    request_id: str = getattr(request, "request_id", "")
    is_plain = request_id.isascii() and request_id.isprintable()
    if len(request_id) > MAX_REQUEST_ID_LENGTH or not is_plain:
        problem = f"must be at most {MAX_REQUEST_ID_LENGTH} printable ASCII characters, a UUID best"
        raise InvalidRequest([Violation("request_id", problem)])
    return request_id


class ReplayWindow:
    """Answers by caller and request id, in the memory of this replica."""

    def __init__(
        self, limits: ReplayLimits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits or ReplayLimits()
        self._clock = clock
        self._running: dict[tuple[str, str], _Entry] = {}
        self._answered: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._bytes = 0
        self.dropped_early = 0
        """Answers that a bound pushed out before their time."""

    def __len__(self) -> int:
        return len(self._running) + len(self._answered)

    async def once(
        self,
        caller: str,
        request_id: str,
        fingerprint: bytes,
        run: Callable[[], Awaitable[Answer]],
        *,
        finds_again: bool = False,
    ) -> tuple[Answer, bool]:
        """Run it, unless it ran already. Returns the answer, and whether it is a replayed one.
        With `finds_again` running it once more does nothing twice.

        Raises RequestIdReused. Cancelled while it waits for another, it changes nothing; cancelled
        while it runs, it leaves an unknown outcome to those that come after.
        """
        self._expire()
        key = (caller, request_id)
        while (entry := self._running.get(key) or self._answered.get(key)) is not None:
            if entry.fingerprint != fingerprint:
                raise RequestIdReused(request_id)
            answer = await asyncio.shield(entry.answer)
            if answer is not None:
                return answer, True
            if self._answered.get(key) is entry:
                self._forget(key)
        return await self._run(key, fingerprint, run, finds_again=finds_again), False

    async def _run(
        self,
        key: tuple[str, str],
        fingerprint: bytes,
        run: Callable[[], Awaitable[Answer]],
        *,
        finds_again: bool,
    ) -> Answer:
        entry = self._running[key] = _Entry(fingerprint, asyncio.get_running_loop().create_future())
        try:
            answer = await run()
        except BaseException:
            cut_off = OutcomeUnknown(NodeId(""), "the first attempt was cut off")
            self._finish(key, entry, None if finds_again else failure_of(cut_off))
            raise
        is_lost = finds_again and isinstance(answer, Failure) and answer.is_unknown_outcome
        self._finish(key, entry, None if is_lost else answer)
        return answer

    def _finish(self, key: tuple[str, str], entry: _Entry, answer: Answer | None) -> None:
        del self._running[key]
        entry.answer.set_result(answer)
        if isinstance(answer, Failure) and not answer.is_definite:
            return
        entry.answered_s = self._clock()
        entry.size = len(answer) if isinstance(answer, bytes) else 0
        self._answered[key] = entry
        self._bytes += entry.size
        while len(self._answered) > self._limits.max_entries or (
            self._bytes > self._limits.max_bytes and len(self._answered) > 1
        ):
            self._forget(next(iter(self._answered)))
            self.dropped_early += 1

    def _expire(self) -> None:
        too_old_s = self._clock() - self._limits.keep_s
        while self._answered:
            key, oldest = next(iter(self._answered.items()))
            if oldest.answered_s >= too_old_s:
                return
            self._forget(key)

    def _forget(self, key: tuple[str, str]) -> None:
        self._bytes -= self._answered.pop(key).size
