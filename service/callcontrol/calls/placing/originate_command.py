"""The command that places a call: the arguments of `originate` for a spec that was checked."""

import math
from collections.abc import Mapping
from typing import Final

from callcontrol.calls.encoding.destination import originate_destination
from callcontrol.calls.encoding.dialling import as_argument, dial_string, leg_ids
from callcontrol.calls.picture.variables import MARK, label_variable
from callcontrol.calls.requests import OriginateSpec, WaitUntil
from callcontrol.calls.settings import ControlSettings
from callcontrol.ids import CallId

ENDS_ATTEMPT: Final = "MANAGER_REQUEST"
OUT_OF_TIME: Final = "NO_PICKUP"
"""With one of several legs ended for one of these causes the whole attempt is over; for any other,
the switch calls the next one (switch_ivr_originate.c, fail_on_single_reject). No far end can give
them: they have no place in Q.850."""

_CLOCK_SECOND: Final = 1
"""The switch compares whole seconds of its clock, and so gives up as much as a second early."""


def originate_arguments(spec: OriginateSpec, call_id: CallId, settings: ControlSettings) -> str:
    """The dial string as one argument, and the destination.

    Raises UnencodableValue for what cannot be carried.
    """
    ids = leg_ids(call_id, len(spec.endpoints))
    dialled = dial_string(spec.endpoints, spec.strategy, ids, _variables(spec), settings)
    return f"{as_argument(dialled)} {originate_destination(spec.destination, settings)}"


def ignores_early_media(spec: OriginateSpec) -> bool:
    """Whether the switch is told that early media is no answer.

    Otherwise `originate` ends with early media, and the ring timeout with it: who waits for the
    answer would wait for ever.
    """
    return spec.ignore_early_media or spec.wait_until is WaitUntil.ANSWERED


def dialling_variables(number: str, name: str, ring_timeout_s: float | None) -> Mapping[str, str]:
    """Who calls, and how long it may ring, as any legs that are dialled are told."""
    variables: dict[str, str] = {}
    if number:
        variables["origination_caller_id_number"] = number
    if name:
        variables["origination_caller_id_name"] = name
    if ring_timeout_s is not None:
        variables["originate_timeout"] = str(math.ceil(ring_timeout_s) + _CLOCK_SECOND)
    return variables


def _variables(spec: OriginateSpec) -> Mapping[str, str]:
    variables = dict(spec.variables)
    for label, value in spec.labels.items():
        variables[label_variable(label)] = value
    variables |= dialling_variables(spec.caller_number, spec.caller_name, spec.ring_timeout_s)
    if ignores_early_media(spec):
        variables["ignore_early_media"] = "true"
    if spec.mark:
        variables[MARK] = spec.mark
    if len(spec.endpoints) > 1:
        variables["fail_on_single_reject"] = f"{ENDS_ATTEMPT},{OUT_OF_TIME}"
    return variables
