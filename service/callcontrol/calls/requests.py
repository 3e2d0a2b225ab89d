"""What a caller asks for: requests as plain values, one for each field of the API that counts.

Nothing here is checked; `checks` does that, `dialstring` refuses what slips through.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from callcontrol.calls.media.say import SaySource
from callcontrol.ids import CallId, NodeId, OperationId


class WaitUntil(Enum):
    """When Originate returns."""

    ACCEPTED = "accepted"
    """The switch took the command."""
    RINGING = "ringing"
    """The far end is alerted, or better; or the attempt has failed."""
    ANSWERED = "answered"
    """The call was answered, or has failed. Early media is not an answer."""


class Leg(Enum):
    """Which leg or legs of a bridged pair a command is for."""

    A = "a"
    """The leg that was named."""
    B = "b"
    """The leg it is bridged to."""
    BOTH = "both"


class MediaDirection(Enum):
    """What a party's media may do, seen from the switch."""

    READ = "read"
    """From the party into the switch."""
    WRITE = "write"
    """From the switch out to the party."""
    BOTH = "both"


class Strategy(Enum):
    """How several endpoints are tried."""

    SEQUENTIAL = "sequential"
    SIMULTANEOUS = "simultaneous"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegOptions:
    """What every kind of endpoint has."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """Channel variables of this leg alone."""
    ring_timeout_s: float | None = None
    """Seconds to ring this leg, rounded up to whole ones; None sets no limit of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEndpoint(LegOptions):
    """A registered user; an empty domain is the node's default."""

    user: str
    domain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEndpoint(LegOptions):
    """A number by way of a gateway."""

    gateway: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SipEndpoint(LegOptions):
    """A SIP address, `user@host[:port]` without the scheme, by way of a profile."""

    profile: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopbackEndpoint(LegOptions):
    """A leg that loops back into the dialplan; an empty context is the configured default."""

    extension: str
    context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEndpoint(LegOptions):
    """One endpoint in the switch's own language, as far as the operator allows it."""

    dial_string: str


Endpoint = UserEndpoint | GatewayEndpoint | SipEndpoint | LoopbackEndpoint | RawEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionDestination:
    """A place in the dialplan; empty dialplan and context are the configured defaults."""

    extension: str
    dialplan: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkDestination:
    """Wait for commands."""

    timeout_s: float | None = None
    """Seconds until the call is hung up, rounded up to whole ones, and up to one more; None waits
    for good."""


@dataclass(frozen=True, slots=True)
class Application:
    """A dialplan application as it is; empty data is none."""

    name: str
    data: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationsDestination:
    """Run applications one after the other; the switch hangs up after the last."""

    applications: tuple[Application, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceDestination:
    """Join a conference; an empty profile is `default`."""

    name: str
    profile: str = ""
    flags: tuple[str, ...] = ()
    pin: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDestination:
    """Wait in the park for a worker that serves an application."""

    application: str


Destination = (
    ExtensionDestination
    | ParkDestination
    | ConferenceDestination
    | ApplicationsDestination
    | WorkerDestination
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginateSpec:
    """A call to place."""

    endpoints: tuple[Endpoint, ...]
    """Whom to call."""
    destination: Destination
    """What the answered leg does."""
    strategy: Strategy = Strategy.SEQUENTIAL
    call_id: CallId | None = None
    """Id of the new leg, a UUID; None lets us choose."""
    call_id_is_new: bool = False
    """The id was made up for this call, so that no other call can have it."""
    call_id_is_derived: bool = False
    """The id was made from the request id."""
    request_id: str = ""
    fingerprint: str = ""
    """Of the whole request, where it may be a repeat: then the call is looked for first."""
    mark: str = ""
    """What tells our call from another of the same id; the fingerprint where there is one."""
    node_id: NodeId | None = None
    """Node to call from; None picks the one with the fewest calls."""
    caller_number: str = ""
    caller_name: str = ""
    ring_timeout_s: float | None = None
    """Seconds until the attempt is given up, rounded up to whole ones, and up to one more, as the
    switch counts; None is the switch's 60."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Channel variables of all new legs."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What the caller attaches to the call; comes back in the call and in its events."""
    wait_until: WaitUntil = WaitUntil.ACCEPTED
    hangup_on_cancel: bool = False
    """End the call when the waiting is cancelled."""
    ignore_early_media: bool = False
    """Begin the destination at the answer, not at early media. Always so when waiting for the
    answer, as the switch stops its ring timer when the destination begins."""


@dataclass(frozen=True, slots=True)
class UriSource:
    """A file on the node by its absolute path, or an URL, as far as the operator allows."""

    uri: str


@dataclass(frozen=True, slots=True)
class ToneSource:
    """A tone in the switch's tone language, for example `%(1000,500,440)`."""

    tone: str


@dataclass(frozen=True, slots=True)
class SilenceSource:
    """That much silence, in microseconds."""

    duration_us: int


@dataclass(frozen=True, slots=True)
class SpeechSource:
    """Text for a speech engine of the node; empty names are the operator's."""

    text: str
    engine: str = ""
    voice: str = ""


@dataclass(frozen=True, slots=True)
class PhraseSource:
    """A phrase macro of the node, with its argument; an empty language is the leg's."""

    name: str
    data: str = ""
    language: str = ""


MediaSource = UriSource | ToneSource | SilenceSource | SpeechSource | PhraseSource | SaySource


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaySpec:
    """Something to play to a call."""

    call_id: CallId
    sources: tuple[MediaSource, ...]
    """What to play, in order."""
    leg: Leg = Leg.A
    mix: bool = False
    """Over the conversation, and not in its place."""
    repeat: int = 0
    """Play so many times; 0 is once, negative is until stopped."""
    playback_id: OperationId | None = None
    """Comes back in the events of this playback; None lets us choose."""
