"""What it costs to keep the events on disk, as one JSON object a line.

    python -m tests.bench.bench_store [rounds]

The events are those of a recording of a real switch, some 7,000 of 3 KB, taken in as from a socket:
framed, parsed, tracked, appended and encoded once. The same is done with and without a file, in
turns; processor time is that of all threads. `store_ratio` is the one divided by the other. Of the
rounds the median counts. What a restart needs to read it again is measured apart.
"""

import asyncio
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.support import transcripts
from tests.support.figures import Figures

from callcontrol.calls.picture.tracker import CallTracker
from callcontrol.esl.framing import FrameReader
from callcontrol.esl.messages import SwitchEvent
from callcontrol.esl.parse import parse_event_json
from callcontrol.events.keeper import Keeper
from callcontrol.events.log import EventLog
from callcontrol.events.store import EventStore
from callcontrol.ids import NodeId
from callcontrol.rpc.convert_event import Projection, encode_entry, told_by

report = Figures().report
CHUNK = 65_536
NODE = NodeId("bench")
MAX_BYTES = 512 << 20


async def take_in(log: EventLog, stream: bytes, keeper: Keeper | None) -> float:
    """Processor seconds that the whole recording takes, as far as to its BASIC view."""
    reader, tracker, basic = FrameReader(), CallTracker(), Projection()
    began = time.process_time()
    for at in range(0, len(stream), CHUNK):
        first = log.next_number
        for frame in reader.feed(stream[at : at + CHUNK]):
            if frame.content_type != "text/event-json":
                continue
            event = parse_event_json(frame.body, frame.size)
            if isinstance(event, SwitchEvent):
                log.append(tracker.apply(NODE, event))
        for entry in log.entries(first, log.next_number - first):
            encode_entry(entry, basic)
        if keeper is not None:
            await keeper.write()
    return time.process_time() - began


async def one_round(stream: bytes, path: Path) -> tuple[float, float, int]:
    """Processor seconds without and with a file, and how many events that were."""
    plain = EventLog()
    without_s = await take_in(plain, stream, None)
    log = EventLog()
    keeper = Keeper(log, EventStore(path, MAX_BYTES), told_by)
    await keeper.restore()
    with_s = await take_in(log, stream, keeper)
    await keeper.finish(60.0)
    assert keeper.counters.written == log.next_number - 1
    return without_s, with_s, log.next_number - 1


async def measure_restart(path: Path) -> None:
    """What a run pays for the past of the one before, and what that weighs."""
    log = EventLog()
    keeper = Keeper(log, EventStore(path, MAX_BYTES), told_by, now_us=lambda: 0)
    began = time.perf_counter()
    await keeper.restore()
    seconds = time.perf_counter() - began
    restored = keeper.counters.restored
    report("store_restored", restored, "events")
    report("store_restore_us", seconds / restored * 1e6, "us/event")
    await keeper.finish(60.0)


async def main() -> None:
    """Measure and report."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    stream = transcripts.corpus("json")
    with TemporaryDirectory() as directory:
        paths = [Path(directory) / f"{number}.db" for number in range(rounds)]
        results = [await one_round(stream, path) for path in paths]
        path = paths[0]
        size = path.stat().st_size
        await measure_restart(path)
    count = results[0][2]
    report("store_bytes", size / count, "bytes/event")
    report("store_without_us", median(result[0] for result in results) / count * 1e6, "us/event")
    report("store_with_us", median(result[1] for result in results) / count * 1e6, "us/event")
    report("store_ratio", median(with_s / without_s for without_s, with_s, _ in results), "x")


if __name__ == "__main__":
    asyncio.run(main())
