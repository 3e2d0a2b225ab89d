"""A part of a trial of handed-over calls: two replicas of the service. One is killed and comes
back, and then the other one is told to end.
"""

import time
from collections.abc import Sequence
from typing import Final

from tests.support.callers import Callers
from tests.support.holders import Left
from tests.support.outbound_parts import ALONE_S, Part
from tests.support.outbound_trial import START_S, Service, until
from tests.support.witness import Witnessed
from tests.support.worker_processes import WorkerProcess

UNSEEN_S: Final = 30.0
"""The longest until a replica sees that another one is no more, which had a call without a worker
that asks for it: ten seconds of silence, seen at two looks of which the second is 15 s later."""
DOORS: Final = {"socket": ("socket", "other socket"), "park": ("park", "park")}
"""Where the callers of each half ring."""


async def replicas(part: Part, count: int) -> None:
    """One replica is killed with calls, workers and callers, comes back, and the other one goes."""
    one = part.trial.service
    other = await part.stack.enter_async_context(part.trial.replica())
    here, there = f"ipv4:{one.target},{other.target}", f"ipv4:{other.target},{one.target}"
    stays = await part.worker(1, count, "OFFER_AGAIN", target=here)
    dies = await part.worker(2, count, "CONTINUE_DIALPLAN", target=here)
    else_where = await part.worker(3, count, "OFFER_AGAIN", target=there)
    workers = (stays, dies, else_where)
    for ringing in await dial(part, count):
        await part.rang(ringing)
    await part.expect_owned(part.calls, "a worker has each call")
    part.spans("bell_to_owner", part.alone_s(part.calls, 0))
    part.figures["calls_of_workers"] = [len(worker.held) for worker in workers]
    sent_on = await kill_replica(part, one, stays, dies, count // 4)
    await one.start()
    late = [await part.rang(ringing) for ringing in await dial(part, count // 4)]
    await part.expect_owned([call for calls in late for call in calls], "a replica is back")
    await retire(part, other, else_where)
    kept = [call for call in part.calls if call not in sent_on]
    await part.expect(lambda: all(call.answered_s for call in kept), START_S, "all are answered")
    await part.trial.witness.tell_to_hang_up(kept)
    await part.over()
    part.judge(kept, kept=True, longest_s=ALONE_S + UNSEEN_S)
    part.judge(sent_on, kept=False, longest_s=ALONE_S + UNSEEN_S)
    part.judge_events(workers, one_order=False)
    part.figures |= {"calls": len(part.calls), "kept": len(kept), "sent_on": len(sent_on)}


async def dial(part: Part, count: int) -> list[Callers]:
    """Callers who begin to ring at both replicas."""
    return [await part.dial(count // 2, door) for door in DOORS[part.doorbell]]


async def kill_replica(
    part: Part, replica: Service, stays: WorkerProcess, dies: WorkerProcess, count: int
) -> list[Witnessed]:
    """A replica is killed while callers ring, and one of its workers with it; returns the calls of
    that one. The other one and all other calls go to the replica that is left.
    """
    before, ringing = part.calls, await dial(part, count)
    await part.expect(lambda: len(part.calls) > len(before) + count // 2, ALONE_S, "callers ring")
    its, moving = part.held_by(dies), part.held_by(stays)
    dies.kill()
    await part.trial.kill(replica)
    died_s = time.monotonic()
    owners = {call.call_id: part.trial.account(call).owners for call in moving}
    await part.expect_owned(moving, "calls go with their worker to the other replica", died_s)
    part.spans("moved", part.alone_s(moving, -1))
    changed = sum(part.trial.account(call).owners[-1:] != owners[call.call_id] for call in moving)
    if changed:
        part.problems.append(f"{changed} calls went to another worker")
    late = [call for each in ringing for call in await part.rang(each)]
    owner_of = part.trial.witness.owner_of
    its += [call for call in late if call not in its and await owner_of(call) == dies.name]
    await heard_fallback(part, its)
    part.spans("sent_on", part.alone_s(its, -1))
    late = [call for call in late if call not in its]
    if not await until(lambda: part.trial.owned_since(late) == len(late), ALONE_S + UNSEEN_S):
        part.problems.append(
            f"{len(late) - part.trial.owned_since(late)} calls that rang meanwhile"
        )
    part.spans("rang_meanwhile", [max(part.trial.account(call).alone_s) for call in late])
    return its


async def held_up(part: Part, count: int) -> None:
    """One replica does nothing for a while, so that the other one takes its calls over, and gives
    them to its own worker: then the first one's worker is told that they are not its own.
    """
    one = part.trial.service
    other = await part.stack.enter_async_context(part.trial.replica())
    here = await part.worker(1, count, "OFFER_AGAIN", target=one.target)
    calls = await part.ring(count)
    await part.expect_owned(calls, "a worker has each call")
    there = await part.worker(2, count, "OFFER_AGAIN", target=other.target)
    began_s = time.monotonic()
    one.hold_up()
    await part.expect(lambda: len(there.held) == count, ALONE_S + UNSEEN_S, "taken over")
    part.figures["taken_over_s"] = round(time.monotonic() - began_s, 3)
    both_s = time.monotonic()
    one.go_on()
    await part.expect(lambda: not here.held, START_S, "who had been held up gives them up")
    part.figures["two_believed_s"] = round(time.monotonic() - both_s, 3)
    # What became true when the first replica counted as gone was told to its worker later.
    part.trial.left += [Left(began_s, here.name)]
    late = await part.ring(max(2, count // 5))
    await part.expect_owned(late, "callers get a worker of either replica")
    served = [*calls, *late]
    await part.expect(lambda: all(call.answered_s for call in served), START_S, "all are answered")
    if here.held.intersection(there.held):
        part.problems.append("calls of two workers")
    await part.trial.witness.tell_to_hang_up(served)
    await part.over()
    part.judge(served, kept=True, longest_s=ALONE_S + UNSEEN_S)
    part.figures |= {"calls": len(served)}


async def heard_fallback(part: Part, calls: Sequence[Witnessed]) -> None:
    """Calls whose worker is no more go on with the dialplan, also if their replica is no more."""
    heard = part.trial.heard_fallback
    await part.expect(
        lambda: all(map(heard, calls)), ALONE_S + UNSEEN_S, "calls of a lost worker go on"
    )


async def retire(part: Part, replica: Service, worker: WorkerProcess) -> None:
    """A replica is told to end: its worker takes its calls to the other one."""
    its = part.held_by(worker)
    told_s = time.monotonic()
    await replica.stop()
    part.figures["retired_s"] = round(time.monotonic() - told_s, 3)
    await part.expect_owned(its, "calls go with their worker when a replica ends", told_s)
    part.figures["moved_calls"] = len(its)
