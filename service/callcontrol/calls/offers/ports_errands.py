"""Who hears how errands at the switches went. Plain; the stage may be another one by then."""

from typing import Protocol

from callcontrol.calls.offers.handed import HandedCall
from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.offers.ports_switch import Standing
from callcontrol.calls.offers.workers import RegisteredWorker


class Claimant(Protocol):
    """Who is told of claims, and of calls that were sent on."""

    def claim_answered(self, call: HandedCall, holder: str, standing: Standing | None) -> None:
        """The claim is ours for an empty holder; what the switch remembers, where it was asked."""

    def claim_failed(self, call: HandedCall) -> None:
        """The switch could not be asked."""

    def claim_verified(self, call: HandedCall, holder: str) -> None:
        """Who has the claim that we had; empty for us."""

    def seen_again(self, call: HandedCall, standing: Standing) -> None:
        """What the switch remembers of a call that was sent on, after its events were missed."""

    def window_over(self, call: HandedCall, holder: str, policy: LostWorkerPolicy) -> None:
        """The worker did not come back; who has the claim."""

    def move_failed(self, call: HandedCall) -> None:
        """It is not where it was to go."""

    def sent_on(self, call: HandedCall) -> None:
        """It goes on with the dialplan, or is where it was to go."""


class Fetcher(Protocol):
    """Who is told of calls that workers ask for."""

    def fetched(
        self,
        call: HandedCall,
        worker: RegisteredWorker,
        standing: Standing,
        holder: str | None,
        *,
        may_have: bool,
    ) -> None:
        """The switch was asked about a call. The claim is ours for an empty holder, and was not
        tried to get for None. `may_have`: it was the worker's.
        """

    def fetched_nothing(self, call: HandedCall, worker: RegisteredWorker) -> None:
        """The call is over."""

    def fetch_failed(self, call: HandedCall, worker: RegisteredWorker) -> None:
        """The switch could not be asked."""
