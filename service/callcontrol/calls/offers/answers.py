"""How errands at the switch went, as inputs of the offer machine.

The stage may have changed while they were under way: what no longer fits is let go.
"""

from collections.abc import Callable
from typing import Final

from callcontrol.calls.offers.dealing import Dealing
from callcontrol.calls.offers.deeds import Means
from callcontrol.calls.offers.handed import HandedCall
from callcontrol.calls.offers.machine import TABLE, Input, Stage
from callcontrol.calls.offers.ports import Bell, BellKind, Doorbell, LostWorkerPolicy
from callcontrol.calls.offers.ports_switch import Standing
from callcontrol.ids import CallId, NodeId

_WINDOW_OVER: Final = {
    LostWorkerPolicy.OFFER_AGAIN: Input.WINDOW_OVER_OFFER,
    LostWorkerPolicy.CONTINUE_DIALPLAN: Input.WINDOW_OVER_CONTINUE,
    LostWorkerPolicy.HANGUP: Input.WINDOW_OVER_HANGUP,
}


class Answers:
    """Feeds them to the machine."""

    def __init__(
        self,
        means: Means,
        dealing: Dealing,
        door_of: Callable[[NodeId, CallId], Doorbell],
        ring: Callable[[Bell], None],
    ) -> None:
        """`ring` takes the bell of a call that was not heard."""
        self._timers, self._settings, self._picture = means.timers, means.settings, means.picture
        self._dealing, self._door_of, self._ring = dealing, door_of, ring

    def claim_answered(self, call: HandedCall, holder: str, standing: Standing | None) -> None:
        """See `ports_errands.Claimant`."""
        call.is_asking = False
        if call.stage not in {Stage.WAITING, Stage.ELSEWHERE}:
            return  # what makes it go from there leaves the claim
        if holder:
            self._dealing.feed(call, Input.TAKEN_ELSEWHERE)
            return
        if standing is not None and not (standing.application or standing.worker_name):
            # Released to a place where it is no handed-over call any more.
            left = Input.NOT_HANDED if call.stage is Stage.ELSEWHERE else Input.LEFT
            self._dealing.feed(call, left)
            return
        call.is_claimed = True
        if call.stage is Stage.ELSEWHERE:
            call.look_anew(self._timers.time())
        if standing is not None:
            call.learn(standing)
        if call.stage is Stage.ELSEWHERE:
            self._dealing.feed(call, Input.CLAIM_FREE)
        else:
            self._dealing.consider(call)

    def claim_failed(self, call: HandedCall) -> None:
        """The switch could not be asked: it is asked again, if nothing else happens."""
        call.is_asking = False
        if call.stage in {Stage.WAITING, Stage.ELSEWHERE}:
            self._dealing.wake(call, self._settings.retry_s)

    def claim_verified(self, call: HandedCall, holder: str) -> None:
        """Who has the claim that we had; empty for us, unless we have left it since."""
        if not holder:
            call.is_claimed = call.may_be_claimed
        elif Input.TAKEN_ELSEWHERE in TABLE[call.stage]:
            self._dealing.feed(call, Input.TAKEN_ELSEWHERE)

    def seen_again(self, call: HandedCall, standing: Standing) -> None:
        """A call was sent on and may be parked since, of which nothing was heard: at the next park
        of its dialplan, or where it was handed to another worker. It would be held there for good.
        """
        is_parked = self._picture.is_parked(call.call_id)
        if call.stage is not Stage.ONWARD or not is_parked or not standing.application:
            return
        if standing.onward:
            self._dealing.feed(call, Input.BELL)
        elif not standing.worker_name and not call.is_claimed:
            self._ring(
                Bell(
                    call_id=call.call_id,
                    node_id=call.node_id,
                    application=standing.application,
                    kind=BellKind.PARK,
                    door=self._door_of(call.node_id, call.call_id),
                    is_new=True,
                    is_guarded=standing.is_guarded,
                )
            )

    def window_over(self, call: HandedCall, holder: str, policy: LostWorkerPolicy) -> None:
        """The worker did not come back; who has the claim."""
        if call.stage is not Stage.LOST:
            return
        self._dealing.feed(call, Input.TAKEN_ELSEWHERE if holder else _WINDOW_OVER[policy])

    def move_failed(self, call: HandedCall) -> None:
        """A call is not where it was to go."""
        if call.stage is Stage.ONWARD:
            call.destination = None
            self._dealing.feed(call, Input.MOVE_FAILED)

    def sent_on(self, call: HandedCall) -> None:
        """A call goes on with the dialplan, or is where it was to go."""
        if call.stage is not Stage.ONWARD:
            return
        if call.destination is None:  # its door was used, and may be so only once
            call.door, call.kind = self._door_of(call.node_id, call.call_id), BellKind.PARK
        self._dealing.feed(call, Input.SENT_ON)
