"""The recorded events of a busy switch, over and over, and what each of them is by its number.

In each round the calls have new ids, and every event has the next number, so that a subscriber
can tell from a number which recorded event it is, and thus what its filter makes of it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Final

import orjson
from tests.support import transcripts
from tests.support.fake_switch import event_frame

from callcontrol.esl.framing import FrameReader

CORE_UUID: Final = "c0de0000-0000-4000-8000-000000000001"
FIRST_SEQUENCE: Final = 1_000_000_000
"""Of event 0. The switch's own canaries have lower ones."""

Headers = Mapping[str, str]
Passes = Callable[[Headers], bool]

_ROUND: Final = b"@@ROUND@"
_NUMBER: Final = b"@@NUMBER@@"
_UUID: Final = re.compile(rb"\b[0-9a-f]{8}(-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})\b")
"""Of calls, jobs, conferences; the ids of SIP dialogs are of another version."""
_SEQUENCE: Final = re.compile(rb'("Event-Sequence":\s*)"\d+"')


@cache
def recorded() -> tuple[bytes, ...]:
    """The bodies of the recorded events, in order."""
    frames = FrameReader().feed(transcripts.corpus("json"))
    return tuple(frame.body for frame in frames if frame.content_type == "text/event-json")


@cache
def recorded_headers() -> tuple[dict[str, str], ...]:
    """Their headers; ids of calls end as they do in every round."""
    return tuple(orjson.loads(body) for body in recorded())


class Replay:
    """Makes the frames of any round."""

    def __init__(self) -> None:
        core = recorded_headers()[0]["Core-UUID"].encode()
        tails = {match[1] for body in recorded() for match in _UUID.finditer(body)}
        whole = {match[0] for body in recorded() for match in _UUID.finditer(body)}
        assert len(tails) == len(whole), "two ids would become one"
        self._frames = [event_frame(_template(body, core)) for body in recorded()]

    def __len__(self) -> int:
        """Events of a round."""
        return len(self._frames)

    def frame(self, number: int) -> bytes:
        """Event `number`, counted from 0 over all rounds, as it goes over the wire."""
        turn, place = divmod(number, len(self._frames))
        named = self._frames[place].replace(_ROUND, b"%08x" % (turn + 1))
        return named.replace(_NUMBER, b"%010d" % (FIRST_SEQUENCE + number))


def _template(body: bytes, core: bytes) -> bytes:
    renamed = _UUID.sub(_ROUND + rb"\1", body.replace(core, b"@@CORE@@"))
    numbered = _SEQUENCE.sub(rb'\1"' + _NUMBER + b'"', renamed)
    return numbered.replace(b"@@CORE@@", CORE_UUID.encode())


@dataclass(frozen=True)
class Oracle:
    """Which events of the replay pass a test; it reads headers and shares no code with filters."""

    matches: Sequence[bool]
    sums: Sequence[int]

    @classmethod
    def of(cls, passes: Passes) -> "Oracle":
        """Try the test on every recorded event."""
        matches = [passes(headers) for headers in recorded_headers()]
        return cls(matches, list(accumulate(matches, initial=0)))

    def matches_number(self, number: int) -> bool:
        """Whether event `number` passes."""
        return self.matches[number % len(self.matches)]

    def count(self, first: int, end: int) -> int:
        """How many of the events from `first` up to but without `end` pass."""
        return self._before(end) - self._before(first)

    def _before(self, number: int) -> int:
        rounds, place = divmod(number, len(self.matches))
        return rounds * self.sums[-1] + self.sums[place]
