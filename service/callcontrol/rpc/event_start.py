"""Where a stream is to begin: StartPosition checked, and turned into values."""

from dataclasses import dataclass
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from callcontrol.errors import Violation
from callcontrol.v1 import event_service_pb2

_EARLIEST_S: Final = -62_135_596_800
"""The first second of the year 1, where the format begins."""
_LATEST_S: Final = 253_402_300_799
_NANOS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """A beginning that was asked for: after a token, at a time, or with a snapshot."""

    token: str = ""
    time_us: int | None = None
    """Microseconds since the epoch."""
    snapshot: bool = False
    snapshot_if_expired: bool = False
    """Begin with a snapshot where the place of the token or the time is no longer held."""


def read_start(
    request: event_service_pb2.EventsRequest, bad: list[Violation]
) -> StartRequest | None:
    """Where the stream is to begin; None for now. Adds what is wrong with it to `bad`."""
    if not request.HasField("start"):
        return None
    start = request.start
    if_expired = start.snapshot_if_expired
    match start.WhichOneof("position"):
        case "resume_token":
            return StartRequest(token=start.resume_token, snapshot_if_expired=if_expired)
        case "snapshot":
            if not start.snapshot:
                bad.append(Violation("start.snapshot", "must be true, or start be left out"))
            return StartRequest(snapshot=True)
        case "time":
            time_us = _microseconds(start.time)
            if time_us is None:
                bad.append(Violation("start.time", "must be a time from year 1 to 9999"))
            return StartRequest(time_us=time_us or 0, snapshot_if_expired=if_expired)
        case _:
            bad.append(Violation("start", "must say where: a resume_token, a snapshot or a time"))
            return None


def _microseconds(value: Timestamp) -> int | None:
    if not (_EARLIEST_S <= value.seconds <= _LATEST_S and 0 <= value.nanos < _NANOS):
        return None
    return value.seconds * 1_000_000 + value.nanos // 1_000
