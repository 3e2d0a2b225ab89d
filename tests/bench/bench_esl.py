"""CPU time of reading one event from the wire, as one JSON object a line.

    PYTHONPATH=. python tests/bench/bench_esl.py

The events are some 7,000 that a real switch sent, in pieces of 64 KiB as a socket gives them. The
least of several rounds counts, as the machine may have other work.
"""

import gzip
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from tests.support.figures import Figures

from callcontrol.esl.commands import Api
from callcontrol.esl.framing import EVENT_JSON, FrameReader
from callcontrol.esl.parse import parse_event_json
from callcontrol.esl.protocol import Connection

CORPUS = Path(__file__).parent.parent / "transcripts" / "corpus-json.bin.gz"
report = Figures().report
PIECE = 65_536
ROUNDS = 7


def least_cpu_us(work: Callable[[], None], count: int) -> float:
    """Microseconds of CPU for one of `count` things, in the best round."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        rounds.append(time.process_time() - start)
    return min(rounds) / count * 1e6


def main() -> None:
    """Measure the steps apart, and all of them together."""
    stream = gzip.decompress(CORPUS.read_bytes())
    pieces = [stream[start : start + PIECE] for start in range(0, len(stream), PIECE)]
    bodies = [f.body for f in FrameReader().feed(stream) if f.content_type == EVENT_JSON]

    def frame() -> None:
        reader = FrameReader()
        for piece in pieces:
            reader.feed(piece)

    def load() -> None:
        for body in bodies:
            orjson.loads(body)

    def parse() -> None:
        for body in bodies:
            parse_event_json(body, 0)

    def receive() -> None:
        connection: Connection[None] = Connection()
        for _ in range(2):  # the corpus begins with the replies to two commands
            connection.send(Api("status"), None)
        for piece in pieces:
            connection.receive_data(piece)

    count = len(bodies)
    loading = least_cpu_us(load, count)
    report("esl_json_loads", loading, "us/event")
    report("esl_frame", least_cpu_us(frame, count), "us/event")
    report("esl_parse", least_cpu_us(parse, count), "us/event")
    receiving = least_cpu_us(receive, count)
    report("esl_receive", receiving, "us/event")
    report("esl_receive_ratio", receiving / loading, "times orjson.loads")


if __name__ == "__main__":
    main()
