"""Calls handed to workers on a real FreeSWITCH, while workers and the service are killed.

    PYTHONPATH=. python tests/soak/outbound.py --switch HOST:PORT [--password ...] [--calls 100]

Needs SIPp, and a switch with tests/freeswitch/freeswitch.xml that nobody else uses; it refuses to
run without one. Over `socket` and then over `park`, so many callers are served by three workers at
once, each a program of its own:

- `kills`: One worker is killed, and its calls go to the others; the service is killed and started
  again, and the calls come back to their workers; one worker is drained, and ends with its last
  call; one gives its calls back, and one is killed whose calls are to go on with the dialplan.
- `replicas`: There are two of the service. One is killed with a worker, while callers ring, and
  comes back; then the other one is told to end. `held_up`: one does nothing for a while.
- `programs`: The workers are written with `callcontrol.client.worker`. One is killed and started
  again, the service too, and one is drained.
- `hangups`: Workers are killed whose calls are to end then; one of them together with the service.
- `no_workers`, `no_service`: Callers ring where no worker is, and where no service is.

Every call is accounted for by what the switch itself says, what the workers were told, and the tone
in the caller's RTP. Prints a JSON object for each part. Exit status 1 if a call was lost that was
to be kept, had two owners, was held by nobody for longer than the settings say, or did not hear the
fallback where it should. Takes some six minutes.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from tempfile import TemporaryDirectory
from typing import Final

from tests.support.outbound_acts import (
    drain_worker,
    give_back,
    kill_for_good,
    kill_service,
    kill_worker,
    serve,
)
from tests.support.outbound_hangups import hangups
from tests.support.outbound_parts import ALONE_S, Part
from tests.support.outbound_programs import programs
from tests.support.outbound_replicas import held_up, replicas
from tests.support.outbound_trial import Switch, Trial, trial

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


async def no_workers(part: Part, count: int) -> None:
    """Nobody is there to take a call, so each goes on with the dialplan."""
    calls = await part.ring(count)
    await part.over()
    part.judge(calls, kept=False)
    part.spans("bell_to_fallback", part.alone_s(calls, 0))
    part.figures |= {"calls": count}


async def no_service(part: Part, count: int) -> None:
    """The service is away; calls that wait for it in a park go on when it is back."""
    await part.trial.kill(part.trial.service)
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
    each.__name__: each
    for each in (kills, replicas, held_up, programs, hangups, no_workers, no_service)
}

ONLY_OVER: Final = {"held_up": ("park",)}
"""What the doorbell makes no difference to."""


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
                if doorbell not in ONLY_OVER.get(name, DOORBELLS):
                    continue
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
