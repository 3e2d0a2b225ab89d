"""The parts of a trial of handed-over calls: what is done, and what must come of it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from tests.support.callers import Callers
from tests.support.holders import percentile
from tests.support.outbound_trial import (
    NUMBERS,
    OFFER_TIMEOUT_S,
    RESUME_WINDOW_S,
    START_S,
    Trial,
    until,
)
from tests.support.witness import Witnessed
from tests.support.worker_processes import WorkerProcess

SLACK_S: Final = 10.0
"""For programs to start and a busy machine."""
ALONE_S: Final = RESUME_WINDOW_S + OFFER_TIMEOUT_S + SLACK_S
"""The longest that nobody may have a call while there is a service."""
COMPARED: Final = frozenset(
    f"CHANNEL_{name}"
    for name in ("ANSWER", "EXECUTE", "EXECUTE_COMPLETE", "PARK", "UNPARK", "HANGUP")
) | {"PLAYBACK_START", "PLAYBACK_STOP"}
"""Events of a call that its worker must have been told, where no gap was."""


@dataclass
class Part:
    """One part: what was found wrong, and its figures."""

    trial: Trial
    doorbell: str
    stack: AsyncExitStack
    ringing: list[Callers] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)

    async def worker(
        self,
        number: int,
        max_calls: int,
        policy: str,
        *,
        target: str = "",
        program: str = "soak_worker",
        name: str = "",
    ) -> WorkerProcess:
        """A worker until the end of the part, of the service unless another target is named."""
        name = name or f"{self.doorbell}-{len(self.trial.workers)}-{number}"
        return await self.stack.enter_async_context(
            self.trial.worker(name, max_calls, policy, target=target, program=program)
        )

    async def dial(self, count: int, doorbell: str = "") -> Callers:
        """Callers until the end of the part, who just begin to ring."""
        number = NUMBERS[doorbell or self.doorbell]
        ringing = await self.stack.enter_async_context(self.trial.ring(number, count))
        self.ringing.append(ringing)
        return ringing

    async def rang(self, ringing: Callers) -> list[Witnessed]:
        """Their calls, when the switch has all of them."""
        await self.expect(
            lambda: len(self.trial.calls_of(ringing)) == ringing.count,
            START_S,
            f"{ringing.count} calls rang",
        )
        return self.trial.calls_of(ringing)

    async def ring(self, count: int, doorbell: str = "") -> list[Witnessed]:
        """Callers until the end of the part; their calls, when the switch has all of them."""
        return await self.rang(await self.dial(count, doorbell))

    @property
    def calls(self) -> list[Witnessed]:
        """All calls of this part so far."""
        return [call for ringing in self.ringing for call in self.trial.calls_of(ringing)]

    def held_by(self, worker: WorkerProcess) -> list[Witnessed]:
        """The calls of this part that a worker has."""
        return [call for call in self.calls if call.call_id in worker.held]

    async def expect(self, holds: Callable[[], bool], within_s: float, what: str) -> float:
        """Wait for it; a violation if it does not come. Returns how long it took."""
        began_s = time.monotonic()
        if not await until(holds, within_s):
            self.problems.append(f"not within {within_s:g} s: {what}")
        return time.monotonic() - began_s

    async def expect_owned(
        self, calls: Sequence[Witnessed], what: str, since_s: float = 0.0
    ) -> float:
        """Wait until workers have all of them, told so since then."""
        owned = self.trial.owned_since
        took_s = await self.expect(lambda: owned(calls, since_s) == len(calls), ALONE_S, what)
        if missing := len(calls) - owned(calls, since_s):
            self.problems.append(f"{missing} of {len(calls)}: {what}")
        return took_s

    async def over(self) -> None:
        """Wait until all calls have ended, for the switch and for their callers."""
        if not await until(lambda: all(call.destroyed for call in self.calls), ALONE_S):
            alive = [call.call_id for call in self.calls if not call.destroyed]
            self.problems.append(f"{len(alive)} calls were held: {alive[:3]}")
            return
        for ringing in self.ringing:
            self.problems += await ringing.hung_up()

    def judge(self, calls: Sequence[Witnessed], *, kept: bool, longest_s: float = ALONE_S) -> None:
        """Look into the books: `kept` calls have been a worker's until their callers hung up, the
        others have heard the fallback.
        """
        for call in calls:
            account = self.trial.account(call)
            found = list(account.disputes)
            if max(account.alone_s, default=0.0) > longest_s:
                found.append(f"nobody had it for {max(account.alone_s):.1f} s")
            if kept and (not account.owners or account.was_heard or call.who_hung_up != "recv_bye"):
                found.append(f"was not kept: {account.steps}, {call.who_hung_up} {call.cause}")
            if not kept and not self.trial.heard_fallback(call):
                found.append(f"did not hear the fallback: {account.steps}, {call.cause}")
            self.problems += [f"{call.call_id}: {each}" for each in found]

    def judge_events(self, workers: Sequence[WorkerProcess], *, one_order: bool = True) -> None:
        """Compare what workers were told of their calls with what the switch said. Replicas may
        have heard events of one moment in another order than we (`one_order`).
        """
        delivered = missing = gaps = 0
        unordered: list[str] = []
        for worker in workers:
            gaps += len(worker.said("gap"))
            for call_id, told in worker.events.items():
                said = self.trial.witness.calls[call_id].events
                place = {event: at for at, event in enumerate(said)}
                places = [place[event] for event in told if event in place]
                delivered += len(told)
                unordered += [
                    f"{call_id}: {said[sooner]} before {said[later]} by {worker.name}"
                    for sooner, later in pairwise(places)
                    if later < sooner
                ]
                due = {event for event in said[min(places) : max(places)] if event[0] in COMPARED}
                missing += 0 if worker.said("gap") else len(due - set(told))
        self.figures |= {"events_told": delivered, "events_missing": missing, "gaps_told": gaps}
        if missing:
            self.problems.append(f"{missing} events were not told, and no gap")
        if not one_order:
            self.figures["events_in_another_order"] = len(unordered)
        elif unordered:
            self.problems.append(f"{len(unordered)} told out of order: {unordered[:3]}")

    async def judge_what_is_left(self) -> None:
        """Nothing is, on the switch."""
        give_up_s = time.monotonic() + SLACK_S
        witness = self.trial.witness
        while True:
            channels, claims = await witness.channels_left(), await witness.claims_left()
            if not channels and not claims:
                return
            if time.monotonic() > give_up_s:
                left = f"{channels} channels and {claims} claims"
                self.problems.append(f"{left} are left on the switch")
                return
            await asyncio.sleep(0.1)

    def alone_s(self, calls: Sequence[Witnessed], which: int) -> list[float]:
        """How long nobody had each of the calls, the first time (0) or the last time (-1)."""
        spans = (self.trial.account(call).alone_s for call in calls)
        return [each[which] for each in spans if each]

    def spans(self, name: str, seconds: Sequence[float]) -> None:
        """Figures of how long something took."""
        self.figures |= {
            f"{name}_p50_s": round(percentile(seconds, 50), 3),
            f"{name}_max_s": round(max(seconds, default=0.0), 3),
        }
