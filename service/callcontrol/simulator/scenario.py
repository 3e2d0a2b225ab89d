"""What the far end of a call does: steps, put together to a script."""

from dataclasses import dataclass

from callcontrol.simulator.applications import Action

STAYS_MS = 600_000
_RINGS_MS = 120_000
_TONE = "tone_stream://%(2000,4000,440,480);loops=-1"


class Step:
    """One thing the far end does."""

    def then(self, step: "Step") -> "Script":
        """This, and afterwards `step`."""
        return Script((self, step))


@dataclass(frozen=True, slots=True)
class Rings(Step):
    """Says 180, `after_s` seconds after the step before."""

    after_s: float = 0


@dataclass(frozen=True, slots=True)
class EarlyMedia(Step):
    """Says 183 and plays a tone: for `tone_s` seconds, without end if None."""

    tone_s: float | None = None
    after_s: float = 0


@dataclass(frozen=True, slots=True)
class Answers(Step):
    """Picks up."""

    after_s: float = 0


@dataclass(frozen=True, slots=True)
class SendsDigits(Step):
    """Presses keys: `0-9 A-D * #`."""

    digits: str
    after_s: float = 0


@dataclass(frozen=True, slots=True)
class HangsUp(Step):
    """Hangs up, or refuses when it has not answered."""

    cause: str = "NORMAL_CLEARING"
    after_s: float = 0


@dataclass(frozen=True, slots=True)
class Runs(Step):
    """Runs a dialplan application, where the far end is a channel of this switch."""

    application: str
    data: str = ""
    after_s: float = 0


AnyStep = Rings | EarlyMedia | Answers | SendsDigits | HangsUp | Runs


@dataclass(frozen=True, slots=True)
class Script:
    """Steps in order. A far end that has not hung up at the end stays."""

    steps: tuple[Step, ...]

    def then(self, step: Step) -> "Script":
        """These, and afterwards `step`."""
        return Script((*self.steps, step))

    def as_actions(self) -> list[Action]:
        """The same as an extension of a dialplan."""
        actions: list[Action] = []
        for step in self.steps:
            actions += _actions_of(step)
        last = self.steps[-1] if self.steps else None
        if isinstance(last, Rings):
            actions.append(Action("sleep", str(_RINGS_MS)))
        elif isinstance(last, Answers | SendsDigits):
            actions.append(Action("sleep", str(STAYS_MS)))
        return actions


def _actions_of(step: Step) -> list[Action]:
    match step:
        case Rings(after_s):
            return [*_pause(after_s), Action("ring_ready")]
        case EarlyMedia(tone_s, after_s):
            tone = _TONE if tone_s is None else f"tone_stream://%({int(tone_s * 1000)},0,440,480)"
            return [*_pause(after_s), Action("pre_answer"), Action("playback", tone)]
        case Answers(after_s):
            return [*_pause(after_s), Action("answer")]
        case SendsDigits(digits, after_s):
            return [*_pause(after_s), Action("send_dtmf", f"{digits}@100")]
        case HangsUp(cause, after_s):
            return [*_pause(after_s), Action("hangup", "" if cause == "NORMAL_CLEARING" else cause)]
        case Runs(application, data, after_s):
            return [*_pause(after_s), Action(application, data)]
    raise TypeError(f"{step!r} is no step")


def _pause(seconds: float) -> list[Action]:
    return [Action("sleep", str(int(seconds * 1000)))] if seconds else []
