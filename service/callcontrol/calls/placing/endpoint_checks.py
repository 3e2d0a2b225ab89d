"""What is wrong with whom to call: endpoints, one or several, and the variables of their legs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import assert_never

from callcontrol.calls.checked import Checked, entry
from callcontrol.calls.encoding import grammar
from callcontrol.calls.encoding.dialling import MAX_ENDPOINTS, leg_value_problem
from callcontrol.calls.encoding.dialstring import MAX_VARIABLES, originate_value_problem
from callcontrol.calls.encoding.variable_names import variable_name_problem
from callcontrol.calls.placing.raw_dialling import raw_problem
from callcontrol.calls.requests import (
    Endpoint,
    GatewayEndpoint,
    LoopbackEndpoint,
    RawEndpoint,
    SipEndpoint,
    UserEndpoint,
)
from callcontrol.calls.settings import ControlSettings


def endpoints_checks(
    endpoints: Sequence[Endpoint], settings: ControlSettings, field: str = "endpoints"
) -> Iterator[Checked]:
    """Everything about whom to call."""
    if not endpoints:
        yield field, "must have at least one"
    if len(endpoints) > MAX_ENDPOINTS:
        yield field, f"may have at most {MAX_ENDPOINTS} entries"
    beside_others = len(endpoints) > 1
    value_problem = leg_value_problem if beside_others else originate_value_problem
    for place, endpoint in enumerate(endpoints):
        name = f"{field}[{place}]"
        yield from _address_checks(endpoint, name, beside_others=beside_others)
        if endpoint.ring_timeout_s is not None:
            yield f"{name}.ring_timeout", grammar.ring_time_problem(endpoint.ring_timeout_s)
        variables = f"{name}.variables"
        yield from variables_checks(endpoint.variables, settings, variables, value_problem)


def variables_checks(
    variables: Mapping[str, str],
    settings: ControlSettings,
    field: str,
    value_problem: Callable[[str], str | None] = originate_value_problem,
) -> Iterator[Checked]:
    """Variables of legs that are made; `value_problem` knows what their place can hold."""
    if len(variables) > MAX_VARIABLES:
        yield field, f"may have at most {MAX_VARIABLES} entries"
    for name, value in variables.items():
        denied = variable_name_problem(name, settings.allowed_variables)
        yield entry(field, name), denied or value_problem(value)


def _address_checks(endpoint: Endpoint, field: str, *, beside_others: bool) -> Iterator[Checked]:
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
        case RawEndpoint(dial_string=text):
            yield f"{field}.raw", raw_problem(text, beside_others=beside_others)
        case _:
            assert_never(endpoint)
