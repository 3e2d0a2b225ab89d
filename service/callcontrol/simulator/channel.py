"""What the switch knows of a channel: states, caller profile, codecs, variables. No behaviour."""

from dataclasses import asdict, dataclass, field, replace
from enum import Enum, IntEnum, StrEnum

from callcontrol.esl.messages import HeaderValue
from callcontrol.simulator.events import flat


class State(IntEnum):
    """The channel's place in the core's state machine; on the wire with the prefix `CS_`."""

    NEW = 0
    INIT = 1
    ROUTING = 2
    SOFT_EXECUTE = 3
    EXECUTE = 4
    EXCHANGE_MEDIA = 5
    PARK = 6
    CONSUME_MEDIA = 7
    HIBERNATE = 8
    RESET = 9
    HANGUP = 10
    REPORTING = 11
    DESTROY = 12
    NONE = 13


class CallState(IntEnum):
    """The coarse state that CHANNEL_CALLSTATE tells."""

    DOWN = 0
    DIALING = 1
    RINGING = 2
    EARLY = 3
    ACTIVE = 4
    HELD = 5
    RING_WAIT = 6
    HANGUP = 7
    UNHELD = 8


class Kind(Enum):
    """Which endpoint made the channel."""

    LOOPBACK_A = "loopback a"
    LOOPBACK_B = "loopback b"
    SOFIA_OUTBOUND = "sofia outbound"
    SOFIA_INBOUND = "sofia inbound"
    NULL = "null"

    @property
    def is_sofia(self) -> bool:
        """Whether it is a SIP leg."""
        return self in (Kind.SOFIA_OUTBOUND, Kind.SOFIA_INBOUND)

    @property
    def direction(self) -> str:
        """Whether the call came into the switch here, or goes out."""
        inbound = (Kind.LOOPBACK_B, Kind.SOFIA_INBOUND)
        return "inbound" if self in inbound else "outbound"


class Role(StrEnum):
    """How a channel sees its partner: `Other-Type`."""

    ORIGINATOR = "originator"
    ORIGINATEE = "originatee"


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec and its rates."""

    name: str
    rate: int
    bit_rate: int


L16 = Codec("L16", 8000, 128000)
PCMU = Codec("PCMU", 8000, 64000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A caller profile: who calls whom, by which dialplan. Empty fields are not on the wire."""

    username: str = ""
    dialplan: str = ""
    caller_id_name: str = ""
    caller_id_number: str = ""
    orig_caller_id_name: str = ""
    orig_caller_id_number: str = ""
    callee_id_name: str = ""
    callee_id_number: str = ""
    network_addr: str = ""
    ani: str = ""
    destination_number: str = ""
    source: str = ""
    transfer_source: str = ""
    context: str = ""
    rdnis: str = ""
    index: int = 1
    created_us: int = 0
    logical_direction: str = ""


@dataclass(slots=True)
class Times:
    """When what happened, in µs since the epoch; 0 for not yet."""

    created: int = 0
    answered: int = 0
    progress: int = 0
    progress_media: int = 0
    hangup: int = 0
    transfer: int = 0
    resurrect: int = 0
    bridged: int = 0
    last_hold: int = 0
    hold_accum: int = 0


def says_yes(text: str) -> bool:
    """Whether a word says yes, as the core understands it (switch_true)."""
    return text.lower() in ("true", "yes", "on", "enable", "enabled", "1", "t")


@dataclass(slots=True)
class Channel:
    """One leg's data. The thread that changes it is `leg.Leg`."""

    call_id: str
    kind: Kind
    name: str
    profile: Profile
    times: Times
    running: State = State.NONE
    target: State = State.NEW
    call_state: CallState = CallState.DOWN
    call_uuid: str = ""
    presence_id: str = ""
    hits_dialplan: bool = False
    is_answered: bool = False
    has_early_media: bool = False
    is_ringing: bool = False
    is_held: bool = False
    cause: str = ""
    read_codec: Codec | None = None
    write_codec: Codec | None = None
    variables: dict[str, HeaderValue] = field(default_factory=dict)
    scope: dict[str, str] = field(default_factory=dict)
    """Variables of the application that runs, before which those of the channel count nothing."""
    originator: "Channel | None" = None
    originatee: "Channel | None" = None
    partner_profile: Profile | None = None
    """The partner's profile as it was when they met."""
    application: str = ""
    application_data: str = ""

    def set(self, name: str, value: HeaderValue | None) -> None:
        """Set a variable, which then is the last one; None or empty text unsets it."""
        self.variables.pop(name, None)
        if value:
            self.variables[name] = value

    def push(self, name: str, value: str) -> None:
        """Add to a variable, in its place, which makes an array of it."""
        old = self.variables.get(name)
        if old is None:
            self.variables[name] = value
        else:
            self.variables[name] = [*([old] if isinstance(old, str) else old), value]

    def get(self, name: str) -> str:
        """A variable's text; empty when it is not set."""
        value = self.scope.get(name) or self.variables.get(name, "")
        return value if isinstance(value, str) else (value[0] if value else "")

    def look_up(self, name: str) -> str:
        """A variable, or a field of the caller profile where no variable has that name."""
        fields = {name: str(value) for name, value in asdict(self.profile).items()}
        return self.get(name) or fields.get(name.lower(), "")

    def read(self, name: str) -> str:
        """A variable as `uuid_getvar` tells it: names in any case, `name[1]` is an element."""
        plain, bracket, index = name.partition("[")
        for key, value in self.variables.items():
            if key.lower() != plain.lower():
                continue
            values = [value] if isinstance(value, str) else value
            if not bracket:
                return flat(value)
            number = index.removesuffix("]")
            return values[int(number)] if number.isdigit() and int(number) < len(values) else ""
        return ""

    def is_true(self, name: str) -> bool:
        """Whether a variable says yes, as the core understands it."""
        return says_yes(self.get(name))

    def change_profile(self, **changes: str | int) -> None:
        """Change fields of the current caller profile."""
        self.profile = replace(self.profile, **changes)  # type: ignore[arg-type]  # names are fields

    @property
    def is_down(self) -> bool:
        """Whether it was hung up; the core's lookups no longer find it."""
        return self.target >= State.HANGUP

    @property
    def has_media(self) -> bool:
        """Whether sound can flow."""
        return self.is_answered or self.has_early_media

    @property
    def partner(self) -> "Channel | None":
        """The other leg of its bridge, past or present."""
        return self.originatee or self.originator

    @property
    def answer_state(self) -> str:
        """The value of `Answer-State`."""
        if self.is_down:
            return "hangup"
        if self.is_answered:
            return "answered"
        return "early" if self.has_early_media else "ringing"
