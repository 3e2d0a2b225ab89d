"""A part of a trial of handed-over calls: workers whose calls are to end when they are lost."""

import time
from collections.abc import Sequence
from typing import Final

from tests.support.outbound_parts import ALONE_S, Part
from tests.support.outbound_trial import RESUME_WINDOW_S, START_S
from tests.support.witness import Witnessed

EARLY_S: Final = 1.0
"""The service finds its calls before we have seen that it is there."""
LATE_S: Final = 7.0
"""The longest from the end of the window to the end of the call."""
SILENT_S: Final = 10.0
"""A service that begins again takes the claims of the one that was killed when that one has been
silent for so long, and the window begins then."""


async def hangups(part: Part, count: int) -> None:
    """One such worker is killed, and another one together with the service."""
    first, second = [await part.worker(number, count, "HANGUP") for number in (1, 2)]
    third = await part.worker(3, count, "OFFER_AGAIN")
    calls = await part.ring(count)
    await part.expect_owned(calls, "a worker has each call")
    await part.expect(lambda: all(call.answered_s for call in calls), START_S, "all are answered")
    part.figures["calls_of_workers"] = [len(each.held) for each in (first, second, third)]
    its, died_s = part.held_by(first), time.monotonic()
    first.kill()
    await part.expect(lambda: all(call.ended_s for call in its), ALONE_S, "its calls end")
    judge_ends(part, its, died_s + RESUME_WINDOW_S, "ended")
    with_service = part.held_by(second)
    second.kill()
    await part.trial.kill(part.trial.service)
    await part.trial.service.start()
    back_s = time.monotonic()
    await part.expect(
        lambda: all(call.ended_s for call in with_service), ALONE_S + SILENT_S, "and these end"
    )
    judge_ends(part, with_service, back_s + SILENT_S + RESUME_WINDOW_S, "ended_after_restart")
    kept = part.held_by(third)
    await part.trial.witness.tell_to_hang_up(kept)
    await part.over()
    part.judge(kept, kept=True)
    for call in [*its, *with_service]:
        part.problems += part.trial.account(call).disputes
    if len(its) + len(with_service) + len(kept) != count:
        part.problems.append("a call of a lost worker went to another one")
    part.figures |= {"calls": count, "kept": len(kept)}


def judge_ends(part: Part, calls: Sequence[Witnessed], due_s: float, name: str) -> None:
    """The switch hung up on all of them, when their worker's window was over."""
    ends = [call.ended_s for call in calls if call.ended_s is not None]
    part.figures[f"{name}_after_window_max_s"] = round(max(ends, default=due_s) - due_s, 3)
    if any(not -EARLY_S <= end_s - due_s <= LATE_S for end_s in ends):
        spread = f"{min(ends) - due_s:.1f} to {max(ends) - due_s:.1f} s"
        part.problems.append(f"calls ended {spread} after the window")
    for call in calls:
        if call.who_hung_up != "send_bye" or part.trial.account(call).was_heard:
            part.problems.append(f"{call.call_id}: {call.who_hung_up} {call.cause}")
