"""What verbs on a worker's call are given and what they bring, in short."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from callcontrol.client import places
from callcontrol.client.enum_names import name_of
from callcontrol.v1 import call_control_service_pb2 as pb
from callcontrol.v1.common_pb2 import MediaSource

Media = str | MediaSource
"""What is played: `tone_stream://...`, a file, an URL, or any source of the API."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was collected."""

    digits: str = field(repr=False)
    """A good entry; empty where none was."""
    result: str
    """COLLECTED, TIMED_OUT, NO_MATCH, CALL_ENDED or INTERRUPTED."""
    terminator: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Bridged:
    """The two are connected."""

    partner: str
    """The call_id of the other leg."""


@dataclass(frozen=True, slots=True)
class NotBridged:
    """Nobody answered."""

    disposition: str
    """BUSY, NO_ANSWER, REJECTED, UNREACHABLE, CANCELED or FAILED; a number for what a newer server
    has beside."""
    cause: str
    """By the switch's name, `USER_BUSY`."""


def entry_of(response: pb.CollectDigitsResponse) -> Entry:
    """How a collection came out."""
    result = name_of(pb.CollectDigitsResponse.Result, response.result, "RESULT_")
    is_good = response.result == pb.CollectDigitsResponse.RESULT_COLLECTED
    return Entry(response.digits if is_good else "", result, response.terminator)


def bridge_of(response: pb.DialAndBridgeResponse) -> Bridged | NotBridged:
    """How dialling came out, once it was waited for."""
    for leg in response.legs:
        if leg.disposition == pb.DISPOSITION_ANSWERED:
            return Bridged(leg.call_id)
    disposition = name_of(pb.Disposition, response.disposition, "DISPOSITION_")
    return NotBridged(disposition, response.hangup_cause.name)


def sources_of(media: Media | Sequence[Media]) -> list[MediaSource]:
    """What is played, one after the other."""
    if isinstance(media, str | MediaSource):
        media = [media]
    return [places.media(one) if isinstance(one, str) else one for one in media]


def duration(seconds: float) -> Duration:
    """Seconds as the API takes them."""
    message = Duration()
    message.FromTimedelta(timedelta(seconds=seconds))
    return message
