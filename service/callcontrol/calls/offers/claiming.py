"""Errands for the claims on calls: they are got, looked after, left, and changed hands.

What changes hands between replicas is told to the switch first and looked at after, by both sides,
so that one of the two sees the other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from callcontrol.calls.offers.handed import HandedCall
from callcontrol.calls.offers.machine import Stage
from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.offers.ports_errands import Claimant, Fetcher
from callcontrol.calls.offers.ports_switch import Claims, Hands, Standing
from callcontrol.calls.offers.settings import OfferSettings
from callcontrol.calls.offers.tasks import CallTasks
from callcontrol.calls.offers.timers import Timers
from callcontrol.calls.offers.workers import RegisteredWorker
from callcontrol.errors import CallHasEnded, CallNotFound

Work = Callable[[], Awaitable[None]]
Then = Callable[[], None]

_FRESH_S: Final = 1.0
"""No guard is meant to go off so soon."""


class ClaimErrands:
    """Each is done after those given before for the same call, within `task_timeout_s`, and tells
    how it went.
    """

    def __init__(
        self,
        claims: Claims,
        hands: Hands,
        tasks: CallTasks,
        *,
        timers: Timers,
        settings: OfferSettings,
    ) -> None:
        self._claims, self._hands = claims, hands
        self._tasks, self._timers, self._settings = tasks, timers, settings
        self._claimant: Claimant
        self._fetcher: Fetcher

    def connect(self, claimant: Claimant, fetcher: Fetcher) -> None:
        """Whom to tell; before the first errand."""
        self._claimant, self._fetcher = claimant, fetcher

    def claim(self, call: HandedCall) -> None:
        """Try to get the claim on a call, and where it is not known any more, ask whose the call
        is.
        """
        call.is_asking = True

        async def work() -> None:
            holder = await self._take(call)
            if holder and await self._claims.is_gone(call.node_id, holder):
                holder = await self._take_over(call, holder)
            standing = None
            if not holder and (not call.is_known or call.was_left_to_others):
                standing = await self._hands.standing(call.call_id)
            may_leave = not holder and await self._has_just_lost_its_guard(call, standing)
            if call.is_known and standing is not None and not standing.worker_name:
                standing = None  # nobody got it meanwhile; what its bell said still holds
            answered = partial(self._claimant.claim_answered, call, holder, standing)
            if may_leave:  # seen by then, and nothing is done to a call that is asked about
                self._timers.call_later(self._settings.retry_s, answered)
            else:
                answered()

        def failed() -> None:
            self._claimant.claim_failed(call)

        self._give(call, "claim", work, failed=failed)

    def verify(self, call: HandedCall) -> None:
        """Look whether the claim still is ours. Who took it from us while we could not be seen
        gives the call to nobody for the resume window, so that its owner may keep it.
        """

        async def work() -> None:
            if not call.may_be_claimed:
                return  # left, or lost, since this was asked for
            former = holder = await self._take(call)
            if former and await self._is_its_owners(call):
                holder = await self._take_over(call, former)
                if not await self._is_its_owners(call):
                    # Not left to nobody: the former one may have an offer of it open.
                    await self._claims.give_back(call.node_id, call.call_id, former)
                    holder = former
            self._claimant.claim_verified(call, holder)

        self._give(call, "verify the claim", work, failed=self._later(self.verify, call))

    def leave_claim(self, call: HandedCall) -> None:
        """Let others have the call."""
        call.is_claimed = call.may_be_claimed = False

        async def work() -> None:
            await self._claims.leave(call.node_id, call.call_id)

        self._give(call, "leave the claim", work)

    def end_window(self, call: HandedCall, policy: LostWorkerPolicy) -> None:
        """The worker did not come back: have the switch remember that, unless another replica has
        the claim; again until it can be asked.
        """

        async def work() -> None:
            if call.stage is not Stage.LOST:
                return
            if policy is LostWorkerPolicy.OFFER_AGAIN:
                holder = await self._freed(call)
            else:
                holder = await self._take(call)
            self._claimant.window_over(call, holder, policy)

        def again(call: HandedCall) -> None:
            self.end_window(call, policy)

        self._give(call, "end the window", work, failed=self._later(again, call))

    def fetch(self, call: HandedCall, worker: RegisteredWorker) -> None:
        """Look whether a worker may have a call that it asks for, and claim it."""

        async def work() -> None:
            standing = await self._hands.standing(call.call_id)
            holder: str | None = None
            if _may_have(worker, standing):
                holder = await self._take(call)
                if holder:
                    holder = await self._take_over(call, holder)
                # Who had the claim may just have given the call up, and looks at the claim after
                # it has told the switch: one of the two sees the other.
                standing = await self._hands.standing(call.call_id)
            if holder == "" and standing.is_guarded:
                await self._take_off_guard(call)
            may_have = _may_have(worker, standing)
            if call.stage is Stage.GONE:
                await self._claims.leave(call.node_id, call.call_id)
            self._fetcher.fetched(call, worker, standing, holder, may_have=may_have)

        def failed() -> None:
            self._fetcher.fetch_failed(call, worker)

        def over() -> None:
            self._fetcher.fetched_nothing(call, worker)

        self._give(call, "fetch", work, failed=failed, over=over)

    def take_off_guard(self, call: HandedCall) -> None:
        """Keep the switch from taking a call away that is claimed here; again until done."""

        async def work() -> None:
            if call.is_claimed:
                await self._take_off_guard(call)

        self._give(call, "take off the guard", work, failed=self._later(self.take_off_guard, call))

    async def _take_off_guard(self, call: HandedCall) -> bool:
        was_on = await self._hands.take_off_guard(call.call_id)
        call.is_guarded = False
        return was_on

    async def _has_just_lost_its_guard(self, call: HandedCall, standing: Standing | None) -> bool:
        """Take the guard off before anything is done to a call. Whether the switch may have been
        about to take the call away: not yet if it has just come.
        """
        is_fresh = call.is_known and self._timers.time() - call.rang_s < _FRESH_S
        is_guarded = call.is_guarded or (standing is not None and standing.is_guarded)
        if not is_guarded or call.stage is Stage.GONE:
            return False
        return await self._take_off_guard(call) and not is_fresh

    async def _take(self, call: HandedCall) -> str:
        call.may_be_claimed = True
        holder = await self._claims.take(call.node_id, call.call_id)
        # It may have been left meanwhile: that is done next.
        call.may_be_claimed, call.is_in_doubt = call.may_be_claimed and not holder, False
        return holder

    async def _take_over(self, call: HandedCall, holder: str) -> str:
        call.may_be_claimed = True
        holder = await self._claims.take_over(call.node_id, call.call_id, holder)
        call.may_be_claimed = call.may_be_claimed and not holder
        return holder

    async def _is_its_owners(self, call: HandedCall) -> bool:
        """Whether the switch has the same owner for it as we have, by the same registration: one
        that went away may be another replica's. The registration stays where the owner is removed.
        """
        if call.stage is not Stage.OWNED:
            return False
        standing = await self._hands.standing(call.call_id)
        is_same = standing.worker_id == call.worker_id
        return is_same and standing.worker_name == call.worker_name

    async def _was_taken(self, call: HandedCall) -> bool:
        """Whether another replica took a call over as this one could not be seen: it may have a
        worker that has the call.
        """
        if not call.is_in_doubt and not self._claims.may_count_as_gone(call.node_id):
            return False
        holder = await self._take(call)
        self._claimant.claim_verified(call, holder)
        return bool(holder)

    async def _freed(self, call: HandedCall) -> str:
        """Have the switch remember that a call has no owner; who has the claim then."""
        holder = await self._take(call)
        if not holder:
            await self._hands.note_free(call.call_id, call.application)
            holder = await self._take(call)
        return holder

    def _later(self, errand: Callable[[HandedCall], None], call: HandedCall) -> Then:
        """Do it again in a while. It looks by then whether it still is to be done."""

        def later() -> None:
            self._timers.call_later(self._settings.retry_s, lambda: errand(call))

        return later

    def _give(
        self,
        call: HandedCall,
        what: str,
        work: Work,
        *,
        failed: Then = lambda: None,
        over: Then = lambda: None,
    ) -> None:
        """`over` where the call is no more, which is told by an event or by reconciliation."""

        async def bounded() -> None:
            try:
                async with asyncio.timeout(self._settings.task_timeout_s):
                    await work()
            except (CallHasEnded, CallNotFound):
                over()
                raise
            except Exception:
                failed()
                raise

        self._tasks.give(call.call_id, what, bounded)


def _may_have(worker: RegisteredWorker, found: Standing) -> bool:
    return found.worker_name == worker.name
