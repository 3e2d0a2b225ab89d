"""CPU time of taking in one event, stage by stage, as one JSON object a line.

    python -m tests.bench.bench_ingest [rounds]

The events are those of a recording of a real switch, some 7,000 of 3 KB; they come in chunks of
64 KiB as from a socket. The measure is the time that a bare `orjson.loads` takes for the same
bodies in the same run, chunk by chunk, so that the machine cancels out; its results are thrown
away at once, while the stages have to keep theirs. `ingest_ratio` is what framing, parsing,
tracking and encoding once take together, in that unit. Of the rounds the median counts.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import orjson
from tests.support import transcripts
from tests.support.figures import Figures

from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.esl.framing import FrameReader
from callcontrol.esl.messages import SwitchEvent
from callcontrol.esl.parse import parse_event_json
from callcontrol.events.ring import LogLimits, Ring
from callcontrol.ids import NodeId
from callcontrol.rpc.convert_event import Projection, encode_entry

report = Figures().report
CHUNK = 65_536
NODE = NodeId("bench")
STAGES = ("loads", "frame", "parse", "track", "append", "encode")


class Stopwatch:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of what is done inside."""
        before = time.process_time()
        yield
        self.spent[name] += time.process_time() - before


def one_round(chunks: list[bytes]) -> tuple[dict[str, float], int]:
    """Take in the whole recording; give the seconds each stage took, and the number of events."""
    watch, count = Stopwatch(), 0
    reader, tracker, basic = FrameReader(), CallTracker(), Projection()
    ring = Ring(LogLimits(max_events=1_000), time.monotonic)
    for chunk in chunks:
        with watch.stage("frame"):
            frames = reader.feed(chunk)
        frames = [frame for frame in frames if frame.content_type == "text/event-json"]
        bodies = [frame.body for frame in frames]
        with watch.stage("loads"):
            for body in bodies:
                orjson.loads(body)
        with watch.stage("parse"):
            parsed = [parse_event_json(frame.body, frame.size) for frame in frames]
        events = [event for event in parsed if isinstance(event, SwitchEvent)]
        with watch.stage("track"):
            seen = [tracker.apply(NODE, event) for event in events]
        first = ring.next_number
        with watch.stage("append"):
            for event in seen:
                ring.append(event)
        entries = [ring[number] for number in range(first, ring.next_number)]
        with watch.stage("encode"):
            for entry in entries:
                encode_entry(entry, basic)
        count += len(events)
    return watch.spent, count


def main() -> None:
    """Measure and report."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    stream = transcripts.corpus("json")
    chunks = [stream[at : at + CHUNK] for at in range(0, len(stream), CHUNK)]
    results = [one_round(chunks) for _ in range(rounds)]
    count = results[0][1]
    report("ingest_events", count, "events")
    for stage in STAGES:
        middle = median(spent[stage] for spent, _ in results)
        report(f"ingest_{stage}", middle / count * 1e6, "us/event")
    for stage in STAGES[1:]:
        middle = median(spent[stage] / spent["loads"] for spent, _ in results)
        report(f"ingest_{stage}_ratio", middle, "x orjson.loads")
    whole = median(
        sum(spent[stage] for stage in ("frame", "parse", "track", "encode")) / spent["loads"]
        for spent, _ in results
    )
    report("ingest_ratio", whole, "x orjson.loads")


if __name__ == "__main__":
    main()
