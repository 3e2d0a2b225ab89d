"""How a call ends for the worker that had it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over."""

    cause: str
    """By the switch's name, `NORMAL_CLEARING`."""

    def __str__(self) -> str:
        return f"ended {self.cause}"


@dataclass(frozen=True, slots=True)
class Released:
    """The call goes on without this worker."""

    def __str__(self) -> str:
        return "released"


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker's stream broke, and it did not get the call back: somebody else may have it."""

    def __str__(self) -> str:
        return "lost"


@dataclass(frozen=True, slots=True)
class Left:
    """The worker itself ends; the service keeps the call for as long as its policy says."""

    def __str__(self) -> str:
        return "left"


Ending = Ended | Released | Lost | Left


class CallIsOver(Exception):
    """Something was asked of a call that is the worker's no more. Nothing was sent."""

    def __init__(self, call_id: str, ending: Ending) -> None:
        super().__init__(f"call {call_id}: {ending}")
        self.call_id, self.ending = call_id, ending
