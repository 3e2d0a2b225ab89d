"""What all event streams of a server share, and what it means for one to end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from callcontrol.rpc.pace import Pace
from callcontrol.rpc.recorder import Recorder
from callcontrol.rpc.room import Room
from callcontrol.rpc.stream_messages import MessageMaker


@dataclass(frozen=True, slots=True)
class Departure:
    """When a stream is to end: it is announced, and then its peer has until `end_s` to move."""

    announce_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTools:
    """What all streams of a server share. `clock` is monotonic, in seconds."""

    pace: Pace
    recorder: Recorder
    server_version: str
    messages: MessageMaker
    room: Room = field(default_factory=Room)
    clock: Callable[[], float] = time.monotonic
    now_us: Callable[[], int] = lambda: time.time_ns() // 1_000
