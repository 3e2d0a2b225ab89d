"""What it costs to deliver events, as one JSON object a line.

    python -m tests.bench.bench_events [names of measurements]

The service is a program of its own, fed by a switch that says what a real one said, with some
7,000 events of 3 KB; the subscribers are another program, which reads bytes and counts them, each
stream on a connection of its own. What is measured is the processor time of the service alone, with
all that it does: reading from the switch, following the calls, encoding, sending. The least of
several rounds counts, as the machine may have other work. A figure that misses its target says so,
and the exit status is 1.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from statistics import quantiles
from typing import Final

from tests.bench.event_scene import Delivered, played, scene
from tests.support.corpus_switch import Play
from tests.support.event_readers import Open, OpenOn
from tests.support.figures import Figures

from callcontrol.v1 import common_pb2
from callcontrol.v1.event_service_pb2 import EventFilter, EventsRequest

CORPUS: Final = 7_023
ROUNDS: Final = 3
BASIC: Final = EventsRequest(view=common_pb2.VIEW_BASIC)
FULL: Final = EventsRequest(view=common_pb2.VIEW_FULL)

MOST: Final[Mapping[str, float]] = {
    "deliver_basic_us": 6,
    "deliver_full_us": 12,
    "subscriber_growth": 2,
    "latency_p99_ms": 25,
    "idle_stream_kib": 40,
}
LEAST: Final[Mapping[str, float]] = {"deliveries_per_s": 150_000}

figures = Figures(most=MOST, least=LEAST)
report = figures.report


def percentile(values: Sequence[float], percent: int) -> float:
    """What so many percent of the values are at most."""
    return quantiles(values, n=100)[percent - 1]


async def firehoses(request: EventsRequest, count: int = 100) -> list[Delivered]:
    """Rounds of the whole corpus to so many subscribers that want everything."""
    async with scene() as place:
        await place.open(*[request] * count)
        await played(place, Play(500), count)
        return [await played(place, Play(CORPUS), count) for _ in range(ROUNDS)]


async def basic() -> None:
    """BASIC events to 100 subscribers, as fast as they are taken."""
    rounds = await firehoses(BASIC)
    best = min(rounds, key=lambda each: each.us)
    report("deliver_basic_us", best.us, "us of CPU/delivery")
    report("deliveries_per_s", max(r.deliveries / r.seconds for r in rounds), "deliveries/s")
    report("deliver_basic_batch", best.deliveries / best.messages, "events/message")
    report("deliver_basic_reader_us", best.reader_cpu_s / best.deliveries * 1e6, "us/delivery")


async def full() -> None:
    """FULL events likewise."""
    best = min(await firehoses(FULL), key=lambda each: each.us)
    report("deliver_full_us", best.us, "us of CPU/delivery")
    report("deliver_full_bytes", best.size / best.deliveries, "bytes/delivery")


async def naive() -> None:
    """What the same costs with a message object for each event and subscriber."""
    events, subscribers = 1_000, 100
    async with scene() as place:
        await place.open(*[BASIC] * subscribers)
        await played(place, Play(500), subscribers)
        ours = [await played(place, Play(CORPUS), subscribers) for _ in range(ROUNDS)]
    async with scene(naive=True) as place:
        await place.open(*[BASIC] * subscribers)
        await played(place, Play(100), subscribers)
        theirs = [await played(place, Play(events), subscribers) for _ in range(ROUNDS)]
    cost = min(each.us for each in theirs)
    report("naive_us", cost, "us of CPU/delivery")
    report("naive_ratio", cost / min(each.us for each in ours), "times deliver_basic_us")


async def growth() -> None:
    """The same events, each for one subscriber, to few subscribers and to many."""
    costs: dict[int, float] = {}
    for subscribers in (10, 1_000):
        calls = tuple(f"00000000-0000-4000-8000-{number:012x}" for number in range(subscribers))
        async with scene() as place:
            wanted = (EventsRequest(filters=[EventFilter(call_ids=[call])]) for call in calls)
            await place.open(*wanted)
            await played(place, Play(subscribers, calls=calls, begins=True), 1)
            rounds = [await played(place, Play(1_500, 500.0, calls), 1) for _ in range(ROUNDS)]
        costs[subscribers] = min(each.cpu_s / each.events for each in rounds) * 1e6
        report(f"event_us_at_{subscribers}", costs[subscribers], "us of CPU/event")
    report("subscriber_growth", costs[1_000] / costs[10], "times that at 10")


async def latency() -> None:
    """From the socket of the switch to the client, at a steady pace."""
    async with scene() as place:
        await place.open(*[BASIC] * 50, takes_time=True)
        await played(place, Play(400, 200.0), 50)
        rounds = [await played(place, Play(600, 200.0), 50) for _ in range(2 * ROUNDS)]
    best = min(rounds, key=lambda each: percentile(each.ages_ms, 99))
    report("latency_machine_p99_ms", percentile(best.late_ms, 99), "ms that the switch was late")
    report("latency_p50_ms", percentile(best.ages_ms, 50), "ms")
    report("latency_p99_ms", percentile(best.ages_ms, 99), "ms")
    report("latency_batch", best.deliveries / best.messages, "events/message")
    report("latency_delivery_us", best.us, "us of CPU/delivery at that pace")


async def idle() -> None:
    """Memory of streams to which nothing comes: many on a connection, and each on its own."""
    count, channels = 1_000, 20
    encoded = BASIC.SerializeToString()
    async with scene() as place:
        await place.readers.open(OpenOn(place.target, encoded, 100, 100))
        before = place.memory_kib
        await place.readers.open(OpenOn(place.target, encoded, count, channels))
        shared = place.memory_kib
        await place.readers.open(OpenOn(place.target, encoded, count, count))
        alone = place.memory_kib
    report("idle_stream_kib", (shared - before) / count, "KiB/stream")
    report("idle_stream_alone_kib", (alone - shared) / count, "KiB/stream and connection")


async def stalled() -> None:
    """Memory of streams whose clients read nothing, while 21 MB of events come to each."""
    count = 20
    async with scene() as place:
        await place.open(FULL)
        await played(place, Play(CORPUS), 1)
        before = place.memory_kib
        await played(place, Play(CORPUS), 1)
        of_history = place.memory_kib - before
        deaf = Open(place.target, (FULL.SerializeToString(),) * count, stalls=True)
        await place.readers.open(deaf)
        before = place.memory_kib
        await played(place, Play(CORPUS), 1)
        grown = place.memory_kib - before - of_history
    report("stalled_stream_kib", grown / count, "KiB/stream")


MEASUREMENTS: Final[Mapping[str, Callable[[], Coroutine[None, None, None]]]] = {
    each.__name__: each for each in (basic, full, naive, growth, latency, idle, stalled)
}


def main() -> None:
    """Measure, and say what missed its target."""
    os.environ["CALLCONTROL_MAX_STREAMS_PER_PEER"] = "0"  # of the service, as all are of one host
    for name in sys.argv[1:] or MEASUREMENTS:
        asyncio.run(MEASUREMENTS[name]())
    figures.conclude()


if __name__ == "__main__":
    main()
