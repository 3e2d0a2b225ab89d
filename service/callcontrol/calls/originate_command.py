"""The command that places a call: the arguments of `originate` for a spec that was checked."""

import math
from collections.abc import Mapping
from typing import Final, assert_never

from callcontrol.calls.destination import originate_destination
from callcontrol.calls.dialstring import variable_block, word
from callcontrol.calls.requests import (
    Endpoint,
    GatewayEndpoint,
    LoopbackEndpoint,
    OriginateSpec,
    RawEndpoint,
    SipEndpoint,
    UserEndpoint,
    WaitUntil,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.calls.variables import label_variable
from callcontrol.errors import NotImplementedYet
from callcontrol.ids import CallId

_CLOCK_SECOND: Final = 1
"""The switch compares whole seconds of its clock, and so gives up as much as a second early."""

_SEVERAL: Final = "an Originate with several endpoints"


def originate_arguments(spec: OriginateSpec, call_id: CallId, settings: ControlSettings) -> str:
    """`{variables}[leg variables]endpoint destination`.

    The variables of the one endpoint join the others: in brackets, which is where those of a leg
    have their place, a value could hold no bracket. Raises NotImplementedYet, and
    UnencodableValue for what cannot be carried.
    """
    if len(spec.endpoints) != 1:
        raise NotImplementedYet(_SEVERAL, "endpoints")
    (endpoint,) = spec.endpoints
    dial_string = variable_block(_variables(spec, endpoint, call_id))
    if endpoint.ring_timeout_s is not None:
        dial_string += f"[leg_timeout={math.ceil(endpoint.ring_timeout_s)}]"
    dial_string += endpoint_string(endpoint, settings)
    return f"{dial_string} {originate_destination(spec.destination, settings)}"


def endpoint_string(endpoint: Endpoint, settings: ControlSettings) -> str:
    """An endpoint in the switch's language. No part of it may be quoted there."""
    match endpoint:
        case UserEndpoint(user=user, domain=domain):
            return word(f"user/{user}@{domain}" if domain else f"user/{user}")
        case GatewayEndpoint(gateway=gateway, number=number):
            return word(f"sofia/gateway/{gateway}/{number}")
        case SipEndpoint(profile=profile, address=address):
            return word(f"sofia/{profile}/{address}")
        case LoopbackEndpoint(extension=extension, context=context):
            return word(f"loopback/{extension}/{context or settings.default_context}")
        case RawEndpoint():
            raise NotImplementedYet("a raw dial string", "endpoints[0].raw")
        case _:
            assert_never(endpoint)


def ignores_early_media(spec: OriginateSpec) -> bool:
    """Whether the switch is told that early media is no answer.

    Otherwise `originate` ends with early media, and the ring timeout with it: who waits for the
    answer would wait for ever.
    """
    return spec.ignore_early_media or spec.wait_until is WaitUntil.ANSWERED


def _variables(spec: OriginateSpec, endpoint: Endpoint, call_id: CallId) -> Mapping[str, str]:
    variables = {**spec.variables, **endpoint.variables}
    for label, value in spec.labels.items():
        variables[label_variable(label)] = value
    if spec.caller_number:
        variables["origination_caller_id_number"] = spec.caller_number
    if spec.caller_name:
        variables["origination_caller_id_name"] = spec.caller_name
    if spec.ring_timeout_s is not None:
        variables["originate_timeout"] = str(math.ceil(spec.ring_timeout_s) + _CLOCK_SECOND)
    if ignores_early_media(spec):
        variables["ignore_early_media"] = "true"
    variables["origination_uuid"] = call_id
    return variables
