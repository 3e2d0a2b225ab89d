"""One handed-over call, as the desk keeps it: its stage, and what belongs to that."""

from dataclasses import dataclass
from typing import Final

from callcontrol.calls.offers.machine import Stage
from callcontrol.calls.offers.ports import Bell, BellKind, CallResult, LostWorkerPolicy
from callcontrol.calls.offers.ports_switch import Standing
from callcontrol.calls.offers.timers import Alarm
from callcontrol.calls.offers.workers import RegisteredWorker
from callcontrol.calls.requests import Destination
from callcontrol.ids import OfferId, WorkerId

_RINGS_ANEW: Final = frozenset({Stage.WAITING, Stage.OFFERED, Stage.OWNED, Stage.LOST})
"""Where a bell for another application is for a call that was handed on."""


@dataclass(slots=True)
class OutstandingOffer:
    """An offer that was not answered yet."""

    worker: RegisteredWorker
    offer_id: OfferId
    alarm: Alarm


class HandedCall:
    """A handed-over call, mutable."""

    __slots__ = (
        "alarm",
        "application",
        "attempts",
        "call_id",
        "destination",
        "door",
        "heir",
        "is_asking",
        "is_claimed",
        "is_guarded",
        "is_in_doubt",
        "is_known",
        "kind",
        "listed_as",
        "may_be_claimed",
        "may_have_moved",
        "music",
        "node_id",
        "offer",
        "onward",
        "owner",
        "policy",
        "rang_s",
        "recheck_s",
        "refused_by",
        "result",
        "stage",
        "tenure",
        "was_found",
        "was_left_to_others",
        "was_owned",
        "worker_id",
        "worker_name",
    )

    def __init__(self, bell: Bell, now_s: float, stage: Stage = Stage.WAITING) -> None:
        self.call_id, self.node_id = bell.call_id, bell.node_id
        self.application, self.door, self.kind = bell.application, bell.door, bell.kind
        self.stage = stage
        self.listed_as = bell.application
        """Where it is among those that wait."""
        self.rang_s = now_s
        """Since when it looks for a worker."""
        self.is_known = bell.is_new
        """Whether we know whose it is; else the switch is asked once we have the claim."""
        self.was_found = False
        """The switch was asked whose it is, and it is nobody's: it must be parked to be offered."""
        self.was_left_to_others = False
        """It waited here without the claim, and others may have had it meanwhile: who gets the
        claim then asks the switch again whose it is."""
        self.is_guarded = bell.is_guarded
        """The switch takes it out of the park by itself, unless who has the claim takes that off.
        """
        self.is_claimed = self.is_asking = self.may_be_claimed = self.is_in_doubt = False
        """The claim is ours; the switch is being asked for it; was asked, and did not say that
        another replica has it; another replica may have taken it, which is to be looked at."""
        self.worker_name = ""
        """Who has it, or had it and may come back."""
        self.worker_id = ""  # By which registration.
        self.policy: LostWorkerPolicy | None = None
        self.onward = False
        """It was sent on before, so that no worker gets it."""
        self.owner: RegisteredWorker | None = None
        self.tenure: object = None
        """Another one each time that somebody gets the call."""
        self.heir: RegisteredWorker | None = None
        """The worker that gets it next."""
        self.offer: OutstandingOffer | None = None
        self.refused_by: set[WorkerId] = set()
        """Workers that refused it, or let it wait too long."""
        self.attempts = 0
        self.was_owned = self.music = False
        self.destination: Destination | None = None
        """Where its worker wants it to go."""
        self.may_have_moved = False  # The switch was told to send it there.
        self.alarm: Alarm | None = None
        """When something is to be done if nothing happens."""
        self.recheck_s = 0.0
        """The last pause before it is looked whether another replica still has it."""
        self.result: CallResult | None = None
        """How it ended for us, once that was counted."""

    def rings_anew(self, bell: Bell) -> bool:
        """Whether it is handed over once more by that bell, and not rung for twice."""
        if not bell.is_new:
            return False
        if self.stage is Stage.ONWARD:
            return True
        return self.stage in _RINGS_ANEW and self.application != bell.application

    def ring(self, bell: Bell) -> None:
        """Another bell for the same call. Of both kinds the socket's is kept: ended by anything
        else, it would stay open.
        """
        self.is_guarded = self.is_guarded or bell.is_guarded
        if bell.kind is BellKind.SOCKET:
            self.door, self.kind = bell.door, bell.kind

    def learn(self, standing: Standing) -> None:
        """What the switch remembers of it."""
        self.is_known, self.was_found = True, not standing.worker_name
        self.application = standing.application or self.application
        self.worker_name, self.policy = standing.worker_name, standing.lost_policy
        self.worker_id = standing.worker_id
        self.onward = standing.onward

    def look_anew(self, now_s: float) -> None:
        """It is nobody's, and looks for a worker as if it had just rung."""
        self.worker_name, self.policy, self.owner = "", None, None
        self.is_known, self.was_found, self.onward = True, False, False
        self.refused_by.clear()
        self.rang_s = now_s

    def silence(self) -> None:
        """Let no alarm ring."""
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None
