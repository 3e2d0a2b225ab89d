"""Calls handed to workers on a real FreeSWITCH, while workers and the service are killed.

    PYTHONPATH=. python tests/soak/outbound.py --switch HOST:PORT [--password ...] [--calls 100]

Needs SIPp, and a switch with tests/freeswitch/freeswitch.xml that nobody else uses; it refuses to
run without one. Over `socket` and then over `park`, so many callers are served by three workers at
once, each a program of its own. One worker is killed, and its calls go to the others; the service
is killed and started again, and the calls come back to their workers; one worker is drained, and
ends with its last call; one gives its calls back, and one is killed whose calls are to go on with
the dialplan. Then callers ring where no worker is, and where no service is.

Every call is accounted for by what the switch itself says, what the workers were told, and the tone
in the caller's RTP. Prints a JSON object for each part. Exit status 1 if a call was lost that was
to be kept, had two owners, was held by nobody for longer than the settings say, or did not hear the
fallback where it should.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from tempfile import TemporaryDirectory
from typing import Final

from tests.support.outbound_parts import ALONE_S, Part
from tests.support.outbound_trial import START_S, Switch, Trial, trial
from tests.support.witness import Witnessed
from tests.support.worker_processes import WorkerProcess

DOORBELLS: Final = ("socket", "park")


async def kills(part: Part, count: int) -> None:
    """Workers and the service are killed under the calls."""
    again = await part.worker(1, count, "OFFER_AGAIN")
    onward = await part.worker(2, count, "CONTINUE_DIALPLAN")
    drained = await part.worker(3, count, "OFFER_AGAIN")
    await serve(part, count, (again, onward, drained))
    await kill_worker(part, again)
    await kill_service(part)
    spare = await part.worker(4, count, "OFFER_AGAIN")
    gone = await drain_worker(part, drained)
    back = await give_back(part, spare)
    sent_on = await kill_for_good(part, onward)
    kept = [call for call in part.calls if call not in back and call not in sent_on]
    await part.trial.witness.tell_to_hang_up([call for call in kept if call not in gone])
    await part.over()
    part.judge(kept, kept=True)
    part.judge([*back, *sent_on], kept=False)
    part.judge_events([again, onward, drained, spare])
    counts = {"kept": len(kept), "given_back": len(back), "sent_on": len(sent_on)}
    part.figures |= {"calls": len(part.calls)} | counts


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
    await part.trial.service.kill()
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
    drained_s, before = time.monotonic(), len(worker.said("offered"))
    calls = await part.ring(max(2, len(its) // 2))
    await part.expect_owned(calls, "callers get a worker while another one drains")
    if not worker.is_alive:
        part.problems.append("a worker that drains ended with calls")
    if len(worker.said("offered")) != before:
        part.problems.append("a worker that drains was offered calls")
    await part.trial.witness.tell_to_hang_up(its)
    await part.expect(lambda: not worker.is_alive, ALONE_S, "a drained worker ends")
    if worker.process.returncode != 0 or not worker.said("done"):
        part.problems.append(f"a drained worker ended with {worker.process.returncode}")
    part.figures["drained_s"] = round(time.monotonic() - drained_s, 3)
    return its


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


async def no_workers(part: Part, count: int) -> None:
    """Nobody is there to take a call, so each goes on with the dialplan."""
    calls = await part.ring(count)
    await part.over()
    part.judge(calls, kept=False)
    part.spans("bell_to_fallback", part.alone_s(calls, 0))
    part.figures |= {"calls": count}


async def no_service(part: Part, count: int) -> None:
    """The service is away; calls that wait for it in a park go on when it is back."""
    await part.trial.service.kill()
    alone = await part.ring(count, "socket alone")
    await part.over()
    part.judge(alone, kept=False)
    part.spans("refused_to_fallback", part.alone_s(alone, 0))
    waiting, began_s = await part.ring(count), time.monotonic()
    await part.trial.service.start()
    await part.over()
    part.judge(waiting, kept=False, longest_s=ALONE_S + time.monotonic() - began_s)
    part.spans("waited_for_service", part.alone_s(waiting, 0))
    part.figures |= {"calls": 2 * count}


PARTS: Final[Mapping[str, Callable[[Part, int], Awaitable[None]]]] = {
    each.__name__: each for each in (kills, no_workers, no_service)
}


async def play(stage: Trial, name: str, doorbell: str, count: int) -> list[str]:
    """One part; what is wrong at its end."""
    async with AsyncExitStack() as stack:
        part = Part(stage, doorbell, stack)
        await PARTS[name](part, count)
    await part.judge_what_is_left()
    await stage.witness.bare.ask("api hupall")
    line = {"part": name, "doorbell": doorbell, **part.figures}
    print(json.dumps(line | {"violations": len(part.problems)}), flush=True)
    return [f"{name} over {doorbell}: {each}" for each in part.problems]


async def soak(switch: Switch, folder: str, count: int, names: list[str]) -> list[str]:
    """What is wrong at the end."""
    problems = []
    async with trial(switch, folder) as stage:
        for doorbell in DOORBELLS:
            for name in names:
                problems += await play(stage, name, doorbell, count)
    return problems


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--switch", required=True, help="HOST:PORT of a real FreeSWITCH")
    password = os.environ.get("SWITCH_PASSWORD", "ClueCon")
    parser.add_argument("--password", default=password)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--folder", help="for what is to be looked at afterwards: service.log")
    options = parser.parse_args()
    if shutil.which("sipp") is None:
        parser.error("SIPp is needed: sipp of the package sip-tester")
    host, _, port = options.switch.rpartition(":")
    switch = Switch(host, int(port), options.password)
    with TemporaryDirectory(prefix="outbound-") as folder:
        where = options.folder or folder
        if problems := asyncio.run(soak(switch, where, options.calls, options.parts)):
            sys.exit("\n".join(problems[:50]))


if __name__ == "__main__":
    main()
