"""What becomes of a call that the dialplan handed over: stages, inputs and actions, as one table.

Pure: it knows no time, no worker and no switch. A call comes in at WAITING and is done at GONE.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Stage(Enum):
    """Where a handed-over call is, as seen by this replica."""

    WAITING = "waiting"
    """It waits for a worker, here or at another replica."""
    OFFERED = "offered"
    """One worker was asked."""
    OWNED = "owned"
    """It is a worker's."""
    LOST = "lost"
    """Its worker went away, and may come back."""
    ONWARD = "onward"
    """It is being sent on, or was, and is nobody's any more. Until it ends it is remembered here,
    and the claim kept: whoever hears of it late would offer it."""
    ELSEWHERE = "elsewhere"
    """Another replica deals with it."""
    GONE = "gone"
    """It ended, or others have it: nothing more happens here."""


class Input(Enum):
    """What happens to a handed-over call. What is asked for here presumes the claim on the call:
    WORKER_FREE, NO_WORKER, WAIT_EXPIRED, OWNER_AWAY, WORKER_BACK and the WINDOW_OVERs.
    """

    BELL = "bell"
    """The dialplan rang again for it: of both doorbells, or as it was parked anew."""
    HANDED_ON = "handed_on"
    """It arrived where it was handed to another worker, and rings there as a new one."""
    WORKER_FREE = "worker_free"
    NO_WORKER = "no_worker"
    """It may wait, and there is nobody yet."""
    WAIT_EXPIRED = "wait_expired"
    """It may not wait, or no longer, or was sent on before."""
    OWNER_AWAY = "owner_away"
    """The switch says that it is a worker's, who is not here."""
    OFFER_ACCEPTED = "offer_accepted"
    REJECTED = "rejected"
    REJECTED_FINAL = "rejected_final"
    OFFER_EXPIRED = "offer_expired"
    OFFER_RECALLED = "offer_recalled"
    """The worker that was asked wants no more calls."""
    WORKER_LOST = "worker_lost"
    """The stream of the worker that owns it, or was asked, is over."""
    WORKER_BACK = "worker_back"
    """The worker that had it opened another stream and asks for it."""
    WINDOW_OVER_OFFER = "window_over_offer"
    WINDOW_OVER_CONTINUE = "window_over_continue"
    WINDOW_OVER_HANGUP = "window_over_hangup"
    RELEASED_DIALPLAN = "released_dialplan"
    RELEASED_DESTINATION = "released_destination"
    RELEASED_WORKER = "released_worker"
    MOVE_FAILED = "move_failed"
    """It could not be sent where it was to go."""
    SENT_ON = "sent_on"
    """It is where it was to go."""
    LEFT = "left"
    """Somebody else took it out of the park."""
    TAKEN_ELSEWHERE = "taken_elsewhere"
    """Another replica has the claim on it."""
    CLAIM_FREE = "claim_free"
    """The replica that had the claim left it, or is no more: it is ours."""
    NOT_HANDED = "not_handed"
    """The switch says that it was never handed over."""
    CALL_ENDED = "call_ended"


class Action(Enum):
    """What is to be done, in the order of a step."""

    OFFER = "offer"
    WITHDRAW = "withdraw"
    ASSIGN = "assign"
    HOLD_MUSIC = "hold_music"
    STOP_MUSIC = "stop_music"
    LOOK_ANEW = "look_anew"
    """Let it look for a worker as if it had just come."""
    LEAVE_CLAIM = "leave_claim"
    GO_ON = "go_on"
    TRANSFER = "transfer"
    HANG_UP = "hang_up"
    TELL_RELEASED = "tell_released"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Step:
    """Where an input leads, and what it makes one do."""

    stage: Stage
    actions: tuple[Action, ...] = ()


class ImpossibleInput(Exception):
    """An input that cannot come in a stage: a fault of ours."""

    def __init__(self, stage: Stage, given: Input) -> None:
        super().__init__(f"{given.value} makes no sense in {stage.value}")
        self.stage, self.given = stage, given


def _to(stage: Stage, *actions: Action) -> Step:
    return Step(stage, actions)


_FORGOTTEN: Final = _to(Stage.GONE, Action.FORGET)
_SENT_ON: Final = _to(Stage.ONWARD, Action.STOP_MUSIC, Action.GO_ON)

TABLE: Final[Mapping[Stage, Mapping[Input, Step]]] = {
    Stage.WAITING: {
        Input.BELL: _to(Stage.WAITING),
        Input.HANDED_ON: _FORGOTTEN,
        Input.WORKER_FREE: _to(Stage.OFFERED, Action.OFFER),
        Input.NO_WORKER: _to(Stage.WAITING, Action.HOLD_MUSIC),
        Input.WAIT_EXPIRED: _SENT_ON,
        Input.OWNER_AWAY: _to(Stage.LOST),
        Input.WORKER_BACK: _to(Stage.OWNED, Action.STOP_MUSIC, Action.ASSIGN),
        Input.LEFT: _FORGOTTEN,
        Input.TAKEN_ELSEWHERE: _to(Stage.ELSEWHERE),
        Input.CALL_ENDED: _FORGOTTEN,
    },
    Stage.OFFERED: {
        Input.BELL: _to(Stage.OFFERED),
        Input.HANDED_ON: _to(Stage.GONE, Action.WITHDRAW, Action.FORGET),
        Input.OFFER_ACCEPTED: _to(Stage.OWNED, Action.STOP_MUSIC, Action.ASSIGN),
        Input.REJECTED: _to(Stage.WAITING),
        Input.REJECTED_FINAL: _SENT_ON,
        Input.OFFER_EXPIRED: _to(Stage.WAITING, Action.WITHDRAW),
        Input.OFFER_RECALLED: _to(Stage.WAITING, Action.WITHDRAW),
        Input.WORKER_LOST: _to(Stage.WAITING),
        Input.WORKER_BACK: _to(Stage.OWNED, Action.WITHDRAW, Action.STOP_MUSIC, Action.ASSIGN),
        Input.LEFT: _to(Stage.GONE, Action.WITHDRAW, Action.FORGET),
        Input.TAKEN_ELSEWHERE: _to(Stage.ELSEWHERE, Action.WITHDRAW),
        Input.CALL_ENDED: _to(Stage.GONE, Action.WITHDRAW, Action.FORGET),
    },
    Stage.OWNED: {
        Input.BELL: _to(Stage.OWNED),
        Input.HANDED_ON: _to(Stage.GONE, Action.TELL_RELEASED, Action.FORGET),
        Input.WORKER_LOST: _to(Stage.LOST),
        Input.WORKER_BACK: _to(Stage.OWNED, Action.TELL_RELEASED, Action.ASSIGN),
        Input.RELEASED_DIALPLAN: _to(Stage.ONWARD, Action.TELL_RELEASED, Action.GO_ON),
        Input.RELEASED_DESTINATION: _to(Stage.ONWARD, Action.TELL_RELEASED, Action.TRANSFER),
        Input.RELEASED_WORKER: _to(
            Stage.ONWARD, Action.TELL_RELEASED, Action.LEAVE_CLAIM, Action.TRANSFER
        ),
        Input.LEFT: _to(Stage.OWNED),
        Input.TAKEN_ELSEWHERE: _to(Stage.ELSEWHERE, Action.TELL_RELEASED),
        Input.CALL_ENDED: _to(Stage.GONE, Action.TELL_RELEASED, Action.FORGET),
    },
    Stage.LOST: {
        Input.BELL: _to(Stage.LOST),
        Input.HANDED_ON: _FORGOTTEN,
        Input.WORKER_BACK: _to(Stage.OWNED, Action.ASSIGN),
        Input.WINDOW_OVER_OFFER: _to(Stage.WAITING, Action.LOOK_ANEW),
        Input.WINDOW_OVER_CONTINUE: _to(Stage.ONWARD, Action.GO_ON),
        Input.WINDOW_OVER_HANGUP: _to(Stage.ONWARD, Action.HANG_UP),
        Input.LEFT: _to(Stage.LOST),
        Input.TAKEN_ELSEWHERE: _to(Stage.ELSEWHERE),
        Input.CALL_ENDED: _FORGOTTEN,
    },
    Stage.ONWARD: {
        Input.BELL: _to(Stage.ONWARD, Action.GO_ON),
        Input.HANDED_ON: _FORGOTTEN,
        Input.MOVE_FAILED: _to(Stage.ONWARD, Action.GO_ON),
        Input.SENT_ON: _to(Stage.ONWARD),
        Input.LEFT: _to(Stage.ONWARD),
        Input.TAKEN_ELSEWHERE: _to(Stage.ELSEWHERE),
        Input.CALL_ENDED: _FORGOTTEN,
    },
    Stage.ELSEWHERE: {
        Input.BELL: _to(Stage.WAITING),
        Input.CLAIM_FREE: _to(Stage.WAITING),
        Input.NOT_HANDED: _FORGOTTEN,
        Input.WORKER_BACK: _to(Stage.OWNED, Action.ASSIGN),
        Input.LEFT: _to(Stage.ELSEWHERE),
        Input.TAKEN_ELSEWHERE: _to(Stage.ELSEWHERE),
        Input.CALL_ENDED: _FORGOTTEN,
    },
    Stage.GONE: {},
}
"""What is not here cannot happen. So a call has at most one owner: it becomes OWNED by ASSIGN
alone, and whoever had it or was asked is told first (TELL_RELEASED, WITHDRAW) or is known to be
gone (LOST). And whatever is GONE was forgotten, once.
"""


def step(stage: Stage, given: Input) -> Step:
    """Where an input leads. Raises ImpossibleInput."""
    found = TABLE[stage].get(given)
    if found is None:
        raise ImpossibleInput(stage, given)
    return found
