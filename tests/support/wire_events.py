"""Splits what a switch sent into frames and events, every header kept, in the order of the wire."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

_LENGTH = re.compile(rb"(?mi)^Content-Length: *(\d+)")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

Pair = tuple[str, str]


@dataclass(frozen=True)
class WireFrame:
    """A header block and its body; `end` is where it ends in the stream."""

    head: str
    body: str
    end: int

    @property
    def kind(self) -> str:
        return self.field("Content-Type")

    def field(self, name: str) -> str:
        match = re.search(rf"(?m)^{name}: (.*)$", self.head)
        return match[1] if match else ""

    @property
    def is_event(self) -> bool:
        return self.kind.startswith("text/event-")

    @property
    def reply(self) -> str:
        """The whole answer to a command; empty for other frames."""
        if self.kind == "api/response":
            return self.body
        if self.kind == "command/reply":
            return self.head.partition("Reply-Text: ")[2]
        return ""

    @cached_property
    def headers(self) -> list[Pair]:
        """An event's headers, repeated ones too; the body is `_body`."""
        if self.kind == "text/event-json":
            pairs: list[Pair] = json.loads(self.body, object_pairs_hook=list)
            return pairs
        head, _, rest = self.body.partition("\n\n")
        pairs = [
            (name, unquote(value))
            for name, _, value in (line.partition(": ") for line in head.split("\n"))
        ]
        return [*pairs, ("_body", rest)] if rest else pairs

    def get(self, name: str) -> str:
        """The first header of that name; empty when there is none."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def names(self) -> list[str]:
        """The header names alone."""
        return [name for name, _ in self.headers]


def split_frames(stream: bytes) -> Iterator[WireFrame]:
    """The complete frames of a stream."""
    start = 0
    while (end := stream.find(b"\n\n", start)) >= 0:
        head = stream[start : end + 1]
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        after = end + 2 + size
        if len(stream) < after:
            return
        text = head.decode("utf-8", "replace").rstrip("\n")
        yield WireFrame(text, stream[end + 2 : after].decode("utf-8", "replace"), after)
        start = after


def without_ids(text: str) -> str:
    """The text with every uuid written `<uuid>`."""
    return _UUID.sub("<uuid>", text)
