"""What is wrong with a request, every violation at once, by the names of the API's fields."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, assert_never

from callcontrol.calls.checked import Checked, entry
from callcontrol.calls.encoding import grammar
from callcontrol.calls.encoding.dialstring import (
    MAX_VARIABLES,
    originate_value_problem,
    set_value_problem,
)
from callcontrol.calls.encoding.inline_dialplan import MAX_APPLICATIONS, application_data_problem
from callcontrol.calls.encoding.policy import name_problem
from callcontrol.calls.encoding.variable_names import readable_name_problem, variable_name_problem
from callcontrol.calls.picture.variables import label_violations
from callcontrol.calls.placing.endpoint_checks import endpoints_checks, variables_checks
from callcontrol.calls.requests import (
    Application,
    ApplicationsDestination,
    ConferenceDestination,
    Destination,
    ExtensionDestination,
    OriginateSpec,
    ParkDestination,
    WorkerDestination,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.errors import InvalidRequest, Violation

MAX_PARK_S: Final = 86_400
"""A day."""
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
    yield from endpoints_checks(spec.endpoints, settings)
    yield from destination_checks(spec.destination, settings)
    if spec.caller_number:
        yield "caller.number", grammar.user_problem(spec.caller_number)
    if spec.caller_name:
        problem = grammar.text_problem(spec.caller_name)
        yield "caller.name", problem or originate_value_problem(spec.caller_name)
    if spec.ring_timeout_s is not None:
        yield "ring_timeout", grammar.ring_time_problem(spec.ring_timeout_s)
    yield from variables_checks(spec.variables, settings, "variables")
    yield from ((found.field, found.problem) for found in label_violations(spec.labels))
    for label, value in spec.labels.items():
        yield entry("labels", label), originate_value_problem(value)
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
        case ConferenceDestination():
            yield from _conference_checks(destination, f"{field}.conference")
        case ParkDestination(timeout_s=timeout_s):
            if timeout_s is not None and not 0 < timeout_s <= MAX_PARK_S:
                yield f"{field}.park.timeout", f"must be more than 0 and at most {MAX_PARK_S} s"
        case ApplicationsDestination(applications=applications):
            yield from _applications_checks(applications, f"{field}.applications.items")
        case WorkerDestination(application=application):
            yield f"{field}.worker.name", grammar.worker_word_problem(application)
        case _:
            assert_never(destination)


def _conference_checks(room: ConferenceDestination, field: str) -> Iterator[Checked]:
    yield f"{field}.name", grammar.name_problem(room.name)
    if room.profile:
        yield f"{field}.profile", grammar.name_problem(room.profile)
    most = len(grammar.CONFERENCE_FLAGS)
    if len(room.flags) > most:
        yield f"{field}.flags", f"may have at most {most} entries"
    for place, flag in enumerate(room.flags[:most]):
        yield f"{field}.flags[{place}]", grammar.conference_flag_problem(flag)
    if room.pin:
        yield f"{field}.pin", grammar.pin_problem(room.pin)


def _applications_checks(applications: Sequence[Application], field: str) -> Iterator[Checked]:
    if not 1 <= len(applications) <= MAX_APPLICATIONS:
        yield field, f"must have 1 to {MAX_APPLICATIONS} entries"
    for place, each in enumerate(applications[:MAX_APPLICATIONS]):
        yield from application_checks(each, f"{field}[{place}]")


def application_checks(application: Application, field: str) -> Iterator[Checked]:
    """An application to be run as it is. Whether it may be, the operator's list says."""
    yield f"{field}.name", name_problem(application.name)
    yield f"{field}.data", application_data_problem(application.data)


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
        yield entry("variables", name), problem


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


def cause_check(cause: str) -> Checked:
    """A hangup cause; empty leaves it to us."""
    return "cause", grammar.cause_problem(cause) if cause else None


def playback_id_checks(playback_id: str | None) -> Iterator[Checked]:
    """The id of one playback, or None for all."""
    if playback_id is not None:
        yield "playback_id", grammar.operation_id_problem(playback_id)
