"""CPU time of publishing one event, and memory of the history, as one JSON object a line.

    PYTHONPATH=. python tests/bench/bench_publish.py [events for each measurement]

Publishing is `EventLog.append`; waking what waits, and taking, are measured apart. The history is
full, so that dropping the oldest entry is in every figure.
"""

import asyncio
import resource
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice

from tests.support.figures import Figures

from callcontrol.events.event import Event, Position
from callcontrol.events.filter import EventFilter, Named
from callcontrol.events.log import EventLog
from callcontrol.events.ring import LogLimits
from callcontrol.events.string_match import Comparison, StringMatch
from callcontrol.events.subscription import Subscription
from callcontrol.ids import CallId, CoreUuid, EventId, NodeId
from callcontrol.rpc.event_expression import Expressions

report = Figures().report
NAMES = ("CHANNEL_CREATE", "CHANNEL_STATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP", "CUSTOM")
HISTORY = 2_000


def make_events() -> list[Event]:
    """A thousand events of two hundred calls on two nodes."""
    return [
        Event(
            event_id=EventId(f"core:{sequence}"),
            position=Position(
                node_id=NodeId(f"node-{sequence % 2}"),
                core_uuid=CoreUuid("core"),
                sequence=sequence,
                time_us=sequence,
            ),
            name=name,
            subclass="sofia::register" if name == "CUSTOM" else "",
            call_id=CallId(f"call-{sequence % 200}"),
            peer_call_ids=(CallId(f"call-{(sequence + 1) % 200}"),),
            labels={"team": "sales"},
            headers={f"variable_{n}": f"value {n}" for n in range(90)}
            | {"Channel-Name": f"sofia/internal/{sequence % 200}@example.org"},
            received_us=sequence,
            size=4_000,
        )
        for sequence, name in enumerate(islice(cycle(NAMES), 1_000))
    ]


def full_log() -> EventLog:
    """A log whose every append drops an entry."""
    log = EventLog(LogLimits(max_events=HISTORY))
    for event in islice(cycle(make_events()), HISTORY):
        log.append(event)
    return log


EXPRESSIONS = Expressions()


def of(name: str, how: Comparison, text: str) -> Named:
    """A condition on one header or label."""
    return frozenset({(name, StringMatch(how=how, text=text))})


FILTERS_THAT_MATCH_NOTHING: dict[str, Callable[[int], EventFilter]] = {
    "other names": lambda n: EventFilter(names=frozenset({f"OTHER_{n}"})),
    "other calls": lambda n: EventFilter(call_ids=frozenset({CallId(f"other-{n}")})),
    "same name other node": lambda n: EventFilter(
        names=frozenset(NAMES), node_ids=frozenset({NodeId(f"other-{n}")})
    ),
    "other labels": lambda n: EventFilter(labels=of("team", Comparison.EXACT, f"other-{n}")),
    "one header, other values": lambda n: EventFilter(
        headers=of("Channel-Name", Comparison.EXACT, f"other-{n}")
    ),
    "one header, other beginnings": lambda n: EventFilter(
        headers=of("Channel-Name", Comparison.PREFIX, f"other-{n}")
    ),
    "one header, other patterns": lambda n: EventFilter(
        headers=of("Channel-Name", Comparison.REGEX, f"^other-{n}.*x$")
    ),
    "an expression on the name": lambda n: EventFilter(
        expression=EXPRESSIONS.compile(f'event.name == "OTHER_{n}"')
    ),
    "an expression on a header": lambda n: EventFilter(
        expression=EXPRESSIONS.compile(f'headers["Channel-Name"].startsWith("other-{n}")')
    ),
}
"""From the cheapest, never asked, to the dearest, asked about every event."""


def cpu_us_per_event(log: EventLog, count: int) -> float:
    """CPU of appending, best of five rounds, in microseconds."""
    events = make_events()
    rounds = []
    for _ in range(5):
        batch = list(islice(cycle(events), count))
        began = time.process_time()
        for event in batch:
            log.append(event)
        rounds.append((time.process_time() - began) / count * 1e6)
    return min(rounds)


def measure_filters(count: int) -> None:
    """What distinct filters cost, none of whose subscriptions wait."""
    report("append, no filter", cpu_us_per_event(full_log(), count), "us/event")
    for kind, make_filter in FILTERS_THAT_MATCH_NOTHING.items():
        for distinct in (1, 10):
            log = full_log()
            kept = [log.subscribe([make_filter(n)]) for n in range(distinct)]
            value = cpu_us_per_event(log, count)
            report(f"append, {distinct} filters on {kind}", value, "us/event")
            assert len(kept) == distinct
    for distinct in (1, 10):
        log = full_log()
        kept = [log.subscribe([matching_filter(n)]) for n in range(distinct)]
        value = cpu_us_per_event(log, count)
        report(f"append, {distinct} filters that match", value, "us/event")


def matching_filter(n: int) -> EventFilter:
    """The n-th of distinct filters that match every event."""
    return EventFilter(names=frozenset({*NAMES, f"OTHER_{n}"}))


def subscribers(log: EventLog, count: int) -> list[Subscription]:
    """So many of ten distinct filters that match every event."""
    return [log.subscribe([matching_filter(n % 10)]) for n in range(count)]


def measure_busy_subscribers(count: int) -> None:
    """What subscribers cost the publisher while they write and do not wait."""
    for readers in (1, 100, 1_000):
        log = full_log()
        kept = subscribers(log, readers)
        value = cpu_us_per_event(log, count)
        report(f"append, {readers} busy subscribers of 10 filters", value, "us/event")
        assert len(kept) == readers


async def measure_idle_subscribers(count: int) -> None:
    """What waking, taking and waiting again cost, when each event wakes all subscribers."""
    for readers in (1, 100, 1_000):
        log = full_log()
        total = max(50, count // readers)

        async def follow(subscription: Subscription, total: int = total) -> None:
            taken = 0
            while taken < total:
                await subscription.wait(15.0)
                taken += len(subscription.take().entries)

        appending = 0.0
        async with asyncio.TaskGroup() as tasks:
            for subscription in subscribers(log, readers):
                tasks.create_task(follow(subscription))
            await asyncio.sleep(0)
            began = time.process_time()
            for event in islice(cycle(make_events()), total):
                before = time.process_time()
                log.append(event)
                appending += time.process_time() - before
                for _ in range(3):
                    await asyncio.sleep(0)
        spent = time.process_time() - began
        report(
            f"append, {readers} idle subscribers of 10 filters", appending / total * 1e6, "us/event"
        )
        report(
            f"wake, take and wait again, {readers} subscribers",
            spent / total / readers * 1e6,
            "us/delivery",
        )


def measure_taking() -> None:
    """What a full batch costs."""
    log = EventLog()
    subscription = log.subscribe()
    for event in islice(cycle(make_events()), 51_200):
        log.append(event)
    began = time.process_time()
    taken = sum(len(subscription.take(max_bytes=1 << 30).entries) for _ in range(100))
    report("take in batches of 512", (time.process_time() - began) / taken * 1e6, "us/event")


def own_headers() -> Iterator[dict[str, str]]:
    """Headers of a usual size, each value a string of its own."""
    for number in range(20_000):
        yield {f"variable_header_name_{n}": f"value {number} {n} of some length" for n in range(90)}


def measure_memory() -> None:
    """How much resident memory one wire byte of history takes, with 90 headers of 52 bytes."""
    log = EventLog()
    names = {f"variable_header_name_{n}": f"variable_header_name_{n}" for n in range(90)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    template = make_events()[0]
    for headers in own_headers():
        shared = {names[name]: value for name, value in headers.items()}
        wire = sum(len(name) + len(value) + 6 for name, value in shared.items())
        log.append(
            Event(
                event_id=template.event_id,
                position=template.position,
                name="CHANNEL_STATE",
                headers=shared,
                received_us=1,
                size=wire,
            )
        )
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    report("resident memory of history", grown / log.bytes_held, "bytes/wire byte")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    kept = subscribers(log, 20_000)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    report("resident memory of a subscription", grown / len(kept), "bytes")


def main() -> None:
    """Measure everything."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    measure_filters(count)
    measure_busy_subscribers(count)
    asyncio.run(measure_idle_subscribers(count))
    measure_taking()
    measure_memory()


if __name__ == "__main__":
    main()
