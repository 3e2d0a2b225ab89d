"""What a step of the offer machine has done to a call at the switch."""

from typing import Final

from callcontrol.calls.offers.claiming import ClaimErrands, Then
from callcontrol.calls.offers.handed import HandedCall
from callcontrol.calls.offers.machine import Stage
from callcontrol.calls.offers.ports_switch import Standing

_LOOKING: Final = frozenset({Stage.WAITING, Stage.OFFERED})


class Errands(ClaimErrands):
    """All errands; those for the claims are inherited."""

    def note_owner(self, call: HandedCall, then: Then = lambda: None) -> None:
        """Have the switch remember the owner, and then do that; again until it does, or the owner
        changes.
        """
        worker, tenure = call.owner, call.tenure

        def is_still_so() -> bool:
            # The same worker may have been told that the call is not its own, and got it again.
            return call.owner is worker and call.tenure is tenure

        async def work() -> None:
            if worker is not None and is_still_so():
                policy = call.policy or self._settings.lost_policy
                owner = Standing(
                    application=call.application,
                    worker_name=worker.name,
                    worker_id=worker.worker_id,
                    lost_policy=policy,
                )
                if await self._was_taken(call):
                    return
                await self._hands.note_owner(call.call_id, owner)
                if not await self._was_taken(call):  # that may have been late, too
                    then()

        def again(call: HandedCall) -> None:
            if is_still_so():
                self.note_owner(call, then)

        self._give(call, "note the owner", work, failed=self._later(again, call))

    def play_music(self, call: HandedCall) -> None:
        """Let a call hear something while it waits."""

        async def work() -> None:
            if call.stage in _LOOKING:
                await self._hands.play_music(call.call_id, self._settings.wait_music)

        self._give(call, "play music", work)

    def stop_music(self, call: HandedCall) -> None:
        """End that."""

        async def work() -> None:
            await self._hands.stop_music(call.call_id)

        self._give(call, "stop music", work)

    def go_on(self, call: HandedCall) -> None:
        """Send a call on with the dialplan; again until that is done, as it would be held for
        good, unless another replica has the claim.
        """

        async def work() -> None:
            if call.stage is not Stage.ONWARD:
                return
            if call.may_have_moved and await self._has_moved(call):
                return
            if await self._is_sent_by_us(call):
                await call.door.go_on()
                self._claimant.sent_on(call)

        self._give(call, "go on", work, failed=self._later(self.go_on, call))

    def transfer(self, call: HandedCall) -> None:
        """Send a call where its worker wants it."""

        async def work() -> None:
            destination = call.destination
            if destination is None or call.stage is not Stage.ONWARD:
                return
            if call.is_claimed:
                await self._hands.note_onward(call.call_id)
            call.may_have_moved = True
            await self._hands.transfer(call.call_id, destination)
            self._claimant.sent_on(call)

        def failed() -> None:
            self._claimant.move_failed(call)

        self._give(call, "transfer", work, failed=failed)

    def hang_up(self, call: HandedCall) -> None:
        """End a call; again until the switch takes that."""

        async def work() -> None:
            if call.stage is Stage.ONWARD and await self._is_sent_by_us(call):
                await self._hands.hang_up(call.call_id)

        self._give(call, "hang up", work, failed=self._later(self.hang_up, call))

    def look_after(self, call: HandedCall) -> None:
        """Find out what may have become of a call that could not be seen from here."""
        if call.is_claimed:
            call.is_in_doubt = True
            self.verify(call)
        if call.stage is Stage.ONWARD:
            self.look_again(call)

    def look_again(self, call: HandedCall) -> None:
        """Ask what became of a call that was sent on, as its next park may not have been heard of;
        again until the switch can be asked.
        """

        async def work() -> None:
            if call.stage is Stage.ONWARD:
                standing = await self._hands.standing(call.call_id)
                self._claimant.seen_again(call, standing)

        self._give(call, "look again", work, failed=self._later(self.look_again, call))

    async def _has_moved(self, call: HandedCall) -> bool:
        """Whether a call is where it was to go, though the switch did not answer: no call of ours
        any more, or in the park of another worker, where it is nobody's and its bell rings.
        """
        found = await self._hands.standing(call.call_id)
        return not found.application or not (found.worker_name or found.onward)

    async def _is_sent_by_us(self, call: HandedCall) -> bool:
        """Have the switch remember that a call was sent on; whether that still is ours to do."""
        holder = await self._take(call)
        if not holder:
            await self._hands.note_onward(call.call_id)
            holder = await self._take(call)
        if not holder and call.stage is Stage.GONE:
            await self._claims.leave(call.node_id, call.call_id)
        self._claimant.claim_verified(call, holder)
        return not holder and call.stage is Stage.ONWARD
