"""What is done to workers and the service in a trial of handed-over calls, and what must follow."""

import time
from collections.abc import Sequence

from tests.support.outbound_parts import ALONE_S, Part
from tests.support.outbound_trial import START_S
from tests.support.witness import Witnessed
from tests.support.worker_processes import WorkerProcess


async def serve(part: Part, count: int, workers: Sequence[WorkerProcess]) -> None:
    """All calls come to the workers, and are answered."""
    calls = await part.ring(count)
    await part.expect_owned(calls, "a worker has each call")
    part.spans("bell_to_owner", part.alone_s(calls, 0))
    served = "each call is answered and hears its worker's tone"
    await part.expect(
        lambda: sum(len(worker.said("served")) for worker in workers) >= count, START_S, served
    )
    part.figures["calls_of_workers"] = [len(worker.held) for worker in workers]
    if not all(worker.held for worker in workers):
        part.problems.append("a worker got no call, which proves little")


async def kill_worker(part: Part, worker: WorkerProcess) -> None:
    """Its calls go to the others."""
    its = part.held_by(worker)
    worker.kill()
    await part.expect_owned(its, "calls of a killed worker go to another one", time.monotonic())
    part.spans("handed_over", part.alone_s(its, -1))


async def kill_service(part: Part) -> None:
    """It comes back, and the calls do to their workers."""
    calls = part.calls
    owners = {call.call_id: part.trial.account(call).holder for call in calls}
    await part.trial.kill(part.trial.service)
    died_s = time.monotonic()
    await part.trial.service.start()
    part.figures["service_ready_s"] = round(time.monotonic() - died_s, 3)
    await part.expect_owned(calls, "workers get their calls back", died_s)
    part.spans("back_after_restart", part.alone_s(calls, -1))
    changed = sum(part.trial.account(call).holder != owners[call.call_id] for call in calls)
    if changed:
        part.problems.append(f"{changed} calls came back to another worker")


async def drain_worker(part: Part, worker: WorkerProcess) -> list[Witnessed]:
    """It gets no more calls, and ends when its own have ended; returns these."""
    its = part.held_by(worker)
    worker.drain()
    drained_s, before = time.monotonic(), came_to(worker)
    calls = await part.ring(max(2, len(its) // 2))
    await part.expect_owned(calls, "callers get a worker while another one drains")
    if not worker.is_alive:
        part.problems.append("a worker that drains ended with calls")
    if came_to(worker) != before:
        part.problems.append("a worker that drains was offered calls")
    await part.trial.witness.tell_to_hang_up(its)
    await part.expect(lambda: not worker.is_alive, ALONE_S, "a drained worker ends")
    if worker.process.returncode != 0 or not worker.said("done"):
        part.problems.append(f"a drained worker ended with {worker.process.returncode}")
    part.figures["drained_s"] = round(time.monotonic() - drained_s, 3)
    return its


def came_to(worker: WorkerProcess) -> int:
    """How many calls a worker was offered, or was given where it does not tell of offers."""
    return len(worker.said("offered")) + len(worker.said("assigned"))


async def give_back(part: Part, worker: WorkerProcess) -> list[Witnessed]:
    """A worker gives its calls back to the dialplan while it plays to them; returns these."""
    its = part.held_by(worker)
    worker.release_all()
    heard = part.trial.heard_fallback
    await part.expect(lambda: all(map(heard, its)), ALONE_S, "calls given back hear the fallback")
    part.spans("given_back", part.alone_s(its, -1))
    return its


async def kill_for_good(part: Part, worker: WorkerProcess) -> list[Witnessed]:
    """Its calls go on with the dialplan; returns them."""
    its = part.held_by(worker)
    worker.kill()
    heard = part.trial.heard_fallback
    await part.expect(lambda: all(map(heard, its)), ALONE_S, "its calls hear the fallback")
    part.spans("sent_on", part.alone_s(its, -1))
    return its
