"""What events mean: the closed set of typed payloads that an event can carry."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from callcontrol.calls.call import Call, CallState, HangupCause
from callcontrol.ids import CallId, CoreUuid, NodeId, OperationId

NO_OPERATION: Final = OperationId("")


@dataclass(frozen=True, slots=True)
class CallCreated:
    """A leg came to be, or was found when we looked."""

    call: Call


@dataclass(frozen=True, slots=True)
class CallStateChanged:
    """A leg changed its state; `call` is the picture after the change."""

    call: Call
    previous_state: CallState


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A leg ended; told once for each leg. Durations in microseconds; billable 0 if unanswered."""

    call: Call
    cause: HangupCause | None
    total_us: int
    billable_us: int


@dataclass(frozen=True, slots=True)
class CallSnapshot:
    """A leg as it is, for a subscriber who begins with a picture of all."""

    call: Call


@dataclass(frozen=True, slots=True)
class CallBridged:
    """Two legs were connected."""

    call_id: CallId
    peer_call_id: CallId


@dataclass(frozen=True, slots=True)
class CallUnbridged:
    """Two legs were parted."""

    call_id: CallId
    peer_call_id: CallId


@dataclass(frozen=True, slots=True)
class DtmfReceived:
    """A digit came in. Duration in microseconds."""

    digit: str
    duration_us: int
    source: str


@dataclass(frozen=True, slots=True)
class PlaybackStarted:
    """Something began to play. The id is that of the application that plays: ours, if this service
    began it, else one the switch made up; empty where the application was not seen.
    """

    playback_id: OperationId
    uri: str


@dataclass(frozen=True, slots=True)
class PlaybackStopped:
    """Something stopped playing."""

    playback_id: OperationId
    uri: str
    completed: bool


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    """A recording began."""

    recording_id: OperationId
    path: str


@dataclass(frozen=True, slots=True)
class RecordingStopped:
    """A recording stopped. Duration in microseconds."""

    recording_id: OperationId
    path: str
    duration_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class ApplicationStarted:
    """An application began on a leg."""

    name: str
    data: str
    operation_id: OperationId


@dataclass(frozen=True, slots=True)
class ApplicationFinished:
    """An application ended on a leg."""

    name: str
    data: str
    operation_id: OperationId
    response: str


@dataclass(frozen=True, slots=True)
class ConferenceChanged:
    """Something happened in a conference. `member_id` is 0 where it was about nobody; the ids and
    `file` are empty but for playbacks and recordings, `error` but for those that failed.
    """

    conference_name: str
    conference_uuid: str
    action: str
    """In the switch's words."""
    member_id: int = 0
    member_count: int = 0
    file: str = ""
    playback_id: OperationId = NO_OPERATION
    recording_id: OperationId = NO_OPERATION
    error: str = ""


@dataclass(frozen=True, slots=True)
class OperationFinished:
    """A job of the switch ended. `reply` is the beginning of what it said."""

    operation_id: OperationId
    succeeded: bool
    reply: str


class RegistrationKind(Enum):
    """What became of a registration."""

    REGISTERED = "registered"
    """It is new, or was renewed."""
    UNREGISTERED = "unregistered"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class RegistrationChanged:
    """An endpoint registered or left. The contact is empty where the switch does not tell it."""

    kind: RegistrationKind
    profile: str
    user: str
    domain: str
    contact: str


class GatewayKind(Enum):
    """What became of a gateway."""

    STATE = "state"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class GatewayChanged:
    """A gateway changed its state, came or went."""

    kind: GatewayKind
    gateway: str
    state: str = ""
    """In the switch's words."""
    is_up: bool = False
    sip_code: int = 0
    """Of the response that changed it; 0 where none did."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MessageWaiting:
    """The state of a mailbox; 0 where the switch told no numbers."""

    mailbox: str
    has_new: bool
    new_messages: int = 0
    saved_messages: int = 0
    new_urgent_messages: int = 0
    saved_urgent_messages: int = 0


@dataclass(frozen=True, slots=True)
class DetectionReported:
    """A tone, voice or machine was detected on a leg."""

    detector: str
    result: str
    content: str = ""
    """What was understood, as the recogniser put it."""


@dataclass(frozen=True, slots=True)
class NodeChanged:
    """A node's connection or load changed."""

    node_id: NodeId
    connected: bool
    session_count: int
    core_uuid: CoreUuid | None
    reason: str
    draining: bool | None = None
    """Whether it takes no new calls, where that is what changed."""


Payload = (
    CallCreated
    | CallStateChanged
    | CallEnded
    | CallSnapshot
    | CallBridged
    | CallUnbridged
    | DtmfReceived
    | PlaybackStarted
    | PlaybackStopped
    | RecordingStarted
    | RecordingStopped
    | ApplicationStarted
    | ApplicationFinished
    | OperationFinished
    | ConferenceChanged
    | RegistrationChanged
    | GatewayChanged
    | NodeChanged
    | MessageWaiting
    | DetectionReported
)
