"""What is wrong with a request, every violation at once, by the names of the API's fields."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, assert_never

from callcontrol.calls import grammar
from callcontrol.calls.dialstring import (
    MAX_VARIABLES,
    originate_value_problem,
    set_value_problem,
)
from callcontrol.calls.media_uri import MAX_SOURCES, silence_problem, tone_problem, uri_problem
from callcontrol.calls.requests import (
    ConferenceDestination,
    Destination,
    Endpoint,
    ExtensionDestination,
    GatewayEndpoint,
    LoopbackEndpoint,
    OriginateSpec,
    ParkDestination,
    PhraseSource,
    PlaySpec,
    RawEndpoint,
    SilenceSource,
    SipEndpoint,
    SpeechSource,
    ToneSource,
    UriSource,
    UserEndpoint,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.calls.variable_names import readable_name_problem, variable_name_problem
from callcontrol.calls.variables import label_violations
from callcontrol.errors import InvalidRequest, Violation

Checked = tuple[str, str | None]
"""A field and what is wrong with it, if anything is."""

MAX_REPEAT: Final = 1_000
_MAX_LEVEL: Final = 10_000
_MIN_DIGIT_US: Final = 50_000
_MAX_DIGIT_US: Final = 8_000_000


def require_valid(checked: Iterable[Checked]) -> None:
    """Raise InvalidRequest with all that is wrong, if anything is."""
    violations = violations_in(checked)
    if violations:
        raise InvalidRequest(violations)


def violations_in(checked: Iterable[Checked]) -> list[Violation]:
    """What is wrong, as violations."""
    return [Violation(field, problem) for field, problem in checked if problem is not None]


def originate_checks(spec: OriginateSpec, settings: ControlSettings) -> Iterator[Checked]:
    """Everything about a call to place."""
    if spec.call_id is not None:
        yield "call_id", grammar.new_call_id_problem(spec.call_id)
    if spec.node_id is not None:
        yield "node_id", grammar.node_id_problem(spec.node_id)
    if not spec.endpoints:
        yield "endpoints", "must have at least one"
    for place, endpoint in enumerate(spec.endpoints):
        yield from _endpoint_checks(endpoint, f"endpoints[{place}]", settings)
    yield from destination_checks(spec.destination, settings)
    if spec.caller_number:
        yield "caller.number", grammar.user_problem(spec.caller_number)
    if spec.caller_name:
        problem = grammar.text_problem(spec.caller_name)
        yield "caller.name", problem or originate_value_problem(spec.caller_name)
    if spec.ring_timeout_s is not None:
        yield "ring_timeout", grammar.ring_time_problem(spec.ring_timeout_s)
    yield from _new_variables(spec.variables, "variables", settings)
    yield from ((found.field, found.problem) for found in label_violations(spec.labels))
    for label, value in spec.labels.items():
        yield _entry("labels", label), originate_value_problem(value)
    if len(spec.labels) > MAX_VARIABLES:
        yield "labels", f"may have at most {MAX_VARIABLES} entries"


def destination_checks(
    destination: Destination, settings: ControlSettings, field: str = "destination"
) -> Iterator[Checked]:
    """Where a leg is to go."""
    match destination:
        case ExtensionDestination(extension=extension, dialplan=dialplan, context=context):
            yield f"{field}.extension.extension", grammar.extension_problem(extension)
            if dialplan and dialplan not in settings.dialplans:
                allowed = ", ".join(sorted(settings.dialplans))
                yield f"{field}.extension.dialplan", f"must be one of {allowed}"
            if context:
                yield f"{field}.extension.context", grammar.name_problem(context)
        case ConferenceDestination(name=name, profile=profile, flags=flags, pin=pin):
            yield f"{field}.conference.name", grammar.name_problem(name)
            if profile:
                yield f"{field}.conference.profile", grammar.name_problem(profile)
            for place, flag in enumerate(flags):
                problem = grammar.conference_flag_problem(flag)
                yield f"{field}.conference.flags[{place}]", problem
            if pin:
                yield f"{field}.conference.pin", grammar.pin_problem(pin)
        case ParkDestination():
            pass
        case _:
            assert_never(destination)


def play_checks(spec: PlaySpec, settings: ControlSettings) -> Iterator[Checked]:
    """What is to be played, and to whom."""
    yield call_id_check(spec.call_id)
    if spec.playback_id is not None:
        yield "playback_id", grammar.operation_id_problem(spec.playback_id)
    if not 1 <= len(spec.sources) <= MAX_SOURCES:
        yield "sources", f"must have 1 to {MAX_SOURCES} entries"
    for place, source in enumerate(spec.sources):
        match source:
            case UriSource(uri=uri):
                yield f"sources[{place}].uri", uri_problem(uri, settings)
            case ToneSource(tone=tone):
                yield f"sources[{place}].tone_stream", tone_problem(tone)
            case SilenceSource(duration_us=duration_us):
                yield f"sources[{place}].silence", silence_problem(duration_us)
            case SpeechSource() | PhraseSource():
                pass
            case _:
                assert_never(source)
    if spec.repeat > MAX_REPEAT:
        yield "repeat", f"may be at most {MAX_REPEAT}"


def dtmf_checks(digits: str, duration_us: int) -> Iterator[Checked]:
    """Digits to send, each for so many microseconds; 0 leaves that to the switch."""
    yield "digits", grammar.digits_problem(digits)
    if duration_us and not _MIN_DIGIT_US <= duration_us <= _MAX_DIGIT_US:
        yield "duration", "must be from 50 ms to 8 s"


def set_variables_checks(
    variables: Mapping[str, str], settings: ControlSettings
) -> Iterator[Checked]:
    """Variables to set on a call; an empty value removes one."""
    if not 1 <= len(variables) <= MAX_VARIABLES:
        yield "variables", f"must have 1 to {MAX_VARIABLES} entries"
    for name, value in variables.items():
        denied = variable_name_problem(name, settings.allowed_variables)
        problem = denied or set_value_problem(value)
        yield _entry("variables", name), problem


def get_variables_checks(names: Sequence[str]) -> Iterator[Checked]:
    """Names of variables to read."""
    for place, name in enumerate(names):
        yield f"names[{place}]", readable_name_problem(name)


def hold_checks(display: str) -> Iterator[Checked]:
    """A text for the device that is put on hold."""
    yield "display", grammar.text_problem(display) or set_value_problem(display)


def mute_checks(comfort_noise_level: int) -> Iterator[Checked]:
    """A level of comfort noise; 0 for none."""
    inside = 0 <= comfort_noise_level <= _MAX_LEVEL
    yield "comfort_noise_level", None if inside else f"must be from 0 to {_MAX_LEVEL}"


def call_id_check(call_id: str, field: str = "call_id") -> Checked:
    """The id of a call that may exist."""
    return field, grammar.call_id_problem(call_id)


def _endpoint_checks(
    endpoint: Endpoint, field: str, settings: ControlSettings
) -> Iterator[Checked]:
    match endpoint:
        case UserEndpoint(user=user, domain=domain):
            yield f"{field}.user.id", grammar.user_problem(user)
            if domain:
                yield f"{field}.user.domain", grammar.host_problem(domain)
        case GatewayEndpoint(gateway=gateway, number=number):
            yield f"{field}.gateway.gateway", grammar.name_problem(gateway)
            yield f"{field}.gateway.number", grammar.number_problem(number)
        case SipEndpoint(profile=profile, address=address):
            yield f"{field}.sip.profile", grammar.profile_problem(profile)
            yield f"{field}.sip.address", grammar.sip_address_problem(address)
        case LoopbackEndpoint(extension=extension, context=context):
            yield f"{field}.loopback.extension", grammar.extension_problem(extension)
            if context:
                yield f"{field}.loopback.context", grammar.name_problem(context)
        case RawEndpoint():
            pass
        case _:
            assert_never(endpoint)
    if endpoint.ring_timeout_s is not None:
        yield f"{field}.ring_timeout", grammar.ring_time_problem(endpoint.ring_timeout_s)
    yield from _new_variables(endpoint.variables, f"{field}.variables", settings)


def _new_variables(
    variables: Mapping[str, str], field: str, settings: ControlSettings
) -> Iterator[Checked]:
    if len(variables) > MAX_VARIABLES:
        yield field, f"may have at most {MAX_VARIABLES} entries"
    for name, value in variables.items():
        denied = variable_name_problem(name, settings.allowed_variables)
        problem = denied or originate_value_problem(value)
        yield _entry(field, name), problem


def _entry(field: str, key: str) -> str:
    plain = key[:64] if key.isidentifier() else json.dumps(key[:64])
    return f"{field}[{plain}]"


def cause_check(cause: str) -> Checked:
    """A hangup cause; empty leaves it to us."""
    return "cause", grammar.cause_problem(cause) if cause else None


def playback_id_checks(playback_id: str | None) -> Iterator[Checked]:
    """The id of one playback, or None for all."""
    if playback_id is not None:
        yield "playback_id", grammar.operation_id_problem(playback_id)
