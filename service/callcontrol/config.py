"""What an operator decides: every setting, its bounds, and what the parts of the service get of it.

What concerns the switches is in `callcontrol.config_switches`, what concerns workers in
`callcontrol.config_workers`; `callcontrol.config_sources` reads all of it.

No setting may be called `port` or `service_...`: Kubernetes puts `CALLCONTROL_PORT` and
`CALLCONTROL_SERVICE_...` into the pods beside a Service of the name callcontrol.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)

from callcontrol.calls.encoding.policy import read_permission
from callcontrol.calls.placing.raw_dialling import read_pattern
from callcontrol.calls.settings import ControlSettings
from callcontrol.config_problems import ConfigurationError, describe
from callcontrol.config_values import (
    Address,
    ContextName,
    DialStringPatterns,
    MediaRoots,
    Permissions,
    RecordingRoot,
    Seconds,
    Subclasses,
    Texts,
    VariableNames,
)
from callcontrol.config_workers import WorkerSettings
from callcontrol.events.ring import LogLimits
from callcontrol.events.token import TokenKey
from callcontrol.passwords import PasswordSource

MIN_KEY_LENGTH: Final = 16


class Config(WorkerSettings):
    """Every setting of the service. Times are seconds."""

    listen: Address = "127.0.0.1:50051"
    """Address for gRPC: `host:port`, or `unix:/path`."""
    metrics_listen: Address = ""
    """Address for Prometheus; empty serves no metrics."""

    confirm_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Longest wait for the event that proves a command."""
    default_context: ContextName = "default"
    """Dialplan context of requests that name none."""
    media_roots: MediaRoots = ()
    """Directories of the nodes, absolute, parted by commas, below which files may be played."""
    media_prefixes: Texts = ("local_stream://",)
    """What the address of a sound that is no file may begin with, parted by commas."""
    speech_engine: str = ""
    """Speech engine of the nodes for requests that name none, for example `flite`."""
    speech_voice: str = ""
    """Voice of that engine for requests that name none."""
    recording_root: RecordingRoot = ""
    """Directory of the nodes, absolute, below which recordings are written; empty allows none."""
    raw_apis: Permissions = ()
    """Api commands that may be run as they are, parted by `;`: a name, a blank and a regular
    expression for the whole argument; the name alone allows no argument."""
    raw_applications: Permissions = ()
    """Dialplan applications that may be run as they are, in the same form."""
    raw_dial_strings: DialStringPatterns = ()
    """Regular expressions, parted by `;`, for the whole of dial strings that may be called raw."""
    publish_subclasses: Subclasses = ()
    """Subclasses, parted by commas, of events that clients may fire; `x*` is all that begin so."""
    allowed_variables: VariableNames = ()
    """Names, parted by commas, of channel variables that may be set although they make the switch
    do things."""

    event_log_max_events: Annotated[int, Field(ge=1_000)] = 65_536
    """Events held for subscribers that are behind."""
    event_log_max_bytes: Annotated[int, Field(ge=1_048_576)] = 256 * 1024 * 1024
    """Bytes of events held."""
    event_log_max_age_s: Annotated[float, Field(gt=0)] = 600.0
    """Age of the oldest event held."""
    event_store: Path | None = None
    """File in which the history is kept as well, so that clients go on where they were after a
    restart; it holds what events tell, and takes up to twice `event_log_max_bytes`."""
    token_key: SecretStr | None = None
    """Secret that seals resume tokens, at least 16 characters. Replicas with the same one go on
    where another one stopped; not set, tokens are good for this process alone."""
    token_key_file: Path | None = None
    """File that holds it, for secrets that are mounted."""
    max_streams: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    """Event streams that may be open."""
    max_streams_per_peer: Annotated[int, Field(ge=0, le=100_000)] = 1_000
    """Event streams that one host may have open, a proxy being one host; 0 sets no limit. Its
    filters may cost the same share of what those of all streams may."""
    connection_max_age_s: Annotated[float, Field(ge=60, le=86_400)] = 1_800.0
    """Age at which a connection is asked to go, so that clients spread over replicas anew."""
    connection_grace_s: Annotated[float, Field(ge=30, le=86_400)] = 600.0
    """Time for what is under way on it; streams are told to move in this time, and what is left
    then is cut off, as are streams whose clients do not read."""
    request_id_window_s: Annotated[float, Field(ge=0)] = 86_400.0
    """How long an answer is kept for a request that comes again."""

    drain_delay_s: Seconds = 0.0
    """At shutdown, the least time between saying so and refusing requests."""
    stream_notice_s: Seconds = 1.0
    """At shutdown, the time clients have to open another stream before theirs ends."""
    stream_spread_s: Seconds = 2.0
    """At shutdown, the time over which streams are ended, so that not all move at once."""
    stop_grace_s: Seconds = 10.0
    """Time for requests under way to end at shutdown."""

    log_format: Literal["auto", "json", "text"] = "auto"
    """`auto` is text on a terminal and JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    event_loop: Literal["asyncio", "uvloop"] = "asyncio"
    """uvloop needs the extra of that name."""

    @classmethod
    def settings_customise_sources(  # noqa: D102  a hook of pydantic-settings
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def log_limits(self) -> LogLimits:
        """Bounds of the event log."""
        return LogLimits(
            max_events=self.event_log_max_events,
            max_bytes=self.event_log_max_bytes,
            max_age_s=self.event_log_max_age_s,
        )

    def resume_key(self) -> TokenKey:
        """What seals resume tokens. Raises ConfigurationError."""
        source = PasswordSource(describe("token_key"), self.token_key, self.token_key_file)
        if not source.is_given:
            return TokenKey()
        try:
            secret = source.read()
        except ValueError as error:
            raise ConfigurationError([str(error)]) from error
        if len(secret) < MIN_KEY_LENGTH:
            problem = f"must have at least {MIN_KEY_LENGTH} characters"
            raise ConfigurationError([f"{describe('token_key')}: {problem}"])
        return TokenKey(secret.encode())

    def control_settings(self) -> ControlSettings:
        """Limits and permissions of commands."""
        return ControlSettings(
            confirm_timeout_s=self.confirm_timeout_s,
            default_context=self.default_context,
            media_roots=self.media_roots,
            media_prefixes=self.media_prefixes,
            speech_engine=self.speech_engine,
            speech_voice=self.speech_voice,
            recording_root=self.recording_root,
            raw_apis=tuple(map(read_permission, self.raw_apis)),
            raw_applications=tuple(map(read_permission, self.raw_applications)),
            raw_dial_strings=tuple(map(read_pattern, self.raw_dial_strings)),
            publish_subclasses=self.publish_subclasses,
            events=self.wanted_events(),
            allowed_variables=frozenset(map(str.lower, self.allowed_variables)),
        )
