"""Loses connections under a client that repeats Originate, and counts the calls that come of it.

    PYTHONPATH=. python tests/soak/retries.py [--losses 1000] [--callers 8] [--seed 1]

Prints a JSON object. Exit status 1 unless each request id made exactly one call.
"""

import argparse
import asyncio
import json
import sys

from tests.support.retries import Trial


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--losses", type=int, default=1_000)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures = asyncio.run(Trial(options.losses, options.seed, options.callers).run())
    print(
        json.dumps(
            {
                "losses": dict(figures.losses),
                "requests": figures.requests,
                "repeats": figures.repeats,
                "replayed": figures.replayed,
                "requests_by_times_dialled": dict(figures.told),
                "requests_by_calls_made": dict(figures.made),
                "slowest_s": round(figures.slowest_s, 1),
                "seconds": round(figures.seconds, 1),
            }
        )
    )
    if set(figures.made) != {1}:
        sys.exit("some request ids made no call, or more than one")


if __name__ == "__main__":
    main()
