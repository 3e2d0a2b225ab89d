"""What all event streams of a server share, and what it means for one to end."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from callcontrol.rpc.pace import Pace
from callcontrol.rpc.recorder import Recorder
from callcontrol.rpc.room import Room
from callcontrol.rpc.stream_messages import MessageMaker


@dataclass(frozen=True, slots=True)
class Departure:
    """When a stream is to end: it is announced, and then its peer has until `end_s` to move."""

    announce_s: float
    end_s: float


class OpenStream(Protocol):
    """What there is to see of a stream of events or of a worker."""

    @property
    def stream_id(self) -> str:
        """Names it to operators."""

    @property
    def name(self) -> str:
        """As its client calls itself."""

    @property
    def peer(self) -> str:
        """The gRPC peer."""

    @property
    def started_us(self) -> int:
        """Since when, microseconds since the epoch."""

    @property
    def sent_events(self) -> int:
        """Events sent."""

    @property
    def skipped_events(self) -> int:
        """Those it missed as its client was slow."""

    @property
    def lag_events(self) -> int:
        """Events that wait for it."""

    @property
    def lag_s(self) -> float:
        """Age of the oldest of them."""

    @property
    def stalled_s(self) -> float:
        """For how long its client has not taken a message."""

    @property
    def ended(self) -> asyncio.Event:
        """Set when it has ended."""

    def close(self) -> None:
        """End it with SubscriptionEnded, as soon as that can be."""


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
