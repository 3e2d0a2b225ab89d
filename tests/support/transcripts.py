"""Reads the recordings in tests/transcripts: what passed between a FreeSWITCH and its clients."""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "transcripts"
_SUFFIX = ".jsonl.gz"
_ELIDED = re.compile(rb"<(\d+) times '(.)'>")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of one direction, in one piece; pieces are not frames."""

    line: int
    """Where it stands in the unpacked file, counted from 1."""
    connection: str
    """Empty if the recording has only one; `o1`, `o2` … are those that the switch opened."""
    from_switch: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """One scenario."""

    name: str
    chunks: tuple[Chunk, ...]

    @property
    def connections(self) -> list[str]:
        """The names of its connections, in the order in which they first spoke."""
        return list(dict.fromkeys(chunk.connection for chunk in self.chunks))

    def stream(self, connection: str, *, from_switch: bool) -> bytes:
        """Everything that went one way on one connection."""
        return b"".join(
            chunk.data
            for chunk in self.chunks
            if chunk.connection == connection and chunk.from_switch == from_switch
        )


def names(prefix: str = "") -> list[str]:
    """The recordings whose names begin so."""
    found = (path.name.removesuffix(_SUFFIX) for path in FOLDER.glob(f"{prefix}*{_SUFFIX}"))
    return sorted(found)


def recording(name: str) -> Recording:
    """One recording; long runs of one letter, which the file leaves out, are put back."""
    with gzip.open(FOLDER / f"{name}{_SUFFIX}", "rt", encoding="utf-8") as file:
        rows = list(enumerate(map(json.loads, file), start=1))
    return Recording(name, tuple(_chunks(rows[1:])))


def _chunks(rows: list[tuple[int, dict[str, str]]]) -> Iterator[Chunk]:
    for line, row in rows:
        if "note" in row:
            continue
        data = base64.b64decode(row["b64"]) if "b64" in row else row["data"].encode()
        if "elided" in row:
            data = _ELIDED.sub(lambda match: match[2] * int(match[1]), data)
        yield Chunk(line, row.get("conn", ""), row["dir"] == "S", data)


@cache
def corpus(form: str) -> bytes:
    """What one client got in a run with some 7,000 events: `json`, `plain`, `xml` or `subset`.

    It begins with the greeting and two replies.
    """
    return gzip.decompress((FOLDER / f"corpus-{form}.bin.gz").read_bytes())
