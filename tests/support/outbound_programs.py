"""A part of a trial of handed-over calls: the workers are programs written with
`callcontrol.client.worker`.
"""

import time
from typing import Final

from tests.support.outbound_acts import drain_worker, kill_service, kill_worker, serve
from tests.support.outbound_parts import ALONE_S, Part
from tests.support.outbound_trial import SERVED_HZ
from tests.support.worker_processes import WorkerProcess

PROGRAM: Final = "soak_program"


async def programs(part: Part, count: int) -> None:
    """One program is killed and started again, the service too, and one program is drained."""
    first, second, drained = [
        await part.worker(number, count, "OFFER_AGAIN", program=PROGRAM) for number in (1, 2, 3)
    ]
    await serve(part, count, (first, second, drained))
    again = await start_again(part, first, count)
    await kill_service(part)
    await hear_more(part)
    gone = await drain_worker(part, drained)
    left = [call for call in part.calls if call not in gone]
    await part.trial.witness.tell_to_hang_up(left)
    await part.over()
    part.judge(part.calls, kept=True)
    part.judge_events([first, again, second, drained])
    part.figures |= {"calls": len(part.calls), "of_the_new_one": len(again.assigned_s)}


async def start_again(part: Part, worker: WorkerProcess, count: int) -> WorkerProcess:
    """A program is killed, and started at once under its name: it does not know its calls any more,
    so they are offered when the window is over.
    """
    await kill_worker(part, worker)
    again = await part.worker(4, count, "OFFER_AGAIN", program=PROGRAM, name=worker.name)
    late = await part.ring(max(2, count // 5))
    await part.expect_owned(late, "callers get a worker while a program begins again")
    if not again.assigned_s:
        part.problems.append("a program that was started again got no call")
    return again


async def hear_more(part: Part) -> None:
    """Each call hears its program's next playback, after the service was killed."""
    since_s = time.monotonic()

    def hears(file: str) -> bool:
        return f",{SERVED_HZ})" in file

    await part.expect(
        lambda: all(
            any(at_s > since_s and hears(file) for at_s, file in call.played) for call in part.calls
        ),
        ALONE_S,
        "programs play on after the service was killed",
    )
