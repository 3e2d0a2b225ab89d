"""Sends very many commands over a wire that breaks, and looks whether any is lost from sight.

    PYTHONPATH=. python tests/soak/commands.py [--commands 100000] [--seed 1]

Prints one JSON object with what was done. Exit status 1 if a reply went to another's command, a
command was sent twice, or was sent though its caller was told otherwise, did not end in time, or
left anything behind.
"""

import argparse
import asyncio
import json
import logging
import sys
import time

from tests.support.torture import scene, torment
from tests.support.torture_commands import EVERY_KIND


async def soak(commands: int, seed: int) -> list[str]:
    """What is wrong at the end."""
    before, began_s = len(asyncio.all_tasks()), time.monotonic()
    async with scene(seed) as stage:
        findings = await torment(stage, EVERY_KIND, commands, until_no_doubt=True)
        seen, counters = stage.proxy.seen, stage.node.counters
    tasks = len(asyncio.all_tasks()) - before
    figures = findings.figures(seen) | {
        "links_lost": counters.lost_links,
        "event_links_again": counters.reconnects,
        "tasks_left": tasks,
        "seconds": round(time.monotonic() - began_s, 1),
    }
    print(json.dumps(figures), flush=True)
    return findings.problems(seen) + ([f"{tasks} tasks are left"] if tasks > 0 else [])


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # of every link that is lost
    if problems := asyncio.run(soak(options.commands, options.seed)):
        sys.exit("\n".join(problems[:50]))


if __name__ == "__main__":
    main()
