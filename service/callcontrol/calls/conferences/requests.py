"""What a caller asks of a conference, as plain values. Nothing here is checked."""

from dataclasses import dataclass, field

from callcontrol.calls.requests import ConferenceDestination, Endpoint, MediaSource, WaitUntil
from callcontrol.ids import CallId, NodeId, OperationId


@dataclass(frozen=True, slots=True)
class Everybody:
    """All members."""


@dataclass(frozen=True, slots=True)
class NonModerators:
    """All members who are not moderators."""


@dataclass(frozen=True, slots=True)
class LastMember:
    """The member with the highest number."""


@dataclass(frozen=True, slots=True)
class MembersById:
    """Members by their numbers."""

    member_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MembersByCall:
    """Members by their legs."""

    call_ids: tuple[CallId, ...]


MemberSelector = Everybody | NonModerators | LastMember | MembersById | MembersByCall


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSpec:
    """Which conference: by its name, and by its node where that is given."""

    name: str
    node_id: NodeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddSpec:
    """Legs to bring in."""

    conference: ConferenceDestination
    call_ids: tuple[CallId, ...]
    node_id: NodeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DialSpec(RoomSpec):
    """Somebody to dial in."""

    endpoint: Endpoint
    flags: tuple[str, ...] = ()
    caller_number: str = ""
    caller_name: str = ""
    ring_timeout_s: float | None = None
    call_id: CallId | None = None
    call_id_is_new: bool = False
    """The id was made up for this call, so that no other call can have it."""
    call_id_is_derived: bool = False
    """The id was made from the request id."""
    request_id: str = ""
    fingerprint: str = ""
    """Of the whole request, where it may be a repeat: then the call is looked for first."""
    wait_until: WaitUntil = WaitUntil.ACCEPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMembersSpec(RoomSpec):
    """A change to members; None leaves a thing as it is."""

    members: MemberSelector
    can_speak: bool | None = None
    can_hear: bool | None = None
    volume_in: int | None = None
    volume_out: int | None = None
    energy_level: int | None = None
    floor: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KickSpec(RoomSpec):
    """Members to remove."""

    members: MemberSelector
    keep_calls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveSpec(RoomSpec):
    """Members to move to another conference."""

    members: MemberSelector
    target_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateConferenceSpec(RoomSpec):
    """A change to a conference; None leaves a thing as it is."""

    locked: bool | None = None
    pin: str | None = field(default=None, repr=False)
    """Empty removes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferencePlaySpec(RoomSpec):
    """Something to play, to one member or to all."""

    source: MediaSource
    member_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceRecordSpec(RoomSpec):
    """A recording to begin; an empty path lets us choose."""

    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecordingSpec(RoomSpec):
    """A recording to stop; None for all."""

    recording_id: OperationId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSpec(RoomSpec):
    """A conference to end."""

    keep_calls: bool = False
