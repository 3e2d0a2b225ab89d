"""A conference as the switch lists it, and what came of a command on one."""

from dataclasses import dataclass
from typing import Final

from callcontrol.calls.call import HangupCause, Party
from callcontrol.calls.outcome import Disposition, Outcome
from callcontrol.errors import CallControlError
from callcontrol.ids import CallId, NodeId, OperationId

_NOBODY: Final = Party()


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody in a conference. Volumes are from -4 to 4, the energy level is from 0 to 1800."""

    member_id: int
    """The switch counts once for all conferences, and a leg keeps its number."""
    call_id: CallId
    party: Party = _NOBODY
    can_speak: bool = True
    can_hear: bool = True
    talking: bool = False
    has_floor: bool = False
    moderator: bool = False
    on_hold: bool = False
    volume_in: int = 0
    volume_out: int = 0
    energy_level: int = 0
    joined_us: int = 0
    """Microseconds since the epoch, exact to a second; 0 if the switch does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceRecording:
    """A file that a conference is recorded in."""

    recording_id: OperationId
    path: str
    started_us: int = 0
    """As above."""
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conference:
    """A conference at one moment."""

    name: str
    node_id: NodeId
    conference_uuid: str = ""
    """The switch's id for this run of it."""
    locked: bool = False
    recording: bool = False
    created_us: int = 0
    """As above."""
    sample_rate_hz: int = 0
    max_members: int = 0
    """0 for no limit."""
    size: int = 0
    """How many count towards that limit."""
    members: tuple[Member, ...] = ()
    """In the order in which they came."""
    recordings: tuple[ConferenceRecording, ...] = ()

    @property
    def floor_holder(self) -> Member | None:
        """Who has the floor."""
        return next((member for member in self.members if member.has_floor), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceOutcome(Outcome):
    """The conference after the command."""

    conference: Conference


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersOutcome(Outcome):
    """Whom the command reached, by their numbers."""

    member_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinOutcome(Outcome):
    """Which of the legs came in, and which will not, for what reason."""

    members: tuple[Member, ...] = ()
    failures: tuple[tuple[CallId, CallControlError], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DialOutcome(Outcome):
    """How an attempt to dial somebody in came out. `member` is None until they have come in."""

    call_id: CallId
    node_id: NodeId
    disposition: Disposition | None = None
    cause: HangupCause | None = None
    member: Member | None = None
    replayed: bool = False
    """An earlier attempt of the same request placed the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationOutcome(Outcome):
    """The handle of a playback or a recording, and its file."""

    operation_id: OperationId
    file: str
